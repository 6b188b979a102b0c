/** Where a client's media comes from: a file it sent along, a `data:` URL, a URL, or an earlier upload. */
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { nameInUrl, receivedName } from '../../utils/file-name.ts';
import { HttpFailure } from '../../utils/guarded-fetch.ts';
import { mediaLimit } from '../../utils/sizes.ts';
import type { Ctx } from '../context.ts';
import { fileTooLarge, type StagedFile, stageFile } from './staging.ts';

/** A file that came with the request; removed when the request ends and nothing has kept it. */
export interface ReceivedFile extends StagedFile {
  /** as the client or the host named it, cleaned; null when neither did */
  filename: string | null;
}

/** The media that a request names: a file, or a text that names one. */
export type MediaSource = ReceivedFile | string;

/** For the whole of a download. */
const FETCH_TIMEOUT_MS = MINUTE_MS;
/** Characters decoded at a time. */
const BATCH_SIZE = 262_144;
/** Characters before the comma. */
const MAX_HEADER = 1_024;
/** Characters of a `data:` URL that is not base64: a text, never a file of any size. */
const MAX_PLAIN = 1024 * 1024;

export function isDataUrl(text: string): boolean {
  return /^data:/i.test(text);
}

/**
 * Decodes a `data:` URL to disk, piece by piece when it comes in pieces. Throws VALIDATION_FAILED or FILE_TOO_LARGE.
 */
export async function receiveDataUrl(
  ctx: Pick<Ctx, 'config' | 'clock'>,
  url: string | AsyncIterable<Uint8Array>,
): Promise<ReceivedFile> {
  const pieces = typeof url === 'string' ? piecesOf(url) : textsOf(url);
  const staged = await stageFile(ctx, decode(pieces), mediaLimit(ctx.config.files));
  return { ...staged, filename: null };
}

async function* piecesOf(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += BATCH_SIZE) {
    yield text.slice(at, at + BATCH_SIZE);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function* textsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of bytes) yield decoder.decode(piece, { stream: true });
}

async function* decode(pieces: AsyncGenerator<string>): AsyncGenerator<Uint8Array> {
  let header = '';
  while (!header.includes(',')) {
    const { done, value } = await pieces.next();
    if (done || header.length > MAX_HEADER) throw badDataUrl('has no comma');
    header += value;
  }
  const comma = header.indexOf(',');
  const body = header.slice(comma + 1);
  if (/;\s*base64$/i.test(header.slice(0, comma))) yield* decodeBase64(body, pieces);
  else yield await decodePercent(body, pieces);
}

/** Four characters are three bytes: what is over goes with the next piece. */
async function* decodeBase64(first: string, more: AsyncGenerator<string>): AsyncGenerator<Uint8Array> {
  let over = '';
  let ended = false;
  for (let piece: string | null = first; piece !== null; piece = await nextOf(more)) {
    const text = over + piece;
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text) || (ended && piece !== '')) throw badDataUrl('is not base64');
    ended = text.endsWith('=');
    const whole = ended ? text.length : text.length - (text.length % 4);
    over = text.slice(whole);
    yield Buffer.from(text.slice(0, whole), 'base64');
  }
  yield Buffer.from(over, 'base64');
}

async function decodePercent(first: string, more: AsyncGenerator<string>): Promise<Uint8Array> {
  let text = first;
  for (let piece = await nextOf(more); piece !== null; piece = await nextOf(more)) {
    text += piece;
    if (text.length > MAX_PLAIN) throw badDataUrl('is too long without base64');
  }
  try {
    return Buffer.from(decodeURIComponent(text));
  } catch {
    throw badDataUrl('is not percent-encoded');
  }
}

async function nextOf(pieces: AsyncGenerator<string>): Promise<string | null> {
  const { done, value } = await pieces.next();
  return done ? null : value;
}

function badDataUrl(reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `The data: URL ${reason}.`, { details: { file: reason } });
}

/**
 * Downloads a URL to disk, guarded. Throws URL_REFUSED, also when the host does not serve the file, and
 * FILE_TOO_LARGE.
 */
export async function receiveUrl(ctx: Ctx, url: string): Promise<ReceivedFile> {
  const { allowPrivateUrls, files } = ctx.config;
  const limit = mediaLimit(files);
  try {
    const {
      stream,
      filename,
      url: last,
    } = await ctx.outgoing.guarded.download(url, {
      maxBytes: limit.bytes,
      timeoutMs: FETCH_TIMEOUT_MS,
      // Where private addresses are allowed, there are no certificates.
      httpsOnly: !allowPrivateUrls,
      ...(ctx.signal ? { signal: ctx.signal } : {}),
    });
    const staged = await stageFile(ctx, stream, limit);
    const told = filename === null ? null : receivedName(filename);
    return { ...staged, filename: told ?? nameInUrl(last) };
  } catch (error) {
    if (error instanceof AppError && error.code === 'FILE_TOO_LARGE') throw fileTooLarge(limit);
    if (!(error instanceof HttpFailure)) throw error;
    throw new AppError('URL_REFUSED', `The media could not be fetched. ${error.message}`, {
      details: { reason: error.kind },
      cause: error,
    });
  }
}
