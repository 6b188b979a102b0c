import { describe, expect, it } from 'vitest';
import { createCircuits } from '../../src/workers/webhook-sender/circuits.ts';
import { nextStep, type Outcome, parseRetryAfter } from '../../src/workers/webhook-sender/policy.ts';
import { createFakeClock } from '../helpers/clock.ts';

const NOW = Date.UTC(2026, 0, 1);
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const failed: Outcome = { ok: false, refused: false, retryAfter: null };
const refused: Outcome = { ...failed, refused: true };
const tried = { tries: 1, refusals: 0, giveUpAt: NOW + 1440 * MINUTE_MS };

function wait(step: ReturnType<typeof nextStep>): number | string {
  return step.state === 'pending' ? (step.retryAt - NOW) / SECOND_MS : step.state;
}

describe('when an event is tried again', () => {
  it('never, when it has arrived', () => {
    expect(nextStep(tried, { ...failed, ok: true }, NOW, 0)).toEqual({ state: 'delivered' });
  });

  it('after 5, 10, 20 … seconds, five minutes at most, and half of that at the least', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 200].map((tries) => [
      wait(nextStep({ ...tried, tries }, failed, NOW, 0)),
      wait(nextStep({ ...tried, tries }, failed, NOW, 0.999_999)),
    ]);
    expect(waits).toEqual([
      [2.5, 5],
      [5, 10],
      [10, 20],
      [20, 40],
      [40, 80],
      [80, 160],
      [150, 300],
      [150, 300],
      [150, 300],
    ]);
  });

  it('when it was refused: four times more, within fifteen minutes', () => {
    const waits = [1, 2, 3, 4, 5].map((refusals) =>
      wait(nextStep({ ...tried, tries: refusals, refusals }, refused, NOW, 0.999_999)),
    );
    expect(waits).toEqual([10, 60, 180, 480, 'dead']);
    const sum = waits.reduce<number>((total, one) => total + (typeof one === 'number' ? one : 0), 0);
    expect(sum).toBeLessThanOrEqual(15 * 60);
  });

  it('a refusal after many failures is the first of five', () => {
    expect(wait(nextStep({ ...tried, tries: 50, refusals: 1 }, refused, NOW, 0.999_999))).toBe(10);
  });

  it('a last time when the day is over, and then no more', () => {
    const late = { ...tried, tries: 300, giveUpAt: NOW + 30 * SECOND_MS };
    expect(wait(nextStep(late, failed, NOW, 0.5))).toBe(30);
    expect(nextStep({ ...late, giveUpAt: NOW }, failed, NOW, 0.5)).toEqual({ state: 'dead' });
  });

  it.each([
    ['120', 120 * SECOND_MS],
    [' 7 ', 7 * SECOND_MS],
    [new Date(NOW + 90 * SECOND_MS).toUTCString(), 90 * SECOND_MS],
    [new Date(NOW - 90 * SECOND_MS).toUTCString(), 0],
    ['-5', 0],
    ['soon', 0],
    ['', 0],
    [null, 0],
  ])('Retry-After: %s', (header, expected) => expect(parseRetryAfter(header, NOW)).toBe(expected));
});

describe('circuits', () => {
  const failing = (n: number, circuits: ReturnType<typeof createCircuits>) =>
    Array.from({ length: n }, () => circuits.report('hook', false));

  it('open after five failures in a row, ask one at a time when the pause is over, close with one answer', async () => {
    const clock = createFakeClock();
    const circuits = createCircuits(clock, () => 0.5);
    expect(failing(4, circuits)).toEqual([false, false, false, false]);
    expect(circuits.limit('hook', 8)).toBe(8);
    expect(failing(1, circuits)).toEqual([true]);
    expect([circuits.limit('hook', 8), circuits.limit('other', 8)]).toEqual([0, 8]);
    await clock.advance(10_000);
    expect([circuits.limit('hook', 8), circuits.isProbing('hook')]).toEqual([1, true]);
    expect(circuits.report('hook', true)).toBe(false);
    expect([circuits.limit('hook', 8), circuits.isProbing('hook')]).toEqual([8, false]);
  });

  it('an answer in between starts the count again', () => {
    const circuits = createCircuits(createFakeClock(), () => 0.5);
    failing(4, circuits);
    circuits.report('hook', true);
    expect(failing(4, circuits)).not.toContain(true);
  });

  it('wait longer each time, five minutes at most; what was under way says nothing new', async () => {
    const clock = createFakeClock();
    const circuits = createCircuits(clock, () => 0.999_999);
    failing(5, circuits);
    expect(failing(3, circuits)).toEqual([false, false, false]);
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const from = clock.now();
      while (circuits.limit('hook', 8) === 0) await clock.advance(5_000);
      pauses.push((clock.now() - from) / SECOND_MS);
      expect(circuits.report('hook', false)).toBe(true);
    }
    expect(pauses).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });
});
