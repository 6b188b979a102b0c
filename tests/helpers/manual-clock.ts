/** Time that only a test moves. */
import type { Clock } from '../../src/utils/clock.ts';

/** Of one advance; nothing else would end it. */
const MAX_TIMERS = 100_000;

export interface ManualClock extends Clock {
  /** Moves the time on and runs the timers that are due, in their order. */
  advance(ms: number): void;
}

export function createManualClock(startMs = Date.parse('2025-11-01T10:00:00.000Z')): ManualClock {
  let elapsed = 0;
  const timers = new Set<{ fn: () => void; at: number }>();
  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    setTimer(fn, delayMs) {
      const timer = { fn, at: elapsed + delayMs };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = elapsed + ms;
      for (let ran = 0; ; ran++) {
        if (ran > MAX_TIMERS) throw new Error('timers ask for more of the same, without end');
        const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        elapsed = Math.max(elapsed, due.at);
        due.fn();
      }
      elapsed = end;
    },
  };
}
