/** Deletes what is old and clears what has expired, in whichever process holds the lease. */

import { createLoop, type Loop } from '../../db/loop.ts';
import { inBackground } from '../../db/work.ts';
import type { Deps } from '../../services/context.ts';
import { createLease, LEASE_MS } from './lease.ts';
import { nightAfter, readLastNight, writeLastNight } from './schedule.ts';
import type { Task } from './tasks.ts';

export interface Housekeeper extends Loop {
  /** One look at what is due, as the loop does it. False: another process keeps house. Throws what a task threw. */
  round(signal?: AbortSignal): Promise<boolean>;
}

export type HousekeeperDeps = Pick<Deps, 'database' | 'db' | 'clock' | 'logger' | 'config' | 'metrics'>;

const PERIOD_MS = 30_000;

/** Makes the housekeeper of process `processId`. Any number of processes may run one: the lease picks. */
export function createHousekeeper(
  deps: HousekeeperDeps,
  { processId, tasks }: { processId: string; tasks: readonly Task[] },
): Housekeeper {
  const { clock, logger, metrics } = deps;
  const lease = createLease(deps.database, processId);
  const lastRun = new Map<string, number>();

  async function round(stopping: AbortSignal = new AbortController().signal): Promise<boolean> {
    if (!(await lease.take())) return false;
    const lost = new AbortController();
    const signal = AbortSignal.any([stopping, lost.signal]);
    const release = keepLease(lost);
    try {
      await runDue(signal);
    } finally {
      release();
    }
    metrics.housekeepingAt.set(clock.now() / 1000);
    return true;
  }

  /** Renews while the work goes on; what cannot be renewed is lost, and the work ends at its next piece. */
  function keepLease(lost: AbortController): () => void {
    let ended = false;
    let cancel = (): void => undefined;
    const renew = () => {
      cancel = clock.setTimer(() => {
        lease.take().then(
          (held) => (held ? ended || renew() : lost.abort()),
          () => lost.abort(),
        );
      }, LEASE_MS / 3);
    };
    renew();
    return () => {
      ended = true;
      cancel();
    };
  }

  async function runDue(signal: AbortSignal): Promise<void> {
    const startedAt = clock.now();
    const night = nightAfter(await readLastNight(deps.db, startedAt), deps.config.housekeepingTimeZone);
    const isNight = night <= startedAt;
    const failures: unknown[] = [];
    for (const task of tasks) {
      const isDue =
        task.when === 'nightly'
          ? isNight
          : Math.abs(startedAt - (lastRun.get(task.name) ?? Number.NEGATIVE_INFINITY)) >= task.when;
      if (!isDue || signal.aborted) continue;
      try {
        await run(task, signal);
        if (!signal.aborted) lastRun.set(task.name, startedAt);
      } catch (error) {
        failures.push(error);
      }
    }
    if (isNight && failures.length === 0 && !signal.aborted) await writeLastNight(deps.db, startedAt);
    if (failures.length > 0) throw failures[0];
  }

  async function run(task: Task, signal: AbortSignal): Promise<void> {
    const beganMs = clock.monotonic();
    const rows = await inBackground(null, () => task.run(signal));
    metrics.housekeepingRows.inc({ task: task.name }, rows);
    if (rows === 0) return;
    const durationMs = Math.round(clock.monotonic() - beganMs);
    logger.info('housekeeping', { task: task.name, rows, durationMs });
  }

  const loop = createLoop({
    clock,
    logger,
    name: 'the housekeeper',
    periodMs: PERIOD_MS,
    async round(signal) {
      await round(signal);
    },
  });
  return {
    round,
    start: loop.start,
    async stop() {
      await loop.stop();
      // Not worth waiting for when the database is away: the lease runs out by itself.
      await lease.release().catch(() => undefined);
    },
  };
}
