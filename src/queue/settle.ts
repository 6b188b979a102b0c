/** Writes outcomes of messages, many at a time: those of the same moment share one transaction. */

import { createBatcher } from '../db/batcher.ts';
import { isUnavailable, transact } from '../db/ops.ts';
import { record } from '../events/record.ts';
import { sleep } from '../utils/clock.ts';
import type { QueueDeps } from './deps.ts';
import { isUnhurried } from './pace.ts';
import { PRIORITIES } from './priority.ts';
import { createRecentMessages, type RecentMessages } from './recent-messages.ts';
import { settleAttempt } from './settle-attempts.ts';
import { SettleConflictError, settleProofs } from './settle-proofs.ts';
import { createOutcomeChoice, type Settlement } from './settle-turns.ts';

export type { Settlement } from './settle-turns.ts';

export interface Settler {
  /**
   * Writes an outcome; resolves when it is durable. While the database is away it waits and tries again, so
   * nothing is dropped; it rejects only when the database refuses this very outcome, or on `stop`.
   */
  settle(item: Settlement): Promise<void>;
  /**
   * A code is on its way: what nobody waits for, such as receipts, waits for its outcome though it is due, at most `expectedMs`, as that
   * work would stand between its steps. Call what it returns when the code is acknowledged, settled or given up.
   */
  expectCode(): () => void;
  /**
   * Resolves when those of this tenant's codes that callers were told are written (null: of everybody's), or after half a second:
   * the database may be away. Nobody waits for another tenant's.
   */
  writeTold(userId: number | null): Promise<void>;
  /** True while outcomes wait to be written, but for a pause because the database is away. */
  isBusy(): boolean;
  /** Writes what waits, at most `timeoutMs`; outcomes that come later are refused. */
  stop(timeoutMs: number): Promise<void>;
}

/** Outcomes in one transaction: some milliseconds of work. */
const MAX_BATCH = 50;
const MAX_CONFLICTS = 5;
const PAUSE = { firstMs: 200, maxMs: 5_000 };

/** Under load outcomes gather for this long: an eighth of the transactions, and 15 ms go unnoticed. */
const WINDOW_MS = 15;
/** The same where every session sends at a slow pace: no session waits for the outcome of one message to send the next one. */
const UNHURRIED_WINDOW_MS = 40;
/**
 * Nobody waits for a receipt: it goes with the next outcome that is no code's, or with those that follow it, such as "read" after
 * "delivered". Codes one after the other leave those of ten and more for one transaction.
 */
const RECEIPT_MS = 250;
/** A code takes some tens of milliseconds. One that WhatsApp does not answer must not hold the receipts. */
const CODE_MS = 250;
/**
 * A code that its caller knows to be sent is written with those that follow it, and with its own receipts where they come soon: its
 * history says so as much later.
 */
const TOLD_MS = 100;
/** Whoever reads what they were told waits so long at most for it to be written. */
const READ_BACK_MS = 500;

/**
 * Makes the settler of this process: one for the dispatcher's outcomes and everybody's receipts. A single outcome
 * is written at once; those that come within `windowMs` after a batch are written together. A receipt waits at most
 * `receiptMs` for others, a code that was told `TOLD_MS`, and both `expectedMs` more while a code is on its way. Sessions take turns
 * where more waits than a batch holds.
 */
export function createSettler(
  deps: QueueDeps,
  { windowMs = windowOf(deps), receiptMs = RECEIPT_MS, expectedMs = CODE_MS } = {},
): Settler {
  const toldMs = Math.min(TOLD_MS, receiptMs);
  const { clock, logger } = deps;
  const recent = createRecentMessages();
  const told = new Map<Settlement, Promise<void>>();
  const batcher = createBatcher<Settlement, undefined>({
    async run(items) {
      try {
        await writeSettlements(deps, items, recent);
      } catch (error) {
        if (items.length === 1 && !isUnavailable(error)) {
          logger.error('an outcome could not be written', { error: String(error) });
        }
        throw error;
      }
      return items.map(() => undefined);
    },
    maxBatch: MAX_BATCH,
    choose: createOutcomeChoice(MAX_BATCH),
    windowMs,
    patienceMs: (item) => (isReceipt(item) ? receiptMs : toldMs),
    expectedMs,
    whileAway: {
      clock,
      range: PAUSE,
      onAway: (error, count) =>
        logger.warn('outcomes wait for the database', { count, error: String(error) }),
    },
  });

  function noteTold(item: Settlement, written: Promise<void>): Promise<void> {
    const ended = written.catch(() => undefined).finally(() => told.delete(item));
    told.set(item, ended);
    return written;
  }

  return {
    settle(item) {
      if (isTold(item)) return noteTold(item, batcher.addLater(item));
      if (isReceipt(item)) return batcher.addLater(item);
      return isCode(item) ? batcher.addNow(item) : batcher.add(item);
    },
    expectCode: batcher.expectNow,
    async writeTold(userId) {
      const meant = new Map([...told].filter(([item]) => userId === null || tenantOf(item) === userId));
      if (meant.size === 0) return;
      batcher.hurry((item) => meant.has(item));
      const bound = new AbortController();
      await Promise.race([Promise.all(meant.values()), sleep(clock, READ_BACK_MS, bound.signal)]);
      bound.abort();
    },
    isBusy: batcher.isBusy,
    async stop(timeoutMs) {
      const bound = new AbortController();
      await Promise.race([batcher.idle(), sleep(clock, timeoutMs, bound.signal)]);
      bound.abort();
      batcher.stop(new Error('the settler has stopped'));
    },
  };
}

const windowOf = ({ config }: Pick<QueueDeps, 'config'>) =>
  isUnhurried(config.pacing) ? UNHURRIED_WINDOW_MS : WINDOW_MS;

/** Somebody looks at a screen until it is known to be sent. */
function isCode(item: Settlement): boolean {
  return item.kind === 'proof' && 'id' in item && item.sending?.priority === PRIORITIES.high;
}

function isTold(item: Settlement): boolean {
  return item.kind === 'proof' && 'id' in item && item.isTold === true;
}

const tenantOf = (item: Settlement): number | undefined =>
  item.kind === 'proof' && 'id' in item ? item.sending?.userId : undefined;

/** What follows the acknowledgement. One that takes its place may be waited for. */
function isReceipt(item: Settlement): boolean {
  return item.kind === 'proof' && 'accountId' in item && item.status !== 'sent';
}

/** One transaction for all: rows, history, facts; those who wait for an outcome hear of it after the commit. */
export async function writeSettlements(
  deps: QueueDeps,
  items: readonly Settlement[],
  recent: RecentMessages = createRecentMessages(),
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await transact(deps.database, async (tx) => {
        const now = deps.clock.now();
        const parts = [
          await settleProofs(
            tx,
            items.filter((item) => item.kind === 'proof'),
            now,
            // What was seen is not how it is.
            tries === 1 ? recent : null,
          ),
        ];
        for (const item of items) {
          if (item.kind !== 'proof') parts.push(await settleAttempt(tx, deps.signals, item, now));
        }
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
