/** Many who follow the same tenant read its events once, and never what was there before the last event. */
import { expect, it, vi } from 'vitest';
import { createEventStream, type LiveEvent } from '../../src/events/stream.ts';

const event = (userId: number): LiveEvent => ({
  id: 'e',
  userId,
  accountId: null,
  sessionId: null,
  seq: null,
  event: 'message.sent',
  subject: null,
  data: {},
  at: 0,
});

it('reads once for all who ask for the same, and once for each other key and tenant', async () => {
  const stream = createEventStream();
  const load = vi.fn(async () => ['row']);
  const answers = await Promise.all(Array.from({ length: 100 }, () => stream.share(1, 'a', load)));
  expect(answers).toHaveLength(100);
  expect(load).toHaveBeenCalledTimes(1);
  await stream.share(1, 'b', load);
  await stream.share(2, 'a', load);
  expect(load).toHaveBeenCalledTimes(3);
});

it('reads again after an event of the tenant, also when the reading before it is not done', async () => {
  const stream = createEventStream();
  let finish: (value: string) => void = () => undefined;
  const before = stream.share(1, 'a', () => new Promise<string>((resolve) => (finish = resolve)));
  stream.publish(event(2));
  const same = stream.share(1, 'a', async () => 'never read');
  stream.publish(event(1));
  const after = stream.share(1, 'a', async () => 'new');
  finish('old');
  expect(await Promise.all([before, same, after])).toEqual(['old', 'old', 'new']);
  expect(await stream.share(1, 'a', async () => 'newer')).toBe('new');
});

it('keeps no reading that failed', async () => {
  const stream = createEventStream();
  const failing = stream.share(1, 'a', () => Promise.reject(new Error('away')));
  await expect(failing).rejects.toThrow('away');
  expect(await stream.share(1, 'a', async () => 'there')).toBe('there');
});
