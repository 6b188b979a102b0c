import { describe, expect, test } from 'vitest';
import { createSteadyClock } from '../../src/utils/steady-clock.ts';
import { createFakeClock } from '../helpers/clock.ts';

const HOUR_MS = 3_600_000;

async function started({ sharedAheadMs = 0 } = {}) {
  const machine = createFakeClock();
  const shared = { aheadMs: sharedAheadMs };
  const warnings: string[] = [];
  const logger = { warn: (line: string) => warnings.push(line), info: () => {}, debug: () => {} };
  const start = machine.now();
  const right = () => start + machine.monotonic();
  const clock = createSteadyClock({ machine, readShared: async () => right() + shared.aheadMs, logger });
  await clock.start();
  return { machine, shared, clock, warnings, right };
}

describe('the time of decisions', () => {
  test('is the shared clock’s, however wrong this machine’s is, and says so', async () => {
    const { clock, right, machine, warnings } = await started({ sharedAheadMs: -30_000 });
    expect(clock.now()).toBe(right() - 30_000);
    expect(clock.skewMs()).toBe(30_000);
    await machine.advance(60_000);
    expect(clock.now()).toBe(right() - 30_000);
    expect(warnings).toEqual([expect.stringContaining('differs')]);
  });

  test.each([-HOUR_MS, 24 * HOUR_MS])('goes on when the machine’s clock is set by %d ms', async (stepMs) => {
    const { clock, right, machine } = await started();
    machine.setNow(machine.now() + stepMs);
    expect(clock.now()).toBe(right());
    await machine.advance(35_000);
    expect(clock.now()).toBe(right());
    expect(clock.skewMs()).toBe(stepMs);
  });

  test('does not follow a shared clock that is a day ahead for 35 seconds', async () => {
    const { clock, right, machine, shared, warnings } = await started();
    shared.aheadMs = 24 * HOUR_MS;
    await machine.advance(35_000);
    expect(clock.now()).toBe(right());
    shared.aheadMs = 0;
    await machine.advance(HOUR_MS);
    expect(clock.now()).toBe(right());
    expect(warnings).toEqual([expect.stringContaining('the clock was set')]);
  });

  test('follows a step that stays, once, and tells those that must know', async () => {
    const { clock, right, machine, shared } = await started();
    const steps: number[] = [];
    clock.onStep((ms) => steps.push(ms));
    shared.aheadMs = -HOUR_MS;
    await machine.advance(290_000);
    expect(clock.now()).toBe(right());
    await machine.advance(30_000);
    expect(clock.now()).toBe(right() - HOUR_MS);
    expect(steps).toEqual([-HOUR_MS]);
  });

  test('never goes back for a small difference, and closes it', async () => {
    const { clock, right, machine, shared } = await started();
    shared.aheadMs = -400;
    let last = clock.now();
    for (let n = 0; n < 60; n++) {
      await machine.advance(1_000);
      expect(clock.now()).toBeGreaterThan(last);
      last = clock.now();
    }
    expect(clock.now()).toBe(right() - 400);
  });

  test('goes on while the shared clock cannot be read', async () => {
    const machine = createFakeClock();
    const start = machine.now();
    let away = false;
    const clock = createSteadyClock({
      machine,
      readShared: async () => {
        if (away) throw new Error('away');
        return start + machine.monotonic();
      },
      logger: { warn: () => {}, info: () => {}, debug: () => {} },
    });
    await clock.start();
    away = true;
    await machine.advance(60_000);
    expect(clock.now()).toBe(start + 60_000);
    clock.stop();
  });
});
