import type { EventFilter, EventStream } from '../../events/stream.ts';
import type { Clock } from '../../utils/clock.ts';

export interface Waker {
  /** Resolves when an event came since the last wait, at the latest after `timeoutMs` or when `signal` ends it. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** Wakes somebody who reads the database in rounds: what this process does is seen at once. */
export function createWaker(deps: { stream: EventStream; clock: Clock }, filter: EventFilter): Waker {
  let news = false;
  let wake: () => void = () => undefined;
  const close = deps.stream.subscribe(filter, () => {
    news = true;
    wake();
  });

  function sleepUntilWoken(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancel = deps.clock.setTimer(done, timeoutMs);
      signal?.addEventListener('abort', done, { once: true });
      wake = done;
    });
  }

  return {
    async wait(timeoutMs, signal) {
      if (!news) await sleepUntilWoken(timeoutMs, signal);
      news = false;
    },
    close,
  };
}
