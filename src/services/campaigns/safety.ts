/** Rules that keep a number from being banned: the warm-up, and when a campaign stops itself. Pure. */
import { between } from '../../utils/backoff.ts';
import { DAY_MS } from '../../utils/durations.ts';

/**
 * People a day whom a campaign writes to as a stranger, by the age of the link. WhatsApp publishes no figure. Public reports
 * tell of accounts that were restricted after 15 to 20 first contacts in a day, so that no number is known to be safe: these
 * begin well below, which is our choice and no promise.
 */
export const WARM_UP: readonly { fromDay: number; perDay: number }[] = [
  { fromDay: 0, perDay: 5 },
  { fromDay: 2, perDay: 8 },
  { fromDay: 4, perDay: 10 },
  { fromDay: 7, perDay: 12 },
  { fromDay: 14, perDay: 15 },
  { fromDay: 21, perDay: 18 },
];
/** From this day on only the session's own limits count. */
const WARM_AFTER_DAYS = 30;

/** The most first contacts of a link of this age in one day; null: no bound. */
export function warmUpCap(ageMs: number): number | null {
  const days = Math.floor(Math.max(0, ageMs) / DAY_MS);
  if (days >= WARM_AFTER_DAYS) return null;
  const step = WARM_UP.findLast(({ fromDay }) => fromDay <= days);
  return step?.perDay ?? null;
}

/** The outcome of one message, for the threshold. */
export type CountedOutcome = 'ok' | 'failed' | 'refused';

/** The newest outcomes that are looked at, and how few are too few to judge by. */
export const WINDOW = 100;
const MIN_SAMPLE = 20;
/** Refusals are WhatsApp's own word about the sender: fewer are enough. */
const REFUSED_PERCENT = 10;
export const DEFAULT_FAILURE_PERCENT = 30;

/** Refusals carry the number of WhatsApp's error acknowledgement (463, 479, …); our own codes are words. */
export function countedOutcome(outcome: { status: string; errorCode: string | null }): CountedOutcome | null {
  if (outcome.status === 'canceled') return null;
  if (outcome.status !== 'failed' && outcome.status !== 'expired') return 'ok';
  return /^\d+$/.test(outcome.errorCode ?? '') ? 'refused' : 'failed';
}

/** Why the campaign must pause itself, or null. `outcomes` are the newest outcomes, at most WINDOW of them. */
export function mustPause(
  outcomes: readonly CountedOutcome[],
  failurePercent: number,
): { reason: 'refusal_rate' | 'failure_rate'; message: string } | null {
  const total = outcomes.length;
  if (total < MIN_SAMPLE) return null;
  const refused = outcomes.filter((outcome) => outcome === 'refused').length;
  const failed = outcomes.filter((outcome) => outcome !== 'ok').length;
  if (refused * 100 >= total * Math.min(REFUSED_PERCENT, failurePercent)) {
    const message = `WhatsApp refused ${refused} of the last ${total} messages: sending on would endanger the number.`;
    return { reason: 'refusal_rate', message };
  }
  if (failed * 100 >= total * failurePercent) {
    return { reason: 'failure_rate', message: `${failed} of the last ${total} messages failed.` };
  }
  return null;
}

/** Milliseconds until the next message: never less than asked for, up to 30 % more, so that no rhythm shows. */
export function jitteredDelay(delayMs: number, random: number): number {
  return Math.round(between(delayMs, delayMs * 1.3, random));
}
