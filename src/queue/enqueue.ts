/**
 * New messages into history and queue. Callers of the same moment share one transaction with one insert per
 * table: at full load a message costs a fraction of a commit.
 */
import { createBatcher } from '../db/batcher.ts';
import type { Tx } from '../db/client.ts';
import { startTimer, stopTimer } from '../db/event-loop.ts';
import { insertMany, isRetryable, isUnavailable, transact, unanswered } from '../db/ops.ts';
import { createPlaces, type Places } from '../db/places.ts';
import { messageQueue, messages } from '../db/schema.ts';
import type { Outgoing } from '../whatsapp/content.ts';
import { noteHighPriority } from './code-reserve.ts';
import type { IntakeDeps, QueueDeps } from './deps.ts';
import { bornClaimed, countBorn, type HeadStart } from './head-start.ts';
import { type Candidate, contentAhead } from './look-ahead.ts';
import { nextQueueId } from './ordered-ids.ts';
import type { Priority } from './priority.ts';
import { countMessages, hasMessageLimits, type MessageRoom, openMessageRoom } from './usage.ts';

export interface NewMessage {
  userId: number;
  accountId: string;
  sessionId: string;
  /** the id on the wire */
  messageId: string;
  /** canonical JID */
  peer: string;
  phone: string | null;
  lid: string | null;
  /** the broadcast it belongs to */
  campaignId?: string;
  type: string;
  content: unknown;
  priority: Priority;
  scheduledAt: number | null;
  expiresAt: number | null;
  /** false: it repeats a message that is counted already, such as a code through another session */
  counts?: boolean;
}

export interface Queued {
  /** id of the history row and of the queue row */
  id: string;
  queuedAt: number;
}

/** Writes that must commit together with the message: an idempotency key, an OTP. Repeatable; its failure is its caller's. */
export type AlsoInTransaction = (tx: Tx, queued: Queued) => Promise<void>;

interface NewRow {
  message: NewMessage;
  queued: Queued;
  /** it is claimed as it is queued */
  start?: HeadStart;
}

interface Item extends NewRow {
  alsoInTransaction: AlsoInTransaction | undefined;
}

/** Rows in one shared transaction: about 10 ms of work, so that the event loop is never held for longer. */
const MAX_BATCH = 100;
/** Shared transactions at a time: one that waits for a lock must not stop the others. */
const MAX_RUNNING = 2;
/** The same of workspaces with limits, each of one workspace: so many are at work. */
const LIMITED_AT_WORK = 3;
/** One that takes longer waits for a lock. It counts no more, so that others go on. */
const AT_WORK_MS = 250;
/** Connections that they leave to everything else, however many of them wait for locks. */
const CONNECTIONS_LEFT = 4;
/** Far longer than those before need, because each gives its place back after `AT_WORK_MS`. */
const PLACE_WAIT_MS = 30_000;

/**
 * Resolves when the message is durable and counted; the session's dispatcher has then been woken. `alsoInTransaction` writes
 * in the same transaction; when it throws, its message alone is not queued and the error is thrown here. Throws
 * QUOTA_EXCEEDED when the workspace has used its messages.
 */
export async function enqueue(
  deps: Pick<IntakeDeps, 'clock'> & { enqueuer: Pick<Enqueuer, 'add'> },
  message: NewMessage,
  alsoInTransaction?: AlsoInTransaction,
): Promise<Queued> {
  const queued = newQueued(deps.clock.now());
  const failure = await deps.enqueuer.add({ message, queued, alsoInTransaction });
  if (failure) throw failure.error;
  return queued;
}

/**
 * Queues many in the caller's transaction, in the order given, and counts them; wakes after its commit. `isNoted`: the
 * caller has seen that their sessions need no note of high priority (`isToBeNoted`). `now`: the time of queueing that the caller
 * has told. Throws QUOTA_EXCEEDED when the workspace
 * has not so many messages left.
 */
export async function enqueueMany(
  tx: Tx,
  deps: WriteDeps,
  all: readonly NewMessage[],
  { isNoted = false, now = deps.clock.now() }: { isNoted?: boolean; now?: number } = {},
): Promise<Queued[]> {
  const items = all.map((message) => ({ message, queued: newQueued(now) }));
  const room = await openMessageRoom(tx, deps, all, now);
  for (const message of all) room.take(message);
  await insertRows(tx, items);
  await countMessages(tx, deps, all, room);
  if (!isNoted) await noteHighPriority(tx, all, now);
  tx.afterCommitAsked((isCommitted) => wakeAll(deps, items, isCommitted));
  return items.map((item) => item.queued);
}

/** The ids of a message that is to be queued now. */
export const newQueued = (now: number): Queued => ({ id: nextQueueId(now), queuedAt: now });

/** The row of a message as a look-ahead would find it. */
export function candidateOf(message: NewMessage, queued: Queued): Candidate {
  return toCandidate({ message, queued });
}

/**
 * Queues a message in the caller's transaction that is claimed with that, and counts it. Nobody is woken: its head start is
 * to `go` after the commit. `open` makes its content: it is begun with that, so nothing that a client can repeat may refuse it after this
 * call. The caller records a fact with `session.held` in the same transaction, which tells whether it may go.
 * Throws QUOTA_EXCEEDED as `enqueueMany`.
 */
export async function enqueueClaimed(
  tx: Tx,
  deps: WriteDeps,
  message: NewMessage,
  queued: Queued,
  start: HeadStart,
  open?: () => Outgoing | null,
): Promise<void> {
  const room = await openMessageRoom(tx, deps, [message], deps.clock.now());
  room.take(message);
  if (open) start.begin(open);
  await insertRows(unanswered(tx), [{ message, queued, start }]);
  await countBorn(tx, start, candidateOf(message, queued));
  await countMessages(tx, deps, [message], room);
}

/** Gathers the messages of a moment into one transaction. */
export interface Enqueuer {
  /** Resolves when the item's transaction is committed, with the item's own failure if it has one. */
  add(item: Item): Promise<{ error: unknown } | null>;
}

type WriteDeps = Pick<
  QueueDeps,
  'config' | 'database' | 'clock' | 'signals' | 'stream' | 'allowances' | 'usageSlot'
>;

/**
 * Makes the enqueuer of this process. Processes take turns over the messages of a workspace that has limits, so these have
 * transactions of their own: whoever waits there keeps no other workspace waiting. SQLite serves one process, where nobody
 * waits: all share.
 */
export function createEnqueuer(deps: WriteDeps): Enqueuer {
  const run = (items: readonly Item[]) => write(deps, items);
  const shared = createBatcher({ run, maxBatch: MAX_BATCH, maxRunning: MAX_RUNNING });
  if (deps.database.dialect === 'sqlite') return shared;
  const limited = createLimitedBatcher(run, deps.database.load().limit);
  return {
    async add(item) {
      const isLimited = await hasMessageLimits(deps, item.message.userId);
      return (isLimited ? limited : shared).add(item);
    },
  };
}

/**
 * Each batch is of one workspace, and each workspace has one at a time: a second one would only wait for the first. Few are at
 * work, but more may wait for locks: a process that stands still has the locks of few, and cannot stop all of another one's.
 * `connections`: those of the process.
 */
function createLimitedBatcher<R>(
  run: (items: readonly Item[]) => Promise<readonly R[]>,
  connections: number,
) {
  const busy = new Set<number>();
  const maxRunning = Math.max(LIMITED_AT_WORK + 1, connections - CONNECTIONS_LEFT);
  const places = createPlaces(LIMITED_AT_WORK, maxRunning);
  return createBatcher<Item, R>({
    maxBatch: MAX_BATCH,
    maxRunning,
    choose(waiting) {
      const next = waiting.find(({ message }) => !busy.has(message.userId))?.message.userId;
      return waiting.filter(({ message }) => message.userId === next);
    },
    async run(items) {
      const users = items.map(({ message }) => message.userId);
      for (const userId of users) busy.add(userId);
      try {
        return await atWork(places, () => run(items));
      } finally {
        for (const userId of users) busy.delete(userId);
      }
    },
  });
}

/** Does `work` in a place of its own, which it gives back when it has ended, or when it has taken long. */
async function atWork<R>(places: Places, work: () => Promise<R>): Promise<R> {
  const leave = await places.enter(PLACE_WAIT_MS);
  let isIn = true;
  const goOut = () => {
    if (isIn) leave();
    isIn = false;
  };
  const timer = startTimer(goOut, AT_WORK_MS);
  try {
    return await work();
  } finally {
    stopTimer(timer);
    goOut();
  }
}

async function write(deps: WriteDeps, items: readonly Item[]): Promise<({ error: unknown } | null)[]> {
  const failed = new Map<Item, unknown>();
  await transact(deps.database, async (tx) => {
    failed.clear();
    const all = items.map(({ message }) => message);
    const now = deps.clock.now();
    const room = await openMessageRoom(tx, deps, all, now);
    for (const item of items) {
      try {
        await admit(tx, item, room);
      } catch (error) {
        // These undid the whole transaction, not only the part of `alsoInTransaction`.
        if (isUnavailable(error) || isRetryable(error)) throw error;
        failed.set(item, error);
      }
    }
    const admitted = items.filter((item) => !failed.has(item));
    const queued = admitted.map(({ message }) => message);
    await insertRows(unanswered(tx), admitted);
    await countMessages(tx, deps, queued, room);
    await noteHighPriority(tx, queued, now);
    tx.afterCommitAsked((isCommitted) => wakeAll(deps, admitted, isCommitted));
  });
  return items.map((item) => (failed.has(item) ? { error: failed.get(item) } : null));
}

/** What was asked for before is told so first: it takes no room a second time. */
async function admit(tx: Tx, item: Item, room: MessageRoom): Promise<void> {
  const { alsoInTransaction, message, queued } = item;
  if (!alsoInTransaction) return room.take(message);
  await tx.transaction(async (inner) => {
    await alsoInTransaction(inner, queued);
    room.take(message);
  });
}

async function insertRows(tx: Tx, items: readonly NewRow[]): Promise<void> {
  await insertMany(
    tx,
    messages,
    items.map(({ message, queued: { id, queuedAt: now }, start }) => {
      const row = {
        id,
        userId: message.userId,
        accountId: message.accountId,
        sessionId: message.sessionId,
        messageId: message.messageId,
        campaignId: message.campaignId,
        direction: 'out' as const,
        peer: message.peer,
        phone: message.phone,
        lid: message.lid,
        type: message.type,
        content: message.content,
        status: 'queued' as const,
        priority: message.priority,
        scheduledAt: message.scheduledAt,
        expiresAt: message.expiresAt,
        queuedAt: now,
        createdAt: now,
        updatedAt: now,
      };
      return start ? { ...row, ...bornClaimed(start).history } : row;
    }),
  );
  await insertMany(
    tx,
    messageQueue,
    items.map(({ message, queued: { id, queuedAt }, start }) => {
      const row = {
        id,
        userId: message.userId,
        accountId: message.accountId,
        messageId: message.messageId,
        recipient: message.peer,
        status: 'pending' as const,
        priority: message.priority,
        availableAt: message.scheduledAt ?? queuedAt,
        expiresAt: message.expiresAt,
      };
      return start ? { ...row, ...bornClaimed(start).queue } : row;
    }),
  );
}

/** Tells of the messages by session and priority, with what a look-ahead would find of them where they are there (`isCommitted`). */
function wakeAll(deps: WriteDeps, items: readonly NewRow[], isCommitted: boolean): void {
  const lanes = new Map<string, NewRow[]>();
  for (const item of items) {
    const { accountId, priority } = item.message;
    const lane = `${accountId}:${priority}`;
    const known = lanes.get(lane);
    if (known) known.push(item);
    else lanes.set(lane, [item]);
  }
  for (const queued of lanes.values()) {
    const [first] = queued;
    if (first === undefined) continue;
    const { accountId, priority } = first.message;
    // Of many more than are looked at ahead the line reads the first ones itself.
    const rows = isCommitted && queued.length <= MAX_OFFERED ? { rows: queued.map(toCandidate) } : {};
    deps.signals.wake(accountId, { priority, ...rows });
  }
}

/** As many as a line looks ahead. */
const MAX_OFFERED = 16;

function toCandidate({ message, queued: { id, queuedAt } }: NewRow): Candidate {
  const { userId, accountId, sessionId, messageId, peer, phone, lid, type, priority } = message;
  const { scheduledAt, expiresAt } = message;
  return {
    id,
    userId,
    accountId,
    sessionId,
    messageId,
    peer,
    phone,
    lid,
    type,
    priority,
    expiresAt,
    scheduledAt,
    queuedAt,
    recipient: peer,
    contentJson: contentAhead(message.content),
    availableAt: scheduledAt ?? queuedAt,
    attempts: 0,
    tries: 0,
  };
}
