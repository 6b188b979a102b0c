/** Where time comes from; tests bring their own. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds that never go back, for leases and durations. */
  monotonic(): number;
  /** Runs `fn` once after `delayMs`; the returned function cancels it. */
  setTimer(fn: () => void, delayMs: number): () => void;
  /**
   * How far the machine's clock is from the one that all processes share, positive when it is ahead; null when nothing
   * is known yet. Absent where it is not measured.
   */
  skewMs?(): number | null;
}

/**
 * A time that lies further ahead of now than this was written by a clock that was wrong: clocks of several hosts differ
 * by some milliseconds, and ids of one moment count upwards.
 */
export const FUTURE_MS = 2_000;

/** Resolves after `ms`, or at once when `signal` is aborted: look at the signal afterwards. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.setTimer(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(fn, delayMs) {
    // Node fires a timer beyond 2^31-1 ms at once.
    const timer = setTimeout(fn, Math.min(delayMs, 2_147_483_647));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
