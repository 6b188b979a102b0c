/** The way off the queue: for now, for good as `canceled`, or because a message is settled. */
import { and, eq, exists, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected, preparedWrite } from '../db/ops.ts';
import { messageQueue, messages } from '../db/schema.ts';
import type { Fact, Origin } from '../events/record.ts';
import { type MessageRef, messageRefColumns } from './claim.ts';
import type { QueueDeps } from './deps.ts';
import { messageFact } from './message-fact.ts';

/** Removes the rows that the condition names; how many. What becomes of their messages is the caller's to write. */
export async function takeOff(tx: Tx, where: SQL | undefined): Promise<number> {
  return affected(await tx.delete(messageQueue).where(where));
}

/** The same for one row, prepared: every acknowledgement comes here. */
export const takeOffOne = preparedWrite<{ id: string }>((db) =>
  db.delete(messageQueue).where(eq(messageQueue.id, sql.placeholder('id'))),
);

/**
 * Off the queue, also what is claimed: what has not been put on the wire finds its claim gone at the last look
 * before it leaves, and what has is settled by its proof. The history keeps its status. How many were claimed.
 */
export async function dequeue(tx: Tx, ids: readonly string[]): Promise<{ claimed: number }> {
  if (ids.length === 0) return { claimed: 0 };
  const own = inArray(messageQueue.id, [...ids]);
  const claimed = await takeOff(tx, and(own, eq(messageQueue.status, 'sending')));
  await takeOff(tx, own);
  return { claimed };
}

/**
 * Off the queue, of these, whatever was never begun: no attempt has claimed it, so nothing of it can have left. The ids that
 * are off. Their messages are the caller's to delete or to write.
 */
export async function dequeueUntouched(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const isUntouched = and(
    inArray(messages.id, [...ids]),
    eq(messages.status, 'queued'),
    isNull(messages.sendingAt),
  );
  const untouched = tx
    .select({ one: sql`1` })
    .from(messages)
    .where(and(eq(messages.id, messageQueue.id), isUntouched));
  const own = inArray(messageQueue.id, [...ids]);
  await takeOff(tx, and(own, eq(messageQueue.status, 'pending'), exists(untouched)));
  const left = await tx.select({ id: messageQueue.id }).from(messageQueue).where(own);
  const kept = new Set(left.map((row) => row.id));
  const found = await tx.select({ id: messages.id }).from(messages).where(isUntouched);
  return found.flatMap(({ id }) => (kept.has(id) ? [] : [id]));
}

export interface Cancellation {
  ids: readonly string[];
  /** true: what is being sent ends as well, unless its proof says that it has left */
  claimedToo?: boolean;
  /** why, on the message and in its event */
  errorCode?: string;
  origin?: Origin;
}

export interface Canceled {
  /** how many of them were being sent */
  claimed: number;
  /** one for each message that was canceled; the caller records them, after its other writes */
  facts: Fact[];
}

/**
 * Takes messages off the queue and ends them as `canceled`, in the caller's transaction. What is being sent is left
 * alone unless `claimedToo` says otherwise; what is settled stays as it is.
 */
export async function cancelRows(tx: Tx, deps: QueueDeps, cancellation: Cancellation): Promise<Canceled> {
  const { ids, claimedToo = false, errorCode = null, origin } = cancellation;
  const { claimed, gone } = claimedToo
    ? { ...(await dequeue(tx, ids)), gone: [...ids] }
    : { claimed: 0, gone: await dequeueWaiting(tx, ids) };
  if (gone.length === 0) return { claimed, facts: [] };
  const now = deps.clock.now();
  const unsettled = and(inArray(messages.id, gone), inArray(messages.status, ['queued', 'sending']));
  const rows: MessageRef[] = await tx.select(messageRefColumns).from(messages).where(unsettled);
  await tx.update(messages).set({ status: 'canceled', errorCode, updatedAt: now }).where(unsettled);
  tx.afterCommit(() => {
    for (const { id } of rows) {
      deps.signals.settled({ id, status: 'canceled', errorCode, errorMessage: null });
    }
  });
  const data = { status: 'canceled', ...(errorCode === null ? {} : { errorCode }) };
  const facts = rows.map((row) => ({
    ...messageFact(row, 'message.canceled', now, data),
    ...(origin ? { origin } : {}),
  }));
  return { claimed, facts };
}

/** The ids among them that are off the queue now; what is being sent stays on it. */
async function dequeueWaiting(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const own = inArray(messageQueue.id, [...ids]);
  if ((await takeOff(tx, and(own, eq(messageQueue.status, 'pending')))) === 0) return [];
  const left = await tx.select({ id: messageQueue.id }).from(messageQueue).where(own);
  const kept = new Set(left.map((row) => row.id));
  return ids.filter((id) => !kept.has(id));
}
