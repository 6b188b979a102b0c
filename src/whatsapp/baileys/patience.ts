/** Waiting for a host that cannot do something now. */
import { type Clock, sleep } from '../../utils/clock.ts';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

export interface Patience {
  clock: Clock;
  /** aborted when the socket is closed: nothing is tried again then */
  closed: AbortSignal;
  /** how long to go on trying */
  timeoutMs: number;
  /** Told before the last error is thrown: it must close the socket, so that nothing is confirmed. */
  onGivenUp: (error: unknown) => void;
}

/** Does `work`, again and again with a growing, random pause while it fails. Rejects with its last error. */
export async function patiently<R>(work: () => Promise<R>, patience: Patience): Promise<R> {
  const { clock, closed, timeoutMs } = patience;
  const giveUpAt = clock.monotonic() + timeoutMs;
  for (let delayMs = RETRY_MIN_MS; ; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
    try {
      return await work();
    } catch (error) {
      const waitMs = delayMs * (0.5 + Math.random() / 2);
      if (closed.aborted) throw error;
      if (clock.monotonic() + waitMs > giveUpAt) {
        patience.onGivenUp(error);
        throw error;
      }
      await sleep(clock, waitMs, closed);
    }
  }
}
