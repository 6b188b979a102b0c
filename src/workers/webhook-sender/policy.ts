/** When a webhook event is tried again. Pure. */
import { backoffMs, jittered } from '../../utils/backoff.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';

export interface Tried {
  /** attempts since it was recorded or replayed, this one included */
  tries: number;
  /** how many of them the receiver refused for good, this one included */
  refusals: number;
  /** epoch milliseconds */
  giveUpAt: number;
}

export interface Outcome {
  ok: boolean;
  refused: boolean;
  /** the header as it came */
  retryAfter: string | null;
}

export type Step = { state: 'delivered' } | { state: 'dead' } | { state: 'pending'; retryAt: number };

/** After a long outage a receiver waits at most `maxMs` for the first event. */
const RETRY = { firstMs: 5_000, maxMs: 5 * MINUTE_MS };
/** The longest pause that a receiver may ask for; more would hold its lane for longer than anybody wants. */
const MAX_RETRY_AFTER_MS = HOUR_MS;
/**
 * Pauses after a refusal (4xx): a wrong deployment is repaired in minutes, a poisoned event never. Together under
 * 15 minutes, so that it delays its lane no longer.
 */
const REFUSED_RETRY_MS = [10_000, MINUTE_MS, 180_000, 480_000];

/** The step that follows an attempt. `random` is in [0, 1): waits are between half and all of their step. */
export function nextStep(tried: Tried, outcome: Outcome, now: number, random: number): Step {
  if (outcome.ok) return { state: 'delivered' };
  if (now >= tried.giveUpAt) return { state: 'dead' };
  const pauseMs = outcome.refused ? REFUSED_RETRY_MS[tried.refusals - 1] : backoffMs(RETRY, tried.tries);
  if (pauseMs === undefined) return { state: 'dead' };
  const asked = Math.min(parseRetryAfter(outcome.retryAfter, now), MAX_RETRY_AFTER_MS);
  const waitMs = Math.max(jittered(pauseMs, random), asked);
  // The last try is at the end of the time, not some minutes before it.
  return { state: 'pending', retryAt: Math.min(now + waitMs, tried.giveUpAt) };
}

/** Milliseconds from now; RFC 9110: whole seconds or an HTTP date. 0 when it says neither. */
export function parseRetryAfter(header: string | null, now: number): number {
  if (header === null) return 0;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}
