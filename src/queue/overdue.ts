/** Messages whose time ran out while they waited: also those of sessions that nobody serves. */
import { and, asc, eq, gt, lte } from 'drizzle-orm';
import { messageQueue } from '../db/schema.ts';
import type { QueueDeps } from './deps.ts';

/** Rows looked at in one statement: some milliseconds without an index on the expiry, which every insert would pay. */
const BATCH_SIZE = 2_000;

/**
 * The ids of overdue rows after `after` (an id, '' to begin) and where to go on; `next` is null at the end.
 * A pass over the whole queue is many small reads.
 */
export async function findOverdue(
  deps: QueueDeps,
  after: string,
  now: number,
): Promise<{ ids: string[]; next: string | null }> {
  const [end] = await deps.db
    .select({ id: messageQueue.id })
    .from(messageQueue)
    .where(gt(messageQueue.id, after))
    .orderBy(asc(messageQueue.id))
    .limit(1)
    .offset(BATCH_SIZE - 1);
  const rows = await deps.db
    .select({ id: messageQueue.id })
    .from(messageQueue)
    .where(
      and(
        gt(messageQueue.id, after),
        end ? lte(messageQueue.id, end.id) : undefined,
        eq(messageQueue.status, 'pending'),
        lte(messageQueue.expiresAt, now),
      ),
    );
  return { ids: rows.map((row) => row.id), next: end?.id ?? null };
}
