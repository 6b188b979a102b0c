/** Taking back what has not begun, and giving another try to what has ended. */
import { and, asc, eq, inArray, lt } from 'drizzle-orm';
import { untilUsedUp } from '../db/batches.ts';
import type { Tx } from '../db/client.ts';
import { affected, skipLocked, transact } from '../db/ops.ts';
import { messageQueue, messages } from '../db/schema.ts';
import { type Origin, record } from '../events/record.ts';
import type { MessageRef } from './claim.ts';
import { noteHighPriority } from './code-reserve.ts';
import type { QueueDeps } from './deps.ts';
import { messageFact } from './message-fact.ts';
import { nextQueueId } from './ordered-ids.ts';
import { UNSENT_ENDS } from './progress.ts';
import { forgetRefused, queuedAnew } from './requeue.ts';
import { cancelUnclaimed } from './take-off.ts';

/** Rows in one transaction: about 20 ms of work. */
const BATCH_SIZE = 200;

/**
 * Cancels those of these messages that wait, in one transaction, and resolves with their ids on the wire. Left out is what is
 * not waiting: being sent, settled, or gone. What waits to be sent again, and may have arrived, is left out too: it is not sent
 * again, and ends by its proof or as `failed` (`cancelUnbegun`).
 */
export function cancelWaiting(deps: QueueDeps, ids: readonly string[], origin: Origin): Promise<string[]> {
  return transact(deps.database, (tx) => cancelAndRecord(tx, deps, ids, origin));
}

/**
 * Cancels everything of a session that waits and was queued before the call, as `cancelWaiting` does; what is being sent goes
 * on. Many small transactions, so a crash in between leaves whole messages. How many were canceled.
 */
export async function clearWaiting(
  deps: QueueDeps,
  session: { id: string; userId: number; sessionId: string },
  origin: Origin,
): Promise<number> {
  const before = nextQueueId(deps.clock.now());
  let cleared = 0;
  await untilUsedUp(BATCH_SIZE, async () => {
    const { found, canceled } = await transact(deps.database, async (tx) => {
      // Locked, so that no claim comes between the look and the deletion.
      const rows = await skipLocked(
        tx
          .select({ id: messageQueue.id })
          .from(messageQueue)
          .where(
            and(
              eq(messageQueue.accountId, session.id),
              eq(messageQueue.status, 'pending'),
              lt(messageQueue.id, before),
            ),
          )
          .orderBy(asc(messageQueue.priority), asc(messageQueue.availableAt))
          .limit(BATCH_SIZE),
      );
      const ids = rows.map((row) => row.id);
      return { found: ids.length, canceled: (await cancelAndRecord(tx, deps, ids, origin)).length };
    });
    cleared += canceled;
    return found;
  });
  await transact(deps.database, (tx) =>
    record(tx, deps, [
      { userId: session.userId, event: 'queue.cleared', session, data: { cleared }, origin },
    ]),
  );
  return cleared;
}

/** The ids on the wire of what was canceled. */
async function cancelAndRecord(
  tx: Tx,
  deps: QueueDeps,
  ids: readonly string[],
  origin: Origin,
): Promise<string[]> {
  const facts = await cancelUnclaimed(tx, deps, { ids, origin });
  await record(tx, deps, facts);
  return facts.flatMap(({ subject }) => (typeof subject === 'string' ? [subject] : []));
}

/**
 * Takes the canceling of messages back: they wait again as they did before, for their time, until their expiry, in their old
 * places in the line. How many; left out is what is not canceled (any more). The caller refuses those whose expiry has passed.
 */
export function restoreCanceled(deps: QueueDeps, all: readonly Restored[]): Promise<number> {
  return transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    let restored = 0;
    for (const message of all) {
      const changed = await tx
        .update(messages)
        .set({ status: 'queued', errorCode: null, errorMessage: null, updatedAt: now })
        .where(and(eq(messages.id, message.id), eq(messages.status, 'canceled')));
      if (affected(changed) === 0) continue;
      const availableAt = message.scheduledAt ?? message.queuedAt ?? now;
      await putBack(tx, deps, message, { availableAt, expiresAt: message.expiresAt });
      restored++;
    }
    return restored;
  });
}

type Restored = Requeued & { scheduledAt: number | null; queuedAt: number | null };

type Requeued = MessageRef & { priority: number; expiresAt: number | null };

/** One row of the queue for a message whose history says `queued`, with the fact of it. */
async function putBack(
  tx: Tx,
  deps: QueueDeps,
  message: Requeued,
  times: { availableAt: number; expiresAt: number | null },
): Promise<void> {
  const now = deps.clock.now();
  await tx.insert(messageQueue).values({
    id: message.id,
    userId: message.userId,
    accountId: message.accountId,
    messageId: message.messageId,
    recipient: message.peer,
    status: 'pending',
    priority: message.priority,
    ...times,
  });
  await noteHighPriority(tx, [message], now);
  await record(tx, deps, [messageFact(message, 'message.queued', now, { status: 'queued', retry: true })]);
  tx.afterCommitAsked(() => deps.signals.wake(message.accountId));
}

/**
 * Queues a message that failed, expired or was canceled once more, under the same wire id: a phone that has it
 * already shows it once. An expiry that has passed is dropped. `alsoInTransaction` writes in the same transaction, after the
 * message. False when it is in no such state (any more).
 */
export function requeue(
  deps: QueueDeps,
  message: Requeued,
  alsoInTransaction: (tx: Tx) => Promise<void>,
): Promise<boolean> {
  return transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const expiresAt = message.expiresAt !== null && message.expiresAt > now ? message.expiresAt : null;
    await forgetRefused(tx, [message.id]);
    const changed = await tx
      .update(messages)
      .set({ ...queuedAnew(now), scheduledAt: null, expiresAt })
      .where(and(eq(messages.id, message.id), inArray(messages.status, [...UNSENT_ENDS])));
    if (affected(changed) === 0) return false;
    await putBack(tx, deps, message, { availableAt: now, expiresAt });
    await alsoInTransaction(tx);
    return true;
  });
}
