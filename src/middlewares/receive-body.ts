/**
 * Bodies that bring a file: multipart, or JSON with a `data:` URL. The file goes to disk piece by piece and is gone
 * when the request ends, unless a verb has kept it; the rest of the body is as small as any other.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import PQueue from 'p-queue';
import type { Deps } from '../services/context.ts';
import { cleanName, isDataUrl, type ReceivedFile, receiveDataUrl } from '../services/media/sources.ts';
import { discardFile, fileTooLarge, stageFile } from '../services/media/storage.ts';
import { AppError } from '../utils/errors.ts';
import type { HttpContext } from './http-env.ts';

type ReceiveDeps = Pick<Deps, 'config' | 'clock'>;

export interface ReceivedBody {
  /** of a file's field: its digest, so that the same request has the same hash */
  fields: Record<string, unknown>;
  files: ReadonlyMap<string, ReceivedFile>;
  /** Removes the files that nothing has kept. */
  discard(): Promise<void>;
}

/** JSON above this is read from disk, one body at a time: twenty of them at once must not fill the memory. */
const LARGE_JSON_BYTES = 1024 * 1024;
/** Of a multipart body besides its file. */
const MAX_FIELDS = 50;
const MAX_FIELD_BYTES = 256 * 1024;
const MULTIPART_OVERHEAD_BYTES = 1024 * 1024;

const largeBodies = new PQueue({ concurrency: 1 });

export function isMultipart(c: HttpContext): boolean {
  return mediaTypeOf(c) === 'multipart/form-data';
}

function mediaTypeOf(c: HttpContext): string {
  return c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
}

/**
 * Reads a body whose fields `fileFields` may be files. Throws VALIDATION_FAILED for what cannot be read,
 * UNSUPPORTED_MEDIA for another content type, FILE_TOO_LARGE; then nothing is left of it.
 */
export async function receiveBody(
  c: HttpContext,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  { maxJsonBytes, maxFileBytes }: { maxJsonBytes: number; maxFileBytes: number },
): Promise<ReceivedBody> {
  const files = new Map<string, ReceivedFile>();
  const discard = async () => {
    await Promise.all([...files.values()].map(discardFile));
  };
  try {
    const fields = isMultipart(c)
      ? await readMultipart(c, deps, fileFields, files, maxFileBytes)
      : await readJson(c, deps, fileFields, files, maxJsonBytes);
    for (const [name, file] of files) fields[name] = `sha256:${file.sha256}`;
    return { fields, files, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function readJson(
  c: HttpContext,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  files: Map<string, ReceivedFile>,
  maxBytes: number,
): Promise<Record<string, unknown>> {
  const stream = c.req.raw.body;
  if (stream === null) return {};
  const length = Number(c.req.header('content-length') ?? Number.NaN);
  if (length <= LARGE_JSON_BYTES)
    return takeDataUrls(parseJson(c, await c.req.raw.text()), deps, fileFields, files);
  const staged = await stageFile(deps, Readable.fromWeb(toNodeStream(stream)), maxBytes);
  try {
    return await largeBodies.add(async () =>
      takeDataUrls(parseJson(c, await readFile(staged.path, 'utf8')), deps, fileFields, files),
    );
  } finally {
    await discardFile(staged);
  }
}

function parseJson(c: HttpContext, text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  if (!/^application\/([\w.-]+\+)?json$/.test(mediaTypeOf(c))) {
    throw new AppError('UNSUPPORTED_MEDIA', 'Send JSON (application/json) or a form (multipart/form-data).');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable('is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unreadable('is not a JSON object');
  return { ...value };
}

async function takeDataUrls(
  fields: Record<string, unknown>,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  files: Map<string, ReceivedFile>,
): Promise<Record<string, unknown>> {
  for (const name of fileFields) {
    const value = fields[name];
    if (typeof value === 'string' && isDataUrl(value)) files.set(name, await receiveDataUrl(deps, value));
  }
  return fields;
}

async function readMultipart(
  c: HttpContext,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  files: Map<string, ReceivedFile>,
  maxFileBytes: number,
): Promise<Record<string, unknown>> {
  if (Number(c.req.header('content-length')) > maxFileBytes + MULTIPART_OVERHEAD_BYTES) {
    throw fileTooLarge(maxFileBytes);
  }
  const fields: Record<string, unknown> = {};
  const streams = new Map<string, Readable>();
  const staging: Promise<void>[] = [];
  const failed = new AbortController();
  const fail = (error: unknown) =>
    failed.abort(error instanceof Error ? error : unreadable('cannot be read'));
  const parser = createParser(c.req.header('content-type') ?? '');

  parser.on('field', (name, value, nameCut, valueCut) => {
    if (nameCut || valueCut) fail(unreadable('has a field that is too long'));
    fields[name] = value;
  });
  parser.on('file', (name, stream, filename) => {
    // Its own failures come here as well when the body breaks off.
    stream.on('error', () => undefined);
    if (!fileFields.includes(name) || streams.has(name)) {
      stream.resume();
      fail(unexpectedFile(name));
      return;
    }
    streams.set(name, stream);
    const work = stageFile(deps, stream, maxFileBytes).then((file) => {
      files.set(name, { ...file, filename: cleanName(filename ?? '') });
    });
    staging.push(work.catch(fail));
  });
  for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
    parser.on(limit, () => fail(unreadable('has too many parts')));
  }
  parser.on('error', () => fail(unreadable('is not a whole multipart form')));

  await pump(c, parser, failed.signal).catch(fail);
  // The parser does not end the streams of a form that it did not read to its end.
  if (failed.signal.aborted) for (const stream of streams.values()) stream.destroy();
  await Promise.all(staging);
  failed.signal.throwIfAborted();
  return fields;
}

function createParser(contentType: string) {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: {
        fields: MAX_FIELDS,
        fieldSize: MAX_FIELD_BYTES,
        files: 2,
        parts: MAX_FIELDS + 2,
        headerPairs: 50,
      },
    });
  } catch {
    throw unreadable('is not a multipart form');
  }
}

/**
 * Feeds the parser no faster than it takes. After a failure the rest is left to the server, which can still answer:
 * cancelling the body would cut the connection.
 */
async function pump(c: HttpContext, parser: InstanceType<typeof Busboy>, failed: AbortSignal): Promise<void> {
  const finished = once(parser, 'finish', { signal: failed }).catch(() => undefined);
  const reader = c.req.raw.body?.getReader();
  try {
    while (reader && !failed.aborted) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!parser.write(value)) await once(parser, 'drain', { signal: failed }).catch(() => undefined);
    }
  } catch {
    parser.destroy(unreadable('broke off'));
    throw unreadable('broke off');
  } finally {
    reader?.releaseLock();
  }
  if (failed.aborted) parser.destroy(unreadable('was refused'));
  else parser.end();
  await finished;
}

function unreadable(reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `The body ${reason}.`, { details: { body: reason } });
}

function unexpectedFile(name: string): AppError {
  const field = name.slice(0, 40) || 'file';
  return new AppError('VALIDATION_FAILED', `Not valid: ${field}.`, {
    details: { [field]: 'takes no (second) file' },
  });
}

/** Safe because the web stream of a request is the one that Node made; only the two type libraries differ. */
function toNodeStream(stream: ReadableStream<Uint8Array>): Parameters<typeof Readable.fromWeb>[0] {
  return stream as Parameters<typeof Readable.fromWeb>[0];
}
