/** Where a client's media comes from: a file it sent along, a `data:` URL, a URL, or an earlier upload. */
import { basename } from 'node:path';
import { AppError } from '../../utils/errors.ts';
import { HttpFailure } from '../../utils/guarded-fetch.ts';
import type { Ctx } from '../context.ts';
import { type StagedFile, stageFile } from './storage.ts';

/** A file that came with the request; removed when the request ends and nothing has kept it. */
export interface ReceivedFile extends StagedFile {
  /** as the client named it, without folders; null when it did not */
  filename: string | null;
}

/** What a request says about its media: a file, or a text that names one. */
export type MediaSource = ReceivedFile | string;

/** For the whole of a download. */
const FETCH_TIMEOUT_MS = 60_000;
/** Characters decoded at a time, a multiple of 4 as base64 wants. */
const PIECE = 262_144;
const DATA_URL = /^data:([^,]*),/;
const MAX_NAME = 255;

export function isDataUrl(text: string): boolean {
  return /^data:/i.test(text);
}

/** Decodes a `data:` URL to disk. Throws VALIDATION_FAILED or FILE_TOO_LARGE. */
export async function receiveDataUrl(ctx: Pick<Ctx, 'config' | 'clock'>, url: string): Promise<ReceivedFile> {
  const match = DATA_URL.exec(url.slice(0, 1_024).replace(/^data:/i, 'data:'));
  if (!match) throw badDataUrl('has no comma');
  const isBase64 = /;\s*base64$/i.test(match[1] ?? '');
  const pieces = isBase64 ? base64Pieces(url, match[0].length) : [percentDecoded(url.slice(match[0].length))];
  const staged = await stageFile(ctx, toAsync(pieces), ctx.config.files.maxMediaBytes);
  return { ...staged, filename: null };
}

/** Piece by piece, so that the event loop turns and nothing is there twice. */
function* base64Pieces(url: string, from: number): Generator<Uint8Array> {
  for (let at = from; at < url.length; at += PIECE) {
    const piece = url.slice(at, at + PIECE);
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(piece)) throw badDataUrl('is not base64');
    yield Buffer.from(piece, 'base64');
  }
}

async function* toAsync(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    yield piece;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function percentDecoded(text: string): Uint8Array {
  try {
    return Buffer.from(decodeURIComponent(text));
  } catch {
    throw badDataUrl('is not percent-encoded');
  }
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
  try {
    const { stream } = await ctx.outgoing.guarded.download(url, {
      maxBytes: files.maxMediaBytes,
      timeoutMs: FETCH_TIMEOUT_MS,
      // Who may reach private addresses has no certificates there.
      httpsOnly: !allowPrivateUrls,
    });
    const staged = await stageFile(ctx, stream, files.maxMediaBytes);
    return { ...staged, filename: nameInUrl(url) };
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    throw new AppError('URL_REFUSED', `The media could not be fetched. ${error.message}`, {
      details: { reason: error.kind },
      cause: error,
    });
  }
}

function nameInUrl(url: string): string | null {
  const path = new URL(url).pathname;
  try {
    return cleanName(decodeURIComponent(path));
  } catch {
    return cleanName(path);
  }
}

/** A file's name without folders and control characters; null when nothing is left. */
export function cleanName(name: string): string | null {
  const last = basename(name.replaceAll('\\', '/'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to go
  const clean = last.replace(/[\u0000-\u001f\u007f]/g, '').trim();
  return clean === '' || clean === '.' || clean === '..' ? null : clean.slice(-MAX_NAME);
}
