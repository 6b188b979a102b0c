/** What became of messages, written for many at a time: outcomes of the same moment share one transaction. */

import { isUnavailable, transact } from '../db/ops.ts';
import { inCleanContext } from '../db/scope.ts';
import { monotonicMs, pause, turn } from '../db/turns.ts';
import { record } from '../events/record.ts';
import { jitteredBackoffMs } from '../utils/backoff.ts';
import { sleep } from '../utils/clock.ts';
import type { QueueDeps } from './deps.ts';
import { type AttemptItem, settleAttempt } from './settle-attempts.ts';
import { type ProofItem, SettleConflictError, settleProofs } from './settle-proofs.ts';

export type Settlement = ({ kind: 'proof' } & ProofItem) | AttemptItem;

export interface Settler {
  /**
   * Writes an outcome; resolves when it is durable. While the database is away it waits and tries again, so
   * nothing is dropped; it rejects only when the database refuses this very outcome, or on `stop`.
   */
  settle(item: Settlement): Promise<void>;
  /** True while outcomes wait to be written, but for a pause because the database is away. */
  isBusy(): boolean;
  /** Writes what waits, at most `timeoutMs`; outcomes that come later are refused. */
  stop(timeoutMs: number): Promise<void>;
}

interface Waiting {
  item: Settlement;
  resolve(): void;
  reject(error: Error): void;
}

/** Outcomes in one transaction: some milliseconds of work. */
const MAX_BATCH = 50;
const MAX_CONFLICTS = 5;
const PAUSE = { firstMs: 200, maxMs: 5_000 };

/** Under load outcomes gather for as long: an eighth of the transactions, and nobody notices 15 ms. */
const WINDOW_MS = 15;

/**
 * Makes the settler of this process: one for the dispatcher's outcomes and everybody's receipts. A single outcome
 * is written at once; those that come within `windowMs` after a batch are written together.
 */
export function createSettler(deps: QueueDeps, { windowMs = WINDOW_MS } = {}): Settler {
  const waiting: Waiting[] = [];
  const stopping = new AbortController();
  let running: Promise<void> | null = null;
  let resting = false;
  let lastBatchMs = Number.NEGATIVE_INFINITY;

  async function gather(): Promise<void> {
    const leftMs = lastBatchMs + windowMs - monotonicMs();
    if (leftMs > 0 && waiting.length < MAX_BATCH) await pause(leftMs);
    else await turn();
  }

  async function run(): Promise<void> {
    await gather();
    for (let failures = 0; waiting.length > 0 && !stopping.signal.aborted; ) {
      const batch = waiting.splice(0, MAX_BATCH);
      const written = await flush(batch);
      lastBatchMs = monotonicMs();
      if (written) {
        failures = 0;
        if (waiting.length > 0) await gather();
        continue;
      }
      waiting.unshift(...batch);
      resting = true;
      await sleep(deps.clock, jitteredBackoffMs(PAUSE, ++failures, Math.random()), stopping.signal);
      resting = false;
    }
    running = null;
    if (stopping.signal.aborted) refuseAll();
  }

  function refuseAll(): void {
    for (const { reject } of waiting.splice(0)) reject(new Error('the settler has stopped'));
  }

  /** False: the database is away and nothing was written. */
  async function flush(batch: readonly Waiting[]): Promise<boolean> {
    try {
      await writeSettlements(
        deps,
        batch.map((entry) => entry.item),
      );
      for (const entry of batch) entry.resolve();
      return true;
    } catch (error) {
      if (isUnavailable(error)) {
        deps.logger.warn('outcomes wait for the database', { count: batch.length, error: String(error) });
        return false;
      }
      if (batch.length === 1) {
        deps.logger.error('an outcome could not be written', { error: String(error) });
        batch[0]?.reject(error instanceof Error ? error : new Error(String(error)));
        return true;
      }
    }
    // One that the database refuses must not hold up its neighbours.
    for (const [index, entry] of batch.entries()) {
      if (await flush([entry])) continue;
      waiting.unshift(...batch.slice(index));
      return true;
    }
    return true;
  }

  return {
    settle(item) {
      if (stopping.signal.aborted) return Promise.reject(new Error('the settler has stopped'));
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        running ??= inCleanContext(run);
      });
    },
    isBusy: () => running !== null && !resting,
    async stop(timeoutMs) {
      if (running !== null) await Promise.race([running, sleep(deps.clock, timeoutMs, stopping.signal)]);
      stopping.abort();
      if (running === null) refuseAll();
    },
  };
}

/** One transaction for all: rows, history, facts; those who wait for an outcome hear of it after the commit. */
export async function writeSettlements(deps: QueueDeps, items: readonly Settlement[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await transact(deps.database, async (tx) => {
        const now = deps.clock.now();
        const parts = [
          await settleProofs(
            tx,
            items.filter((item) => item.kind === 'proof'),
            now,
          ),
        ];
        for (const item of items) if (item.kind !== 'proof') parts.push(await settleAttempt(tx, item, now));
        await record(
          tx,
          deps,
          parts.flatMap((part) => part.facts),
        );
        tx.afterCommit(() => {
          for (const part of parts) for (const outcome of part.outcomes) deps.signals.settled(outcome);
        });
      });
      return;
    } catch (error) {
      if (!(error instanceof SettleConflictError) || tries >= MAX_CONFLICTS) throw error;
    }
  }
}
