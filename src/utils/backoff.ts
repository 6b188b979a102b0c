/** How long to wait before something is tried again. All but the last function are pure. */
import { type Clock, sleep } from './clock.ts';

/** The pause after the first failure and the longest one, in milliseconds. */
export interface BackoffRange {
  firstMs: number;
  maxMs: number;
}

/** The pause after so many failures in a row (1 is the first): it doubles from `firstMs` up to `maxMs`. */
export function backoffMs({ firstMs, maxMs }: BackoffRange, failures: number): number {
  // Above 2^50 the product is no whole number any more; long before that it is `maxMs`.
  return Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 50));
}

/** Between half of `ms` and all of it, whole milliseconds: for waits after a failure. `random` is in [0, 1). */
export function jittered(ms: number, random: number): number {
  return Math.round(ms * (0.5 + random / 2));
}

/** `backoffMs` with jitter. */
export function jitteredBackoffMs(range: BackoffRange, failures: number, random: number): number {
  return jittered(backoffMs(range, failures), random);
}

/** `ms` give or take `share` of it, so that what begins at the same time does not stay in step. */
export function spread(ms: number, random: number, share = 0.25): number {
  return ms * (1 - share + 2 * share * random);
}

/** A time between the two, each as likely as the others. */
export function between(minMs: number, maxMs: number, random: number): number {
  return minMs + random * (maxMs - minMs);
}

export interface RetryOptions {
  clock: Clock;
  range: BackoffRange;
  /** No further try once it is aborted. */
  signal: AbortSignal;
  /** How long to go on, over all tries; for ever when missing. */
  timeoutMs?: number;
  /** False for an error that will not pass: it is thrown at once. */
  isPassing?(error: unknown): boolean;
  /** Told before each pause. */
  onRetry?(error: unknown): void;
  /** Told when the time is over, before the last error is thrown. */
  onGivenUp?(error: unknown): void;
}

/** Does `work`, again and again with a growing, random pause while it fails. Rejects with its last error. */
export async function retry<R>(work: () => Promise<R>, options: RetryOptions): Promise<R> {
  const { clock, range, signal, timeoutMs = Number.POSITIVE_INFINITY } = options;
  const giveUpAt = clock.monotonic() + timeoutMs;
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || options.isPassing?.(error) === false) throw error;
      const waitMs = jitteredBackoffMs(range, failures, Math.random());
      if (clock.monotonic() + waitMs > giveUpAt) {
        options.onGivenUp?.(error);
        throw error;
      }
      options.onRetry?.(error);
      await sleep(clock, waitMs, signal);
      if (signal.aborted) throw error;
    }
  }
}
