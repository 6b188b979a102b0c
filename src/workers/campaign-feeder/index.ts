/** Feeds running campaigns to the queue: a line for each whose feeder this process holds, and a look for what is due. */

import { createLoop } from '../../db/loop.ts';
import type { News } from '../../queue/signals.ts';
import { reviewCampaigns, startDue } from '../../services/campaigns/due.ts';
import { stepRecalls } from '../../services/campaigns/recall.ts';
import { type CampaignLine, type LineDeps, startCampaignLine } from './line.ts';

/** A schedule is kept to the second. */
const LOOK_EVERY_MS = 1_000;
/** Between two looks at least: many things wake it. */
const GATHER_MS = 200;

export interface FeederDeps extends LineDeps {
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
  let unsubscribe: (() => void)[] = [];
  let stopped = false;

  async function look(): Promise<void> {
    await startDue(deps);
    await stepRecalls(deps);
    for (const campaign of await reviewCampaigns(deps)) {
      if (campaign.owner !== processId || lines.has(campaign.id) || stopped) continue;
      const onOver = () => {
        lines.delete(campaign.id);
      };
      lines.set(campaign.id, startCampaignLine(deps, campaign, { processId, random, onOver }));
    }
  }

  const loop = createLoop({
    clock,
    logger,
    name: 'the look at campaigns',
    periodMs: LOOK_EVERY_MS,
    gatherMs: GATHER_MS,
    atOnce: true,
    random,
    round: look,
  });

  /** A campaign of this session may have been started, resumed or ended; or, with a priority, something was queued for it. */
  function onWake(accountId: string, { priority }: News): void {
    let known = false;
    for (const line of lines.values()) {
      if (!line.isOf(accountId)) continue;
      known = true;
      line.wake();
    }
    // What was queued alone has started no campaign.
    if (!known && priority === undefined) loop.wake();
  }

  return {
    start() {
      unsubscribe = [
        signals.onWake(onWake),
        signals.onSettled((outcome) => {
          for (const line of lines.values()) line.noteOutcome(outcome);
        }),
      ];
      loop.start();
    },
    async stop() {
      for (const end of unsubscribe) end();
      stopped = true;
      await loop.stop();
      await Promise.all([...lines.values()].map((line) => line.stop()));
    },
    look,
    isQuiet: () => loop.isWaiting() && [...lines.values()].every((line) => line.isQuiet()),
  };
}
