/** One request to an S3 service: signed, sent, and again when the trouble passes by itself. */

import type { Readable } from 'node:stream';
import { AwsV4Signer } from 'aws4fetch';
import { Agent, type Dispatcher, request } from 'undici';
import { jitteredBackoffMs } from '../backoff.ts';
import { type Clock, sleep } from '../clock.ts';
import { withoutTrailing } from '../text.ts';
import { StorageError } from './storage.ts';

export interface S3Options {
  /** null: AWS, in the region */
  endpoint: string | null;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** the bucket in the path instead of the host name */
  pathStyle: boolean;
  /** what every key in the bucket begins with */
  prefix: string;
}

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** in the bucket; missing: the bucket itself */
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** made again for each attempt */
  body?: { open: () => Readable | Buffer; size: number; sha256: string };
  /** answers other than 2xx that are no trouble of the storage */
  accept?: readonly number[];
}

export type S3Answer = Dispatcher.ResponseData;

export interface S3Client {
  /** The answer; read or destroy its body, which is gone when the answer is not a 2xx. Throws StorageError. */
  send(wanted: S3Request): Promise<S3Answer>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Without a byte in either direction. */
const IDLE_TIMEOUT_MS = 12_000;
const MAX_ATTEMPTS = 3;
const PAUSE = { firstMs: 300, maxMs: 5_000 };
/** Requests at a time of one process; others wait. */
const MAX_CONNECTIONS = 64;
/** Of an answer that says what went wrong. */
const MAX_ERROR_BYTES = 16_384;
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Trouble that passes: overload, a restart, a connection that broke. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const PASSING_CODES: ReadonlySet<string> = new Set(['RequestTimeout', 'SlowDown', 'InternalError']);

export function createS3Client(options: S3Options, clock: Clock): S3Client {
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
    connections: MAX_CONNECTIONS,
  });
  const base = baseUrl(options);
  /** the derived key of the day */
  const signingKeys = new Map<string, ArrayBuffer>();

  async function attempt(wanted: S3Request): Promise<S3Answer> {
    const { method, key, body, accept = [] } = wanted;
    const url = new URL(key === undefined ? base : `${base}/${options.prefix}${key}`);
    for (const [name, value] of Object.entries(wanted.query ?? {})) url.searchParams.set(name, value);
    const { accessKeyId, secretAccessKey, region } = options;
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      // The server checks the body against it: what was changed on the way is refused.
      headers: { ...wanted.headers, 'x-amz-content-sha256': body?.sha256 ?? EMPTY_SHA256 },
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      cache: signingKeys,
    });
    const signed = await signer.sign();
    const answer = await request(signed.url, {
      method,
      headers: {
        ...Object.fromEntries(signed.headers),
        ...(body ? { 'content-length': String(body.size) } : {}),
      },
      body: body?.open() ?? null,
      dispatcher: agent,
    });
    const { statusCode } = answer;
    if (statusCode >= 200 && statusCode < 300) return answer;
    const s3Code = await readCode(answer);
    // A bucket that is missing must not pass for a file that is.
    if (accept.includes(statusCode) && s3Code !== 'NoSuchBucket') return answer;
    throw new Refusal(statusCode, s3Code);
  }

  return {
    async send(wanted) {
      for (let attempts = 1; ; attempts++) {
        try {
          return await attempt(wanted);
        } catch (error) {
          if (isOurs(error)) throw error;
          if (attempts >= MAX_ATTEMPTS || !isPassing(error)) throw toStorageError(error, options);
        }
        await sleep(clock, jitteredBackoffMs(PAUSE, attempts, Math.random()));
      }
    },
    close: () => agent.destroy(),
  };
}

/** Without a slash at the end. */
function baseUrl({ endpoint, region, bucket, pathStyle }: S3Options): string {
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (!pathStyle) url.hostname = `${bucket}.${url.hostname}`;
  const path = withoutTrailing(url.pathname, '/');
  return `${url.origin}${path}${pathStyle ? `/${bucket}` : ''}`;
}

/** An answer that is not what was asked for. */
class Refusal extends Error {
  readonly status: number;
  readonly s3Code: string;

  constructor(status: number, s3Code: string) {
    super(`${status} ${s3Code}`.trim());
    this.status = status;
    this.s3Code = s3Code;
  }
}

/** `<Code>` of the answer; empty when it says nothing, as to HEAD. */
async function readCode({ body }: S3Answer): Promise<string> {
  let text = '';
  try {
    for await (const chunk of body) {
      text += String(chunk);
      if (text.length > MAX_ERROR_BYTES) break;
    }
  } catch {
    // The status says enough.
  }
  body.destroy();
  const code = text.split('<Code>')[1]?.split('</Code>')[0] ?? '';
  return /^[A-Za-z0-9]{1,64}$/.test(code) ? code : '';
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Refusal)) return true;
  return PASSING_STATUSES.has(error.status) || PASSING_CODES.has(error.s3Code);
}

/** The file that was to be sent could not be read: nothing to do with the service. */
function isOurs(error: unknown): boolean {
  return error instanceof Error &&
    'syscall' in error &&
    (error.syscall === 'open' || error.syscall === 'read')
    ? 'path' in error
    : false;
}

function toStorageError(error: unknown, options: S3Options): StorageError {
  if (!(error instanceof Refusal)) return new StorageError('away', `S3 cannot be reached (${nameOf(error)})`);
  if (isPassing(error)) return new StorageError('away', `S3 answers ${error.message}`);
  return new StorageError('refused', explain(error, options.bucket));
}

/** The setting that is to be looked at, where the answer tells. */
function explain({ status, s3Code, message }: Refusal, bucket: string): string {
  switch (s3Code) {
    case 'NoSuchBucket':
      return `S3_BUCKET: there is no bucket ${bucket}`;
    case 'InvalidAccessKeyId':
      return 'S3_ACCESS_KEY_ID is not known there';
    case 'SignatureDoesNotMatch':
      return 'S3_SECRET_ACCESS_KEY is not the one of S3_ACCESS_KEY_ID';
    case 'RequestTimeTooSkewed':
      return "this machine's clock is wrong: S3 refuses what it signs";
    case 'AuthorizationHeaderMalformed':
    case 'PermanentRedirect':
    case 'IllegalLocationConstraintException':
      return `S3_REGION is not the region of ${bucket}`;
  }
  if (status === 301) return `S3_REGION is not the region of ${bucket}`;
  if (status === 401 || status === 403)
    return `the key in S3_ACCESS_KEY_ID may not do this in ${bucket} (${message})`;
  return `S3 answers ${message}`;
}

/** Names of network errors tell enough; their sentences may hold addresses. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const cause = error.cause instanceof Error ? error.cause : error;
  return 'code' in cause ? String(cause.code) : cause.name;
}
