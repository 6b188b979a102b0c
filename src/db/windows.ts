/** Counters that all processes share: fixed windows of time, each spent by a conditional update. */
import { and, eq, lt, lte, sql } from 'drizzle-orm';
import { FUTURE_MS } from '../utils/clock.ts';
import { affected, preparedWrite, tryInsert } from './ops.ts';
import { rateLimits } from './schema.ts';
import type { Db } from './types.ts';

/** A window that many begin at once is begun by one of them; the others find it at the next try. */
const MAX_TRIES = 5;

export interface SharedWindow {
  key: string;
  max: number;
  windowMs: number;
}

export interface SpentWindow {
  key: string;
  /** epoch ms */
  windowStart: number;
}

const spend = preparedWrite<{ key: string; windowStart: number; n: number; atMost: number }>((db) =>
  db
    .update(rateLimits)
    .set({ count: sql`${rateLimits.count} + ${sql.placeholder('n')}` })
    .where(
      and(
        eq(rateLimits.key, sql.placeholder('key')),
        eq(rateLimits.windowStart, sql.placeholder('windowStart')),
        lte(rateLimits.count, sql.placeholder('atMost')),
      ),
    ),
);

/**
 * Spends `n` of the window's `max`. Exactly `max` get through, whatever runs at the same time; in a transaction it is
 * undone with it. Null, with nothing spent, when fewer than `n` are left.
 */
export async function spendFromWindow(
  db: Db,
  { key, max, windowMs }: SharedWindow,
  now: number,
  n = 1,
): Promise<SpentWindow | null> {
  let windowStart = now - (now % windowMs);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const spent: SpentWindow = { key, windowStart };
    if (affected(await spend(db, { key, windowStart, n, atMost: max - n })) > 0) return spent;
    const [row] = await db.select().from(rateLimits).where(eq(rateLimits.key, key));
    if (n > max) break;
    if (row && row.windowStart > windowStart) {
      // The next window has begun by another host's clock: this one joins it.
      if (row.windowStart <= now + FUTURE_MS) windowStart = row.windowStart;
      else await bringBack(db, row, { windowStart, windowMs });
      continue;
    }
    // Begun by another since: it may have room.
    if (row?.windowStart === windowStart && row.count <= max - n) continue;
    if (row && row.windowStart === windowStart) break;
    const fresh = { windowStart, count: n, expiresAt: windowStart + 2 * windowMs };
    if (row) {
      const begun = await db
        .update(rateLimits)
        .set(fresh)
        .where(and(eq(rateLimits.key, key), lt(rateLimits.windowStart, windowStart)));
      if (affected(begun) > 0) return spent;
    } else if (await tryInsert(db, rateLimits, { key, ...fresh })) return spent;
  }
  return null;
}

/** A window that a clock began ahead of time: what was spent in it counts in the one of now. */
async function bringBack(
  db: Db,
  row: SpentWindow,
  { windowStart, windowMs }: { windowStart: number; windowMs: number },
): Promise<void> {
  await db
    .update(rateLimits)
    .set({ windowStart, expiresAt: windowStart + 2 * windowMs })
    .where(and(eq(rateLimits.key, row.key), eq(rateLimits.windowStart, row.windowStart)));
}

/** How far a window is: a text that is another one after each spending. Empty before the first. */
export async function stampOfWindow(db: Db, key: string): Promise<string> {
  const [row] = await db.select().from(rateLimits).where(eq(rateLimits.key, key));
  return row ? `${row.windowStart}.${row.count}` : '';
}

/** Gives `n` back, if their window still runs. */
export async function refundWindow(db: Db, { key, windowStart }: SpentWindow, n = 1): Promise<void> {
  await db
    .update(rateLimits)
    .set({ count: sql`${rateLimits.count} - ${n}` })
    .where(and(eq(rateLimits.key, key), eq(rateLimits.windowStart, windowStart)));
}
