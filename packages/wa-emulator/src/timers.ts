/** Timeouts that can all be called off at once. */
export interface Timers {
  /** Runs `task` after `delayMs`; at once, and synchronously, when that is 0. Nothing runs after `stop`. */
  after(delayMs: number, task: () => void): void;
  stop(): void;
}

/** Timers of one emulator. */
export function createTimers(): Timers {
  const pending = new Set<NodeJS.Timeout>();
  let stopped = false;
  return {
    after(delayMs, task) {
      if (stopped) {
        return;
      }
      if (delayMs <= 0) {
        task();
        return;
      }
      const timer = setTimeout(() => {
        pending.delete(timer);
        task();
      }, delayMs);
      pending.add(timer);
    },
    stop() {
      stopped = true;
      for (const timer of pending) {
        clearTimeout(timer);
      }
      pending.clear();
    },
  };
}
