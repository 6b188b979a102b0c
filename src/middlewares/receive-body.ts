/**
 * Bodies: JSON, a form, or one that brings a file (multipart, or JSON with a `data:` URL). The file goes to disk piece by
 * piece and is gone when the request ends, unless a verb has kept it; the rest of the body is as small as any other.
 */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { Deps } from '../services/context.ts';
import { type ReceivedFile, receiveDataUrl } from '../services/media/sources.ts';
import { discardFile, fileTooLarge, stageFile } from '../services/media/staging.ts';
import { AppError } from '../utils/errors.ts';
import { receivedName } from '../utils/file-name.ts';
import { parseFormFields } from '../utils/form-fields.ts';
import { decodeUtf8, parseJson, UnreadableText, wholeCharacters } from '../utils/json.ts';
import { misspeltName } from '../utils/near-name.ts';
import type { SizeLimit } from '../utils/sizes.ts';
import type { HttpContext } from './http-env.ts';
import { type Lift, liftDataUrls } from './lift-data-urls.ts';
import { takePieceTurn } from './turns.ts';
import { isSmallBody } from './upload-place.ts';

type ReceiveDeps = Pick<Deps, 'config' | 'clock' | 'loopShare'>;

export interface ReceivedBody {
  /** of a file's field: its digest, so that the same request has the same hash */
  fields: Record<string, unknown>;
  /** both forms hold nothing but texts; a `+` may be lost in an urlencoded one only */
  kind: 'json' | 'urlencoded' | 'multipart';
  files: ReadonlyMap<string, ReceivedFile>;
}

/** One that may have brought files. */
export interface ReceivedFiles extends ReceivedBody {
  /** Removes the files that nothing has kept. */
  discard(): Promise<void>;
}

/** Of a body between two turns: some milliseconds of work. */
const TURN_BYTES = 256 * 1024;
/** A body of another type that is as short may be nothing but spaces. */
const MAX_SPACES = 1_000;
const NO_FILES: ReadonlyMap<string, ReceivedFile> = new Map();

/** Of a JSON body in addition to its file. */
const MAX_REST_BYTES = 1024 * 1024;
/** Of a multipart body in addition to its file. */
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
 * The fields of a body without files: JSON or a form; none at all is `{}`. Its size is limited before. Throws
 * VALIDATION_FAILED for what cannot be read, UNSUPPORTED_MEDIA for another content type.
 */
export function readBody(c: HttpContext, bytes: Uint8Array): ReceivedBody {
  const read = toFields(c, bytes, 'Send JSON: Content-Type: application/json.');
  return { fields: read.fields, kind: read.kind, files: NO_FILES };
}

/**
 * Reads a body whose fields `fileFields` may be files. Throws VALIDATION_FAILED for what cannot be read,
 * UNSUPPORTED_MEDIA for another content type, FILE_TOO_LARGE; then nothing is left of it.
 */
export async function receiveBody(
  c: HttpContext,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  limit: SizeLimit,
): Promise<ReceivedFiles> {
  const files = new Map<string, ReceivedFile>();
  const discard = async () => {
    await Promise.all([...files.values()].map(discardFile));
  };
  try {
    const { fields, kind } = isMultipart(c)
      ? { fields: await readMultipart(c, deps, fileFields, files, limit), kind: 'multipart' as const }
      : await readLifted(c, deps, fileFields, files);
    for (const [name, file] of files) fields[name] = `sha256:${file.sha256}`;
    return { fields, kind, files, discard };
  } catch (error) {
    await discard();
    // A body that is still on its way makes the connection useless for another request.
    c.header('connection', 'close');
    throw error;
  }
}

async function readLifted(
  c: HttpContext,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  files: Map<string, ReceivedFile>,
): Promise<Pick<ReceivedBody, 'fields' | 'kind'>> {
  const lift: Lift = async (field, url) => {
    if (files.has(field)) throw unreadable(`has ${field} twice`);
    files.set(field, await receiveDataUrl(deps, url));
  };
  const advice = 'Send JSON (application/json) or a form (multipart/form-data).';
  if (isSmallBody(c) && fileFields.length === 0) return toFields(c, await wholeOf(c), advice);
  const pieces = isSmallBody(c) ? [await wholeOf(c)] : piecesOf(c, deps);
  return toFields(c, await liftDataUrls(pieces, fileFields, lift, MAX_REST_BYTES), advice);
}

/** Throws UNSUPPORTED_MEDIA with this advice. */
function toFields(c: HttpContext, bytes: Uint8Array, advice: string): Pick<ReceivedBody, 'fields' | 'kind'> {
  const type = mediaTypeOf(c);
  const coding = c.req.header('content-encoding')?.trim().toLowerCase() ?? '';
  if (coding !== '' && coding !== 'identity') {
    throw new AppError(
      'UNSUPPORTED_MEDIA',
      `Send the body as it is, without Content-Encoding: ${coding.slice(0, 40)}.`,
    );
  }
  try {
    if (type === 'application/x-www-form-urlencoded') {
      const form = decodeUtf8(bytes);
      if (form.trimStart().startsWith('{')) throw jsonAsForm();
      return { fields: parseFormFields(form), kind: 'urlencoded' };
    }
    const isJson = type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type);
    // Another type is told so even where nothing in it is UTF-8.
    const text = isJson || bytes.length < MAX_SPACES ? decodeUtf8(bytes) : 'x';
    if (text.trim() === '') return { fields: {}, kind: 'json' };
    if (!isJson) throw new AppError('UNSUPPORTED_MEDIA', advice);
    return { fields: toObject(parseJson(text)), kind: 'json' };
  } catch (error) {
    throw error instanceof UnreadableText ? unreadable(error.reason) : error;
  }
}

/** What curl makes of `-d '{…}'` without a header. No field begins with a brace. */
function jsonAsForm(): AppError {
  const reason = 'is JSON, but its Content-Type is application/x-www-form-urlencoded';
  return new AppError('VALIDATION_FAILED', `The body ${reason}.`, {
    details: { body: reason },
    hint: 'Send the header Content-Type: application/json.',
  });
}

function toObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable('is not a JSON object');
  }
  return asFields(value);
}

/** Safe because it was just parsed from JSON: whatever has a name in it is its own. */
function asFields(value: object): Record<string, unknown> {
  return value as Record<string, unknown>;
}

async function readMultipart(
  c: HttpContext,
  deps: ReceiveDeps,
  fileFields: readonly string[],
  files: Map<string, ReceivedFile>,
  limit: SizeLimit,
): Promise<Record<string, unknown>> {
  if (Number(c.req.header('content-length')) > limit.bytes + MULTIPART_OVERHEAD_BYTES) {
    throw fileTooLarge(limit);
  }
  const fields = new Map<string, unknown>();
  const streams = new Map<string, Readable>();
  const staging: Promise<void>[] = [];
  const failed = new AbortController();
  const fail = (error: unknown) =>
    failed.abort(error instanceof Error ? error : unreadable('cannot be read'));
  const parser = createParser(c.req.header('content-type') ?? '');

  parser.on('field', (name, value, nameCut, valueCut) => {
    if (nameCut || valueCut) fail(unreadable('has a field that is too long'));
    fields.set(name, wholeCharacters(value));
  });
  parser.on('file', (name, stream, filename) => {
    // Its own failures come here as well when the body breaks off.
    stream.on('error', () => undefined);
    if (!fileFields.includes(name) || streams.has(name)) {
      stream.resume();
      fail(unexpectedFile(name, fileFields));
      return;
    }
    streams.set(name, stream);
    const work = stageFile(deps, stream, limit).then((file) => {
      files.set(name, { ...file, filename: receivedName(filename ?? '') });
    });
    staging.push(work.catch(fail));
  });
  for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
    parser.on(limit, () => fail(unreadable('has too many parts')));
  }
  parser.on('error', () => fail(unreadable('is not a whole multipart form')));

  await pump(piecesOf(c, deps), parser, failed.signal).catch(fail);
  // The parser does not end the streams of a form that it did not read to its end.
  if (failed.signal.aborted) for (const stream of streams.values()) stream.destroy();
  await Promise.all(staging);
  failed.signal.throwIfAborted();
  return Object.fromEntries(fields);
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
async function pump(
  pieces: AsyncIterable<Uint8Array>,
  parser: InstanceType<typeof Busboy>,
  failed: AbortSignal,
): Promise<void> {
  const finished = once(parser, 'finish', { signal: failed }).catch(() => undefined);
  for await (const piece of pieces) {
    if (failed.aborted) break;
    if (!parser.write(piece)) await once(parser, 'drain', { signal: failed }).catch(() => undefined);
  }
  if (failed.aborted) parser.destroy();
  else parser.end();
  await finished;
}

/**
 * A short body at once: to read it as a stream of the web's, for which Node makes a whole Request, costs more than all else. Throws
 * VALIDATION_FAILED where the caller breaks off.
 */
export async function wholeOf(c: HttpContext): Promise<Uint8Array> {
  return new Uint8Array(await orBrokenOff(c.req.arrayBuffer()));
}

/** The same of any reading of a body: that the caller has gone is no fault of the service. A refusal stays one. */
export async function orBrokenOff<R>(reading: Promise<R>): Promise<R> {
  return reading.catch((error: unknown) => {
    throw error instanceof AppError ? error : unreadable('broke off');
  });
}

/**
 * The body as it comes, in the caller's turns. A reader that stops leaves the rest to the server, which can still answer then: cancelling
 * the body would cut the connection.
 */
async function* piecesOf(c: HttpContext, deps: ReceiveDeps): AsyncGenerator<Uint8Array> {
  const reader = c.req.raw.body?.getReader();
  let bytes = 0;
  try {
    while (reader) {
      const { done, value } = await reader.read().catch(() => {
        throw unreadable('broke off');
      });
      if (done) return;
      yield value;
      bytes += value.length;
      if (bytes < TURN_BYTES) continue;
      bytes = 0;
      await takePieceTurn(deps, c);
    }
  } finally {
    reader?.releaseLock();
  }
}

function unreadable(reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `The body ${reason}.`, { details: { body: reason } });
}

function unexpectedFile(name: string, fileFields: readonly string[]): AppError {
  const field = name.slice(0, 40) || 'file';
  if (fileFields.includes(name)) {
    return new AppError('VALIDATION_FAILED', `Not valid: ${field}.`, {
      details: { [field]: 'takes one file' },
      hint: 'Send one file in a request.',
    });
  }
  const meant = misspeltName(name, fileFields);
  if (meant !== null) {
    return new AppError('VALIDATION_FAILED', `Unknown field ${field}. Did you mean ${meant}?`, {
      details: { [field]: `is unknown; did you mean ${meant}?` },
      hint: `Send the file as ${meant}.`,
    });
  }
  const wanted = fileFields.join(' or ');
  return new AppError('VALIDATION_FAILED', `Not valid: ${field}.`, {
    details: { [field]: 'takes no file' },
    hint: wanted === '' ? 'Send no file.' : `Send the file as ${wanted}.`,
  });
}
