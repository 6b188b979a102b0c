/** How often: pure functions over instants. Windows slide; all durations are milliseconds. */

import { FUTURE_MS } from '../../utils/clock.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';

/** Sends and resends to one number, as the API promises. */
const SENDS_WINDOW_MS = 600_000;
const MAX_SENDS = 5;
/** After the first, the second and every later send of the window. */
const COOL_DOWNS_MS = [30_000, MINUTE_MS, 120_000] as const;
/** Wrong codes for one number, over all of its OTPs: 20 guesses at 6 digits succeed once in 50,000 days. */
export const FAILURES_WINDOW_MS = DAY_MS;
const MAX_FAILURES = 20;

/** Those of `sends` that still count, oldest first. One of the future was made by a clock that was ahead: it does not. */
export function recentSends(sends: readonly number[], now: number): number[] {
  return sends
    .filter((at) => at > now - SENDS_WINDOW_MS && at <= now + FUTURE_MS)
    .map((at) => Math.min(at, now))
    .sort((a, b) => a - b);
}

/**
 * How long until another code may go to the number; 0 when it may now. A number that has just proven itself
 * (`proven`) need not cool down, but its sends go on counting.
 */
export function waitForSend(sends: readonly number[], now: number, proven: boolean): number {
  const recent = recentSends(sends, now);
  const blocking = recent[recent.length - MAX_SENDS];
  if (blocking !== undefined) return blocking + SENDS_WINDOW_MS - now;
  const last = recent.at(-1);
  if (last === undefined || proven) return 0;
  const coolDownMs = COOL_DOWNS_MS[recent.length - 1] ?? COOL_DOWNS_MS[2];
  return Math.max(0, last + coolDownMs - now);
}

export interface PastOtp {
  status: string;
  attempts: number;
  lastAttemptAt: number | null;
}

/** The rest of a number's failure budget, and how long until there is more when nothing is left. */
export function failureBudget(past: readonly PastOtp[], now: number): { left: number; waitMs: number } {
  const counted = past
    .filter((otp) => otp.lastAttemptAt !== null && otp.lastAttemptAt > now - FAILURES_WINDOW_MS)
    .map((otp) => ({
      failures: otp.attempts - (otp.status === 'verified' ? 1 : 0),
      at: Math.min(otp.lastAttemptAt ?? now, now),
    }))
    .sort((a, b) => a.at - b.at);
  const total = counted.reduce((sum, { failures }) => sum + failures, 0);
  let over = total - MAX_FAILURES + 1;
  const frees = counted.find(({ failures }) => {
    over -= failures;
    return over <= 0;
  });
  if (total < MAX_FAILURES) return { left: MAX_FAILURES - total, waitMs: 0 };
  return { left: 0, waitMs: (frees?.at ?? now) + FAILURES_WINDOW_MS - now };
}

/** RATE_LIMITED with `Retry-After` in whole seconds, at least one. `limit` names which one for a program. */
export function tooOften(message: string, limit: string, waitMs: number): AppError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new AppError('RATE_LIMITED', message, { retryAfterSeconds, details: { limit, retryAfterSeconds } });
}
