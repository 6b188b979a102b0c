/** Outgoing HTTP to addresses that clients name: webhooks and media by URL. Guarded against SSRF and bad hosts. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Agent, type buildConnector, type Dispatcher, request } from 'undici';
import { boundBody, boundSize, readExcerpt, tooLarge } from './guarded-http/bounded-body.ts';
import {
  type ConnectRules,
  createGuardedConnector,
  type Resolve,
  resolveBySystem,
  resolveChecked,
} from './guarded-http/connector.ts';
import { dispositionName } from './guarded-http/content-disposition.ts';
import { decodeBody } from './guarded-http/content-encoding.ts';
import { HttpFailure, toFailure, urlRefused } from './guarded-http/failures.ts';

export { HttpFailure } from './guarded-http/failures.ts';

export interface GuardedHttpOptions {
  /** private and loopback addresses may be reached */
  allowPrivate?: boolean;
  /** host names that may resolve to private addresses */
  allowHosts?: readonly string[];
  httpsOnly?: boolean;
  connectTimeoutMs?: number;
  /** addresses that are this service's own, and never asked unless `allowPrivate`; none when missing */
  ownAddresses?: () => Promise<ReadonlySet<string>>;
  /** certificates (PEM) to trust instead of the system's */
  ca?: string;
  /** opens every connection: a proxy's, which looks after the addresses itself */
  connector?: buildConnector.connector;
  /** how host names are resolved; the system's resolver when missing */
  resolve?: Resolve;
  /** what a download must keep up after `graceMs` */
  minBytesPerSecond?: number;
  graceMs?: number;
}

interface DownloadOptions {
  maxBytes: number;
  /** for the whole of it, the body included */
  timeoutMs: number;
  /** redirects included */
  httpsOnly?: boolean;
  signal?: AbortSignal;
}

interface Download {
  /** destroy it when it is not read to its end */
  stream: Readable;
  contentType: string | null;
  /** as the host announced it, of the body as it comes; null: not told */
  size: number | null;
  /** the URL that answered, after all redirects */
  url: URL;
  /** the name of the file in `Content-Disposition`, uncleaned; null: none */
  filename: string | null;
}

interface PostOptions {
  headers: Record<string, string>;
  body: string;
  /** for the whole of it, the answer included */
  timeoutMs: number;
  signal?: AbortSignal;
}

interface PostAnswer {
  status: number;
  /** at most 16,384 bytes, without a character that was cut */
  bodyExcerpt: string;
  /** the `Retry-After` header as it came */
  retryAfter: string | null;
}

interface ExchangeOptions {
  method: string;
  headers: Record<string, string>;
  body: string | null;
  maxBytes: number;
  /** for the whole of it, the body included */
  timeoutMs: number;
  signal?: AbortSignal;
}

export interface GuardedHttp {
  /** Throws URL_REFUSED when the URL may not be asked for. A name that does not resolve (yet) passes. */
  check(url: string): Promise<void>;
  /**
   * GETs a URL, following at most 3 redirects, each checked again; its `Content-Encoding` is undone, and what comes out
   * is bounded as well. Throws URL_REFUSED, FILE_TOO_LARGE or
   * HttpFailure; so does the stream.
   */
  download(url: string, options: DownloadOptions): Promise<Download>;
  /** POSTs without following redirects; any status is an answer. Throws URL_REFUSED or HttpFailure. */
  post(url: string, options: PostOptions): Promise<PostAnswer>;
  /**
   * One request of a protocol between services, with its whole answer; no redirect is followed, any status is an answer.
   * Throws URL_REFUSED, FILE_TOO_LARGE or HttpFailure.
   */
  exchange(url: string, options: ExchangeOptions): Promise<Response>;
  /** Ends every connection. May be called twice. */
  close(): Promise<void>;
}

/** The outgoing HTTP of the service. */
export interface Outgoing {
  /** for URLs that clients name */
  guarded: GuardedHttp;
  /** the same for webhooks, which may not lead to this service itself */
  hooks: GuardedHttp;
  /** for URLs that the operator configured: any address */
  trusted: GuardedHttp;
  close(): Promise<void>;
}

const MAX_REDIRECTS = 3;
const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 15_000;
const EXCERPT_BYTES = 16_384;
const USER_AGENT = 'WaHub';

/** Makes the client. Every address is checked when a socket opens to it, redirects included. */
export function createGuardedHttp(options: GuardedHttpOptions = {}): GuardedHttp {
  const rules: ConnectRules = {
    resolve: options.resolve ?? resolveBySystem,
    allowPrivate: options.allowPrivate ?? false,
    allowHosts: new Set(options.allowHosts?.map((host) => host.toLowerCase())),
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.ownAddresses === undefined ? {} : { ownAddresses: options.ownAddresses }),
  };
  const agent = new Agent({
    connect: options.connector ?? createGuardedConnector(rules),
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
    maxHeaderSize: 16_384,
  });
  const parse = (url: string, httpsOnly = false) => parseUrl(url, httpsOnly || (options.httpsOnly ?? false));

  async function download(url: string, wanted: DownloadOptions): Promise<Download> {
    const { maxBytes, httpsOnly } = wanted;
    const deadline = startDeadline(wanted.timeoutMs, wanted.signal);
    try {
      const read = (to: string) => parse(to, httpsOnly);
      const { answer, url: last } = await follow(read(url), read, (to) => get(to, deadline.signal));
      // An abort before anybody reads must not be an unhandled error: the reader gets it.
      answer.body.on('error', () => undefined);
      const size = lengthOf(answer);
      const stream = openBody(answer, size, {
        maxBytes,
        minBytesPerSecond: options.minBytesPerSecond ?? 1_024,
        graceMs: options.graceMs ?? 10_000,
      });
      stream.once('close', () => {
        deadline.stop();
        answer.body.destroy();
      });
      const filename = dispositionName(headerOf(answer, 'content-disposition'));
      return { stream, contentType: headerOf(answer, 'content-type'), size, url: last, filename };
    } catch (error) {
      deadline.stop();
      throw toFailure(error);
    }
  }

  const get = (url: URL, signal: AbortSignal) =>
    request(url, {
      dispatcher: agent,
      signal,
      headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', accept: '*/*' },
    });

  return {
    async check(url) {
      const { hostname } = parse(url);
      try {
        await resolveChecked(hostname, rules);
      } catch (error) {
        if (!(error instanceof HttpFailure)) throw error;
      }
    },
    download,
    async post(url, { headers, body, timeoutMs, signal }) {
      const deadline = startDeadline(timeoutMs, signal);
      try {
        const answer = await request(parse(url), {
          dispatcher: agent,
          method: 'POST',
          signal: deadline.signal,
          headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...headers },
          body,
        });
        const bodyExcerpt = await readExcerpt(answer.body, EXCERPT_BYTES);
        return { status: answer.statusCode, bodyExcerpt, retryAfter: headerOf(answer, 'retry-after') };
      } catch (error) {
        throw toFailure(error);
      } finally {
        deadline.stop();
      }
    },
    async exchange(url, { maxBytes, timeoutMs, signal, ...asked }) {
      const deadline = startDeadline(timeoutMs, signal);
      try {
        const answer = await request(parse(url), {
          dispatcher: agent,
          signal: deadline.signal,
          ...asked,
          headers: { ...asked.headers, 'user-agent': USER_AGENT, 'accept-encoding': 'identity' },
        });
        const body = await buffer(boundSize(answer.body, maxBytes));
        return toResponse(answer, body);
      } catch (error) {
        throw toFailure(error);
      } finally {
        deadline.stop();
      }
    },
    close: () => agent.destroy(),
  };
}

/** Statuses whose answers have no body (Fetch Standard, 2.2.3). */
const NO_BODY = new Set([204, 205, 304]);

function toResponse({ statusCode: status, headers: given }: Dispatcher.ResponseData, body: Buffer): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  // A copy: a Response takes no buffer that others may share.
  return new Response(NO_BODY.has(status) ? null : new Uint8Array(body), { status, headers });
}

/** The first answer that is no redirect, and its URL; `read` checks each further URL. */
async function follow(
  first: URL,
  read: (url: string) => URL,
  ask: (url: URL) => Promise<Dispatcher.ResponseData>,
) {
  let url = first;
  for (let hop = 0; ; hop++) {
    const answer = await ask(url);
    if (answer.statusCode >= 200 && answer.statusCode < 300) return { answer, url };
    answer.body.on('error', () => undefined).destroy();
    const location = headerOf(answer, 'location');
    if (answer.statusCode < 300 || answer.statusCode >= 400 || location === null) {
      throw new HttpFailure('status', `The host answered with status ${answer.statusCode}.`);
    }
    if (hop >= MAX_REDIRECTS) throw new HttpFailure('too_many_redirects', 'The URL redirects too often.');
    if (!URL.canParse(location, url.href)) throw urlRefused('it redirects to something that is no URL');
    url = read(new URL(location, url).href);
  }
}

/** The body, decoded and bounded. Throws FILE_TOO_LARGE when its announced size is too large already. */
function openBody(
  answer: Dispatcher.ResponseData,
  size: number | null,
  bounds: { maxBytes: number; minBytesPerSecond: number; graceMs: number },
): Readable {
  const { maxBytes } = bounds;
  if (size !== null && size > maxBytes) {
    answer.body.destroy();
    throw tooLarge(maxBytes);
  }
  const coding = headerOf(answer, 'content-encoding');
  const plain = boundSize(decodeBody(boundBody(answer.body, bounds), coding), maxBytes);
  return Readable.from(plain, { objectMode: false });
}

/** Both clients. `allowPrivate` opens private addresses to clients' URLs too (tests, receivers in the same network). */
export function createOutgoing({
  allowPrivate,
  ownAddresses,
}: Pick<GuardedHttpOptions, 'ownAddresses'> & { allowPrivate: boolean }): Outgoing {
  const guarded = createGuardedHttp({ allowPrivate });
  const hooks = createGuardedHttp({ allowPrivate, ...(ownAddresses === undefined ? {} : { ownAddresses }) });
  const trusted = createGuardedHttp({ allowPrivate: true });
  return {
    guarded,
    hooks,
    trusted,
    close: async () => {
      await Promise.all([guarded.close(), hooks.close(), trusted.close()]);
    },
  };
}

function parseUrl(text: string, httpsOnly: boolean): URL {
  if (!URL.canParse(text)) throw urlRefused('it is not a URL');
  const url = new URL(text);
  if (httpsOnly && url.protocol !== 'https:') throw urlRefused('only https is allowed');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw urlRefused('only http and https are allowed');
  if (url.username !== '' || url.password !== '') throw urlRefused('it carries a user name or password');
  return url;
}

/** Aborts with a timeout after `timeoutMs`, or when the caller's signal does. */
function startDeadline(timeoutMs: number, outer?: AbortSignal): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const abort = (reason: HttpFailure) => controller.abort(reason);
  const cancel = () => abort(new HttpFailure('network', 'The request was given up.'));
  const timer = setTimeout(
    () => abort(new HttpFailure('timeout', 'The host did not answer in time.')),
    timeoutMs,
  );
  if (outer?.aborted) cancel();
  outer?.addEventListener('abort', cancel, { once: true });
  return {
    signal: controller.signal,
    stop() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', cancel);
    },
  };
}

function headerOf(answer: Dispatcher.ResponseData, name: string): string | null {
  const value = answer.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function lengthOf(answer: Dispatcher.ResponseData): number | null {
  const value = headerOf(answer, 'content-length');
  return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : null;
}
