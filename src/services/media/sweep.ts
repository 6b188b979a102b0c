/** Removes unused files: those past their time, and those that interrupted requests left behind. */

import { and, asc, inArray, lte } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import { isAfter } from '../../db/keyset.ts';
import { deleteInBatches } from '../../db/ops.ts';
import { media, numberChecks } from '../../db/schema.ts';
import { StorageError } from '../../utils/storage/storage.ts';
import type { Deps } from '../context.ts';
import { removeStale } from './staging.ts';

export type SweepDeps = Pick<Deps, 'config' | 'clock' | 'db' | 'storage'>;

const BATCH_SIZE = 200;

/**
 * Removes files and then their rows; how many. A file that the storage refuses to remove holds up no other: it is tried again
 * the next time. Safe in several processes at once. Throws UNAVAILABLE for the first that could not be removed, at once where
 * the storage is away.
 */
export async function sweepMedia(deps: SweepDeps, signal?: AbortSignal): Promise<number> {
  const now = deps.clock.now();
  await removeStale(deps);
  await deleteInBatches(deps.db, {
    table: numberChecks,
    key: numberChecks.key,
    where: lte(numberChecks.expiresAt, now),
    by: [numberChecks.expiresAt],
    ...(signal ? { signal } : {}),
  });
  let removed = 0;
  let first: PromiseRejectedResult | null = null;
  const { id, storageKey: key, expiresAt } = media;
  const read = (last: { id: string; expiresAt: number } | null) =>
    deps.db
      .select({ id, key, expiresAt })
      .from(media)
      .where(and(lte(expiresAt, now), isAfter([expiresAt, id], last && [last.expiresAt, last.id])))
      .orderBy(asc(expiresAt), asc(id))
      .limit(BATCH_SIZE);
  for await (const rows of readBatches(BATCH_SIZE, read, signal)) {
    // The file first: a row without a file is found again, a file without a row is not.
    const ends = await Promise.allSettled(rows.map((row) => deps.storage.remove(row.key)));
    const gone = rows.filter((_, at) => ends[at]?.status === 'fulfilled').map((row) => row.id);
    if (gone.length > 0) await deps.db.delete(media).where(inArray(id, gone));
    removed += gone.length;
    const failed = ends.filter((end) => end.status === 'rejected');
    first ??= failed[0] ?? null;
    if (failed.some(({ reason }) => reason instanceof StorageError && reason.trouble === 'away')) break;
  }
  if (first !== null) throw first.reason;
  return removed;
}
