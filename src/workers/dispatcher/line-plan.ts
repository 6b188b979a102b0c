/** Decides what a session's line does next. Pure: a snapshot and the time in, one step out. */

import type { LimitReason } from '../../queue/limits.ts';
import type { Candidate } from '../../queue/look-ahead.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import { FUTURE_MS } from '../../utils/clock.ts';

/**
 * A slow acknowledgement must not stop the pace, and a dead server must not take the whole queue. Without a gap claims,
 * settles and key writes of a session share transactions: with 8 the service spends a tenth more on each message.
 */
export const MAX_IN_FLIGHT = 16;
/** Campaigns write to strangers: each first message is several times the work, and a code would stand behind all of it. */
export const MAX_LOW_IN_FLIGHT = 8;
/** No free place waits for others longer than this. */
const REFILL_MS = 10;
/** On top of those, for codes: they do not wait for a campaign's uploads or for its answers. */
const MAX_URGENT_IN_FLIGHT = 4;
/** Outcomes that may wait to be written. */
const MAX_UNSETTLED = 48;
/**
 * An attempt whose process ends says little about its message, and takes none from it: urgent ones are claimed in every
 * short life of a process that is killed again and again. One that itself ends its process must not go on for ever; so
 * many ends in a row are no accident.
 */
const MAX_TRIES = 100;
const SOCKET_POLL_MS = 500;
/** While a limit or a pause holds the queue, or codes alone leave, the session's row is read again: somebody may have changed it. */
export const REREAD_MS = 30_000;
/** Wait for a wake-up only. */
export const FOREVER = Number.POSITIVE_INFINITY;

/** The facts that a line decides by. Times in epoch milliseconds. */
export interface LineView {
  /** recipients with a message on its way */
  inFlight: number;
  /** messages claimed, or answered and not written yet */
  unsettled: number;
  /** refusals that open the breaker and are not written yet: nothing more is claimed until they are */
  tripping: number;
  /** the session's row may have changed since it was read */
  isStale: boolean;
  /** another process owns the session */
  isLost: boolean;
  /** the socket is open and this process's lease is safe */
  canSend: boolean;
  /** a person's pause: 0 without one */
  pausedUntil: number;
  /** a paused session's row is not read again before */
  rereadAt: number;
  /** the latest time that a decision was made at */
  seenAt: number;
  /** the gap after the last attempt ends here */
  nextSendAt: number;
}

export type Step =
  | { do: 'wait'; ms: number }
  | { do: 'read session' }
  | { do: 'wait for a pause'; ms: number }
  | { do: 'read paused session' }
  /** The clock was set back: what was read and spent by the old time lies in the future. */
  | { do: 'begin again' }
  | { do: 'choose' };

/** The next step of a line. */
export function planStep(view: LineView, now: number): Step {
  if (view.inFlight >= MAX_IN_FLIGHT + MAX_URGENT_IN_FLIGHT) return { do: 'wait', ms: FOREVER };
  if (view.unsettled >= MAX_UNSETTLED || view.tripping > 0) return { do: 'wait', ms: FOREVER };
  if (view.isStale) return { do: 'read session' };
  if (view.isLost) return { do: 'wait', ms: FOREVER };
  if (now < view.seenAt - FUTURE_MS) return { do: 'begin again' };
  if (!view.canSend) return { do: 'wait', ms: SOCKET_POLL_MS };
  if (view.pausedUntil > now) {
    // More to send does not end a pause: the row is read again when its news says so, and now and then.
    if (now >= view.rereadAt) return { do: 'read paused session' };
    return { do: 'wait for a pause', ms: Math.min(view.pausedUntil, view.rereadAt) - now };
  }
  return view.nextSendAt > now ? { do: 'wait', ms: view.nextSendAt - now } : { do: 'choose' };
}

/** When the session's limits and quiet hours let a message go; without a reason: now. */
export interface Allowed {
  at: number;
  reason: LimitReason | null;
}

/** Decides what becomes of a row that is due. `allowed` is asked only if the row may still be sent at all. */
export function planRow(
  row: Candidate,
  now: number,
  maxAttempts: number,
  allowed: () => Allowed,
): { do: 'expire' | 'give up' | 'take' } | { do: 'hold'; at: number; reason: LimitReason } {
  if (row.expiresAt !== null && row.expiresAt <= now) return { do: 'expire' };
  if (row.tries >= MAX_TRIES + maxAttempts) return { do: 'give up' };
  const { at, reason } = allowed();
  return reason === null ? { do: 'take' } : { do: 'hold', at, reason };
}

const placesFor = (priority: Priority) => (priority === PRIORITIES.low ? MAX_LOW_IN_FLIGHT : MAX_IN_FLIGHT);

/** Only codes are looked at while so many messages are on their way; for campaigns fewer are enough to wait. */
export function isFullFor(priority: Priority, inFlight: number): boolean {
  return inFlight >= placesFor(priority) && priority !== PRIORITIES.high;
}

/** Of a window that was full: when its free places are filled, monotonic milliseconds. */
export type Refill = number | 'when one is free' | 'at once';

/**
 * Whether messages that are no codes wait until half of their places are free, to share a claim, which costs the same for one
 * as for many: `ms` is 0 when they do not. `refill` is what was said before of this priority. With a gap they do not: each
 * goes when it is due.
 */
export function planRefill(
  refill: Refill,
  view: { priority: Priority; inFlight: number; hasGap: boolean; nowMs: number },
): { ms: number; refill: Refill } {
  const { priority, inFlight, hasGap, nowMs } = view;
  if (refill === 'at once' || hasGap || inFlight <= placesFor(priority) / 2)
    return { ms: 0, refill: 'at once' };
  const atMs = refill === 'when one is free' ? nowMs + REFILL_MS : refill;
  return atMs > nowMs ? { ms: atMs - nowMs, refill: atMs } : { ms: 0, refill: 'at once' };
}
