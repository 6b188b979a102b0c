/** How long the event loop stands still, told apart from how long this process computes: a busy machine adds to the first. */
import { readFileSync } from 'node:fs';

const PROBE_EVERY_MS = 5;

/** Milliseconds that the main thread has run on a processor so far (Linux; NaN elsewhere). */
function ranMs(): number {
  try {
    return Number.parseInt(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8'), 10) / 1e6;
  } catch {
    return Number.NaN;
  }
}

export interface LoopWatch {
  /** the longest time between two turns, and the most that was computed between two */
  stop(): { heldMs: number; ranMs: number };
}

export function watchLoop(): LoopWatch {
  const longest = { heldMs: 0, ranMs: 0 };
  let turnedAt = performance.now();
  let ranAt = ranMs();
  const look = () => {
    const now = performance.now();
    const ranNow = ranMs();
    longest.heldMs = Math.max(longest.heldMs, now - turnedAt - PROBE_EVERY_MS);
    longest.ranMs = Math.max(longest.ranMs, ranNow - ranAt);
    turnedAt = now;
    ranAt = ranNow;
  };
  const timer = setInterval(look, PROBE_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      look();
      return longest;
    },
  };
}

/** Wall-clock milliseconds of some work, and what this process computed meanwhile, for whatever it did. */
export interface Slowest {
  add(name: string, work: () => Promise<unknown>): Promise<void>;
  /** `page 12 ms (computing 5 ms)`, and forgets them */
  take(): string;
}

export function createSlowest(): Slowest {
  const slowest = new Map<string, { wallMs: number; ranMs: number }>();
  return {
    async add(name, work) {
      const startMs = performance.now();
      const ranBefore = ranMs();
      await work();
      const wallMs = performance.now() - startMs;
      const known = slowest.get(name) ?? { wallMs: 0, ranMs: 0 };
      slowest.set(name, {
        wallMs: Math.max(known.wallMs, wallMs),
        ranMs: Math.max(known.ranMs, ranMs() - ranBefore),
      });
    },
    take() {
      const told = [...slowest].map(
        ([name, { wallMs, ranMs: ran }]) =>
          `${name} ${wallMs.toFixed(0)} ms (computing ${ran.toFixed(0)} ms)`,
      );
      slowest.clear();
      return told.join(', ');
    },
  };
}

/** The machine's load in the last minute, for the reader of a figure. */
export function loadAverage(): string {
  try {
    return readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '?';
  } catch {
    return '?';
  }
}
