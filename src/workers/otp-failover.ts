/** Every second: codes on their way are settled, or sent through the next session of their list. */
import type { OtpDeps } from '../services/otp/deps.ts';
import { watchOtps } from '../services/otp/watch.ts';
import { createLoop, type Loop } from './loop.ts';

const PERIOD_MS = 1_000;

/** Makes the watcher. Safe in every process at once. */
export function createOtpFailover(deps: OtpDeps): Loop {
  return createLoop({
    clock: deps.clock,
    logger: deps.logger,
    name: 'the OTP watcher',
    periodMs: PERIOD_MS,
    round: (signal) => watchOtps(deps, signal),
  });
}
