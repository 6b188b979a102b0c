/** Every code an answer can carry, and the HTTP status that goes with it: the one place that knows both. */
export const ERROR_STATUS = {
  VALIDATION_FAILED: 400,
  INVALID_NUMBER: 400,
  URL_REFUSED: 400,
  OTP_INVALID: 400,
  UNAUTHORIZED: 401,
  SECOND_FACTOR_REQUIRED: 401,
  FORBIDDEN: 403,
  SECOND_FACTOR_MISSING: 403,
  WORKSPACE_SUSPENDED: 403,
  NOT_GROUP_ADMIN: 403,
  NOT_GROUP_MEMBER: 403,
  NOT_FOUND: 404,
  SESSION_NOT_FOUND: 404,
  QR_NOT_READY: 404,
  OTP_NOT_FOUND: 404,
  GROUP_GONE: 404,
  METHOD_NOT_ALLOWED: 405,
  SESSION_EXISTS: 409,
  DUPLICATE_PHONE: 409,
  ALREADY_CONNECTED: 409,
  NOT_CONNECTED: 409,
  GROUP_FULL: 409,
  BROADCAST_IN_PROGRESS: 409,
  CONFLICT: 409,
  IDEMPOTENCY_CONFLICT: 409,
  IDEMPOTENCY_IN_PROGRESS: 409,
  OTP_EXPIRED: 410,
  PASSKEY_EXPIRED: 410,
  INVITE_INVALID: 410,
  BODY_TOO_LARGE: 413,
  FILE_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA: 415,
  NOT_SUPPORTED: 422,
  FILE_INFECTED: 422,
  NOT_ON_WHATSAPP: 422,
  PASSKEY_REFUSED: 422,
  RATE_LIMITED: 429,
  OTP_MAX_ATTEMPTS: 429,
  QUOTA_EXCEEDED: 429,
  INTERNAL: 500,
  SEND_FAILED: 502,
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface AppErrorOptions {
  /** facts for a program: field -> reason, errorCode, attemptsLeft … never a secret but the caller's own */
  details?: Record<string, unknown>;
  /** what the caller can do about it; that of its code when missing. Never a secret */
  hint?: string;
  /** whole seconds, becomes the `Retry-After` header */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** A failure with a documented code and a sentence that may be shown to a person. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  readonly hint: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
    this.hint = options.hint;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** A program cannot start, or a tool cannot do what it was asked for; the message says all that a person needs. */
export class StartError extends Error {
  override name = 'StartError';
}
