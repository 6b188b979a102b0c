/** A peer that answers nobody is left alone, and tried by one. */
import { expect, test } from 'vitest';
import { createPeerPause } from '../../src/utils/peer-pause.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

function setUp() {
  const clock = createManualClock();
  const pause = createPeerPause({ clock, range: { firstMs: 1_000, maxMs: 4_000 }, trialMs: 10_000 });
  return { clock, pause };
}

test('all may ask a peer that answers, at the same time', () => {
  const { pause } = setUp();
  pause.asked();
  expect(pause.waitMs()).toBe(0);
  pause.asked();
  pause.answered();
  expect(pause.waitMs()).toBe(0);
});

test('the pauses grow with failures in a row up to the longest, and those of one moment count once', () => {
  const { clock, pause } = setUp();
  for (const maxMs of [1_000, 2_000, 4_000, 4_000]) {
    const pauseMs = pause.failed() ?? 0;
    expect(pauseMs).toBeGreaterThanOrEqual(maxMs / 2);
    expect(pauseMs).toBeLessThanOrEqual(maxMs);
    expect([pause.failed(), pause.waitMs()]).toEqual([null, pauseMs]);
    clock.advance(pauseMs);
    expect(pause.waitMs()).toBe(0);
  }
  pause.answered();
  expect(pause.failed()).toBeLessThanOrEqual(1_000);
});

test('after a pause one asks and the others wait, until it is known how that went or it took too long', () => {
  const { clock, pause } = setUp();
  clock.advance(pause.failed() ?? 0);
  pause.asked();
  expect(pause.waitMs()).toBe(10_000);
  pause.answered();
  expect(pause.waitMs()).toBe(0);
  clock.advance(pause.failed() ?? 0);
  pause.asked();
  clock.advance(10_000);
  expect(pause.waitMs()).toBe(0);
});
