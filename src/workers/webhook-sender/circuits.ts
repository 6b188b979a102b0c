/** A receiver that is down is asked seldom, so that it takes no room from the others. */

import { jitteredBackoffMs } from '../../utils/backoff.ts';
import type { Clock } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';

export interface Circuits {
  /** How many deliveries the webhook may have at once now: `full`, 1 (trying whether it is back), or 0. */
  limit(webhookId: string, full: number): number;
  /** True when an answer of this webhook would only tell whether it is back. */
  isProbing(webhookId: string): boolean;
  /** Until when it is not asked, epoch milliseconds; null: it may be. */
  openUntil(webhookId: string): number | null;
  /** Notes an attempt. True when the circuit opened (again). */
  report(webhookId: string, reachable: boolean): boolean;
}

/** Failures in a row, over all lanes of a webhook. */
const OPEN_AFTER = 5;
const PAUSE = { firstMs: 10_000, maxMs: 5 * MINUTE_MS };
/** Webhooks that are remembered as failing; the oldest is forgotten first. */
const MAX_ENTRIES = 10_000;

interface Entry {
  failures: number;
  /** how often it opened without a success in between */
  openings: number;
  openUntil: number;
}

/** Makes the circuits of this process; only webhooks that fail have one. */
export function createCircuits(clock: Clock, random: () => number): Circuits {
  const entries = new Map<string, Entry>();
  return {
    limit(webhookId, full) {
      const entry = entries.get(webhookId);
      if (!entry || entry.openings === 0) return full;
      return entry.openUntil > clock.now() ? 0 : 1;
    },
    openUntil(webhookId) {
      const until = entries.get(webhookId)?.openUntil ?? 0;
      return until > clock.now() ? until : null;
    },
    isProbing: (webhookId) => (entries.get(webhookId)?.openings ?? 0) > 0,
    report(webhookId, reachable) {
      if (reachable) {
        entries.delete(webhookId);
        return false;
      }
      const entry = entries.get(webhookId) ?? { failures: 0, openings: 0, openUntil: 0 };
      entries.delete(webhookId);
      entries.set(webhookId, entry);
      const [oldest] = entries.keys();
      if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
      entry.failures += 1;
      const now = clock.now();
      // Deliveries that were under way when it opened say nothing new.
      if (entry.failures < OPEN_AFTER || entry.openUntil > now) return false;
      entry.openings += 1;
      entry.openUntil = now + jitteredBackoffMs(PAUSE, entry.openings, random());
      return true;
    },
  };
}
