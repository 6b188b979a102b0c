/** Every few seconds: restrictions of accounts whose time is over are told to be. */

import { createLoop, type Loop } from '../db/loop.ts';
import { endRestrictions, type StandingDeps } from '../queue/standing.ts';
import type { Logger } from '../utils/logger.ts';

const PERIOD_MS = 5_000;

/** Makes the loop. Safe in every process at once. */
export function createRestrictionEnds(deps: StandingDeps & { logger: Logger }): Loop {
  return createLoop({
    clock: deps.clock,
    logger: deps.logger,
    name: 'the end of restrictions',
    periodMs: PERIOD_MS,
    async round() {
      await endRestrictions(deps);
    },
  });
}
