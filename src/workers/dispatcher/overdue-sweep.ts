import { turn } from '../../db/turns.ts';
import { findOverdue } from '../../queue/overdue.ts';
import { spread } from '../../utils/backoff.ts';
import type { DispatcherDeps } from './types.ts';

const SWEEP_EVERY_MS = 15_000;
/** A pass may take this share of the time at most: with a million rows it runs more seldom. */
const MAX_SHARE = 0.02;

export interface OverdueSweep {
  start(): void;
  stop(): void;
  isBusy(): boolean;
}

/**
 * Reports messages as expired soon after their time, also where nobody claims: a session that is disconnected,
 * paused or over. Any process may, because the write is bound to a row that waits and is overdue.
 */
export function createOverdueSweep(deps: DispatcherDeps): OverdueSweep {
  const random = deps.random ?? Math.random;
  let running = false;
  let busy = false;
  let cancel: () => void = () => undefined;

  async function pass(): Promise<void> {
    for (let after: string | null = ''; after !== null && running; ) {
      const { ids, next } = await findOverdue(deps, after, deps.clock.now());
      await Promise.all(ids.map((id) => deps.settler.settle({ kind: 'overdue', id })));
      after = next;
      await turn();
    }
  }

  function schedule(afterMs: number): void {
    if (!running) return;
    cancel = deps.clock.setTimer(
      () => {
        const startedMs = deps.clock.monotonic();
        busy = true;
        pass()
          .catch((error) => deps.logger.warn('overdue messages wait', { error: String(error) }))
          .finally(() => {
            busy = false;
            schedule(Math.max(SWEEP_EVERY_MS, (deps.clock.monotonic() - startedMs) / MAX_SHARE));
          });
      },
      spread(afterMs, random(), 0.1),
    );
  }
  return {
    start() {
      if (running) return;
      running = true;
      schedule(SWEEP_EVERY_MS);
    },
    stop() {
      running = false;
      cancel();
    },
    isBusy: () => busy,
  };
}
