/** The one place where a failure becomes an answer. */
import type { ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { isRetryable, isUnavailable } from '../db/ops.ts';
import type { Deps } from '../services/context.ts';
import { ERROR_HELP, errorDocUrl } from '../utils/error-help.ts';
import { AppError, ERROR_STATUS } from '../utils/errors.ts';
import type { HttpContext, HttpEnv } from './http-env.ts';
import { answerJson } from './json-answer.ts';
import { warnings } from './warnings.ts';

/** How long a caller should wait while the database is away. */
const RETRY_AFTER_SECONDS = 5;
/** Fields that a hint names; `details` has all of them. */
const MAX_HINTED = 3;

/**
 * Answers with the envelope of every failure. What is not an AppError is logged with its request id, and the
 * caller learns nothing of it but that id.
 */
export function onError(deps: Pick<Deps, 'logger'>): ErrorHandler<HttpEnv> {
  return (error, c) => {
    const failure = toAppError(error);
    if (failure !== error && failure.code === 'UNAVAILABLE') {
      const meta = { component: 'database', error, requestId: c.get('requestId') };
      deps.logger.error('the database did not serve a request', meta);
    } else if (failure.code === 'INTERNAL') {
      deps.logger.error('request failed', { error, requestId: c.get('requestId') });
    }
    return answerFailure(c, failure);
  };
}

/** The failure that a caller may be told of. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  // A transaction that lost to others again and again is not the caller's fault either.
  if (isUnavailable(error) || isRetryable(error)) {
    return new AppError(
      'UNAVAILABLE',
      'The service cannot reach its database. Nothing was lost; try again.',
      {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      },
    );
  }
  // Hono throws these for bodies that it cannot read.
  if (error instanceof HTTPException && error.status < 500) {
    if (error.status === 413) return new AppError('BODY_TOO_LARGE', 'The body is too large.');
    return new AppError('VALIDATION_FAILED', 'The body is not valid JSON.', {
      details: { body: 'is not valid JSON' },
    });
  }
  return new AppError('INTERNAL', 'Something went wrong on our side. Tell us the requestId.');
}

/** The envelope of API failures, with the status and headers that belong to its code. */
export function answerFailure(c: HttpContext, failure: AppError): Response {
  c.set('failure', failure.code);
  c.set('failureMessage', failure.message);
  if (failure.retryAfterSeconds !== undefined) {
    c.header('retry-after', String(secondsOf(failure)));
  }
  if (failure.code === 'UNAUTHORIZED') c.header('www-authenticate', 'Bearer');
  const style = c.get('failureStyle');
  const own = style?.messages[failure.code] ?? failure.message;
  const message = typeof own === 'string' ? own : own(secondsOf(failure));
  const body = {
    success: false,
    code: failure.code,
    message,
    error: style?.errors?.[failure.code] ?? message,
    hint: failure.hint ?? correction(failure) ?? ERROR_HELP[failure.code].hint,
    docUrl: errorDocUrl(c.get('publicUrl'), failure.code),
    details: failure.details ?? {},
    ...warnings(c),
    requestId: c.get('requestId'),
  };
  return answerJson(c, body, toStatus(style?.statuses[failure.code] ?? ERROR_STATUS[failure.code]));
}

/** What to correct, by name, where the message only lists the fields: `Not valid: to, text.`; null elsewhere. */
function correction({ code, message, details }: AppError): string | null {
  if (code !== 'VALIDATION_FAILED' || details === undefined) return null;
  const told = Object.entries(details)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .filter(([field, reason]) => message.includes(field) && !message.includes(reason))
    .slice(0, MAX_HINTED);
  if (told.length === 0) return null;
  return `Correct this and send it again: ${told.map(([field, reason]) => `${field} ${reason}`).join('; ')}.`;
}

/** Whole seconds to wait, as `Retry-After` says. */
function secondsOf({ retryAfterSeconds = 1 }: AppError): number {
  return Math.max(1, Math.ceil(retryAfterSeconds));
}

/** Safe because every status of a failure has a body. */
function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}
