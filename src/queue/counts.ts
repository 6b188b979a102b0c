/** How much waits, cheaply: counted now and then, and carried on by what this process adds in between. */
import { and, eq, gt, inArray, lt, lte, or } from 'drizzle-orm';
import type { LRUCache } from 'lru-cache';
import { countRows } from '../db/count-rows.ts';
import { messageQueue, sendAttempts, whatsappAccounts } from '../db/schema.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { AppError } from '../utils/errors.ts';
import { createLru } from '../utils/lru.ts';
import { type Maybe, whenThere } from '../utils/maybe.ts';
import type { IntakeDeps, QueueDeps } from './deps.ts';

interface Counted {
  value: number;
  /** monotonic milliseconds */
  until: number;
}

const KEEP_MS = 2_000;
/** A count may take a two-hundredth of the time at most: long queues are counted more seldom. */
const KEEP_FACTOR = 200;
const MAX_ENTRIES = 10_000;
/** Estimates look no further ahead. */
const MAX_AHEAD = 10_000;
const QUOTA_RETRY_SECONDS = 30;

/** The last counts, and what this process has added since. */
export interface QueueCounts {
  byUser: LRUCache<number, Counted>;
  byAccount: LRUCache<string, Counted>;
  /** attempts of the last hour */
  begunByAccount: LRUCache<string, Counted>;
}

/** Makes the counts of this process; nothing is counted yet. */
export function createQueueCounts(): QueueCounts {
  return {
    byUser: createLru<number, Counted>({ max: MAX_ENTRIES }),
    byAccount: createLru<string, Counted>({ max: MAX_ENTRIES }),
    begunByAccount: createLru<string, Counted>({ max: MAX_ENTRIES }),
  };
}

/** What counting the waiting messages of a tenant needs. */
export type RoomDeps = Pick<IntakeDeps, 'db' | 'clock' | 'queueCounts'> & {
  config: Pick<IntakeDeps['config'], 'queueQuota'>;
};

/**
 * Reserves room for `n` more messages of a tenant. Throws or rejects with RATE_LIMITED when its quota (`queueQuota`) is reached:
 * the count is up to some seconds old, so the quota may be overshot by what other processes queued meanwhile.
 */
export function reserveQueueRoom(deps: RoomDeps, userId: number, n: number): Maybe<void> {
  const quota = deps.config.queueQuota;
  const reading = readThrough(deps, deps.queueCounts.byUser, userId, () => countOfUser(deps, userId, quota));
  return whenThere(reading, (counted) => {
    if (counted.value + n > quota) {
      throw new AppError('RATE_LIMITED', `The queue is full: ${quota} messages are waiting to be sent.`, {
        retryAfterSeconds: QUOTA_RETRY_SECONDS,
        details: { queueQuota: quota },
      });
    }
    counted.value += n;
  });
}

/** How many messages of a session wait, up to 10,000, a few seconds old at most. Counts one more for the caller. */
export function countAhead(deps: IntakeDeps, accountId: string): Maybe<number> {
  const reading = readThrough(deps, deps.queueCounts.byAccount, accountId, () =>
    countOfAccount(deps, accountId),
  );
  return whenThere(reading, (counted) => counted.value++);
}

/** The same without counting one more. */
export async function readWaiting(deps: IntakeDeps, accountId: string): Promise<number> {
  const counted = await readThrough(deps, deps.queueCounts.byAccount, accountId, () =>
    countOfAccount(deps, accountId),
  );
  return counted.value;
}

/** What a session has spent of its hour: attempts, up to 10,000, a few seconds old at most. */
export async function readBegun(deps: IntakeDeps, accountId: string): Promise<number> {
  const { value } = await readThrough(deps, deps.queueCounts.begunByAccount, accountId, async () => {
    const since = deps.clock.now() - HOUR_MS;
    const isBegun = and(eq(sendAttempts.accountId, accountId), gt(sendAttempts.at, since));
    return countRows(deps.db, sendAttempts, isBegun, MAX_AHEAD);
  });
  return value;
}

/** How many messages of a session have their turn before one of this priority that falls due then; up to 10,000. */
export function countBefore(
  { db }: Pick<QueueDeps, 'db'>,
  message: { id: string; accountId: string; priority: number; availableAt: number },
): Promise<number> {
  const { accountId, status, priority, availableAt, id } = messageQueue;
  const sooner = or(
    lt(availableAt, message.availableAt),
    and(eq(availableAt, message.availableAt), lt(id, message.id)),
  );
  const isBefore = and(
    eq(accountId, message.accountId),
    eq(status, 'pending'),
    or(
      and(lt(priority, message.priority), lte(availableAt, message.availableAt)),
      and(eq(priority, message.priority), sooner),
    ),
  );
  return countRows(db, messageQueue, isBefore, MAX_AHEAD);
}

function readThrough<K extends string | number>(
  deps: Pick<QueueDeps, 'clock'>,
  cache: LRUCache<K, Counted>,
  key: K,
  read: () => Promise<number>,
): Maybe<Counted> {
  const startedMs = deps.clock.monotonic();
  const known = cache.get(key);
  if (known && known.until > startedMs) return known;
  // Others go on with the old count while this one is read.
  if (known) known.until = startedMs + KEEP_MS;
  return read().then((value) => {
    const endedMs = deps.clock.monotonic();
    const fresh = { value, until: endedMs + Math.max(KEEP_MS, (endedMs - startedMs) * KEEP_FACTOR) };
    cache.set(key, fresh);
    return fresh;
  });
}

function countOfUser(deps: Pick<QueueDeps, 'db'>, userId: number, atMost: number): Promise<number> {
  const own = deps.db
    .select({ id: whatsappAccounts.id })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.userId, userId));
  return countRows(deps.db, messageQueue, inArray(messageQueue.accountId, own), atMost);
}

function countOfAccount(deps: QueueDeps, accountId: string): Promise<number> {
  const isWaiting = and(eq(messageQueue.accountId, accountId), eq(messageQueue.status, 'pending'));
  return countRows(deps.db, messageQueue, isWaiting, MAX_AHEAD);
}
