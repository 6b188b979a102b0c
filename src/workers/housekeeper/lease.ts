/** One process keeps house at a time: a row of `settings` says which, and its time how long ago it said so. */

import { and, eq, gt, lte, or } from 'drizzle-orm';
import type { Database } from '../../db/client.ts';
import { affected, tryInsert } from '../../db/ops.ts';
import { settings } from '../../db/schema.ts';
import { MINUTE_MS } from '../../utils/durations.ts';

/** Longer than a stalled Galera node stops writers (6.4 s), and than a piece of work takes by far. */
export const LEASE_MS = MINUTE_MS;
const NAME = 'housekeeper';

export interface Lease {
  /** Takes or renews it; false while another process has it. Times are the database's. */
  take(): Promise<boolean>;
  /** Another process may take it at once. */
  release(): Promise<void>;
}

/** The lease in the name of `owner`. */
export function createLease(database: Database, owner: string): Lease {
  const { db } = database;
  const mine = eq(settings.value, { owner });
  return {
    async take() {
      const now = await database.now();
      // A time of the future is one of a clock that was ahead.
      const free = or(mine, lte(settings.updatedAt, now - LEASE_MS), gt(settings.updatedAt, now + LEASE_MS));
      const taken = await db
        .update(settings)
        .set({ value: { owner }, updatedAt: now })
        .where(and(eq(settings.name, NAME), free));
      if (affected(taken) === 1) return true;
      return tryInsert(db, settings, { name: NAME, value: { owner }, updatedAt: now });
    },
    async release() {
      await db
        .update(settings)
        .set({ updatedAt: 0 })
        .where(and(eq(settings.name, NAME), mine));
    },
  };
}
