import createFetchClient, { type Middleware } from 'openapi-fetch';
import type { paths } from './api.ts';
import type { WaHubClient } from './exact.ts';
import { IDEMPOTENT, LONG } from './operations.ts';
import { createRetryingFetch, DEFAULT_RETRY, type RetryPolicy } from './retry.ts';

export type { WaHubClient };

export interface ClientOptions {
  /** http://localhost:5001 when missing */
  baseUrl?: string;
  apiKey?: string;
  /** a JWT instead of a key, from /auth/login */
  token?: string;
  /** what differs from the usual policy; `false`: every request is made once */
  retry?: Partial<RetryPolicy> | false;
  /**
   * how long to wait for the head of an answer: longer than `Prefer: wait` asks for (70,000); of a form, which may bring a large
   * file, five minutes at least
   */
  timeoutMs?: number;
  /** another fetch, such as one that goes through a proxy */
  fetch?: (request: Request, init: RequestInit) => Promise<Response>;
}

/**
 * A client of one service as one user. Requests that send or create carry an `Idempotency-Key` of their own unless
 * you give one, so that trying again never sends twice. Imports, which may take many minutes, are asked for with
 * `Prefer: respond-async` unless you prefer something else.
 */
export function createClient(options: ClientOptions = {}): WaHubClient {
  const { baseUrl = 'http://localhost:5001', apiKey, token, retry, timeoutMs = 70_000 } = options;
  const policy = { ...DEFAULT_RETRY, ...(retry === false ? { attempts: 1 } : retry) };
  const client = createFetchClient<paths, 'application/json'>({
    baseUrl,
    headers: {
      ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    fetch: createRetryingFetch({ policy, timeoutMs, fetch: options.fetch ?? globalThis.fetch }),
  });
  client.use(idempotency, patience);
  // Safe because it is the same client: only what may be given to it is held to more.
  return client as unknown as WaHubClient;
}

const patience: Middleware = {
  onRequest({ request, schemaPath }) {
    if (request.headers.has('prefer') || !LONG.has(`${request.method} ${schemaPath}`)) return;
    request.headers.set('prefer', 'respond-async');
  },
};

const idempotency: Middleware = {
  onRequest({ request, schemaPath }) {
    if (request.headers.has('idempotency-key') || !IDEMPOTENT.has(`${request.method} ${schemaPath}`)) return;
    request.headers.set('idempotency-key', crypto.randomUUID());
  },
};
