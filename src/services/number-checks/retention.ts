/** Forgetting checks of numbers that are over. */
import { asc, eq, inArray, lt } from 'drizzle-orm';
import { untilUsedUp } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { deleteInBatches } from '../../db/ops.ts';
import { numberCheckItems, numberCheckJobs } from '../../db/schema.ts';

/** Jobs of one round: with 1,000 numbers each. */
const BATCH_SIZE = 20;

/** Deletes jobs that were made before a time, with their numbers; how many jobs went. One that still runs goes too. */
export async function forgetNumberChecks(
  db: Db,
  { before, signal }: { before: number; signal?: AbortSignal },
): Promise<number> {
  let gone = 0;
  await untilUsedUp(BATCH_SIZE, async () => {
    const rows = await db
      .select({ id: numberCheckJobs.id })
      .from(numberCheckJobs)
      .where(lt(numberCheckJobs.createdAt, before))
      .orderBy(asc(numberCheckJobs.createdAt))
      .limit(BATCH_SIZE);
    const ids = rows.map(({ id }) => id);
    if (ids.length === 0 || signal?.aborted) return 0;
    for (const id of ids) {
      await deleteInBatches(db, {
        table: numberCheckItems,
        key: numberCheckItems.position,
        where: eq(numberCheckItems.jobId, id),
        ...(signal ? { signal } : {}),
      });
    }
    if (signal?.aborted) return 0;
    await db.delete(numberCheckJobs).where(inArray(numberCheckJobs.id, ids));
    gone += ids.length;
    return ids.length;
  });
  return gone;
}
