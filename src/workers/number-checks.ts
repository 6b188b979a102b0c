/** Looks up the numbers of checks: a few at a time, in turns by tenant, at a pace that WhatsApp's own client has. */

import { createLoop, type Loop } from '../db/loop.ts';
import {
  checkNext,
  claimCheck,
  type NumberCheckDeps,
  releaseChecks,
} from '../services/number-checks/work.ts';
import { countEach } from '../utils/count-each.ts';

/** Sessions that ask at the same time. */
const MAX_RUNNING = 4;
/** Between two questions of one session: 1,000 numbers take some three minutes. Our choice; WhatsApp publishes none. */
const PACE_MS = 10_000;
/** How long a new job waits to be noticed. */
const POLL_MS = 2_000;
const RELEASE_EVERY_MS = 30_000;

export interface NumberCheckerOptions {
  processId: string;
  paceMs?: number;
  pollMs?: number;
}

/** Makes the worker. `stop` waits for the questions that are under way. */
export function createNumberChecker(deps: NumberCheckDeps, options: NumberCheckerOptions): Loop {
  const { clock, logger } = deps;
  const { processId, paceMs = PACE_MS, pollMs = POLL_MS } = options;
  const running = new Map<Promise<void>, number>();
  let releasedAt = Number.NEGATIVE_INFINITY;
  const loop = createLoop({
    clock,
    logger,
    name: 'the look for numbers to check',
    periodMs: pollMs,
    atOnce: true,
    round,
  });

  async function round(signal: AbortSignal): Promise<void> {
    if (clock.monotonic() - releasedAt > RELEASE_EVERY_MS) {
      await releaseChecks(deps, processId);
      releasedAt = clock.monotonic();
    }
    while (running.size < MAX_RUNNING && !signal.aborted) {
      const job = await claimCheck(deps, processId, countEach(running.values()));
      if (job === null) return;
      const work = checkNext(deps, job, paceMs)
        .catch((error) =>
          logger.warn('the answers about numbers could not be written', { error, check: job.id }),
        )
        .finally(() => {
          running.delete(work);
          loop.wake();
        });
      running.set(work, job.userId);
    }
  }

  return {
    start: loop.start,
    async stop() {
      await loop.stop();
      await Promise.all(running.keys());
    },
  };
}
