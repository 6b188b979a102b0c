/** Much work in batches, with turns of the event loop in between, so that nothing else waits for all of it. */
import { yieldToEventLoop } from './event-loop.ts';

/**
 * A list in batches of `size`, in order; a function says how many the batch at an index holds. The loop turns between two
 * batches.
 */
export async function* inBatches<T>(
  items: readonly T[],
  size: number | ((at: number) => number),
): AsyncGenerator<T[]> {
  for (let at = 0; at < items.length; ) {
    if (at > 0) await yieldToEventLoop();
    const batch = items.slice(at, at + Math.max(1, typeof size === 'number' ? size : size(at)));
    yield batch;
    at += batch.length;
  }
}

/**
 * Rows in batches: `read` gives at most `size` rows that follow `last` (null: from the beginning), until there are fewer.
 * The next batch is read after the caller is done with the one before. The loop turns in between; an aborted `signal`
 * ends it there. No batch is empty.
 */
export async function* readBatches<R>(
  size: number,
  read: (last: R | null) => PromiseLike<R[]>,
  signal?: AbortSignal,
): AsyncGenerator<R[]> {
  for (let last: R | null = null; !signal?.aborted; ) {
    const rows: R[] = await read(last);
    if (rows.length > 0) yield rows;
    if (rows.length < size) return;
    last = rows.at(-1) ?? null;
    await yieldToEventLoop();
  }
}

/** A range of a table, by a column that orders it: after one value (null: from the beginning), up to another (null: to the end). */
export interface Range<E> {
  after: E | null;
  upTo: E | null;
}

/**
 * A table in ranges: `findEnd` gives the value that ends the range that follows `after`, or null when the rest is one
 * range. The loop turns between two ranges; an aborted `signal` ends it there.
 */
export async function* inRanges<E>(
  findEnd: (after: E | null) => PromiseLike<E | null>,
  signal?: AbortSignal,
): AsyncGenerator<Range<E>> {
  for (let after: E | null = null; !signal?.aborted; ) {
    const upTo: E | null = await findEnd(after);
    yield { after, upTo };
    if (upTo === null) return;
    after = upTo;
    await yieldToEventLoop();
  }
}

/** Work that uses its rows up: `work` is called until it has found fewer than `size`. The loop turns in between. */
export async function untilUsedUp(size: number, work: () => PromiseLike<number>): Promise<void> {
  while ((await work()) >= size) await yieldToEventLoop();
}
