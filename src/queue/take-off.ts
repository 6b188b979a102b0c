/** The way off the queue: for now, for good as `canceled`, or because a message is settled. */
import { and, eq, exists, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import {
  affected,
  locked,
  padded,
  placeholders,
  preparedWrite,
  preparedWriteFor,
  valuesAt,
} from '../db/ops.ts';
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

const takeOffEach = preparedWriteFor((db, named, count) =>
  db.delete(messageQueue).where(inArray(messageQueue.id, placeholders(named, 'id', count))),
);

/** Ids of one statement. */
const MAX_AT_ONCE = 64;

/** The same for several rows, in one statement as a rule. */
export async function takeOffSeveral(tx: Tx, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += MAX_AT_ONCE) {
    const some = padded(ids.slice(at, at + MAX_AT_ONCE), MAX_AT_ONCE);
    await takeOffEach(tx, [some.length], valuesAt(some.map((id) => ({ id }))));
  }
}

/**
 * Off the queue, also what is claimed: what has not been put on the wire finds its claim gone at the last look
 * before it leaves, of which the lines of this process are told, and what has is settled by its proof. The history keeps
 * its status. How many were claimed.
 */
export async function dequeue(
  tx: Tx,
  { signals }: Pick<QueueDeps, 'signals'>,
  ids: readonly string[],
): Promise<{ claimed: number }> {
  if (ids.length === 0) return { claimed: 0 };
  const own = inArray(messageQueue.id, [...ids]);
  // Locked, so that no claim comes between the look and the deletion.
  const rows = await locked(tx.select({ status: messageQueue.status }).from(messageQueue).where(own));
  await takeOff(tx, own);
  tx.afterCommitAsked(() => signals.withdrawn(ids));
  return { claimed: rows.filter(({ status }) => status === 'sending').length };
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
    ? { ...(await dequeue(tx, deps, ids)), gone: [...ids] }
    : { claimed: 0, gone: await dequeueWaiting(tx, ids) };
  if (gone.length === 0) return { claimed, facts: [] };
  const ended = await endUnsettled(tx, deps, gone, { status: 'canceled', errorCode, errorMessage: null });
  return { claimed, facts: ended.map((fact) => ({ ...fact, ...(origin ? { origin } : {}) })) };
}

/**
 * Takes messages off the queue, also what is claimed, and ends them as `failed`, in the caller's transaction: unless a proof
 * says that they have left. One fact for each; the caller records them, after its other writes.
 */
export async function failRows(
  tx: Tx,
  deps: QueueDeps,
  ids: readonly string[],
  reason: { errorCode: string; errorMessage: string },
): Promise<Fact[]> {
  if (ids.length === 0) return [];
  await dequeue(tx, deps, ids);
  return endUnsettled(tx, deps, ids, { status: 'failed', ...reason });
}

interface End {
  status: 'canceled' | 'failed';
  errorCode: string | null;
  errorMessage: string | null;
}

/** Those of them that are not settled end so; a fact for each. */
async function endUnsettled(tx: Tx, deps: QueueDeps, ids: readonly string[], end: End): Promise<Fact[]> {
  const now = deps.clock.now();
  const { status, errorCode } = end;
  const unsettled = and(inArray(messages.id, [...ids]), inArray(messages.status, ['queued', 'sending']));
  const rows: MessageRef[] = await tx.select(messageRefColumns).from(messages).where(unsettled);
  const failedAt = status === 'failed' ? { failedAt: now } : {};
  await tx
    .update(messages)
    .set({ ...end, ...failedAt, updatedAt: now })
    .where(unsettled);
  tx.afterCommit(() => {
    for (const { id } of rows) deps.signals.settled({ id, ...end });
  });
  const data = { status, ...(errorCode === null ? {} : { errorCode }) };
  return rows.map((row) => messageFact(row, `message.${status}`, now, data));
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
