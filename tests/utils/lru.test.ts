import { expect, it } from 'vitest';
import { createLru } from '../../src/utils/lru.ts';

it('keeps no more entries than it may, the ones used last', () => {
  const dropped: string[] = [];
  const cache = createLru<string, number>({ max: 3 }, (key) => dropped.push(key));
  for (const [at, key] of ['a', 'b', 'c'].entries()) cache.set(key, at);
  cache.get('a');
  cache.set('d', 3);
  expect([...cache.keys()].sort()).toEqual(['a', 'c', 'd']);
  expect(dropped).toEqual(['b']);
  for (let n = 0; n < 1_000; n++) cache.set(`many ${n}`, n);
  expect(cache.size).toBe(3);
});

it('takes room as it fills', () => {
  const bytes = (make: () => unknown) => {
    const made = [];
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 200; n++) made.push(make());
    const grown = process.memoryUsage().heapUsed - before;
    return made.length > 0 ? grown / made.length : 0;
  };
  bytes(() => createLru({ max: 1 }));
  expect(bytes(() => createLru({ max: 5_000 }))).toBeLessThan(20_000);
});
