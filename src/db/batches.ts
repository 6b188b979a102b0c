/** Much work in batches, with turns of the event loop in between, so that nothing else waits for all of it. */
import { inTurn, monotonicMs, yieldToEventLoop } from './event-loop.ts';

/** How long a batch may hold what others wait for: a writer, rows, the event loop. */
const TARGET_MS = 10;
/** Fewer rows would cost more in transactions than in work. */
const MIN_ROWS = 20;

export interface BatchSize {
  /** of the next batch */
  readonly rows: number;
  /** So many rows took so long. */
  took(rows: number, ms: number): void;
}

/** Finds how many rows take about 10 ms on this machine, whatever else it does: from few up to `max`, `first` of them at first. */
export function createBatchSize(max: number, first = 5 * MIN_ROWS): BatchSize {
  let size = Math.min(max, first);
  return {
    get rows() {
      return size;
    },
    took(rows, ms) {
      // A batch that was not full tells little.
      if (rows < MIN_ROWS) return;
      const fitting = Math.floor((rows * TARGET_MS) / Math.max(ms, 0.1));
      size = Math.min(max, Math.max(MIN_ROWS, Math.min(fitting, 2 * size)));
    },
  };
}

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

/** How long one turn of the loop may work on such a list. */
const MAX_HOLD_MS = 4;
/** So few items are not worth a turn of the loop. */
const FEW_ITEMS = 10;

/**
 * What `map` makes of each item, in order: for work of some tenths of a millisecond an item, such as reading a phone number. The
 * loop turns every 4 ms, also while many such lists are worked on at a time. Rejects with what `map` throws, at that item.
 */
export async function mapInTurns<T, R>(
  items: readonly T[],
  map: (item: T, index: number) => R,
): Promise<R[]> {
  if (items.length <= FEW_ITEMS) return items.map(map);
  const made: R[] = [];
  for (const [index, item] of items.entries()) {
    made.push(
      await inTurn(
        () => MAX_HOLD_MS,
        () => map(item, index),
      ),
    );
  }
  return made;
}

/** The items of a stream, in batches of `size`, in order. The loop turns between two batches. No batch is empty. */
export async function* collectBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
    await yieldToEventLoop();
  }
  if (batch.length > 0) yield batch;
}

/**
 * Rows in batches: `read` gives at most `size` rows that follow `last` (null: from the beginning), until there are fewer.
 * A size that changes is asked for each batch, and handed to `read`. The next batch is read after the caller is done with
 * the one before. The loop turns in between; an aborted `signal` ends it there. No batch is empty.
 */
export async function* readBatches<R>(
  size: number | BatchSize,
  read: (last: R | null, size: number) => PromiseLike<R[]>,
  signal?: AbortSignal,
): AsyncGenerator<R[]> {
  for (let last: R | null = null; !signal?.aborted; ) {
    const wanted = typeof size === 'number' ? size : size.rows;
    const rows: R[] = await read(last, wanted);
    if (rows.length > 0) yield rows;
    if (rows.length < wanted) return;
    last = rows.at(-1) ?? null;
    await yieldToEventLoop();
  }
}

/**
 * The same for rows of very different sizes, such as contacts with their fields: as many as take about 10 ms to read, up to
 * `max`, and few at first.
 */
export function readFitting<R>(
  max: number,
  read: (last: R | null, size: number) => PromiseLike<R[]>,
): AsyncGenerator<R[]> {
  const size = createBatchSize(max, MIN_ROWS);
  return readBatches<R>(size, async (last, wanted) => {
    const startedMs = monotonicMs();
    const rows = await read(last, wanted);
    size.took(rows.length, monotonicMs() - startedMs);
    return rows;
  });
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

/** An item that was refused when it was done by itself. */
export interface Refused<T> {
  item: T;
  error: unknown;
}

/**
 * Does all items together, and where that is refused each half of them by itself, and so on, so that one bad item costs few tries.
 * Resolves with those that are refused alone, in order. `isOfItem` says of an error whether some of the items may do without
 * the others; rejects with every other one, at once: what was done until then stays done. `work` does all of it or nothing.
 */
export async function byHalves<T>(
  items: readonly T[],
  work: (some: readonly T[]) => Promise<unknown>,
  isOfItem: (error: unknown) => boolean,
): Promise<Refused<T>[]> {
  const [first] = items;
  if (first === undefined) return [];
  try {
    await work(items);
    return [];
  } catch (error) {
    if (!isOfItem(error)) throw error;
    if (items.length === 1) return [{ item: first, error }];
  }
  const half = Math.ceil(items.length / 2);
  const refused = await byHalves(items.slice(0, half), work, isOfItem);
  return [...refused, ...(await byHalves(items.slice(half), work, isOfItem))];
}
