/**
 * Bodies that bring a file: multipart, or JSON with a `data:` URL. The file goes to disk piece by piece and is gone
 * when the request ends, unless a verb has kept it; the rest of the body is as small as any other.
 */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { Deps } from '../services/context.ts';
import { type ReceivedFile, receiveDataUrl } from '../services/media/sources.ts';
import { discardFile, fileTooLarge, stageFile } from '../services/media/staging.ts';
import { AppError } from '../utils/errors.ts';
import { receivedName } from '../utils/file-name.ts';
import type { HttpContext } from './http-env.ts';
import { type Lift, liftDataUrls } from './lift-data-urls.ts';

type ReceiveDeps = Pick<Deps, 'config' | 'clock'>;

export interface ReceivedBody {
  /** of a file's field: its digest, so that the same request has the same hash */
  fields: Record<string, unknown>;
  files: ReadonlyMap<string, ReceivedFile>;
  /** Removes the files that nothing has kept. */
  discard(): Promise<void>;
}

/** Of a JSON body besides its file. */
const MAX_REST_BYTES = 1024 * 1024;
/** Of a multipart body besides its file. */
const MAX_FIELDS = 50;
const MAX_FIELD_BYTES = 256 * 1024;
const MULTIPART_OVERHEAD_BYTES = 1024 * 1024;

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
  maxFileBytes: number,
): Promise<ReceivedBody> {
  const files = new Map<string, ReceivedFile>();
  const discard = async () => {
    await Promise.all([...files.values()].map(discardFile));
  };
  try {
    const fields = isMultipart(c)
      ? await readMultipart(c, deps, fileFields, files, maxFileBytes)
      : await readJson(c, deps, fileFields, files);
    for (const [name, file] of files) fields[name] = `sha256:${file.sha256}`;
    return { fields, files, discard };
  } catch (error) {
    await discard();
    // What is still on its way makes the connection useless for another request.
    c.header('connection', 'close');
    throw error;
  }
}

async function readJson(
  c: HttpContext,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  files: Map<string, ReceivedFile>,
): Promise<Record<string, unknown>> {
  const lift: Lift = async (field, url) => {
    if (files.has(field)) throw unreadable(`has ${field} twice`);
    files.set(field, await receiveDataUrl(deps, url));
  };
  const text = await liftDataUrls(piecesOf(c), fileFields, lift, MAX_REST_BYTES);
  if (text.trim() === '') return {};
  if (!/^application\/([\w.-]+\+)?json$/.test(mediaTypeOf(c))) {
    throw new AppError('UNSUPPORTED_MEDIA', 'Send JSON (application/json) or a form (multipart/form-data).');
  }
  return parseObject(text);
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable('is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable('is not a JSON object');
  }
  return { ...value };
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
      files.set(name, { ...file, filename: receivedName(filename ?? '') });
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

/** Feeds the parser no faster than it takes, until it has all or something has failed. */
async function pump(c: HttpContext, parser: InstanceType<typeof Busboy>, failed: AbortSignal): Promise<void> {
  const finished = once(parser, 'finish', { signal: failed }).catch(() => undefined);
  for await (const piece of piecesOf(c)) {
    if (failed.aborted) break;
    if (!parser.write(piece)) await once(parser, 'drain', { signal: failed }).catch(() => undefined);
  }
  if (failed.aborted) parser.destroy();
  else parser.end();
  await finished;
}

/**
 * The body as it comes. Whoever stops reading leaves the rest to the server, which can still answer then: cancelling
 * the body would cut the connection.
 */
async function* piecesOf(c: HttpContext): AsyncGenerator<Uint8Array> {
  const reader = c.req.raw.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await reader.read().catch(() => {
        throw unreadable('broke off');
      });
      if (done) return;
      yield value;
    }
  } finally {
    reader?.releaseLock();
  }
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
