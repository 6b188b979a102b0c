/** Gives failed webhook events back that somebody wants delivered again. */
import { createLoop, type Loop } from '../db/loop.ts';
import type { Deps } from '../services/context.ts';
import { feedReplays } from '../services/webhooks/replays.ts';

const PERIOD_MS = 2_000;
/** While there is more: leaves room for the deliveries themselves. */
const BUSY_MS = 250;

/** Makes the loop of this process. Any number of processes may run one. */
export function createWebhookReplays(
  deps: Pick<Deps, 'db' | 'database' | 'clock' | 'config' | 'secrets' | 'logger'>,
): Loop {
  return createLoop({
    clock: deps.clock,
    logger: deps.logger,
    name: 'the replay of webhook events',
    periodMs: PERIOD_MS,
    round: async (signal) => ({ afterMs: (await feedReplays(deps, signal)) ? BUSY_MS : PERIOD_MS }),
  });
}
