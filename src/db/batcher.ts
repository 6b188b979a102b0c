/** Calls of the same moment share one transaction: the commit, and what belongs to all of them, is paid once. */
import { type BackoffRange, jitteredBackoffMs } from '../utils/backoff.ts';
import { type Clock, sleep } from '../utils/clock.ts';
import { isUnavailable } from './errors.ts';
import { monotonicMs, pause, yieldToEventLoop } from './event-loop.ts';
import { inCleanContext } from './scope.ts';

export interface BatcherOptions<T, R> {
  /** Does all items in one transaction and resolves with a result for each, in order. Repeatable when it rejects. */
  run(items: readonly T[]): Promise<readonly R[]>;
  /** Items of one batch: what can be done without holding the event loop for long. */
  maxBatch: number;
  /**
   * Which of those that wait go into the next batch, at most `maxBatch` of them; the oldest when missing. It is shown the
   * oldest `CHOICE` only. Where it names none, all wait until a batch has ended, one more comes or `hurry` is called: so it
   * must name one while no batch runs.
   */
  choose?(waiting: readonly T[]): readonly T[];
  /** Batches at a time. One, when missing: then items are done in the order they came. */
  maxRunning?: number;
  /** Items that come within so many milliseconds after a batch are gathered; 0 when missing: those of one turn are. */
  windowMs?: number;
  /** How many milliseconds an item of `addLater` waits at most for others. */
  patienceMs?: number | ((item: T) => number);
  /** How many milliseconds longer it waits while something of `addNow` is expected; 0 when missing. */
  expectedMs?: number;
  /** Tries again for as long as the database is away. When missing, the items are rejected then. */
  whileAway?: { clock: Clock; range: BackoffRange; onAway(error: unknown, count: number): void };
}

export interface Batcher<T, R> {
  /**
   * Resolves when the item is done. When a batch fails each half of it is done by itself, and so on, so that one bad item
   * fails alone and costs few batches; while the database is away all are rejected at once, or wait (`whileAway`).
   */
  add(item: T): Promise<R>;
  /**
   * The same for what somebody waits for: no more are gathered (`windowMs`), and those that wait go with it, but for those of
   * `addLater` whose time has not come: they would make it wait for their work.
   */
  addNow(item: T): Promise<R>;
  /** The same for what nobody waits for: it goes with the next one of `add`, or after `patienceMs`. */
  addLater(item: T): Promise<R>;
  /** Those of `addLater` that wait, or only those that are meant, wait for others no longer: they are as those of `add` now. */
  hurry(isMeant?: (item: T) => boolean): void;
  /**
   * Something of `addNow` will come, and must not wait for the work of what nobody waits for: that goes with it, or once this
   * is not expected any more (call what it returns; again does nothing), or after `expectedMs` more.
   */
  expectNow(): () => void;
  /** True while items wait or are done; false while they only wait for the database. */
  isBusy(): boolean;
  /** Resolves when nothing waits or runs. From now on nothing is waited for (`windowMs`, `patienceMs`). */
  idle(): Promise<void>;
  /** Rejects what waits and what comes with `reason`. */
  stop(reason: Error): void;
}

/** How many of those that wait a choice is made of: what is looked through for each batch must not grow with a backlog. */
export const CHOICE = 20_000;

type Haste = 'now' | 'soon' | 'later';

interface Waiting<T, R> {
  item: T;
  haste: Haste;
  /** of `addLater`: until then it may wait for others, monotonic milliseconds */
  patientUntilMs: number;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/** Makes a batcher. Its batches run outside of the callers' requests and transactions. */
export function createBatcher<T, R>(options: BatcherOptions<T, R>): Batcher<T, R> {
  const { run, choose, maxBatch, maxRunning = 1, windowMs = 0, patienceMs = 0, whileAway } = options;
  const { expectedMs = 0 } = options;
  const patienceOf = typeof patienceMs === 'number' ? () => patienceMs : patienceMs;
  const waiting: Waiting<T, R>[] = [];
  const stopping = new AbortController();
  const idleListeners: (() => void)[] = [];
  let stopReason: Error | null = null;
  let gathering = false;
  let running = 0;
  let resting = false;
  let failures = 0;
  let lastBatchMs = Number.NEGATIVE_INFINITY;
  /** ends the pause in which items are gathered: `soon` only where they are all patient */
  let endGathering: (haste: Haste) => void = () => undefined;
  /** asks again how long that pause is to be */
  let lookAgain = () => {};
  /** when that pause ends, monotonic milliseconds */
  let restsUntilMs = 0;
  let expected = 0;

  function schedule(): void {
    if (waiting.length === 0 && running === 0 && !gathering) {
      for (const listener of idleListeners.splice(0)) listener();
    }
    if (gathering || running >= maxRunning || waiting.length === 0) return;
    gathering = true;
    inCleanContext(() => void gather());
  }

  /** How long those that wait may wait for others. */
  function leftToGather(isPatient: boolean): number {
    if (waiting.length >= maxBatch || idleListeners.length > 0) return 0;
    if (waiting.some(({ haste }) => haste === 'now')) return 0;
    const now = monotonicMs();
    const windowLeftMs = lastBatchMs + windowMs - now;
    if (waiting.length === 0 || !isPatient) return windowLeftMs;
    const untilMs = Math.min(...waiting.map(({ patientUntilMs }) => patientUntilMs));
    return Math.max(windowLeftMs, untilMs + (expected > 0 ? expectedMs : 0) - now);
  }

  async function gather(): Promise<void> {
    let waited = false;
    for (;;) {
      const isPatient = waiting.length < maxBatch && waiting.every(({ haste }) => haste === 'later');
      const leftMs = leftToGather(isPatient);
      if (leftMs <= 0) break;
      waited = true;
      restsUntilMs = monotonicMs() + leftMs;
      const ended = new Promise<void>((resolve) => {
        lookAgain = resolve;
        endGathering = (haste) => {
          if (haste === 'now' || (haste === 'soon' && isPatient)) resolve();
        };
      });
      await Promise.race([pause(leftMs), ended]);
    }
    endGathering = () => undefined;
    lookAgain = () => {};
    if (!waited) await yieldToEventLoop();
    gathering = false;
    const batch = takeBatch();
    if (batch.length === 0) return;
    running++;
    void runBatch(batch).finally(() => {
      running--;
      schedule();
    });
    schedule();
  }

  function takeBatch(): Waiting<T, R>[] {
    // A crowd is not looked through: it is written as it has come.
    if (waiting.length < maxBatch && waiting.some(({ haste }) => haste === 'now')) return takeHasty();
    if (!choose) return waiting.splice(0, maxBatch);
    const oldest = waiting.splice(0, CHOICE);
    const chosen = new Set(choose(oldest.map(({ item }) => item)).slice(0, maxBatch));
    waiting.unshift(...oldest.filter(({ item }) => !chosen.has(item)));
    return oldest.filter(({ item }) => chosen.has(item));
  }

  /** Without the patient ones that may still wait. */
  function takeHasty(): Waiting<T, R>[] {
    const now = monotonicMs();
    const all = waiting.splice(0);
    const mayWait = ({ haste, patientUntilMs }: Waiting<T, R>) => haste === 'later' && patientUntilMs > now;
    waiting.push(...all.filter(mayWait));
    return all.filter((one) => !mayWait(one));
  }

  async function runBatch(batch: readonly Waiting<T, R>[]): Promise<void> {
    const left = await flush(batch);
    lastBatchMs = monotonicMs();
    if (left.length === 0) {
      failures = 0;
      return;
    }
    waiting.unshift(...left);
    if (whileAway && stopReason === null) {
      resting = true;
      failures++;
      const pauseMs = jitteredBackoffMs(whileAway.range, failures, Math.random());
      await sleep(whileAway.clock, pauseMs, stopping.signal);
      resting = false;
    }
    if (stopReason !== null) rejectAll(stopReason);
  }

  /** Those that have to wait because the database is away. */
  async function flush(batch: readonly Waiting<T, R>[]): Promise<readonly Waiting<T, R>[]> {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, result] of results.entries()) batch[index]?.resolve(result);
      return [];
    } catch (error) {
      const isAway = isUnavailable(error);
      if (isAway && whileAway && stopReason === null) {
        whileAway.onAway(error, batch.length);
        return batch;
      }
      if (isAway || batch.length <= 1) {
        for (const { reject } of batch) reject(error);
        return [];
      }
    }
    const half = Math.ceil(batch.length / 2);
    const left = await flush(batch.slice(0, half));
    return left.length > 0 ? [...left, ...batch.slice(half)] : flush(batch.slice(half));
  }

  function rejectAll(reason: Error): void {
    for (const { reject } of waiting.splice(0)) reject(reason);
  }

  function put(item: T, haste: Haste): Promise<R> {
    if (stopReason !== null) return Promise.reject(stopReason);
    return new Promise((resolve, reject) => {
      const patientUntilMs = haste === 'later' ? monotonicMs() + patienceOf(item) : 0;
      waiting.push({ item, haste, patientUntilMs, resolve, reject });
      if (haste === 'later' && patientUntilMs < restsUntilMs) lookAgain();
      endGathering(waiting.length >= maxBatch ? 'now' : haste);
      schedule();
    });
  }

  return {
    add: (item) => put(item, 'soon'),
    addNow: (item) => put(item, 'now'),
    addLater: (item) => put(item, 'later'),
    hurry(isMeant = () => true) {
      for (const one of waiting) if (one.haste === 'later' && isMeant(one.item)) one.haste = 'soon';
      endGathering('soon');
      // Some may be free by now that `choose` has passed over.
      schedule();
    },
    expectNow() {
      let isOver = false;
      expected++;
      return () => {
        if (isOver) return;
        isOver = true;
        expected--;
        if (expected === 0) lookAgain();
      };
    },
    isBusy: () => (gathering || running > 0 || waiting.length > 0) && !resting,
    idle() {
      return new Promise((resolve) => {
        idleListeners.push(resolve);
        endGathering('now');
        schedule();
      });
    },
    stop(reason) {
      stopReason ??= reason;
      stopping.abort();
      rejectAll(stopReason);
    },
  };
}
