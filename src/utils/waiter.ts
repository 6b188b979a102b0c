import type { Clock } from './clock.ts';

/** Where a loop waits for a wake-up or for a time. */
export interface Waiter {
  /** Ends the wait, or the next one if none is going on. */
  wake(): void;
  /** Waits `ms` (Infinity: only for a wake-up). */
  wait(ms: number): Promise<void>;
  isWaiting(): boolean;
}

export function createWaiter(clock: Clock): Waiter {
  let woken = false;
  let leave: (() => void) | null = null;
  return {
    wake() {
      woken = true;
      leave?.();
    },
    async wait(ms) {
      if (!woken && ms > 0) {
        await new Promise<void>((resolve) => {
          const cancel = Number.isFinite(ms) ? clock.setTimer(() => leave?.(), ms) : () => undefined;
          leave = () => {
            leave = null;
            cancel();
            resolve();
          };
        });
      }
      woken = false;
    },
    isWaiting: () => leave !== null,
  };
}
