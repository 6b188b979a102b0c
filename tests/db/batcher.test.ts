/** Calls of the same moment that share one batch. */
import { describe, expect, test } from 'vitest';
import { type BatcherOptions, CHOICE, createBatcher } from '../../src/db/batcher.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { createSignal } from '../helpers/signal.ts';

const away = () => Object.assign(new Error('no database'), { code: 'ECONNREFUSED' });
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A batcher that answers each number with ten times it, and notes its batches. */
function setUp(options: Partial<BatcherOptions<number, number>> = {}) {
  const batches: (readonly number[])[] = [];
  const batcher = createBatcher<number, number>({
    async run(items) {
      batches.push(items);
      return items.map((item) => item * 10);
    },
    maxBatch: 3,
    ...options,
  });
  return { batcher, batches };
}

describe('createBatcher', () => {
  test('does the calls of one turn together, at most so many at once, and answers each', async () => {
    const { batcher, batches } = setUp();
    expect(batcher.isBusy()).toBe(false);
    const results = Promise.all([1, 2, 3, 4, 5].map(batcher.add));
    expect(batcher.isBusy()).toBe(true);
    expect(await results).toEqual([10, 20, 30, 40, 50]);
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    await batcher.idle();
    expect(batcher.isBusy()).toBe(false);
  });

  test('runs no more batches at a time than it may', async () => {
    let running = 0;
    let most = 0;
    const { batcher } = setUp({
      maxBatch: 1,
      maxRunning: 2,
      async run(items) {
        most = Math.max(most, ++running);
        await nextTurn();
        await nextTurn();
        running--;
        return items;
      },
    });
    await Promise.all([1, 2, 3, 4, 5].map(batcher.add));
    expect(most).toBe(2);
  });

  test('chooses among the oldest alone, however many wait', async () => {
    const seen: number[] = [];
    const { batcher } = setUp({
      maxBatch: 1_000,
      choose(waiting) {
        seen.push(waiting.length);
        return waiting.slice(0, 1_000);
      },
      run: async (items) => items,
    });
    const numbers = Array.from({ length: 200_000 }, (_, n) => n);
    expect(await Promise.all(numbers.map(batcher.add))).toEqual(numbers);
    expect(Math.max(...seen)).toBe(CHOICE);
  });

  test('lets one bad item fail alone', async () => {
    const { batcher } = setUp({
      async run(items) {
        if (items.includes(2)) throw new Error('two');
        return items;
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map(batcher.add));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('finds one bad item among many with few batches, and does the others in their order', async () => {
    const runs: (readonly number[])[] = [];
    const done: number[] = [];
    const { batcher } = setUp({
      maxBatch: 64,
      async run(items) {
        runs.push(items);
        if (items.includes(37)) throw new Error('37');
        done.push(...items);
        return items;
      },
    });
    const numbers = Array.from({ length: 64 }, (_, n) => n);
    const results = await Promise.allSettled(numbers.map(batcher.add));
    expect(results.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([37]);
    expect(done).toEqual(numbers.filter((n) => n !== 37));
    // The whole, and two halves of what held it, six times.
    expect(runs).toHaveLength(13);
  });

  test('rejects a whole batch while the database is away, without asking for each item', async () => {
    let calls = 0;
    const { batcher } = setUp({
      run: () => {
        calls++;
        return Promise.reject(away());
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map(batcher.add));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(calls).toBe(1);
  });

  test('waits for the database when told to, is not busy meanwhile, and keeps the order', async () => {
    const clock = createFakeClock();
    const told: number[] = [];
    const seen: number[] = [];
    let isAway = true;
    const { batcher } = setUp({
      maxBatch: 2,
      async run(items) {
        if (isAway) throw away();
        seen.push(...items);
        return items;
      },
      whileAway: {
        clock,
        range: { firstMs: 100, maxMs: 1_000 },
        onAway: (_error, count) => told.push(count),
      },
    });
    const results = Promise.all([1, 2, 3].map(batcher.add));
    for (let i = 0; i < 5; i++) await nextTurn();
    expect([told, batcher.isBusy()]).toEqual([[2], false]);
    isAway = false;
    await clock.advance(100);
    expect(await results).toEqual([1, 2, 3]);
    expect(seen).toEqual([1, 2, 3]);
  });

  test('gathers for a while after a batch, but not what somebody waits for', async () => {
    const { batcher, batches } = setUp({ windowMs: 2_000 });
    await batcher.add(1);
    const gathered = batcher.add(2);
    await nextTurn();
    await nextTurn();
    expect(batches).toEqual([[1]]);
    expect(await batcher.addNow(3)).toBe(30);
    expect(await gathered).toBe(20);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  test('lets patient items wait for others, but not for ever, and not for its end', async () => {
    const { batcher, batches } = setUp({ patienceMs: 60_000 });
    const patient = [batcher.addLater(1)];
    await nextTurn();
    await nextTurn();
    patient.push(batcher.addLater(2));
    await nextTurn();
    await nextTurn();
    expect(batches).toEqual([]);
    expect(await batcher.add(3)).toBe(30);
    expect(await Promise.all(patient)).toEqual([10, 20]);
    const last = batcher.addLater(4);
    await batcher.idle();
    expect(await last).toBe(40);
    const full = Promise.all([5, 6, 7].map(batcher.addLater));
    await full;
    expect(batches).toEqual([[1, 2, 3], [4], [5, 6, 7]]);
    const short = setUp({ patienceMs: 20 });
    expect(await short.batcher.addLater(1)).toBe(10);
  });

  test('lets each patient item wait as long as it may, and others go with it', async () => {
    const { batcher, batches } = setUp({ patienceMs: (item) => (item === 2 ? 20 : 60_000), maxBatch: 4 });
    const patient = batcher.addLater(1);
    await nextTurn();
    await nextTurn();
    expect(await Promise.all([patient, batcher.addLater(2)])).toEqual([10, 20]);
    const last = batcher.addLater(3);
    expect(await batcher.addNow(4)).toBe(40);
    expect(batches).toEqual([[1, 2], [4]]);
    await batcher.idle();
    expect(await last).toBe(30);
  });

  test('lets patient items wait no longer when somebody is in a hurry', async () => {
    const { batcher, batches } = setUp({ patienceMs: 60_000 });
    const patient = [batcher.addLater(1), batcher.addLater(2)];
    await nextTurn();
    await nextTurn();
    expect(batches).toEqual([]);
    batcher.hurry();
    expect(await Promise.all(patient)).toEqual([10, 20]);
    expect(batches).toEqual([[1, 2]]);
    const next = batcher.addLater(3);
    await nextTurn();
    await nextTurn();
    expect(batches).toEqual([[1, 2]]);
    batcher.hurry();
    expect(await next).toBe(30);
  });

  test('is in a hurry for what is meant alone', async () => {
    const { batcher, batches } = setUp({ patienceMs: 60_000 });
    const patient = batcher.addLater(1);
    await nextTurn();
    batcher.hurry((item) => item === 2);
    await nextTurn();
    await nextTurn();
    expect(batches).toEqual([]);
    batcher.hurry((item) => item === 1);
    expect(await patient).toBe(10);
  });

  test('looks again at what was passed over when somebody is in a hurry', async () => {
    const first = createSignal();
    let mayGo = false;
    const { batcher, batches } = setUp({
      maxRunning: 2,
      choose: (waiting) => waiting.filter((item) => item !== 2 || mayGo),
      async run(items) {
        batches.push(items);
        if (items.includes(1)) await first.given;
        return items;
      },
    });
    const slow = batcher.add(1);
    const passedOver = batcher.add(2);
    for (let i = 0; i < 5; i++) await nextTurn();
    expect(batches).toEqual([[1]]);
    mayGo = true;
    batcher.hurry();
    expect(await passedOver).toBe(2);
    first.give();
    expect(await slow).toBe(1);
  });

  test('keeps nobody waiting for the work of patient items, which are done in their time all the same', async () => {
    const { batcher, batches } = setUp({ patienceMs: 60_000, maxBatch: 4 });
    const patient = [batcher.addLater(1), batcher.addLater(2)];
    expect(await batcher.addNow(3)).toBe(30);
    expect(await batcher.addNow(4)).toBe(40);
    expect(batches).toEqual([[3], [4]]);
    expect(await batcher.add(5)).toBe(50);
    expect(await Promise.all(patient)).toEqual([10, 20]);
    expect(batches).toEqual([[3], [4], [1, 2, 5]]);
    const short = setUp({ patienceMs: 0 });
    await Promise.all([short.batcher.addLater(1), short.batcher.addNow(2)]);
    expect(short.batches).toEqual([[1, 2]]);
  });

  test('does not begin with patient items while something is expected that must not wait for them', async () => {
    const { batcher, batches } = setUp({ expectedMs: 60_000 });
    const settled = batcher.expectNow();
    const first = batcher.addLater(1);
    await nextTurn();
    await nextTurn();
    expect(batches).toEqual([]);
    expect(await batcher.addNow(2)).toBe(20);
    expect(await first).toBe(10);
    const second = batcher.addLater(3);
    const other = batcher.expectNow();
    settled();
    settled();
    await nextTurn();
    await nextTurn();
    expect(batches).toEqual([[1, 2]]);
    other();
    expect(await second).toBe(30);
    settled();
    expect(await batcher.addLater(4)).toBe(40);
    expect(batches).toEqual([[1, 2], [3], [4]]);
  });

  test('waits for what is expected neither for ever nor with what others wait for, nor at its end', async () => {
    const bounded = setUp({ expectedMs: 5 }).batcher;
    bounded.expectNow();
    expect(await bounded.addLater(1)).toBe(10);
    const { batcher, batches } = setUp({ expectedMs: 60_000 });
    batcher.expectNow();
    expect(await Promise.all([batcher.addLater(1), batcher.add(2)])).toEqual([10, 20]);
    const last = batcher.addLater(3);
    await batcher.idle();
    expect(await last).toBe(30);
    expect(batches).toEqual([[1, 2], [3]]);
  });

  test('rejects what waits and what comes after its stop', async () => {
    const clock = createFakeClock();
    const { batcher } = setUp({
      run: () => Promise.reject(away()),
      whileAway: { clock, range: { firstMs: 100, maxMs: 1_000 }, onAway: () => undefined },
    });
    const waiting = batcher.add(1).catch((error: unknown) => String(error));
    for (let i = 0; i < 5; i++) await nextTurn();
    batcher.stop(new Error('it has stopped'));
    expect(await waiting).toBe('Error: it has stopped');
    await expect(batcher.add(2)).rejects.toThrow('it has stopped');
    await batcher.idle();
  });

  test('gathers what comes soon after a batch', async () => {
    const { batcher, batches } = setUp({ windowMs: 30 });
    await batcher.add(1);
    const second = batcher.add(2);
    await nextTurn();
    await nextTurn();
    await Promise.all([second, batcher.add(3)]);
    expect(batches).toEqual([[1], [2, 3]]);
  });
});
