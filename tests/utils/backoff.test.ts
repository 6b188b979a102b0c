/** Pauses before something is tried again, and the loop that tries. */
import { describe, expect, test } from 'vitest';
import { backoffMs, between, jittered, jitteredBackoffMs, retry, spread } from '../../src/utils/backoff.ts';
import { createFakeClock } from '../helpers/clock.ts';

const range = { firstMs: 100, maxMs: 1_000 };

describe('pauses', () => {
  test('double from the first to the longest, also after more failures than a number can hold', () => {
    expect([-1, 0, 1, 2, 3, 4, 5, 6, 2_000].map((failures) => backoffMs(range, failures))).toEqual([
      100, 100, 100, 200, 400, 800, 1_000, 1_000, 1_000,
    ]);
    expect(backoffMs({ firstMs: 1, maxMs: Number.POSITIVE_INFINITY }, 10_000)).toBeLessThan(2 ** 53);
  });

  test('are jittered over their upper half, in whole milliseconds', () => {
    expect([0, 0.5, 0.999].map((random) => jittered(1_001, random))).toEqual([501, 751, 1_000]);
    expect([0, 0.999_999].map((random) => jitteredBackoffMs(range, 3, random))).toEqual([200, 400]);
  });

  test('are spread evenly around a period', () => {
    expect([0, 0.5, 1].map((random) => spread(100, random))).toEqual([75, 100, 125]);
    expect([0, 0.5, 1].map((random) => spread(100, random, 0.5))).toEqual([50, 100, 150]);
  });

  test('lie between two bounds', () => {
    expect([0, 0.25, 1].map((random) => between(100, 300, random))).toEqual([100, 150, 300]);
  });
});

describe('retry', () => {
  const setUp = () => {
    const clock = createFakeClock();
    const aborter = new AbortController();
    const told: string[] = [];
    const options = {
      clock,
      range,
      signal: aborter.signal,
      onRetry: (error: unknown) => void told.push(`again: ${String(error)}`),
      onGivenUp: (error: unknown) => void told.push(`over: ${String(error)}`),
    };
    return { clock, aborter, told, options };
  };

  test('goes on until the work is done', async () => {
    const { clock, options, told } = setUp();
    let calls = 0;
    const result = retry(async () => {
      calls++;
      if (calls < 3) throw new Error(`no ${calls}`);
      return calls;
    }, options);
    await clock.advance(99);
    expect(calls).toBeLessThan(3);
    await clock.advance(201);
    expect(await result).toBe(3);
    expect(told).toEqual(['again: Error: no 1', 'again: Error: no 2']);
  });

  test('ends with the last error when its time is over', async () => {
    const { clock, options, told } = setUp();
    let calls = 0;
    const work = async () => {
      throw new Error(`no ${++calls}`);
    };
    const result = retry(work, { ...options, timeoutMs: 1_500 }).catch((error: unknown) => String(error));
    for (let passed = 0; passed < 3_000; passed += 50) await clock.advance(50);
    expect(await result).toBe(`Error: no ${calls}`);
    expect(calls).toBeGreaterThan(3);
    expect(told.at(-1)).toBe(`over: Error: no ${calls}`);
  });

  test('does not try again what will not pass', async () => {
    const { options, told } = setUp();
    const work = () => Promise.reject(new TypeError('never'));
    await expect(
      retry(work, { ...options, isPassing: (error) => !(error instanceof TypeError) }),
    ).rejects.toThrow('never');
    expect(told).toEqual([]);
  });

  test('ends at once when it is stopped, also during a pause', async () => {
    const { aborter, options } = setUp();
    let calls = 0;
    const result = retry(async () => {
      calls++;
      throw new Error('away');
    }, options).catch((error: unknown) => String(error));
    await Promise.resolve();
    aborter.abort();
    expect(await result).toBe('Error: away');
    expect(calls).toBe(1);
  });
});
