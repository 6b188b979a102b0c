/** Feeds running campaigns to the queue: a line for each whose session this process holds, and a look for what is due. */

import { inCleanContext } from '../../db/scope.ts';
import { reviewCampaigns, startDue } from '../../services/campaigns/due.ts';
import type { CampaignDeps } from '../../services/campaigns/row.ts';
import { backoffMs, spread } from '../../utils/backoff.ts';
import { sleep } from '../../utils/clock.ts';
import { createWaiter } from '../dispatcher/waiter.ts';
import { type CampaignLine, startCampaignLine } from './line.ts';

/** A schedule is kept to the second. */
const LOOK_EVERY_MS = 1_000;
/** Between two looks at least: sends of other kinds wake it too. */
const GATHER_MS = 200;
/** After failures in a row the pause doubles up to this: the database may be away. */
const PAUSE = { firstMs: LOOK_EVERY_MS, maxMs: 16 * LOOK_EVERY_MS };

export interface FeederDeps extends CampaignDeps {
  /** between 0 and 1, for pauses and delays */
  random?: () => number;
}

export interface CampaignFeeder {
  start(): void;
  /** Lets running steps end; what is on the queue stays there. May be called twice. */
  stop(): Promise<void>;
  /** One look now: for tests. */
  look(): Promise<void>;
  /** True while every line waits for time or for outcomes. */
  isQuiet(): boolean;
}

/** Makes the feeder of this process. Every step is safe in several processes at once. */
export function createCampaignFeeder(deps: FeederDeps): CampaignFeeder {
  const { clock, logger, signals } = deps;
  const { processId } = deps.commands;
  const random = deps.random ?? Math.random;
  const lines = new Map<string, CampaignLine>();
  const waiter = createWaiter(clock);
  const stopping = new AbortController();
  let running: Promise<void> | null = null;
  let unsubscribe: (() => void)[] = [];
  let looking = false;

  async function look(): Promise<void> {
    await startDue(deps);
    for (const campaign of await reviewCampaigns(deps)) {
      if (campaign.owner !== processId || lines.has(campaign.id) || stopping.signal.aborted) continue;
      const onOver = () => {
        lines.delete(campaign.id);
      };
      lines.set(campaign.id, startCampaignLine(deps, campaign, { processId, random, onOver }));
    }
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        looking = true;
        await look();
        failures = 0;
      } catch (error) {
        failures++;
        logger.warn('campaigns could not be looked at', { error: String(error) });
      } finally {
        looking = false;
      }
      if (stopping.signal.aborted) return;
      await waiter.wait(spread(backoffMs(PAUSE, failures + 1), random()));
      await sleep(clock, GATHER_MS, stopping.signal);
    }
  }

  /** A campaign of this session may have been started, resumed or ended; or something was queued for it. */
  function onWake(accountId: string): void {
    let known = false;
    for (const line of lines.values()) {
      if (line.accountId !== accountId) continue;
      known = true;
      line.wake();
    }
    if (!known) waiter.wake();
  }

  return {
    start() {
      unsubscribe = [
        signals.onWake(onWake),
        signals.onSettled((outcome) => {
          for (const line of lines.values()) line.settled(outcome);
        }),
      ];
      running ??= inCleanContext(run);
    },
    async stop() {
      for (const end of unsubscribe) end();
      stopping.abort();
      waiter.wake();
      await running;
      await Promise.all([...lines.values()].map((line) => line.stop()));
    },
    look,
    isQuiet: () => !looking && [...lines.values()].every((line) => line.isQuiet()),
  };
}
