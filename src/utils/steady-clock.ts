/**
 * The time that decisions are made by: it runs on by the monotonic clock, follows the clock that all processes share
 * (the database's), and neither jumps nor goes back when somebody sets a clock.
 */
import { type Clock, FUTURE_MS } from './clock.ts';
import type { Logger } from './logger.ts';

/** Between two looks at the shared clock. */
const LOOK_EVERY_MS = 5_000;
/** More than this is a wrong clock, and people hear of it; less may be the latency of the database. */
export const SKEW_LIMIT_MS = FUTURE_MS;
/** A small difference is followed so fast at most: 50 ms in 5 s, far more than clocks drift. */
const MAX_SLEW_MS = 50;
/** An answer that took longer says too little about the time. */
const MAX_ROUND_TRIP_MS = 1_000;
/** A step that has lasted this long is the right time: a clock that is set wrongly and back does no harm. */
const ADOPT_AFTER_MS = 300_000;
/** The same is logged again after this. */
const REPEAT_MS = 600_000;

export interface SteadyClock extends Clock {
  /** Follows the shared clock from now on. Resolves after the first look; throws when there is no answer. */
  start(): Promise<void>;
  stop(): void;
  /** One look, for tests and for tools. */
  look(): Promise<void>;
  skewMs(): number | null;
  /** Hears that a step of the shared clock was taken over: times that were written before may lie in the future. */
  onStep(listener: (stepMs: number) => void): void;
}

export interface SteadyClockDeps {
  machine: Clock;
  /** the shared clock, epoch milliseconds */
  readShared(): Promise<number>;
  logger: Pick<Logger, 'warn' | 'info' | 'debug'>;
}

export function createSteadyClock({ machine, readShared, logger }: SteadyClockDeps): SteadyClock {
  let base = { wallMs: machine.now(), atMs: machine.monotonic() };
  let skewMs: number | null = null;
  /** how far the shared clock is from ours since `sinceMs` */
  let step: { differenceMs: number; sinceMs: number } | null = null;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let started = false;
  let running = false;
  let cancel: () => void = () => undefined;
  const listeners: ((stepMs: number) => void)[] = [];

  const now = () => Math.floor(base.wallMs + (machine.monotonic() - base.atMs));

  function shift(ms: number): void {
    base = { wallMs: base.wallMs + (machine.monotonic() - base.atMs) + ms, atMs: machine.monotonic() };
  }

  async function readDifference(): Promise<{ differenceMs: number; roundTripMs: number }> {
    const askedMs = machine.monotonic();
    const shared = await readShared();
    const roundTripMs = machine.monotonic() - askedMs;
    // The answer was right in the middle of the way there and back.
    const atNow = shared + roundTripMs / 2;
    if (skewMs === null || roundTripMs <= MAX_ROUND_TRIP_MS) {
      // On SQLite the shared clock is the machine's: there a step shows against the time that we go on by.
      const toShared = machine.now() - atNow;
      const toOurs = machine.now() - now();
      skewMs = Math.round(started && Math.abs(toOurs) > Math.abs(toShared) ? toOurs : toShared);
    }
    return { differenceMs: atNow - now(), roundTripMs };
  }

  function warn(line: string, meta: object): void {
    if (machine.monotonic() - saidAtMs < REPEAT_MS) return;
    saidAtMs = machine.monotonic();
    logger.warn(line, meta);
  }

  async function look(): Promise<void> {
    const { differenceMs, roundTripMs } = await readDifference();
    if (roundTripMs > MAX_ROUND_TRIP_MS) return;
    const skew = skewMs ?? 0;
    if (Math.abs(differenceMs) > SKEW_LIMIT_MS) return follow(differenceMs);
    step = null;
    shift(Math.max(-MAX_SLEW_MS, Math.min(MAX_SLEW_MS, differenceMs)));
    if (Math.abs(skew) <= SKEW_LIMIT_MS) saidAtMs = Number.NEGATIVE_INFINITY;
    else
      warn('the clock of this machine differs from the clock of the database: set it by NTP', {
        skewMs: skew,
      });
  }

  function follow(differenceMs: number): void {
    const same = step !== null && Math.abs(step.differenceMs - differenceMs) <= SKEW_LIMIT_MS;
    if (!same) {
      step = { differenceMs, sinceMs: machine.monotonic() };
      saidAtMs = Number.NEGATIVE_INFINITY;
    }
    const stoodMs = machine.monotonic() - (step?.sinceMs ?? 0);
    const stepMs = Math.round(differenceMs);
    if (stoodMs < ADOPT_AFTER_MS) {
      warn('the clock was set: decisions go on by the time of before until it has stood for five minutes', {
        stepMs,
      });
      return;
    }
    step = null;
    shift(differenceMs);
    saidAtMs = Number.NEGATIVE_INFINITY;
    logger.warn('the clock was set and stays so: decisions follow it now', { stepMs });
    for (const listener of listeners) listener(stepMs);
  }

  function schedule(): void {
    cancel = machine.setTimer(() => {
      look()
        // The database is away: time goes on without it.
        .catch((error) => logger.debug('the shared clock could not be read', { error: String(error) }))
        .finally(() => {
          if (running) schedule();
        });
    }, LOOK_EVERY_MS);
  }

  return {
    now,
    monotonic: machine.monotonic,
    setTimer: machine.setTimer,
    async start() {
      shift((await readDifference()).differenceMs);
      started = true;
      running = true;
      await look();
      schedule();
    },
    stop() {
      running = false;
      cancel();
    },
    look,
    skewMs: () => skewMs,
    onStep(listener) {
      listeners.push(listener);
    },
  };
}
