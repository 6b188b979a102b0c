/**
 * The encoding of a file of contacts: as it is marked or named, else as its bytes say. A guess is reported as one. What is
 * no text, or text that cannot be told, is refused before it is read.
 */
import { createReadStream } from 'node:fs';
import { analyse } from 'chardet';
import { AppError } from '../../../utils/errors.ts';

/** A label that TextDecoder knows (WHATWG Encoding). */
export type Encoding = string;

/** Doubts about a file; reported with its import. */
export type Warning = 'encoding_guessed' | 'letters_lost';

export interface FileText {
  encoding: Encoding;
  /** the beginning of the file, for finding out its delimiter */
  sample: string;
  warning: Warning | null;
}

const CHUNK_BYTES = 32_768;
/** Bytes beyond ASCII that the guess is made of. */
const SAMPLE_BYTES = 65_536;
/** Bytes that Windows-1252 gives no meaning. */
const UNDEFINED_1252 = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);
/** Below that the guess is none. */
const MIN_CONFIDENCE = 10;
/** A file is UTF-8 with faults when at most this share of its letters beyond ASCII is one. */
const MAX_FAULTS = 0.1;
/** Western ones have a rule of their own. */
const NOT_GUESSED = /^(UTF|ASCII|ISO-8859-[129]$|ISO-2022|windows-125[024578]$)/i;
/** More than any guess from a few letters is sure of. */
const HINT_CONFIDENCE = 60;
const HINTS: readonly [RegExp, ...string[]][] = [
  [/(?:\+|\b00|\b)86[\s-]?1\d{2}/, 'gb18030'],
  [/(?:\+|\b00)81[\s\d-]{9}/, 'shift_jis', 'euc-jp'],
  [/(?:\+|\b00)82[\s\d-]{9}/, 'euc-kr'],
  [/(?:\+|\b00)(?:852|853|886)[\s\d-]{8}/, 'big5'],
  [/(?:\+|\b00)(?:7|380|375|359)[\s\d()-]{9}|\b[78]9\d{9}\b/, 'windows-1251', 'koi8-r'],
  [/(?:\+|\b00)66[\s\d-]{9}/, 'windows-874'],
  [/(?:\+|\b00)972[\s\d-]{8}/, 'windows-1255'],
  [/(?:\+|\b00)30[\s\d-]{10}/, 'windows-1253'],
  [/(?:\+|\b00)(?:20|96[1-8]|97[1-4]|98)[\s\d-]{8}/, 'windows-1256'],
];
/** First bytes of what people take for a file of contacts. */
const OTHER_FORMATS: readonly [number[], string][] = [
  [[0x50, 0x4b, 0x03, 0x04], 'a ZIP archive'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Excel workbook'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF'],
  [[0x1f, 0x8b], 'a compressed file'],
];

/**
 * Reads the whole file once. `named`: what its sender says it is written in. Throws UNSUPPORTED_MEDIA for other formats,
 * VALIDATION_FAILED for what cannot be read so.
 */
export async function detectEncoding(path: string, named: string | null = null): Promise<FileText> {
  const head = await readHead(path);
  for (const [magic, name] of OTHER_FORMATS) {
    if (magic.every((byte, at) => head[at] === byte)) throw notText(`The file is ${name}`);
  }
  if (named !== null) return readAs(path, named, () => notAsNamed(named));
  const marked = markOf(head);
  if (marked !== null) return readAs(path, marked, unknownEncoding);
  try {
    return { encoding: 'utf-8', sample: await requireValid(path, 'utf-8'), warning: null };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  const { high, faults, sample: lenient } = await measureUtf8(path);
  if (faults <= high * MAX_FAULTS) return { encoding: 'utf-8', sample: lenient, warning: 'letters_lost' };
  for (const encoding of guesses(await readHighLines(path))) {
    try {
      const sample = await requireValid(path, encoding);
      // Characters that no text has: the decoder lets them through.
      if (/[\u0080-\u009f\p{Co}\p{Cn}]/u.test(sample)) continue;
      return { encoding, sample, warning: 'encoding_guessed' };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  throw unknownEncoding();
}

async function readAs(path: string, encoding: string, fail: () => AppError): Promise<FileText> {
  try {
    return { encoding: encoding.toLowerCase(), sample: await requireValid(path, encoding), warning: null };
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError ? fail() : error;
  }
}

/** The text of the file, piece by piece. Only for what `detectEncoding` has accepted. */
export async function* readText(path: string, encoding: Encoding): AsyncGenerator<string> {
  yield* decode(createReadStream(path, { highWaterMark: CHUNK_BYTES }), new TextDecoder(encoding));
}

async function* decode(
  bytes: AsyncIterable<Buffer>,
  decoder: InstanceType<typeof TextDecoder>,
): AsyncGenerator<string> {
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
  for await (const text of decode(bytes, new TextDecoder(encoding, { fatal: true }))) {
    if (text.includes('\0')) throw notText('The file holds bytes that no text has');
    sample ??= text;
  }
  return sample ?? '';
}

/** Letters beyond ASCII of a file that is read as UTF-8, and how many of them are faults. */
async function measureUtf8(path: string): Promise<{ high: number; faults: number; sample: string }> {
  let [high, faults] = [0, 0];
  let sample: string | null = null;
  for await (const text of readText(path, 'utf-8')) {
    sample ??= text;
    high += text.match(/[^\0-\x7f]/gu)?.length ?? 0;
    faults += text.match(/\ufffd/g)?.length ?? 0;
  }
  return { high, faults, sample: sample ?? '' };
}

/** Bytes of words beyond ASCII, from anywhere in the file: its beginning may be plain. */
async function readHighLines(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const bytes: Buffer = chunk;
    if (!bytes.some((byte) => byte >= 0x80)) continue;
    pieces.push(bytes);
    size += bytes.length;
    if (size >= SAMPLE_BYTES) break;
  }
  return Buffer.concat(pieces);
}

/** Encodings that the bytes may be in, the likeliest first. */
function guesses(sample: Buffer): Encoding[] {
  const likely = new Map<string, number>();
  for (const { name, confidence } of analyse(sample)) {
    if (confidence >= MIN_CONFIDENCE && !NOT_GUESSED.test(name)) likely.set(name.toLowerCase(), confidence);
  }
  const hints = hintsOf(sample.toString('latin1'));
  const hinted = hints.filter((name) => likely.has(name));
  for (const name of hinted.length > 0 ? hinted : hints.slice(0, 1)) {
    likely.set(name, (likely.get(name) ?? 0) + HINT_CONFIDENCE);
  }
  const others = [...likely].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return isWestern(sample) ? ['windows-1252', ...others] : others;
}

/** The encodings of people whose numbers are in the file: a few names are too little to tell it by their letters. */
function hintsOf(text: string): string[] {
  for (const [numbers, ...encodings] of HINTS) if (numbers.test(text)) return encodings;
  return [];
}

/** Western words have a letter beyond ASCII here and there; those of other scripts have nothing else. */
function isWestern(sample: Buffer): boolean {
  let [western, foreign] = [0, 0];
  let [letters, high] = [0, 0];
  for (const byte of [...sample.subarray(0, SAMPLE_BYTES), 0x20]) {
    if (UNDEFINED_1252.has(byte)) return false;
    const isLetter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    if (byte >= 0xc0) high++;
    else if (isLetter) letters++;
    // Quotes and dashes of Windows-1252.
    else if (byte < 0x80 || (byte >= 0x91 && byte <= 0x97)) {
      if (high > 0 && high <= Math.max(1, letters)) western++;
      else if (high > 0) foreign++;
      [letters, high] = [0, 0];
    } else high++;
  }
  return western > foreign || foreign === 0;
}

function notText(what: string): AppError {
  const message = `${what}, not a file of contacts: send CSV, .xlsx or vCard (.vcf).`;
  return new AppError('UNSUPPORTED_MEDIA', message, { details: { file: message } });
}

function unknownEncoding(): AppError {
  const message = 'The encoding of the file cannot be told: save it as UTF-8, or name it in `encoding`.';
  return new AppError('VALIDATION_FAILED', message, { details: { file: message } });
}

function notAsNamed(named: string): AppError {
  const message = `The file cannot be read as ${named.slice(0, 40)}: name another encoding, as in windows-1251, gbk or shift_jis.`;
  return new AppError('VALIDATION_FAILED', message, { details: { encoding: message } });
}
