import { createLoop, type Loop } from '../../db/loop.ts';
import { isUnavailable } from '../../db/ops.ts';
import { findOverdue } from '../../queue/overdue.ts';
import { spread } from '../../utils/backoff.ts';
import type { DispatcherDeps } from './types.ts';

const SWEEP_EVERY_MS = 15_000;
/** A pass may take this share of the time at most: with a million rows it runs more seldom. */
const MAX_SHARE = 0.02;

export interface OverdueSweep extends Loop {
  isBusy(): boolean;
}

/**
 * Reports messages as expired soon after their time, also where no process claims: a session that is disconnected,
 * paused or over. Any process may, because the write is bound to a row that waits and is overdue.
 */
export function createOverdueSweep(deps: DispatcherDeps): OverdueSweep {
  const { clock, logger, random = Math.random } = deps;

  async function pass(signal: AbortSignal): Promise<void> {
    for await (const ids of findOverdue(deps, signal)) {
      const ends = await Promise.allSettled(ids.map((id) => deps.settler.settle({ kind: 'overdue', id })));
      // One that is refused stops no other; where the database is away, the loop backs off.
      const reasons: unknown[] = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
      if (reasons.length === 0) continue;
      if (reasons.some(isUnavailable)) throw reasons[0];
      logger.warn('overdue messages could not be ended', { count: reasons.length, error: reasons[0] });
    }
  }

  const loop = createLoop({
    clock,
    logger,
    name: 'the look for overdue messages',
    periodMs: SWEEP_EVERY_MS,
    random,
    async round(signal) {
      const startedMs = clock.monotonic();
      await pass(signal);
      const restMs = (clock.monotonic() - startedMs) / MAX_SHARE;
      return { afterMs: spread(Math.max(SWEEP_EVERY_MS, restMs), random()) };
    },
  });
  return { start: loop.start, stop: loop.stop, isBusy: () => !loop.isWaiting() };
}
