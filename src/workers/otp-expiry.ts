/** Once a minute: codes past their time end, quiet numbers are forgotten, the conversion is looked at. */

import { createLoop, type Loop } from '../db/loop.ts';
import { checkConversion } from '../services/otp/conversion.ts';
import type { OtpDeps } from '../services/otp/deps.ts';
import { expireOverdue, forgetQuietNumbers } from '../services/otp/sweep.ts';
import { MINUTE_MS } from '../utils/durations.ts';

const PERIOD_MS = MINUTE_MS;

/** Makes the sweep. Every step is safe in several processes at once; one that does it is enough. */
export function createOtpExpiry(deps: OtpDeps): Loop & { sweep(signal?: AbortSignal): Promise<number> } {
  async function sweep(signal?: AbortSignal): Promise<number> {
    const ended = await expireOverdue(deps, signal);
    await forgetQuietNumbers(deps, signal);
    await checkConversion(deps, signal);
    return ended;
  }
  const { clock, logger } = deps;
  return {
    sweep,
    ...createLoop({
      clock,
      logger,
      name: 'the OTP sweep',
      periodMs: PERIOD_MS,
      async round(signal) {
        await sweep(signal);
      },
    }),
  };
}
