/** Work that must not overlap. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test } from 'vitest';
import { createKeyedMutex, createMutex } from '../../src/utils/mutex.ts';
import { turns } from '../helpers/clock.ts';

function pending() {
  let end: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { done, end };
}

describe('createMutex', () => {
  test('runs one at a time, in the order they came, also after a failure', async () => {
    const run = createMutex();
    const seen: string[] = [];
    const work = (name: string, fails = false) =>
      run(async () => {
        seen.push(`${name} begins`);
        await turns(2);
        seen.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      });
    const results = await Promise.allSettled([work('a'), work('b', true), work('c')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(seen).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  test('keeps the async context of each caller', async () => {
    const run = createMutex();
    const context = new AsyncLocalStorage<string>();
    const ask = (name: string) => context.run(name, () => run(async () => context.getStore()));
    expect(await Promise.all([ask('a'), ask('b')])).toEqual(['a', 'b']);
  });
});

describe('createKeyedMutex', () => {
  test('keeps work with the same key apart, and nothing else', async () => {
    const mutex = createKeyedMutex();
    const first = pending();
    const seen: string[] = [];
    const a = mutex.run('a', () => first.done);
    const second = mutex.run('a', async () => void seen.push('a'));
    await mutex.run('b', async () => void seen.push('b'));
    expect([seen, mutex.keys()]).toEqual([['b'], ['a']]);
    first.end();
    await Promise.all([a, second]);
    expect([seen, mutex.keys()]).toEqual([['b', 'a'], []]);
  });

  test('refuses what comes when too many wait, and takes it again later', async () => {
    const mutex = createKeyedMutex({ maxWaiting: 1 });
    const first = pending();
    const running = mutex.run('a', () => first.done);
    const waiting = mutex.run('a', async () => 'done');
    await expect(mutex.run('a', async () => 'too many')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(mutex.run('b', async () => 'another')).resolves.toBe('another');
    first.end();
    await running;
    expect(await waiting).toBe('done');
    expect(await mutex.run('a', async () => 'again')).toBe('again');
  });
});
