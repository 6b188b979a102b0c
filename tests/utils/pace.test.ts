import { expect, it } from 'vitest';
import { createPace } from '../../src/utils/pace.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

it('lets many go at once, then one after the other, and as many again after a quiet while', () => {
  const clock = createManualClock();
  const pace = createPace(clock, { atOnce: 3, everyMs: 100 });
  const waits = (count: number) => Array.from({ length: count }, () => pace.reserve());
  expect(waits(5)).toEqual([0, 0, 0, 100, 200]);
  clock.advance(1_000_000);
  expect(waits(4)).toEqual([0, 0, 0, 100]);
});

it('takes a place only when one is there, and one that was given back is there again', () => {
  const clock = createManualClock();
  const pace = createPace(clock, { atOnce: 2, everyMs: 100 });
  const takes = (count: number) => Array.from({ length: count }, () => pace.take());
  expect(takes(4)).toEqual([true, true, false, false]);
  pace.giveBack();
  expect(takes(2)).toEqual([true, false]);
  clock.advance(100);
  expect(takes(2)).toEqual([true, false]);
});
