/**
 * A session's exact sliding windows. They live in the owner's memory; `send_attempts` is what they are rebuilt
 * from, so a restart can over-count (an attempt that was counted and never left) but never under-count.
 */

import { and, desc, eq, gt } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { sendAttempts } from '../db/schema.ts';
import { HOUR_MS, MINUTE_MS } from '../utils/durations.ts';
import { capOf, type Pace } from './pace.ts';
import type { Priority } from './priority.ts';

/** Spent entries are dropped from the front in pieces of this many: moving an array costs. */
const COMPACT_AT = 1_000;

export type LimitReason = 'minute_limit' | 'hour_limit' | 'quiet_hours';

export interface SpentAttempt {
  /** of the send_attempts row, once there is one */
  id?: string;
  /** when it left; until that is known, when it was begun */
  at: number;
  recipient: string;
}

export interface Limits {
  /** When the session's own windows let an attempt of this priority through, and which window is in the way. */
  nextAllowedAt(now: number, priority: Priority): { at: number; reason: LimitReason | null };
  /**
   * The same for the window of one recipient alone, who may have several JIDs. With `places` when there is room for so many
   * attempts, or for as many as the window ever has.
   */
  recipientAllowedAt(now: number, priority: Priority, jids: readonly string[], places?: number): number;
  /** False where the recipient's window can hold nothing that the hour does not. */
  limitsRecipients(priority: Priority): boolean;
  /** Spends one attempt of every window, left at its time. Times must not go back. */
  spend(attempt: SpentAttempt): void;
  /** Takes a place in every window for an attempt that is being prepared, and keeps it until `left` or `giveBack`. */
  begin(attempt: SpentAttempt): void;
  /** An attempt that was begun has left, at `at` or before: each window counts from then on. */
  left(attempt: SpentAttempt, at: number): void;
  /** Gives back an attempt that provably sent nothing. */
  giveBack(attempt: SpentAttempt): void;
  setPace(pace: Pace): void;
  /** Time at which the newest attempt was begun or left, or null: the gap begins there. */
  lastAt(): number | null;
}

/**
 * Makes the windows from the attempts of the last hour, oldest first. High priority may spend all of a window;
 * the others stop when what is left is the reserve, whoever has spent the rest.
 */
export function createLimits(pace: Pace, attempts: readonly SpentAttempt[] = []): Limits {
  let current = pace;
  const spent: SpentAttempt[] = [];
  let first = 0;
  const byRecipient = new Map<string, number[]>();
  const begun = new Set<SpentAttempt>();
  let lastAt: number | null = null;

  function prune(now: number): void {
    while (first < spent.length) {
      const oldest = spent[first];
      if (oldest === undefined || oldest.at > now - HOUR_MS) break;
      forget(oldest);
      first++;
    }
    if (first >= COMPACT_AT) {
      spent.splice(0, first);
      first = 0;
    }
  }

  function forget({ at, recipient }: SpentAttempt): void {
    const times = byRecipient.get(recipient);
    const index = times?.indexOf(at) ?? -1;
    if (times === undefined || index < 0) return;
    times.splice(index, 1);
    if (times.length === 0) byRecipient.delete(recipient);
  }

  /** In order. Most have one JID, and nothing is copied for these. */
  function timesOf(jids: readonly string[]): readonly number[] {
    const all = jids.flatMap((jid) => {
      const times = byRecipient.get(jid);
      return times ? [times] : [];
    });
    return all.length > 1 ? all.flat().sort((a, b) => a - b) : (all[0] ?? []);
  }

  function note(at: number): void {
    lastAt = Math.max(lastAt ?? 0, at);
  }

  function spend(attempt: SpentAttempt): void {
    note(attempt.at);
    spent.push(attempt);
    const times = byRecipient.get(attempt.recipient);
    if (times) times.push(attempt.at);
    else byRecipient.set(attempt.recipient, [attempt.at]);
  }

  /**
   * Times are in order, so the entry `cap` places from the end decides when the window has room again. What is still
   * being prepared leaves now at the earliest.
   */
  function freeAt(
    timeFromEnd: (n: number) => number | undefined,
    {
      cap,
      inPreparation,
      now,
      windowMs,
    }: { cap: number; inPreparation: number; now: number; windowMs: number },
  ): number {
    if (inPreparation >= cap) return now + windowMs;
    const blocking = timeFromEnd(cap - inPreparation);
    return blocking === undefined ? Number.NEGATIVE_INFINITY : blocking + windowMs;
  }
  const spentFromEnd = (n: number) => (spent.length - n >= first ? spent[spent.length - n]?.at : undefined);

  for (const attempt of attempts) spend(attempt);
  return {
    nextAllowedAt(now, priority) {
      prune(now);
      const window = (limit: number, windowMs: number) =>
        freeAt(spentFromEnd, {
          cap: capOf(limit, current, priority),
          inPreparation: begun.size,
          now,
          windowMs,
        });
      const minute = window(current.perMinute, MINUTE_MS);
      const hour = window(current.perHour, HOUR_MS);
      if (minute <= now && hour <= now) return { at: now, reason: null };
      return hour >= minute ? { at: hour, reason: 'hour_limit' } : { at: minute, reason: 'minute_limit' };
    },
    recipientAllowedAt(now, priority, jids, places = 1) {
      prune(now);
      const times = timesOf(jids);
      const fromEnd = (n: number) => times[times.length - n];
      const inPreparation = [...begun].filter((one) => jids.includes(one.recipient)).length;
      const whole = capOf(current.perRecipientPerHour, current, priority);
      const cap = whole - Math.min(whole, places) + 1;
      return Math.max(now, freeAt(fromEnd, { cap, inPreparation, now, windowMs: HOUR_MS }));
    },
    limitsRecipients: (priority) =>
      capOf(current.perRecipientPerHour, current, priority) < capOf(current.perHour, current, priority),
    spend,
    begin(attempt) {
      note(attempt.at);
      begun.add(attempt);
    },
    left(attempt, at) {
      if (!begun.delete(attempt)) return;
      attempt.at = Math.max(at, spent.at(-1)?.at ?? 0);
      spend(attempt);
    },
    giveBack(attempt) {
      if (begun.delete(attempt)) return;
      const index = spent.lastIndexOf(attempt);
      if (index < first) return;
      spent.splice(index, 1);
      forget(attempt);
    },
    setPace(next) {
      current = next;
    },
    lastAt: () => lastAt,
  };
}

/** Reads the newest `atMost` attempts of the last hour, oldest first: as many as the service's widest window holds. */
export async function readSpent(
  db: Db,
  accountId: string,
  now: number,
  atMost: number,
): Promise<SpentAttempt[]> {
  const rows = await db
    .select({ id: sendAttempts.id, at: sendAttempts.at, recipient: sendAttempts.recipient })
    .from(sendAttempts)
    .where(and(eq(sendAttempts.accountId, accountId), gt(sendAttempts.at, now - HOUR_MS)))
    .orderBy(desc(sendAttempts.at))
    .limit(atMost);
  // A time in the future is one of a clock that was ahead: it counts as now.
  return rows.reverse().map(({ id, at, recipient }) => ({ id, at: Math.min(at, now), recipient }));
}
