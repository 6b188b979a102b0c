/** A pace that is kept over time, with room for many at once after a quiet while. */
import type { Clock } from './clock.ts';

export interface PaceOptions {
  /** after a quiet while so many may go at once */
  atOnce: number;
  /** after that one in so many milliseconds */
  everyMs: number;
}

export interface Pace {
  /** Takes the next place: how many milliseconds to wait for it, 0 when it is there. Places are given in the order of the calls. */
  reserve(): number;
  /** Takes a place when one is there; false when not. */
  take(): boolean;
  /** A place that was taken is free again: nothing was done with it. */
  giveBack(): void;
}

export function createPace(clock: Pick<Clock, 'monotonic'>, { atOnce, everyMs }: PaceOptions): Pace {
  /** when all places that were taken will be free again */
  let freeAt = Number.NEGATIVE_INFINITY;

  function waitMs(): number {
    const now = clock.monotonic();
    return Math.max(0, Math.max(freeAt, now) - (atOnce - 1) * everyMs - now);
  }
  function reserve(): number {
    const wait = waitMs();
    freeAt = Math.max(freeAt, clock.monotonic()) + everyMs;
    return wait;
  }
  return {
    reserve,
    take() {
      if (waitMs() > 0) return false;
      reserve();
      return true;
    },
    giveBack() {
      freeAt -= everyMs;
    },
  };
}
