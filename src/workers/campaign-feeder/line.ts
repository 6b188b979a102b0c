/** The line of one campaign: step after step until it is over, paused, or another process's. */

import { inCleanContext } from '../../db/scope.ts';
import { turn } from '../../db/turns.ts';
import type { Outcome } from '../../queue/signals.ts';
import { stepCampaign } from '../../services/campaigns/feed.ts';
import { newMemory } from '../../services/campaigns/feed-state.ts';
import type { CampaignDeps } from '../../services/campaigns/row.ts';
import { fateOf, WINDOW } from '../../services/campaigns/safety.ts';
import { jitteredBackoffMs } from '../../utils/backoff.ts';
import { sleep } from '../../utils/clock.ts';
import { loopShare } from '../../utils/loop-share.ts';
import { createWaiter } from '../dispatcher/waiter.ts';

/** Outcomes that come in a row are looked at together. */
const GATHER_MS = 25;
/** Other sends of the session wake the line too. */
const LOOK_AGAIN_MS = 100;
/** The queue is not looked at again before this many messages have left. */
const WAKE_AT = 8;
const FAILURE_PAUSE = { firstMs: 500, maxMs: 15_000 };

export interface CampaignLine {
  readonly accountId: string;
  /** The campaign or its session may have changed. */
  wake(): void;
  settled(outcome: Outcome): void;
  /** True while it waits for time or for outcomes. */
  isQuiet(): boolean;
  stop(): Promise<void>;
}

/** Starts the line; `onOver` is called once, when nothing more is to be done for the campaign here. */
export function startCampaignLine(
  deps: CampaignDeps,
  campaign: { id: string; accountId: string; userId: number },
  options: { processId: string; random: () => number; onOver: () => void },
): CampaignLine {
  const { clock, logger } = deps;
  const waiter = createWaiter(clock);
  const stopping = new AbortController();
  const memory = newMemory();
  let gone = 0;
  let gathering = false;
  let resting = false;

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        gone = 0;
        const step = await stepCampaign(deps, campaign.id, { ...options, memory });
        failures = 0;
        if (step.over) return;
        if (step.waitMs > 0) await waiter.wait(step.waitMs);
        else {
          await turn();
          await loopShare.turn(campaign.userId);
        }
      } catch (error) {
        logger.warn('a campaign waits', { campaignId: campaign.id, error: String(error) });
        resting = true;
        await sleep(clock, jitteredBackoffMs(FAILURE_PAUSE, ++failures, options.random()), stopping.signal);
        resting = false;
      }
    }
  }

  /** Wakes a moment later, once for all that comes until then. */
  function wakeAfter(delayMs: number): void {
    if (gathering) return;
    gathering = true;
    clock.setTimer(() => {
      gathering = false;
      waiter.wake();
    }, delayMs);
  }

  const done = inCleanContext(run).finally(options.onOver);
  return {
    accountId: campaign.accountId,
    wake: () => wakeAfter(LOOK_AGAIN_MS),
    settled(outcome) {
      if (!memory.open.delete(outcome.id)) return;
      const fate = fateOf(outcome);
      if (fate !== null) memory.fates = [...memory.fates, fate].slice(-WINDOW);
      gone++;
      if (gone >= WAKE_AT || memory.open.size === 0 || fate !== 'ok') wakeAfter(GATHER_MS);
    },
    isQuiet: () => waiter.isWaiting() || resting,
    async stop() {
      stopping.abort();
      waiter.wake();
      await done;
    },
  };
}
