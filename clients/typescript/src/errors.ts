import type { components } from './api.ts';

/** What the service says when it says no. */
export type Failure = components['schemas']['Failure'];
/** Every code that a failure can have; decide by it, show `message` to a person. */
export type FailureCode = Failure['code'];

/** An answer that says no. */
export class WaHubError extends Error {
  override readonly name = 'WaHubError';
  /** UNKNOWN: the answer was not the service's own, such as the page of a proxy */
  readonly code: FailureCode | 'UNKNOWN';
  readonly status: number;
  readonly details: Record<string, unknown>;
  /** what to do about it, and where the code is explained; null when the answer was not the service's own */
  readonly hint: string | null;
  readonly docUrl: string | null;
  /** to be told when asking for help; null when the answer was not the service's own */
  readonly requestId: string | null;
  /** when to try again, if the service said so */
  readonly retryAfterSeconds: number | null;

  constructor(response: Response, body: unknown) {
    const failure = isFailure(body) ? body : null;
    super(failure?.message ?? `HTTP ${response.status}`);
    this.code = failure?.code ?? 'UNKNOWN';
    this.status = response.status;
    this.details = failure?.details ?? {};
    this.hint = failure?.hint ?? null;
    this.docUrl = failure?.docUrl ?? null;
    this.requestId = failure?.requestId ?? null;
    this.retryAfterSeconds = readRetryAfter(response);
  }
}

export function isFailure(body: unknown): body is Failure {
  return typeof body === 'object' && body !== null && 'code' in body && 'message' in body;
}

/** The header's whole seconds; null when it is missing or a date. */
export function readRetryAfter(response: Response): number | null {
  const text = response.headers.get('retry-after');
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** What openapi-fetch gives. */
interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer that says yes; throws WaHubError for one that says no. */
export async function unwrap<T>(result: Result<T> | Promise<Result<T>>): Promise<T> {
  const { data, error, response } = await result;
  if (!response.ok || data === undefined) throw new WaHubError(response, error);
  return data;
}
