/** Forgetting what workspaces used long ago. */
import { asc, eq, lt } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { usageCounts } from '../db/schema.ts';
import { deleteOld } from './retention.ts';

/**
 * Deletes the counts of the months that were over at `before`, epoch milliseconds: months whole, so that a month that is told
 * is told in full. How many rows went.
 */
export async function forgetUsage(
  db: Db,
  { before, signal }: { before: number; signal: AbortSignal },
): Promise<number> {
  const { period, userId } = usageCounts;
  // Days of a month come after the month itself, and before the next one.
  const month = new Date(before).toISOString().slice(0, 7);
  let gone = 0;
  while (!signal.aborted) {
    const [oldest] = await db
      .select({ period })
      .from(usageCounts)
      .where(lt(period, month))
      .orderBy(asc(period))
      .limit(1);
    if (oldest === undefined) break;
    // A day of all workspaces may be too much for one statement.
    const where = eq(period, oldest.period);
    gone += await deleteOld(db, {
      table: usageCounts,
      by: userId,
      before: Number.MAX_SAFE_INTEGER,
      where,
      signal,
    });
  }
  return gone;
}
