import type { EventFilter, EventStream } from '../../events/stream.ts';
import { type Clock, sleep } from '../../utils/clock.ts';

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
  return {
    async wait(timeoutMs, signal) {
      if (!news) {
        const waiting = new AbortController();
        wake = () => waiting.abort();
        const either = signal ? AbortSignal.any([waiting.signal, signal]) : waiting.signal;
        await sleep(deps.clock, timeoutMs, either);
      }
      news = false;
    },
    close,
  };
}
