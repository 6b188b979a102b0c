/** Callers of the same moment share one transaction: the commit, and what belongs to all of them, is paid once. */
import { isUnavailable } from '../../db/ops.ts';
import { inCleanContext } from '../../db/scope.ts';

/** Items of one transaction: about 10 ms of work, so that the event loop is never held for longer. */
const MAX_BATCH = 50;
/** Transactions at a time: one that waits for a lock must not stop the others. */
const MAX_FLUSHES = 2;

interface Waiting<T, R> {
  item: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/**
 * Makes a function of one item out of one that does many in one transaction and answers each, in order. When a
 * batch fails its items are done one by one, so that nobody fails for another's sake.
 */
export function batched<T, R>(run: (items: readonly T[]) => Promise<R[]>): (item: T) => Promise<R> {
  const add = createLine(run);
  return (item) => new Promise((resolve, reject) => add({ item, resolve, reject }));
}

function createLine<T, R>(run: (items: readonly T[]) => Promise<R[]>): (waiting: Waiting<T, R>) => void {
  const waiting: Waiting<T, R>[] = [];
  let flushes = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || flushes >= MAX_FLUSHES || waiting.length === 0) return;
    scheduled = true;
    // The other requests of this turn of the loop join in.
    inCleanContext(() =>
      setImmediate(() => {
        scheduled = false;
        flushes++;
        void flush(run, waiting.splice(0, MAX_BATCH)).finally(() => {
          flushes--;
          schedule();
        });
        schedule();
      }),
    );
  }
  return (item) => {
    waiting.push(item);
    schedule();
  };
}

async function flush<T, R>(
  run: (items: readonly T[]) => Promise<R[]>,
  batch: readonly Waiting<T, R>[],
): Promise<void> {
  try {
    const results = await run(batch.map(({ item }) => item));
    for (const [index, result] of results.entries()) batch[index]?.resolve(result);
  } catch (error) {
    if (batch.length > 1 && !isUnavailable(error)) {
      for (const one of batch) await flush(run, [one]);
      return;
    }
    for (const { reject } of batch) reject(error);
  }
}
