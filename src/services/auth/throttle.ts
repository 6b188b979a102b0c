/** Slows guessing of passwords down, per account and per address, for all processes at once. */
import { inArray, sql } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { affected, incoming, transact, upsert } from '../../db/ops.ts';
import { rateLimits } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';

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
const FORGET_MS = 86_400_000;

/** How long after its last failure a subject with this many failures is locked. */
export function lockMs(failures: number, free: number): number {
  if (failures < free) return 0;
  return Math.min(MAX_LOCK_MS, FIRST_LOCK_MS * 2 ** Math.min(failures - free, 20));
}

/**
 * Counts an attempt against every throttle before it is made, so that many at once cannot slip through.
 * Throws RATE_LIMITED, counting nothing, while one of them is locked. Give it back with `refund` on success.
 */
export async function countAttempt(db: Db, throttles: readonly Throttle[], now: number): Promise<void> {
  await transact(db, async (tx) => {
    for (const { key, free } of [...throttles].sort(byKey)) {
      // The write comes first: it makes others with the same key wait for us.
      await touch(tx, key, now);
      const [row] = await tx
        .select({ failures: rateLimits.count, lastAt: rateLimits.windowStart })
        .from(rateLimits)
        .where(inArray(rateLimits.key, [key]));
      const stale = !row || row.lastAt + FORGET_MS <= now;
      const failures = stale ? 0 : row.failures;
      const lockedUntil = stale ? 0 : row.lastAt + lockMs(failures, free);
      if (lockedUntil > now) throw locked(lockedUntil - now);
      await tx
        .update(rateLimits)
        .set({ count: failures + 1, windowStart: now, expiresAt: now + FORGET_MS })
        .where(inArray(rateLimits.key, [key]));
    }
  });
}

/** The attempt was good: `forget` starts again from nothing, the others get back the one they were charged. */
export async function refundAttempt(
  db: Db,
  forget: readonly Throttle[],
  others: readonly Throttle[],
): Promise<void> {
  const keys = (throttles: readonly Throttle[]) => throttles.map(({ key }) => key).sort();
  await transact(db, async (tx) => {
    const gone = affected(await tx.delete(rateLimits).where(inArray(rateLimits.key, keys(forget))));
    if (gone === 0 && others.length === 0) return;
    await tx
      .update(rateLimits)
      .set({ count: sql`case when ${rateLimits.count} > 0 then ${rateLimits.count} - 1 else 0 end` })
      .where(inArray(rateLimits.key, keys(others)));
  });
}

function touch(tx: Tx, key: string, now: number): Promise<void> {
  const row = { key, windowStart: now, count: 0, expiresAt: now + FORGET_MS };
  return upsert(tx, rateLimits, row, [rateLimits.key], { expiresAt: incoming(rateLimits.expiresAt) });
}

function locked(ms: number): AppError {
  return new AppError('RATE_LIMITED', 'Too many failed attempts: wait before you try again.', {
    retryAfterSeconds: Math.ceil(ms / 1000),
  });
}

const byKey = (a: Throttle, b: Throttle) => (a.key < b.key ? -1 : 1);
