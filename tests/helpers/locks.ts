/** Rows that somebody keeps locked, as a process that stands still in a transaction would. On MySQL and MariaDB alone. */
import type { Database, Db, Tx } from '../../src/db/client.ts';
import { transact } from '../../src/db/ops.ts';
import { inCleanContext } from '../../src/db/scope.ts';

/** Less than whoever waits for a lock waits (LOCK_WAIT_SECONDS). */
export const SOON_MS = 5_000;

/** Keeps what `lock` locks until `work` has ended; how long that took, in ms. */
export function whileLocked(
  db: Database | Db,
  lock: (tx: Tx) => Promise<unknown>,
  work: () => Promise<unknown>,
): Promise<number> {
  return transact(db, async (tx) => {
    await lock(tx);
    const startedMs = performance.now();
    await inCleanContext(work);
    return performance.now() - startedMs;
  });
}
