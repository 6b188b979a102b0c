/** Trying again, where that is safe: the way that the integration guide describes. */
import { isFailure, readRetryAfter } from './errors.ts';

export interface RetryPolicy {
  /** how often a request is made in all (4) */
  attempts: number;
  /** the first pause; each one after it may be twice as long (500) */
  baseDelayMs: number;
  /** no pause is longer; a `Retry-After` beyond it is not waited for, the answer is given back instead (10,000) */
  maxDelayMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, baseDelayMs: 500, maxDelayMs: 10_000 };

/** Passing troubles of the service, and of whatever stands before it. */
const PASSING = new Set([502, 503, 504]);

export interface RetryParts {
  policy: RetryPolicy;
  /** how long to wait for the head of an answer */
  timeoutMs: number;
  fetch: (request: Request, init: RequestInit) => Promise<Response>;
}

/** A large file may take so long on its way; Node's own fetch waits no longer either. */
const FORM_TIMEOUT_MS = 300_000;

/**
 * A `fetch` that makes a request again after a pause that grows and is random. A broken connection and 502 to 504
 * only where a repetition does no harm (anything but POST, and POST with an Idempotency-Key); 429 always, because
 * nothing was done then. A first request that is still at work is no attempt: it is waited for as long as for its answer.
 * Rejects as `fetch` does once the last attempt has failed.
 */
export function createRetryingFetch({ policy, timeoutMs, fetch }: RetryParts) {
  return async (request: Request): Promise<Response> => {
    const repeatable = request.method !== 'POST' || request.headers.has('idempotency-key');
    const boundMs = isForm(request) ? Math.max(timeoutMs, FORM_TIMEOUT_MS) : timeoutMs;
    let atWorkUntil: number | null = null;
    for (let attempt = 1; ; attempt++) {
      let isLast = attempt >= policy.attempts;
      let pauseMs =
        Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
      try {
        const response = await once(request.clone(), boundMs, fetch);
        if (policy.attempts > 1 && (await isAtWork(response))) {
          atWorkUntil ??= performance.now() + boundMs;
          isLast = performance.now() >= atWorkUntil;
          attempt--;
        }
        if (isLast || !(await isWorthAnother(response, repeatable))) return response;
        const askedMs = (readRetryAfter(response) ?? 0) * 1000;
        if (askedMs > policy.maxDelayMs) return response;
        pauseMs = Math.max(pauseMs, askedMs);
        await response.body?.cancel();
      } catch (error) {
        if (isLast || !repeatable || request.signal.aborted) throw error;
      }
      await pause(pauseMs, request.signal);
    }
  };
}

async function once(request: Request, timeoutMs: number, fetch: RetryParts['fetch']): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException('no answer in time', 'TimeoutError')),
    timeoutMs,
  );
  try {
    // The body may take longer: it can be a stream of events.
    return await fetch(request, { signal: AbortSignal.any([request.signal, late.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

const isForm = ({ headers }: Request) =>
  headers.get('content-type')?.toLowerCase().startsWith('multipart/form-data') === true;

/** The first request, whose answer was lost, still runs. */
async function isAtWork(response: Response): Promise<boolean> {
  return response.status === 409 && (await codeOf(response)) === 'IDEMPOTENCY_IN_PROGRESS';
}

async function isWorthAnother(response: Response, repeatable: boolean): Promise<boolean> {
  const { status } = response;
  if (status === 409) return isAtWork(response);
  if (status !== 429 && !PASSING.has(status)) return false;
  const code = await codeOf(response);
  // The code of an OTP was wrong too often: waiting does not help.
  if (status === 429) return code !== 'OTP_MAX_ATTEMPTS';
  // 502 of the service itself is WhatsApp's word about this message.
  return repeatable && code !== 'SEND_FAILED';
}

async function codeOf(response: Response): Promise<string | null> {
  try {
    const body: unknown = await response.clone().json();
    return isFailure(body) ? body.code : null;
  } catch {
    return null;
  }
}

/** Rejects with the signal's reason when it is aborted meanwhile. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The `init` of a request that may be aborted. */
export function signalOf(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
