import { DEFAULT_CONNECTION_CONFIG, type WAVersion } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/utils/clock.ts';
import { createVersionStore } from '../../src/whatsapp/baileys/version.ts';
import { silentLogger } from '../helpers/engine.ts';

const bundled = DEFAULT_CONNECTION_CONFIG.version;
const later = (n: number): WAVersion => [bundled[0], bundled[1], bundled[2] + n];
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A clock whose time only `pass` moves. */
function manualClock() {
  let now = 0;
  const timers = new Set<{ at: number; fn: () => void }>();
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    setTimer(fn, delayMs) {
      const timer = { at: now + delayMs, fn };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  return {
    clock,
    timers,
    async pass(ms: number) {
      now += ms;
      for (const timer of [...timers]) {
        if (timer.at <= now && timers.delete(timer)) timer.fn();
      }
      await nextTurn();
    },
  };
}

function setUp(kept: unknown, fetchLatest: (() => Promise<WAVersion>) | null) {
  const time = manualClock();
  const saved: WAVersion[] = [];
  let fetches = 0;
  const store = createVersionStore({
    clock: time.clock,
    logger: silentLogger,
    load: async () => kept,
    save: async (version) => void saved.push(version),
    fetchLatest:
      fetchLatest &&
      (() => {
        fetches += 1;
        return fetchLatest();
      }),
  });
  return { ...time, store, saved, fetches: () => fetches };
}

describe('the WhatsApp Web version', () => {
  it('is the bundled one before anything is known, the kept one when that is newer', async () => {
    const { store } = setUp(later(5), null);
    expect(store.current()).toEqual(bundled);
    await store.start();
    expect(store.current()).toEqual(later(5));
    for (const kept of [null, 'x', [1, 2], later(-5)]) {
      const other = setUp(kept, null);
      await other.store.start();
      expect(other.store.current()).toEqual(bundled);
    }
  });

  it('is refreshed in the background, and kept once it was accepted', async () => {
    const { store, saved, pass, fetches } = setUp(null, async () => later(9));
    await store.start();
    expect(fetches()).toBe(0);
    await pass(10_000);
    expect(store.current()).toEqual(later(9));
    expect(saved).toEqual([]);
    store.accepted(later(9));
    store.accepted(later(9));
    expect(saved).toEqual([later(9)]);
    await pass(5 * 3_600_000);
    expect(fetches()).toBe(1);
    await pass(2 * 3_600_000);
    expect(fetches()).toBe(2);
  });

  it('falls back when it is refused, and asks again soon but not in a loop', async () => {
    const { store, pass, fetches } = setUp(null, async () => later(9));
    await store.start();
    await pass(10_000);
    for (let i = 0; i < 5; i++) store.refused(later(9));
    expect(store.current()).toEqual(bundled);
    await pass(50_000);
    expect(fetches()).toBe(1);
    await pass(10_000);
    expect(fetches()).toBe(2);
  });

  it('survives a source that fails, or answers nonsense', async () => {
    const failing = setUp(null, async () => Promise.reject(new Error('no network')));
    await failing.store.start();
    await failing.pass(10_000);
    expect(failing.store.current()).toEqual(bundled);
    const nonsense = setUp(null, async () => [2, Number.NaN, 1]);
    await nonsense.store.start();
    await nonsense.pass(10_000);
    expect(nonsense.store.current()).toEqual(bundled);
  });

  it('leaves no timer after stop, and asks nobody without a source', async () => {
    const { store, timers, pass, fetches } = setUp(null, async () => later(9));
    await store.start();
    store.stop();
    store.stop();
    store.refused(bundled);
    await pass(100_000);
    expect([timers.size, fetches()]).toEqual([0, 0]);
    const silent = setUp(null, null);
    await silent.store.start();
    silent.store.refused(bundled);
    expect(silent.timers.size).toBe(0);
  });
});
