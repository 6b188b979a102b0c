/** Work that is done again and again while the process runs. */

import { inCleanContext } from '../db/scope.ts';
import { backoffMs, spread } from '../utils/backoff.ts';
import { type Clock, sleep } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';

export interface Loop {
  start(): void;
  /** Lets the running round end. May be called twice. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  clock: Clock;
  logger: Logger;
  /** for the log */
  name: string;
  /** between the end of one round and the next, give or take a quarter, so that processes do not go in step */
  periodMs: number;
  round(signal: AbortSignal): Promise<unknown>;
}

/** After failures in a row the pause doubles up to this many periods: the database may be away. */
const MAX_PERIODS = 16;

/** Makes a loop that survives its rounds' failures. The first round comes after the first pause. */
export function createLoop(options: LoopOptions): Loop {
  const { clock, logger, name, periodMs } = options;
  const stopping = new AbortController();
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    const range = { firstMs: periodMs, maxMs: periodMs * MAX_PERIODS };
    let failures = 0;
    while (!stopping.signal.aborted) {
      await sleep(clock, spread(backoffMs(range, failures + 1), Math.random()), stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        await options.round(stopping.signal);
        failures = 0;
      } catch (error) {
        failures++;
        logger.warn(`${name} failed and goes on`, { error });
      }
    }
  }

  return {
    start() {
      running ??= inCleanContext(run);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
