/** Decides what follows an attempt: a pure function of its result. */
import { jittered, jitteredBackoffMs } from '../utils/backoff.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import type { LeftOut, SendResult } from '../whatsapp/engine.ts';

export type Decision =
  | { action: 'sent'; at: number; leftOut: LeftOut[] | null }
  | { action: 'retry'; availableAt: number; reason: string }
  /** `unsent`: nothing was put on the wire */
  | { action: 'failed'; errorCode: string; errorMessage: string; unsent?: true }
  /** back to pending as if it had not been tried; not before `availableAt`, when there is one */
  | { action: 'release'; availableAt?: number };

export interface Attempt {
  result: SendResult;
  /** attempts made, this one included */
  attempts: number;
  maxAttempts: number;
  /** whether there is a socket now */
  connected: boolean;
  now: number;
  /** between 0 and 1 */
  random: number;
}

/** Server-side trouble that passes; every other error acknowledgement is the last word about this message. */
const TRANSIENT_REFUSALS: ReadonlySet<string> = new Set(['429', '500', '502', '503', '504']);
const FIRST_BACKOFF_MS = 2_000;
/** The longest wait between two attempts. */
export const MAX_BACKOFF_MS = MINUTE_MS;
/** How long a message waits for what it needs (its file); half of it is random. */
const POSTPONE_MS = 10_000;

/** True when WhatsApp's refusal with this code may be followed by an acceptance of the same message. */
export function isTransientRefusal(code: string): boolean {
  return TRANSIENT_REFUSALS.has(code);
}

/** Milliseconds until the next attempt: doubling from 2 s to 1 min, the upper half of it random. */
export function retryDelayMs(attempts: number, random: number): number {
  return jitteredBackoffMs({ firstMs: FIRST_BACKOFF_MS, maxMs: MAX_BACKOFF_MS }, attempts, random);
}

/**
 * An unknown outcome and a passing trouble are tried again with the same id until `maxAttempts`; a refusal and
 * the impossible fail at once; what was withheld or postponed, or met a closed socket from the start, was no attempt.
 */
export function decide(attempt: Attempt): Decision {
  const { result } = attempt;
  switch (result.outcome) {
    case 'acknowledged':
      return { action: 'sent', at: result.at, leftOut: result.leftOut ?? null };
    case 'withheld':
      return { action: 'release' };
    case 'postponed':
      return {
        action: 'release',
        availableAt: attempt.now + jittered(POSTPONE_MS, attempt.random),
      };
    case 'impossible':
      return { action: 'failed', errorCode: result.code, errorMessage: result.message, unsent: true };
    case 'refused':
      if (isTransientRefusal(result.code)) return again(attempt, result.code, result.message);
      return { action: 'failed', errorCode: result.code, errorMessage: result.message };
    case 'not_sent':
      if (!attempt.connected && !result.begun) return { action: 'release' };
      return again(attempt, result.code ?? 'NOT_SENT', `It could not be put on the wire: ${result.reason}.`);
    case 'unknown':
      return again(attempt, 'NO_ACK', "WhatsApp's server did not acknowledge the message.");
  }
}

function again(attempt: Attempt, errorCode: string, errorMessage: string): Decision {
  if (attempt.attempts >= attempt.maxAttempts) return { action: 'failed', errorCode, errorMessage };
  const availableAt = attempt.now + retryDelayMs(attempt.attempts, attempt.random);
  return { action: 'retry', availableAt, reason: errorCode };
}
