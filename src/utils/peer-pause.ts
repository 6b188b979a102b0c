/** A server that much work goes to: when it answers nobody it is left alone for a while, instead of being asked by each in turn. */
import { type BackoffRange, jitteredBackoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface PeerPause {
  /**
   * Milliseconds for which it is not to be asked; 0: it may be. After a pause one at a time asks (`asked`), until it is known
   * how that went.
   */
  waitMs(): number;
  /** Somebody asks it now. */
  asked(): void;
  /** It has answered, and be it with a refusal: it is asked by everybody again. */
  answered(): void;
  /**
   * It did not answer, or answers nobody: the milliseconds of the pause that begins; null where one goes on already, for those
   * who asked at the same time.
   */
  failed(): number | null;
}

export interface PeerPauseOptions {
  clock: Clock;
  /** pauses after failures in a row */
  range: BackoffRange;
  /** milliseconds after which one that asks is not waited for any more */
  trialMs: number;
}

/** Makes it; the peer is taken to be there until it fails. */
export function createPeerPause({ clock, range, trialMs }: PeerPauseOptions): PeerPause {
  let failures = 0;
  /** by the monotonic clock: the end of the pause, and that of the wait for the one who asks after it */
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let trialUntil = Number.NEGATIVE_INFINITY;
  return {
    waitMs: () => Math.max(0, pausedUntil - clock.monotonic(), trialUntil - clock.monotonic()),
    asked() {
      if (failures > 0) trialUntil = clock.monotonic() + trialMs;
    },
    answered() {
      failures = 0;
      pausedUntil = Number.NEGATIVE_INFINITY;
      trialUntil = Number.NEGATIVE_INFINITY;
    },
    failed() {
      const now = clock.monotonic();
      trialUntil = Number.NEGATIVE_INFINITY;
      if (pausedUntil > now) return null;
      failures++;
      const pauseMs = jitteredBackoffMs(range, failures, Math.random());
      pausedUntil = now + pauseMs;
      return pauseMs;
    },
  };
}
