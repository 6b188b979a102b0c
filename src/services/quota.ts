/** How many of a thing a tenant may have. */
import { count, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { upsert } from '../db/ops.ts';
import { counters } from '../db/schema.ts';
import type { DbTable } from '../db/types.ts';
import { AppError } from '../utils/errors.ts';

export interface Quota {
  table: DbTable;
  /** which rows of it count */
  where: SQL | undefined;
  max: number;
  /** what the caller is told at `max` */
  refusal: string;
}

/**
 * Makes sure that there is room for one more, until the transaction ends: the tenant's calls take their turn, also
 * those that another process serves. Insert after it. Throws CONFLICT.
 */
export async function takeRoom(tx: Tx, userId: number, quota: Quota): Promise<void> {
  // The write comes first: it is what makes others wait, and the count after it sees what they have committed. It
  // must change the row, or the nodes of a cluster would not notice each other.
  await upsert(tx, counters, { name: `quota:${userId}`, value: 1 }, [counters.name], {
    value: sql`${counters.value} + 1`,
  });
  const [row] = await tx.select({ n: count() }).from(quota.table).where(quota.where);
  if (Number(row?.n ?? 0) >= quota.max) throw new AppError('CONFLICT', quota.refusal);
}
