/** Work that is done again and again while the process runs. */
import { inCleanContext } from '../db/scope.ts';
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
const MAX_BACKOFF = 16;

/** Makes a loop that survives its rounds' failures. The first round comes after the first pause. */
export function createLoop(options: LoopOptions): Loop {
  const { clock, logger, name, periodMs } = options;
  const stopping = new AbortController();
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    let backoff = 1;
    while (!stopping.signal.aborted) {
      await sleep(clock, periodMs * backoff * (0.75 + Math.random() / 2), stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        await options.round(stopping.signal);
        backoff = 1;
      } catch (error) {
        backoff = Math.min(MAX_BACKOFF, backoff * 2);
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
