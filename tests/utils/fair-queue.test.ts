/** Work of many owners that shares few places. */
import { expect, it } from 'vitest';
import { createFairQueue } from '../../src/utils/fair-queue.ts';

function held() {
  let end: (value: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  return { end, work: () => ended };
}

const gone = new Error('gone');

it('work whose caller has gone never begins, and its place in the line is free at once', async () => {
  const queue = createFairQueue({ concurrency: 1, maxWaiting: 2 });
  const first = held();
  const running = queue.run('a', first.work);
  const leaving = new AbortController();
  let began = 0;
  const begin = async () => {
    began++;
    return 'late';
  };
  const dropped = queue.run('a', begin, leaving.signal);
  const waiting = queue.run('a', begin);
  expect(await queue.run('a', begin)).toBeNull();
  leaving.abort(gone);
  await expect(dropped).rejects.toBe(gone);
  expect(began).toBe(0);
  const instead = queue.run('a', begin);
  expect(await queue.run('a', begin)).toBeNull();
  first.end('done');
  expect(await Promise.all([running, waiting, instead])).toEqual(['done', 'late', 'late']);
  expect(began).toBe(2);
});

it('so it is with one that waits for a place that another owner has', async () => {
  const queue = createFairQueue({ concurrency: 1, maxWaiting: 1 });
  const other = held();
  const running = queue.run('b', other.work);
  const leaving = new AbortController();
  let began = false;
  const dropped = queue.run(
    'a',
    async () => {
      began = true;
    },
    leaving.signal,
  );
  leaving.abort(gone);
  await expect(dropped).rejects.toBe(gone);
  other.end('done');
  await running;
  expect(await queue.run('a', async () => 'next')).toBe('next');
  expect(began).toBe(false);
  await expect(queue.run('a', async () => 'never', leaving.signal)).rejects.toBe(gone);
});

it('work that has begun ends by itself', async () => {
  const queue = createFairQueue({ concurrency: 1, maxWaiting: 1 });
  const begun = held();
  const leaving = new AbortController();
  const running = queue.run('a', begun.work, leaving.signal);
  leaving.abort(gone);
  begun.end('whole');
  expect(await running).toBe('whole');
});
