/** Work that is done again and again while the process runs, outside every request and transaction. */
import { type BackoffRange, backoffMs, jittered, spread } from '../utils/backoff.ts';
import { type Clock, sleep } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';
import { createWaiter } from '../utils/waiter.ts';
import { yieldToEventLoop } from './event-loop.ts';
import { inCleanContext } from './scope.ts';

/** Work of the background as its starter sees it. */
export interface Loop {
  start(): void;
  /** Lets the running round end. May be called twice. */
  stop(): Promise<void>;
}

export interface WakeableLoop extends Loop {
  /** The next round comes now: ends the wait, or the one after the round that runs. */
  wake(): void;
  /** True while no round runs and none is due yet. */
  isWaiting(): boolean;
}

/** The answer of a round: the milliseconds until the next one (Infinity: until a wake-up), or that it was the last. */
export type NextRound = { afterMs: number } | 'end';

export interface LoopOptions {
  clock: Clock;
  logger: Logger;
  /** for the log; `fields` with it */
  name: string;
  fields?: Record<string, unknown>;
  /** between the end of one round and the next, give or take a quarter, so that processes do not go in step */
  periodMs: number;
  /** The first round comes at the start, not after the first pause. */
  atOnce?: boolean;
  /** A wake-up waits this long for others: one round for all of them. */
  gatherMs?: number;
  /** Pauses after failures in a row; up to 16 periods when missing: the database may be away. */
  failure?: BackoffRange;
  /** in [0, 1) */
  random?: (() => number) | undefined;
  /** One round. Without an answer of its own the next one comes after the period. */
  round(signal: AbortSignal): Promise<void> | Promise<NextRound>;
}

const MAX_PERIODS = 16;

/** Makes a loop that survives its rounds' failures. */
export function createLoop(options: LoopOptions): WakeableLoop {
  const { clock, logger, name, periodMs, gatherMs = 0, random = Math.random } = options;
  const stopping = new AbortController();
  const waiter = createWaiter(clock);
  let running: Promise<void> | null = null;
  let failures = 0;
  let waiting = true;

  /** Milliseconds until the next round; null after the last one. */
  async function round(): Promise<number | null> {
    waiting = false;
    try {
      const next = await options.round(stopping.signal);
      failures = 0;
      if (next === 'end') return null;
      return next ? next.afterMs : spread(periodMs, random());
    } catch (error) {
      failures++;
      logger.warn(`${name} failed and goes on`, { ...options.fields, error: String(error) });
      return null;
    }
  }

  function failurePauseMs(): number {
    if (options.failure) return jittered(backoffMs(options.failure, failures), random());
    const range = { firstMs: periodMs, maxMs: periodMs * MAX_PERIODS };
    return spread(backoffMs(range, failures + 1), random());
  }

  /** A wake-up does not end the pause after a failure: what woke it may be what fails. */
  async function rest(): Promise<void> {
    waiting = true;
    await sleep(clock, failurePauseMs(), stopping.signal);
  }

  async function pause(ms: number): Promise<void> {
    if (stopping.signal.aborted) return;
    if (ms <= 0) return yieldToEventLoop();
    waiting = true;
    await waiter.wait(ms);
    if (gatherMs > 0) await sleep(clock, gatherMs, stopping.signal);
  }

  async function run(): Promise<void> {
    if (!options.atOnce) await waiter.wait(spread(periodMs, random()));
    while (!stopping.signal.aborted) {
      const failed = failures;
      const afterMs = await round();
      if (failures > failed) await rest();
      else if (afterMs === null) break;
      else await pause(afterMs);
    }
    waiting = true;
  }

  return {
    start() {
      running ??= inCleanContext(run);
    },
    wake: () => waiter.wake(),
    isWaiting: () => waiting,
    async stop() {
      stopping.abort();
      waiter.wake();
      await running;
    },
  };
}
