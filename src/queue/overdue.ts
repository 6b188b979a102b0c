/**
 * Messages whose time ran out while they waited, or while their answer was awaited after an end: also those of sessions that no
 * process serves.
 */
import { and, asc, eq, gt, lte, or } from 'drizzle-orm';
import { inRanges } from '../db/batches.ts';
import { messageQueue } from '../db/schema.ts';
import type { QueueDeps } from './deps.ts';
import { awaitsAnswer } from './take-off.ts';

/** Rows looked at in one statement: some milliseconds without an index on the expiry, which every insert would pay. */
const BATCH_SIZE = 2_000;

/** The ids of all overdue rows. A pass over the whole queue is many small reads, and ends at `signal`. */
export async function* findOverdue({ db, clock }: QueueDeps, signal: AbortSignal): AsyncGenerator<string[]> {
  const { id, status, expiresAt } = messageQueue;
  const ranges = inRanges<string>(async (after) => {
    const rows = db
      .select({ id })
      .from(messageQueue)
      .where(gt(id, after ?? ''));
    const [end] = await rows
      .orderBy(asc(id))
      .limit(1)
      .offset(BATCH_SIZE - 1);
    return end?.id ?? null;
  }, signal);
  for await (const { after, upTo } of ranges) {
    const inRange = and(gt(id, after ?? ''), upTo === null ? undefined : lte(id, upTo));
    const rows = await db
      .select({ id })
      .from(messageQueue)
      .where(and(inRange, or(eq(status, 'pending'), awaitsAnswer), lte(expiresAt, clock.now())));
    yield rows.map((row) => row.id);
  }
}
