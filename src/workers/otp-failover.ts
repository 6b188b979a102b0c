/** Every second: codes on their way are closed, or sent through the next session of their list. */

import { createLoop, type Loop } from '../db/loop.ts';
import type { OtpDeps } from '../services/otp/deps.ts';
import { watchOtps } from '../services/otp/watch.ts';

const PERIOD_MS = 1_000;

/** Makes the watcher. Safe in every process at once. */
export function createOtpFailover(deps: OtpDeps): Loop {
  return createLoop({
    clock: deps.clock,
    logger: deps.logger,
    name: 'the OTP watcher',
    periodMs: PERIOD_MS,
    async round(signal) {
      await watchOtps(deps, signal);
    },
  });
}
