/** Time that a test moves: due timers run in order, and what each of them starts ends before the next. */
import { dbType } from '../../src/db/kit.ts';
import { type Clock, systemClock } from '../../src/utils/clock.ts';

export interface FakeClock extends Clock {
  /**
   * Moves time on. After each timer, and at the end, `idle` is awaited: by default some turns of the event loop;
   * give it what knows when the work at hand is done (the dispatcher's `idle`).
   */
  advance(ms: number): Promise<void>;
  /** The same, as if the process had been held meanwhile: what is due by then runs late, once. */
  leap(ms: number): Promise<void>;
  /** Leaps, and makes every look of the last `walkedMs` of that time. */
  pass(ms: number, walkedMs?: number): Promise<void>;
  /** What `advance` awaits from now on. */
  idleWith(idle: () => Promise<void>): void;
  /** Sets the wall clock, as an operator or NTP does; timers and the monotonic clock go on. */
  setNow(now: number): void;
}

/** Timers that run without time going on: more of them are a loop, and `idle` may leave the real one no turn. */
const MAX_AT_ONCE = 100_000;
const TURN_EVERY = 100;

/** Starts on 1 January 2026, 00:00 UTC, unless told otherwise. */
export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsedMs = 0;
  let offsetMs = start;
  let made = 0;
  let idle = () => turns(10);
  const becomesIdle = () => napWhile(idle());
  const timers = new Map<number, { dueMs: number; fn: () => void }>();

  function nextDue(untilMs: number) {
    let found: { id: number; dueMs: number; fn: () => void } | null = null;
    for (const [id, timer] of timers) {
      if (timer.dueMs <= untilMs && (found === null || timer.dueMs < found.dueMs)) found = { id, ...timer };
    }
    return found;
  }
  async function advance(ms: number): Promise<void> {
    const untilMs = elapsedMs + ms;
    await becomesIdle();
    let ran = 0;
    let inARow = 0;
    for (let timer = nextDue(untilMs); timer; timer = nextDue(untilMs)) {
      timers.delete(timer.id);
      inARow = timer.dueMs > elapsedMs ? 0 : inARow + 1;
      if (inARow > MAX_AT_ONCE) throw new Error('what is due at once asks for more of the same, without end');
      elapsedMs = Math.max(elapsedMs, timer.dueMs);
      timer.fn();
      await becomesIdle();
      // The limit of a test is a timer of the real loop.
      if (++ran % TURN_EVERY === 0) await turns(1);
    }
    elapsedMs = untilMs;
    await becomesIdle();
  }
  async function leap(ms: number): Promise<void> {
    await becomesIdle();
    elapsedMs += ms;
    await advance(0);
  }
  return {
    now: () => offsetMs + elapsedMs,
    monotonic: () => elapsedMs,
    setTimer(fn, delayMs) {
      const id = ++made;
      // Whole milliseconds, as the machine's timers: what waits for a time must not wake before it.
      timers.set(id, { dueMs: elapsedMs + Math.max(0, Math.ceil(delayMs)), fn });
      return () => timers.delete(id);
    },
    advance,
    leap,
    async pass(ms, walkedMs = 120_000) {
      if (ms > walkedMs) await leap(ms - walkedMs);
      await advance(Math.min(ms, walkedMs));
    },
    idleWith(next) {
      idle = next;
    },
    setNow(now) {
      offsetMs = now - elapsedMs;
    },
  };
}

/** Lets the event loop turn n times. */
export async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** What is ready at once is not slept through. */
const AWAKE_TURNS = 8;
const NAP_MS = 0.2;
const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * What looks with each turn of the event loop whether the work is done keeps a processor from the server that does it: this
 * sleeps between the turns meanwhile. SQLite works in this thread.
 */
async function napWhile(work: Promise<void>): Promise<void> {
  if (dbType === 'sqlite') return work;
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  for (let turn = 0; !isOver; turn++) {
    await turns(1);
    if (turn >= AWAKE_TURNS) Atomics.wait(cell, 0, 0, NAP_MS);
  }
  await work;
}

/** For an app without an engine: what waits for one has waited ten seconds after half a second. */
export const hurriedClock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 20 };
