/** How an outgoing request can fail. */
import { AppError } from '../errors.ts';

export type FailureKind =
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'slow'
  | 'status'
  | 'too_many_redirects'
  | 'encoding'
  | 'network';

/** The request was allowed but did not work out. `message` is a sentence without addresses or internals. */
export class HttpFailure extends Error {
  override name = 'HttpFailure';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

export function urlRefused(reason: string): AppError {
  return new AppError('URL_REFUSED', `This URL is refused: ${reason}.`);
}

const MAX_CAUSES = 6;

const DNS_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'ESERVFAIL']);
const CONNECT_CODES = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);
const TIMEOUT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** The error of undici, the resolver or TLS, as an HttpFailure; one that is one already (or an AppError) stays. */
export function toFailure(error: unknown): AppError | HttpFailure {
  const codes: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++) {
    if (at instanceof AppError || at instanceof HttpFailure) return at;
    for (const one of at instanceof AggregateError ? [at, ...at.errors] : [at]) {
      if (one instanceof Error && 'code' in one && typeof one.code === 'string') codes.push(one.code);
    }
  }
  const has = (set: ReadonlySet<string>) => codes.some((code) => set.has(code));
  if (has(DNS_CODES)) return new HttpFailure('dns', 'The host name could not be resolved.', error);
  if (has(TIMEOUT_CODES)) return new HttpFailure('timeout', 'The host did not answer in time.', error);
  if (has(CONNECT_CODES)) return new HttpFailure('connect', 'The host refused the connection.', error);
  if (codes.some((code) => /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_/.test(code))) {
    return new HttpFailure('tls', 'The TLS connection failed.', error);
  }
  return new HttpFailure('network', 'The connection broke off.', error);
}
