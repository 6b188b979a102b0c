/** Counters that all processes share: fixed windows of one hour, each spent by a conditional update. */
import { and, eq, lt, lte, sql } from 'drizzle-orm';
import ipaddr from 'ipaddr.js';
import type { Tx } from '../../db/client.ts';
import { affected, tryInsert } from '../../db/ops.ts';
import { rateLimits } from '../../db/schema.ts';
import { tooOften } from './limits.ts';

export const HOUR_MS = 3_600_000;
/** A window that many begin at once is begun by one of them; the others find it at the next try. */
const MAX_TRIES = 5;

export interface Window {
  key: string;
  max: number;
}

export interface SpentWindow {
  key: string;
  windowStart: number;
}

/**
 * Spends `n` of the hour's `max` in the caller's transaction. Exactly `max` get through, whatever runs at the
 * same time. Throws RATE_LIMITED, with nothing spent, when fewer than `n` are left.
 */
export async function spendWindow(tx: Tx, window: Window, now: number, n = 1): Promise<SpentWindow> {
  const windowStart = now - (now % HOUR_MS);
  const { key, max } = window;
  const spent: SpentWindow = { key, windowStart };
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const counted = await tx
      .update(rateLimits)
      .set({ count: sql`${rateLimits.count} + ${n}` })
      .where(
        and(eq(rateLimits.key, key), eq(rateLimits.windowStart, windowStart), lte(rateLimits.count, max - n)),
      );
    if (affected(counted) > 0) return spent;
    const [row] = await tx.select().from(rateLimits).where(eq(rateLimits.key, key));
    if (n > max || (row && row.windowStart >= windowStart)) break;
    const fresh = { windowStart, count: n, expiresAt: windowStart + 2 * HOUR_MS };
    if (row) {
      const begun = await tx
        .update(rateLimits)
        .set(fresh)
        .where(and(eq(rateLimits.key, key), lt(rateLimits.windowStart, windowStart)));
      if (affected(begun) > 0) return spent;
    } else if (await tryInsert(tx, rateLimits, { key, ...fresh })) return spent;
  }
  throw tooOften(
    'Too many in this hour. Try again later.',
    key.split(':')[1] ?? key,
    windowStart + HOUR_MS - now,
  );
}

/** Gives `n` back, if their window still runs. */
export async function refundWindow(tx: Tx, { key, windowStart }: SpentWindow, n = 1): Promise<void> {
  await tx
    .update(rateLimits)
    .set({ count: sql`${rateLimits.count} - ${n}` })
    .where(and(eq(rateLimits.key, key), eq(rateLimits.windowStart, windowStart)));
}

/**
 * An end user's address as limits see it: an IPv6 customer holds a whole /64, and an IPv4 address that was written as
 * IPv6 (`::ffff:203.0.113.9`, as Node's servers tell it) is that IPv4 address.
 */
export function addressKey(ip: string): string {
  const address = ipaddr.process(ip);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  const network = address.parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(':')}::/64`;
}
