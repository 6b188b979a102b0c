/** Much work in batches. */
import { expect, test } from 'vitest';
import { inBatches, readBatches } from '../../src/db/batches.ts';

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
