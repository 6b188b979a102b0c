/**
 * New messages into history and queue. Callers of the same moment share one transaction with one insert per
 * table: at full load a message costs a fraction of a commit.
 */
import type { Tx } from '../db/client.ts';
import { insertMany, isRetryable, isUnavailable, transact } from '../db/ops.ts';
import { messageQueue, messages } from '../db/schema.ts';
import { inCleanContext } from '../db/scope.ts';
import { noteHighPriority } from './code-reserve.ts';
import type { IntakeDeps, QueueDeps } from './deps.ts';
import { nextQueueId } from './ordered-ids.ts';
import type { Priority } from './priority.ts';

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
}

export interface Queued {
  /** id of the history row and of the queue row */
  id: string;
  queuedAt: number;
}

/** What must be true together with the message: an idempotency key, an OTP. Repeatable; its failure is its caller's. */
export type Companion = (tx: Tx, queued: Queued) => Promise<void>;

interface Waiting {
  message: NewMessage;
  queued: Queued;
  companion: Companion | undefined;
  resolve(queued: Queued): void;
  reject(error: unknown): void;
}

/** Rows in one shared transaction: about 10 ms of work, so that the event loop is never held for longer. */
const MAX_BATCH = 100;
/** Shared transactions at a time: one that waits for a lock must not stop the others. */
const MAX_FLUSHES = 2;

/**
 * Resolves when the message is durable; the session's dispatcher has then been woken. `companion` writes in the
 * same transaction; when it throws, its message alone is not queued and the error is thrown here.
 */
export function enqueue(
  deps: Pick<IntakeDeps, 'clock' | 'enqueuer'>,
  message: NewMessage,
  companion?: Companion,
): Promise<Queued> {
  const now = deps.clock.now();
  const queued = { id: nextQueueId(now), queuedAt: now };
  return new Promise((resolve, reject) => {
    deps.enqueuer.add({ message, queued, companion, resolve, reject });
  });
}

/** Queues many in the caller's transaction, in the order given; wakes after its commit. */
export async function enqueueMany(tx: Tx, deps: WriteDeps, all: readonly NewMessage[]): Promise<Queued[]> {
  const now = deps.clock.now();
  const items = all.map((message) => ({ message, queued: { id: nextQueueId(now), queuedAt: now } }));
  await insertRows(tx, items);
  tx.afterCommit(() => wakeAll(deps, items));
  return items.map((item) => item.queued);
}

/** Gathers the messages of a moment into one transaction. */
export interface Enqueuer {
  add(item: Waiting): void;
}

type WriteDeps = Pick<QueueDeps, 'database' | 'clock' | 'signals'>;

/** Makes the enqueuer of this process. */
export function createEnqueuer(deps: WriteDeps): Enqueuer {
  const waiting: Waiting[] = [];
  let flushes = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || flushes >= MAX_FLUSHES || waiting.length === 0) return;
    scheduled = true;
    // The other requests of this turn of the loop join in.
    inCleanContext(() =>
      setImmediate(() => {
        scheduled = false;
        flushes++;
        void flush(deps, waiting.splice(0, MAX_BATCH)).finally(() => {
          flushes--;
          schedule();
        });
        schedule();
      }),
    );
  }
  return {
    add(item) {
      waiting.push(item);
      schedule();
    },
  };
}

async function flush(deps: WriteDeps, batch: readonly Waiting[]): Promise<void> {
  try {
    await write(deps, batch);
  } catch (error) {
    // One bad row must not fail its neighbours, and a database that is away would only be asked again in vain.
    if (batch.length > 1 && !isUnavailable(error)) {
      for (const item of batch) await flush(deps, [item]);
      return;
    }
    for (const item of batch) item.reject(error);
  }
}

async function write(deps: WriteDeps, batch: readonly Waiting[]): Promise<void> {
  const failed = new Map<Waiting, unknown>();
  await transact(deps.database, async (tx) => {
    failed.clear();
    for (const item of batch) {
      const { companion } = item;
      if (!companion) continue;
      try {
        await tx.transaction((inner) => companion(inner, item.queued));
      } catch (error) {
        // These undid the whole transaction, not only the companion's part.
        if (isUnavailable(error) || isRetryable(error)) throw error;
        failed.set(item, error);
      }
    }
    await insertRows(
      tx,
      batch.filter((item) => !failed.has(item)),
    );
  });
  const done = batch.filter((item) => !failed.has(item));
  for (const item of done) item.resolve(item.queued);
  for (const [item, error] of failed) item.reject(error);
  wakeAll(deps, done);
}

async function insertRows(tx: Tx, items: readonly Pick<Waiting, 'message' | 'queued'>[]): Promise<void> {
  await insertMany(
    tx,
    messages,
    items.map(({ message, queued: { id, queuedAt: now } }) => ({
      ...message,
      id,
      direction: 'out' as const,
      status: 'queued' as const,
      queuedAt: now,
      createdAt: now,
      updatedAt: now,
    })),
  );
  await insertMany(
    tx,
    messageQueue,
    items.map(({ message, queued: { id, queuedAt } }) => ({
      id,
      userId: message.userId,
      accountId: message.accountId,
      messageId: message.messageId,
      recipient: message.peer,
      status: 'pending' as const,
      priority: message.priority,
      availableAt: message.scheduledAt ?? queuedAt,
      expiresAt: message.expiresAt,
    })),
  );
  const [first] = items;
  if (first === undefined) return;
  await noteHighPriority(
    tx,
    items.map(({ message }) => message),
    first.queued.queuedAt,
  );
}

function wakeAll(deps: WriteDeps, items: readonly Pick<Waiting, 'message'>[]): void {
  const woken = new Set<string>();
  for (const { accountId, priority } of items.map((item) => item.message)) {
    const lane = `${accountId}:${priority}`;
    if (woken.has(lane)) continue;
    woken.add(lane);
    deps.signals.wake(accountId, { priority });
  }
}
