/** What a CSV file is written in. Whatever is no text, or text that cannot be told, is refused before it is read. */
import { createReadStream } from 'node:fs';
import { AppError } from '../../../utils/errors.ts';

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

export interface FileText {
  encoding: Encoding;
  /** the beginning of the file, for finding out its delimiter */
  sample: string;
}

const CHUNK_BYTES = 32_768;
/** Text in a Western European language has fewer characters beyond ASCII than this share of its bytes. */
const MAX_HIGH_SHARE = 0.3;
/** Bytes that Windows-1252 gives no meaning. */
const UNDEFINED_1252 = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);
/** First bytes of what people take for a CSV file: ZIP (also xlsx), the old xls, PDF, gzip. */
const OTHER_FORMATS: readonly [number[], string][] = [
  [[0x50, 0x4b, 0x03, 0x04], 'an Excel workbook or a ZIP archive'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Excel workbook'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF'],
  [[0x1f, 0x8b], 'a compressed file'],
];

/**
 * Reads the whole file once. UTF-8, UTF-16 with its mark, and what can only be Windows-1252 (Excel's "CSV" in
 * Western Europe) are taken. Throws UNSUPPORTED_MEDIA for other formats, VALIDATION_FAILED for other encodings.
 */
export async function detectEncoding(path: string): Promise<FileText> {
  const head = await readHead(path);
  const marked = markOf(head);
  if (marked !== null) return { encoding: marked, sample: await requireValid(path, marked) };
  for (const [magic, name] of OTHER_FORMATS) {
    if (magic.every((byte, at) => head[at] === byte)) throw notCsv(`The file is ${name}`);
  }
  try {
    return { encoding: 'utf-8', sample: await requireValid(path, 'utf-8') };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  await requireWestern(path);
  return { encoding: 'windows-1252', sample: await requireValid(path, 'windows-1252') };
}

/** The bytes of the file as UTF-8, piece by piece. Only for what `detectEncoding` has accepted. */
export function readUtf8(path: string, encoding: Encoding): AsyncIterable<Buffer | string> {
  const bytes: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  return encoding === 'utf-8' ? bytes : decode(bytes, encoding);
}

async function* decode(bytes: AsyncIterable<Buffer>, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

async function readHead(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(path, { end: 3 })) pieces.push(piece);
  return Buffer.concat(pieces);
}

function markOf(head: Buffer): Encoding | null {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'utf-8';
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  return null;
}

/** Decodes all of it, and gives back the beginning. Throws TypeError at the first byte that is not valid. */
async function requireValid(path: string, encoding: Encoding): Promise<string> {
  let sample: string | null = null;
  const bytes: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    for await (const text of decode(bytes, encoding)) {
      if (text.includes('\0')) throw notCsv('The file holds bytes that no text has');
      sample ??= text;
    }
  } catch (error) {
    if (error instanceof TypeError && encoding.startsWith('utf-16')) throw unknownEncoding();
    throw error;
  }
  return sample ?? '';
}

async function requireWestern(path: string): Promise<void> {
  let high = 0;
  let total = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const bytes: Buffer = chunk;
    total += bytes.length;
    for (const byte of bytes) {
      if (byte < 0x80) continue;
      high++;
      if (UNDEFINED_1252.has(byte)) throw unknownEncoding();
    }
  }
  if (high > total * MAX_HIGH_SHARE) throw unknownEncoding();
}

function notCsv(what: string): AppError {
  const message = `${what}, not CSV: save it as "CSV UTF-8" and send that.`;
  return new AppError('UNSUPPORTED_MEDIA', message, { details: { file: message } });
}

function unknownEncoding(): AppError {
  const message = 'The encoding of the file cannot be told: save it as UTF-8.';
  return new AppError('VALIDATION_FAILED', message, { details: { file: message } });
}
