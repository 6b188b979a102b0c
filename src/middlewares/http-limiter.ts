/**
 * Counts requests in fixed windows: exact inside a process, shared with the others every quarter of a second, and before
 * that as soon as a process has let two percent of a limit pass by itself. So n processes together let at most 2n percent
 * more pass than the limit says.
 */

import { inArray, lte } from 'drizzle-orm';
import { inBatches } from '../db/batches.ts';
import {
  added,
  deleteInBatches,
  padded,
  placeholders,
  preparedFor,
  transact,
  upsert,
  valuesAt,
} from '../db/ops.ts';
import { rateLimits } from '../db/schema.ts';
import type { Deps } from '../services/context.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { createLru } from '../utils/lru.ts';
import type { Maybe } from '../utils/maybe.ts';
import { createMutex } from '../utils/mutex.ts';
import type { RatePolicy, RateVerdict } from './http-env.ts';

export interface HttpLimiter {
  /** Counts one request of `subject` when the window still has room. */
  take(subject: string, policy: RatePolicy): Maybe<RateVerdict>;
  /** Writes what is counted to the database, now. */
  flush(): Promise<void>;
  /** Writes what is counted and stops. May be called twice. */
  stop(): Promise<void>;
}

const FLUSH_MS = 250;
/** The part of a limit that one process may count without telling the others: fifty writes a window at most. */
const UNSHARED = 1 / 50;
const SWEEP_MS = MINUTE_MS;
const MAX_SUBJECTS = 20_000;
/** Rows of one write: far below the parameters that a statement may have. */
const BATCH_SIZE = 500;

type LimiterDeps = Pick<Deps, 'db' | 'clock' | 'logger'>;
/** Of a subject in a window: the table's and what was counted here since. */
interface Total {
  count: number;
}
interface Unwritten {
  count: number;
  windowStart: number;
  expiresAt: number;
}

/** Makes the limiter of this process. Without a database it goes on counting by itself. */
export function createHttpLimiter(deps: LimiterDeps): HttpLimiter {
  const { clock } = deps;
  const totals = createLru<string, Total>({ max: MAX_SUBJECTS });
  const loading = new Map<string, Promise<Total>>();
  let unwritten = new Map<string, Unwritten>();
  let cancelTimer: (() => void) | null = null;
  let sharing: Promise<void> | null = null;
  const inOrder = createMutex();
  let sweptAt = clock.monotonic();
  let stopped = false;

  async function load(key: string): Promise<Total> {
    try {
      const rows = await readCounts(deps, [key]);
      const total = { count: (rows.get(key) ?? 0) + (unwritten.get(key)?.count ?? 0) };
      totals.set(key, total);
      return total;
    } catch (error) {
      deps.logger.debug('could not read a request count', { error });
      const total = { count: unwritten.get(key)?.count ?? 0 };
      totals.set(key, total);
      return total;
    } finally {
      loading.delete(key);
    }
  }

  function totalOf(key: string): Maybe<Total> {
    const known = totals.get(key);
    if (known) return known;
    const promise = loading.get(key) ?? load(key);
    if (!loading.has(key) && !totals.has(key)) loading.set(key, promise);
    return promise;
  }

  function schedule(): void {
    if (cancelTimer || stopped) return;
    cancelTimer = clock.setTimer(() => {
      cancelTimer = null;
      void flush();
    }, FLUSH_MS);
  }

  const flush = () => inOrder(writeAll);

  /** One write for all who wait for it. */
  function shareNow(): Promise<void> {
    sharing ??= flush().finally(() => {
      sharing = null;
    });
    return sharing;
  }

  async function writeAll(): Promise<void> {
    const batch = unwritten;
    unwritten = new Map();
    const entries = [...batch].sort(([a], [b]) => (a < b ? -1 : 1));
    try {
      for await (const batch of inBatches(entries, BATCH_SIZE)) {
        await writeBatch(batch);
      }
      if (clock.monotonic() - sweptAt >= SWEEP_MS) {
        sweptAt = clock.monotonic();
        await sweep(deps);
      }
    } catch (error) {
      // The counts go on in memory; other processes miss at most this batch.
      deps.logger.debug('could not write request counts', { error });
    }
  }

  async function writeBatch(entries: [string, Unwritten][]): Promise<void> {
    await addCounts(deps, entries);
    const keys = entries.map(([key]) => key);
    for (const [key, count] of await readCounts(deps, keys)) {
      const total = totals.peek(key);
      if (total) total.count = count + (unwritten.get(key)?.count ?? 0);
    }
  }

  /** So many are to be shared before one more is counted. */
  const mustShare = (key: string, { max }: RatePolicy, total: Total) =>
    total.count < max && (unwritten.get(key)?.count ?? 0) >= Math.max(1, Math.floor(max * UNSHARED));

  function count(key: string, policy: RatePolicy, now: number, total: Total): RateVerdict {
    const { max, windowMs } = policy;
    const windowStart = now - (now % windowMs);
    const resetSeconds = Math.ceil((windowStart + windowMs - now) / 1000);
    if (total.count >= max) return { allowed: false, policy, remaining: 0, resetSeconds };
    total.count++;
    const waiting = unwritten.get(key);
    if (waiting) waiting.count++;
    else unwritten.set(key, { count: 1, windowStart, expiresAt: windowStart + windowMs });
    if (unwritten.size >= MAX_SUBJECTS) void flush();
    else schedule();
    return { allowed: true, policy, remaining: max - total.count, resetSeconds };
  }

  async function countShared(key: string, policy: RatePolicy, now: number): Promise<RateVerdict> {
    const total = await totalOf(key);
    while (mustShare(key, policy, total)) await shareNow();
    return count(key, policy, now, total);
  }

  return {
    take(subject, policy) {
      const now = clock.now();
      const key = `http:${policy.name}:${subject}:${now - (now % policy.windowMs)}`;
      const known = totals.get(key);
      return known && !mustShare(key, policy, known)
        ? count(key, policy, now, known)
        : countShared(key, policy, now);
    },
    flush,
    async stop() {
      stopped = true;
      cancelTimer?.();
      cancelTimer = null;
      await flush();
    },
  };
}

async function addCounts({ db }: LimiterDeps, entries: [string, Unwritten][]): Promise<void> {
  const rows = entries.map(([key, { count, windowStart, expiresAt }]) => ({
    key,
    count,
    windowStart,
    expiresAt,
  }));
  await transact(db, (tx) => upsert(tx, rateLimits, rows, [rateLimits.key], MORE));
}

const MORE = { count: added(rateLimits.count) };

const countsOf = preparedFor((db, named, count) =>
  db
    .select({ key: rateLimits.key, count: rateLimits.count })
    .from(rateLimits)
    .where(inArray(rateLimits.key, placeholders(named, 'key', count)))
    .prepare(),
);

async function readCounts({ db }: LimiterDeps, keys: readonly string[]): Promise<Map<string, number>> {
  const some = padded(keys, BATCH_SIZE);
  const rows = await countsOf(db, some.length).execute(valuesAt(some.map((key) => ({ key }))));
  return new Map(rows.map((row) => [row.key, row.count]));
}

/** Windows that are over, and login locks that are no longer needed. */
async function sweep({ db, clock }: LimiterDeps): Promise<void> {
  await deleteInBatches(db, {
    table: rateLimits,
    key: rateLimits.key,
    where: lte(rateLimits.expiresAt, clock.now()),
    by: [rateLimits.expiresAt],
  });
}
