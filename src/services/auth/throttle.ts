/** Slows guessing of passwords down, for all processes at once; auth/verbs.ts says what is counted. */

import { eq } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { incoming, transact, upsert } from '../../db/ops.ts';
import { rateLimits } from '../../db/schema.ts';
import { addressGroup } from '../../utils/address.ts';
import { backoffMs } from '../../utils/backoff.ts';
import { type Clock, FUTURE_MS } from '../../utils/clock.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { createLru } from '../../utils/lru.ts';
import type { Ctx } from '../context.ts';

/** An address may be a whole office. */
const FREE_PER_ADDRESS = 20;

/** One thing whose failures are counted. */
export interface Throttle {
  key: string;
  /** failures that cost nothing */
  free: number;
}

/** After the free ones each further failure doubles the lock: 1 s, 2 s, 4 s … */
const FIRST_LOCK_MS = 1000;
/** Longer would let a stranger keep an owner out of the own account. */
const MAX_LOCK_MS = 900_000;
/** A day without failures and all is forgotten. */
const FORGET_MS = DAY_MS;
/** So long after the last failure one is forgiven, and another each time: a wrong one now and then never adds up. */
const FORGIVE_MS = 300_000;

/** The counter of the caller's address, whichever account it tries. */
export function addressThrottle({ ip }: Pick<Ctx, 'ip'>): Throttle {
  return { key: `login:address:${addressGroup(ip)}`, free: FREE_PER_ADDRESS };
}

/** How long after its last failure a subject with this many failures is locked. */
export function lockMs(failures: number, free: number): number {
  if (failures < free) return 0;
  return backoffMs({ firstMs: FIRST_LOCK_MS, maxMs: MAX_LOCK_MS }, failures - free + 1);
}

/**
 * Counts an attempt before it is made, so that many at once cannot slip through; `forgetFailures` after a good
 * one. Throws RATE_LIMITED, counting nothing, while one of the subjects or of the `watched` is locked. Subjects in the
 * same order everywhere: calls wait for one another by them.
 */
export async function countAttempt(
  db: Db,
  counted: readonly Throttle[],
  watched: readonly Throttle[],
  now: number,
): Promise<void> {
  await transact(db, async (tx) => {
    for (const throttle of watched) refuseLocked(await readFailures(tx, throttle, now), now);
    for (const throttle of counted) refuseLocked(await addFailure(tx, throttle, now), now);
  });
}

/** Throws RATE_LIMITED while the subject is locked. */
export async function checkThrottle(db: Db, throttle: Throttle, now: number): Promise<void> {
  refuseLocked(await readFailures(db, throttle, now), now);
}

/** Counts a failure that has happened. */
export async function countFailure(db: Db, throttle: Throttle, now: number): Promise<void> {
  await transact(db, (tx) => addFailure(tx, throttle, now));
}

/** The attempt was good: its subject starts again from nothing. */
export async function forgetFailures(db: Db, throttle: Throttle): Promise<void> {
  await db.delete(rateLimits).where(eq(rateLimits.key, throttle.key));
}

/** Locks that this process was told of a moment ago. */
export interface Locks {
  /**
   * What `work` answers. When it was refused because of a lock, it is not begun again for a second, or for as long as the
   * lock lasts, when `who` comes again: whoever goes on trying costs the database nothing. Throws RATE_LIMITED then.
   */
  guard<R>(who: string, work: () => Promise<R>): Promise<R>;
}

/** As long as this process may go on believing what others have changed. */
const LOCK_AGE_MS = 1000;
const MAX_LOCKS = 10_000;

export function createLocks({ clock }: { clock: Clock }): Locks {
  const known = createLru<string, { lockedUntil: number; believedUntilMs: number }>({ max: MAX_LOCKS });
  return {
    async guard(who, work) {
      const lock = known.get(who);
      if (lock && clock.monotonic() < lock.believedUntilMs) refuseLocked(lock, clock.now());
      try {
        return await work();
      } catch (error) {
        if (error instanceof Locked) {
          const { lockedUntil } = error;
          known.set(who, { lockedUntil, believedUntilMs: clock.monotonic() + LOCK_AGE_MS });
        }
        throw error;
      }
    },
  };
}

interface Failures {
  count: number;
  /** epoch milliseconds; in the past when it is not locked */
  lockedUntil: number;
}

async function readFailures(db: Db, { key, free }: Throttle, now: number): Promise<Failures> {
  const [row] = await db
    .select({ count: rateLimits.count, lastAt: rateLimits.windowStart })
    .from(rateLimits)
    .where(eq(rateLimits.key, key));
  if (!row || row.lastAt + FORGET_MS <= now) return { count: 0, lockedUntil: 0 };
  // Counted by a clock that was ahead: it must not lock anybody out until that time comes.
  if (row.lastAt > now + FUTURE_MS) return { count: row.count, lockedUntil: 0 };
  const lockedUntil = row.lastAt + lockMs(row.count, free);
  const forgiven = Math.floor(Math.max(0, now - row.lastAt) / FORGIVE_MS);
  return { count: Math.max(0, row.count - forgiven), lockedUntil };
}

/** Adds one; what was known before it. */
async function addFailure(tx: Tx, throttle: Throttle, now: number): Promise<Failures> {
  // The write comes first: it makes others with the same key wait for us.
  await touch(tx, throttle.key, now);
  const before = await readFailures(tx, throttle, now);
  await tx
    .update(rateLimits)
    .set({ count: before.count + 1, windowStart: now, expiresAt: now + FORGET_MS })
    .where(eq(rateLimits.key, throttle.key));
  return before;
}

function refuseLocked({ lockedUntil }: Pick<Failures, 'lockedUntil'>, now: number): void {
  if (lockedUntil > now) throw new Locked(lockedUntil, now);
}

function touch(tx: Tx, key: string, now: number): Promise<void> {
  const row = { key, windowStart: now, count: 0, expiresAt: now + FORGET_MS };
  return upsert(tx, rateLimits, row, [rateLimits.key], { expiresAt: incoming(rateLimits.expiresAt) });
}

class Locked extends AppError {
  readonly lockedUntil: number;

  constructor(lockedUntil: number, now: number) {
    super('RATE_LIMITED', 'Too many failed attempts: wait before you try again.', {
      retryAfterSeconds: Math.ceil((lockedUntil - now) / 1000),
    });
    this.lockedUntil = lockedUntil;
  }
}
