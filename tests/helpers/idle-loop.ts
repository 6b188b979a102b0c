/** An event loop that always has time, as long as nothing is asked of it: a test's own requests make it busy. */
import type { LoopProbe } from '../../src/utils/loop-share.ts';

/** Kept from load time: fake timers do not stop it. */
const later = globalThis.setTimeout;
const now = performance.now.bind(performance);

export const IDLE_LOOP: LoopProbe = {
  now,
  idleMs: now,
  later: (work, ms) => {
    later(work, ms);
  },
};
