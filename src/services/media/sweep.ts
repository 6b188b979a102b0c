/** Removes unused files: those past their time, and those that interrupted requests left behind. */

import { inArray, lte } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import { deleteInBatches } from '../../db/ops.ts';
import { media, numberChecks } from '../../db/schema.ts';
import type { Deps } from '../context.ts';
import { removeStale } from './staging.ts';

export type SweepDeps = Pick<Deps, 'config' | 'clock' | 'db' | 'storage'>;

const BATCH_SIZE = 200;

/** Removes files and then their rows; how many. Safe in several processes at once. Throws UNAVAILABLE. */
export async function sweepMedia(deps: SweepDeps, signal?: AbortSignal): Promise<number> {
  const now = deps.clock.now();
  await removeStale(deps);
  await deleteInBatches(deps.db, {
    table: numberChecks,
    key: numberChecks.key,
    where: lte(numberChecks.expiresAt, now),
    ...(signal ? { signal } : {}),
  });
  let removed = 0;
  const read = () =>
    deps.db
      .select({ id: media.id, key: media.storageKey })
      .from(media)
      .where(lte(media.expiresAt, now))
      .limit(BATCH_SIZE);
  for await (const rows of readBatches(BATCH_SIZE, read, signal)) {
    // The file first: a row without a file is found again, a file without a row is not.
    await Promise.all(rows.map((row) => deps.storage.remove(row.key)));
    await deps.db.delete(media).where(
      inArray(
        media.id,
        rows.map((row) => row.id),
      ),
    );
    removed += rows.length;
  }
  return removed;
}
