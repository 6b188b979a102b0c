/** Much work in batches. */
import { expect, test } from 'vitest';
import {
  byHalves,
  collectBatches,
  createBatchSize,
  inBatches,
  inRanges,
  mapInTurns,
  type Range,
  readBatches,
  readFitting,
  untilUsedUp,
} from '../../src/db/batches.ts';

async function all<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const batch of batches) found.push(batch);
  return found;
}

const table = (count: number, size: number) => (last: number | null) =>
  Promise.resolve(
    Array.from({ length: count }, (_, i) => i)
      .filter((n) => last === null || n > last)
      .slice(0, size),
  );

test('a list comes whole and in order, whatever its length', async () => {
  expect(await all(inBatches([], 2))).toEqual([]);
  expect(await all(inBatches([1, 2], 2))).toEqual([[1, 2]]);
  expect(await all(inBatches([1, 2, 3, 4, 5], 2))).toEqual([[1, 2], [3, 4], [5]]);
});

test('a list whose items take long is made in order, by few items a turn of the loop', async () => {
  const busyFor = (ms: number) => {
    const endMs = performance.now() + ms;
    while (performance.now() < endMs);
  };
  let turns = 0;
  let turning = true;
  const count = () => {
    turns++;
    if (turning) setImmediate(count);
  };
  setImmediate(count);
  const items = Array.from({ length: 60 }, (_, i) => i);
  const made = await Promise.all([
    mapInTurns(items, (item, index) => {
      busyFor(0.5);
      return [item, index];
    }),
    mapInTurns(items, (item, index) => {
      busyFor(0.5);
      return [item, index];
    }),
  ]);
  turning = false;
  for (const one of made) expect(one).toEqual(items.map((item) => [item, item]));
  // 60 ms of work, and 4 ms with one item more in a turn.
  expect(turns).toBeGreaterThanOrEqual(10);
  expect(await mapInTurns([], String)).toEqual([]);
  await expect(
    mapInTurns(items, () => {
      throw new Error('wrong');
    }),
  ).rejects.toThrow('wrong');
});

test('a stream comes whole and in order, with turns of the loop between its batches', async () => {
  async function* stream(count: number): AsyncGenerator<number> {
    for (let i = 1; i <= count; i++) yield i;
  }
  expect(await all(collectBatches(stream(0), 2))).toEqual([]);
  expect(await all(collectBatches(stream(2), 2))).toEqual([[1, 2]]);
  let turned = false;
  const found: number[][] = [];
  for await (const batch of collectBatches(stream(5), 2)) {
    found.push(batch);
    if (found.length === 1) setImmediate(() => (turned = true));
    else expect(turned).toBe(true);
  }
  expect(found).toEqual([[1, 2], [3, 4], [5]]);
});

test('a batch may be as long as its items allow, and is never empty', async () => {
  const weights = [1, 1, 5, 1, 1, 1];
  const fitting = (at: number) =>
    weights.slice(at).findIndex((_, i, rest) => rest.slice(0, i + 1).reduce((a, b) => a + b) > 3);
  const found = await all(inBatches(weights, (at) => (fitting(at) < 0 ? weights.length : fitting(at))));
  expect(found).toEqual([[1, 1], [5], [1, 1, 1]]);
});

test('ranges cover a table without a gap and without a row twice', async () => {
  const values = [1, 3, 4, 8, 9];
  for (const [size, expected] of [
    [
      2,
      [
        [null, 3],
        [3, 8],
        [8, null],
      ],
    ],
    [
      5,
      [
        [null, 9],
        [9, null],
      ],
    ],
    [6, [[null, null]]],
  ] as const) {
    const findEnd = (after: number | null) =>
      Promise.resolve(values.filter((value) => after === null || value > after)[size - 1] ?? null);
    const ranges = await all<Range<number>>(inRanges(findEnd));
    expect(ranges.map(({ after, upTo }) => [after, upTo])).toEqual(expected);
  }
});

test('ranges end when they are stopped', async () => {
  const aborter = new AbortController();
  const seen: (number | null)[] = [];
  for await (const { upTo } of inRanges<number>(
    (after) => Promise.resolve((after ?? 0) + 1),
    aborter.signal,
  )) {
    seen.push(upTo);
    if (upTo === 3) aborter.abort();
  }
  expect(seen).toEqual([1, 2, 3]);
});

test('work goes on until it finds less than a batch, and the event loop turns in between', async () => {
  for (const [count, calls] of [
    [0, 1],
    [2, 1],
    [3, 2],
    [7, 3],
  ] as const) {
    let left: number = count;
    const found: number[] = [];
    let turns = 0;
    await untilUsedUp(3, () => {
      const taken = Math.min(3, left);
      left -= taken;
      found.push(turns);
      setImmediate(() => turns++);
      return Promise.resolve(taken);
    });
    expect(found).toEqual(Array.from({ length: calls }, (_, call) => call));
    expect(left).toBe(0);
  }
});

test('rows come whole and in order, without an empty batch', async () => {
  for (const [count, batches] of [
    [0, []],
    [1, [[0]]],
    [3, [[0, 1, 2]]],
    [4, [[0, 1, 2], [3]]],
  ] as const) {
    expect(await all(readBatches(3, table(count, 3)))).toEqual(batches);
  }
});

test('rows of any size come in batches that take about 10 ms, few at first', async () => {
  const read = (costMs: number) => {
    const wanted: number[] = [];
    const batches = readFitting<number>(200, (last, size) => {
      wanted.push(size);
      const end = performance.now() + size * costMs;
      while (performance.now() < end);
      const from = last === null ? 0 : last + 1;
      return Promise.resolve(Array.from({ length: Math.min(size, 100 - from) }, (_, i) => from + i));
    });
    return { batches, wanted };
  };
  const wide = read(1);
  expect((await all(wide.batches)).flat()).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(new Set(wide.wanted)).toEqual(new Set([20]));
  const narrow = read(0);
  expect((await all(narrow.batches)).flat()).toHaveLength(100);
  expect(narrow.wanted.slice(0, 2)).toEqual([20, 40]);
});

test('the next batch is read only when the one before is done with', async () => {
  const seen: string[] = [];
  const read = (last: number | null) => {
    seen.push(`read after ${last}`);
    return table(5, 2)(last);
  };
  for await (const [first] of readBatches(2, read)) seen.push(`use ${first}`);
  expect(seen).toEqual(['read after null', 'use 0', 'read after 1', 'use 2', 'read after 3', 'use 4']);
});

test('the event loop turns between two batches, and not before the first', async () => {
  for (const batches of [inBatches([1, 2, 3], 1), readBatches(1, table(3, 1))]) {
    let turns = 0;
    const count = () => {
      turns++;
      later = setImmediate(count);
    };
    let later = setImmediate(count);
    const seen: number[] = [];
    for await (const _ of batches) seen.push(turns);
    clearImmediate(later);
    expect(seen[0]).toBe(0);
    expect(new Set(seen).size).toBe(3);
  }
});

test('it ends when it is stopped, and when its reader goes away', async () => {
  const aborter = new AbortController();
  const seen: number[][] = [];
  for await (const batch of readBatches(2, table(10, 2), aborter.signal)) {
    seen.push(batch);
    aborter.abort();
  }
  for await (const batch of readBatches(2, table(10, 2))) {
    seen.push(batch);
    break;
  }
  expect(seen).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

test('a batch has as many rows as fit into ten milliseconds, within its bounds', () => {
  const size = createBatchSize(500);
  expect(size.rows).toBe(100);
  size.took(100, 2);
  expect(size.rows).toBe(200);
  size.took(200, 4);
  size.took(400, 4);
  expect(size.rows).toBe(500);
  size.took(500, 50);
  expect(size.rows).toBe(100);
  size.took(100, 1_000);
  expect(size.rows).toBe(20);
  size.took(3, 0.1);
  expect(size.rows).toBe(20);
  expect(createBatchSize(50).rows).toBe(50);
});

test('a size that changes is asked before each batch', async () => {
  const size = createBatchSize(40);
  const counts: number[] = [];
  const rows = (last: number | null, count: number) => table(100, count)(last);
  for await (const batch of readBatches(size, rows)) {
    counts.push(batch.length);
    size.took(batch.length, 20);
  }
  expect(counts).toEqual([40, 20, 20, 20]);
});

test('what is refused together is done in halves, down to what is refused by itself', async () => {
  const done: number[][] = [];
  const bad = new Set([2, 5]);
  const work = async (some: readonly number[]) => {
    if (some.some((n) => bad.has(n))) throw new RangeError('bad');
    done.push([...some]);
  };
  const isOfItem = (error: unknown) => error instanceof RangeError;
  const refused = await byHalves([0, 1, 2, 3, 4, 5, 6, 7], work, isOfItem);
  expect(refused.map(({ item }) => item)).toEqual([2, 5]);
  expect(done).toEqual([[0, 1], [3], [4], [6, 7]]);
  expect(await byHalves([], work, isOfItem)).toEqual([]);
  const away = new Error('the database is away');
  await expect(byHalves([1, 2], () => Promise.reject(away), isOfItem)).rejects.toBe(away);
});
