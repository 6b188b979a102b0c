/** The line of one campaign: step after step until it is over, paused, or another process's. */

import { createLoop } from '../../db/loop.ts';
import { inBackground } from '../../db/work.ts';
import type { Outcome } from '../../queue/signals.ts';
import { stepCampaign } from '../../services/campaigns/feed.ts';
import { newMemory } from '../../services/campaigns/feed-state.ts';
import type { CampaignDeps } from '../../services/campaigns/row.ts';
import { countedOutcome, WINDOW } from '../../services/campaigns/safety.ts';
import type { Deps } from '../../services/context.ts';

/** Outcomes that come in a row are looked at together. */
const GATHER_MS = 25;
/** Other sends of the session wake the line too. */
const LOOK_AGAIN_MS = 100;
/** The queue is not looked at again before this many messages have left. */
const WAKE_AT = 8;
const FAILURE_PAUSE = { firstMs: 500, maxMs: 15_000 };

export interface LineDeps extends CampaignDeps, Pick<Deps, 'loopShare'> {}

export interface CampaignLine {
  /** Whether it is one of its sessions. */
  isOf(accountId: string): boolean;
  /** The campaign or one of its sessions may have changed. */
  wake(): void;
  noteOutcome(outcome: Outcome): void;
  /** True while it waits for time or for outcomes. */
  isQuiet(): boolean;
  /** Lets the running step end. */
  stop(): Promise<void>;
}

/** Starts the line; `onOver` is called once, when nothing more is to be done for the campaign here. */
export function startCampaignLine(
  deps: LineDeps,
  campaign: { id: string; accountIds: readonly string[]; userId: number },
  options: { processId: string; random: () => number; onOver: () => void },
): CampaignLine {
  const { clock, logger, loopShare } = deps;
  const accountIds = new Set(campaign.accountIds);
  const memory = newMemory();
  let gone = 0;
  let gathering = false;
  const loop = createLoop({
    clock,
    logger,
    name: 'a campaign',
    fields: { campaignId: campaign.id },
    periodMs: 0,
    atOnce: true,
    failure: FAILURE_PAUSE,
    random: options.random,
    async round() {
      gone = 0;
      const step = await inBackground(campaign.userId, () =>
        stepCampaign(deps, campaign.id, { ...options, memory }),
      );
      if (step.over) {
        options.onOver();
        return 'end';
      }
      if (step.waitMs <= 0) await loopShare.turn(campaign.userId);
      return { afterMs: step.waitMs };
    },
  });

  /** Wakes a moment later, once for all that comes until then. */
  function wakeAfter(delayMs: number): void {
    if (gathering) return;
    gathering = true;
    clock.setTimer(() => {
      gathering = false;
      loop.wake();
    }, delayMs);
  }

  loop.start();
  return {
    isOf: (accountId) => accountIds.has(accountId),
    wake: () => wakeAfter(LOOK_AGAIN_MS),
    noteOutcome(outcome) {
      if (!memory.open.delete(outcome.id)) return;
      const counted = countedOutcome(outcome);
      if (counted !== null) memory.outcomes = [...memory.outcomes, counted].slice(-WINDOW);
      gone++;
      if (gone >= WAKE_AT || memory.open.size === 0 || counted !== 'ok') wakeAfter(GATHER_MS);
    },
    isQuiet: () => loop.isWaiting(),
    stop: () => loop.stop(),
  };
}
