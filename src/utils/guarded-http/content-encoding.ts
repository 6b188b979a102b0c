/** Undoes what a host has done to a body on its way (RFC 9110, 8.4). */
import { pipeline, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { HttpFailure } from './failures.ts';

/** More codings in a row are a bomb, not a file. */
const MAX_CODINGS = 2;
/** Codings that do nothing, and words that servers write there by mistake (S3 keeps `aws-chunked` of an upload). */
const NO_CODINGS = new Set([
  '',
  'identity',
  'none',
  'aws-chunked',
  'binary',
  '7bit',
  '8bit',
  'utf-8',
  'utf8',
]);
const ZLIB_HEAD = 0x08;

/**
 * The body as it was before. What comes out may be much longer than what came in: whoever reads bounds it. Throws
 * HttpFailure `encoding` for a coding that cannot be undone here; the stream does for a body that is not what it says.
 */
export async function* decodeBody(
  body: AsyncIterable<Buffer>,
  contentEncoding: string | null,
): AsyncGenerator<Buffer> {
  let decoded = body;
  for (const coding of codingsOf(contentEncoding).reverse()) decoded = undo(decoded, coding);
  yield* decoded;
}

/** In the order in which they were applied. Throws HttpFailure. */
function codingsOf(header: string | null): string[] {
  const names = (header ?? '').toLowerCase().split(',', 20);
  const codings = names.map((name) => name.trim()).filter((name) => !NO_CODINGS.has(name));
  if (codings.length > MAX_CODINGS) throw new HttpFailure('encoding', 'The file is compressed too often.');
  return codings;
}

async function* undo(body: AsyncIterable<Buffer>, coding: string): AsyncGenerator<Buffer> {
  const pieces = body[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (first.done) return;
  const decoder = decoderOf(coding, first.value);
  async function* whole() {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => pieces };
  }
  pipeline(whole, decoder, () => undefined);
  try {
    for await (const piece of decoder) yield piece;
  } catch (error) {
    throw isZlibError(error) ? notWhatItSays(coding) : error;
  }
}

function decoderOf(coding: string, head: Buffer): Transform {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      // With or without the head of zlib: servers do either.
      return ((head[0] ?? 0) & 0x0f) === ZLIB_HEAD ? zlib.createInflate() : zlib.createInflateRaw();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      // Node 22.15 and later.
      if ('createZstdDecompress' in zlib) return makeZstd(zlib.createZstdDecompress);
  }
  throw new HttpFailure(
    'encoding',
    `The host sends the file as ${coding.slice(0, 40)}, which cannot be undone here.`,
  );
}

/** Safe because Node has nothing else under that name. */
function makeZstd(create: unknown): Transform {
  return (create as () => Transform)();
}

function isZlibError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(Z_|ERR__|ERR_BROTLI|ERR_ZSTD|ZSTD)/.test(code);
}

function notWhatItSays(coding: string): HttpFailure {
  return new HttpFailure('encoding', `The host says that it sends the file as ${coding}, and does not.`);
}
