/** Much work in batches, with turns of the event loop in between, so that nothing else waits for all of it. */
import { yieldToEventLoop } from './event-loop.ts';

/** A list in batches of `size`, in order. The loop turns between two batches. */
export async function* inBatches<T>(items: readonly T[], size: number): AsyncGenerator<T[]> {
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await yieldToEventLoop();
    yield items.slice(at, at + size);
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
