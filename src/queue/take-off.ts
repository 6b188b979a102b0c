/** The way off the queue: for now, for good as `canceled`, or because a message is settled. */
import { and, eq, exists, inArray, isNotNull, isNull, not, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import {
  affected,
  insertMany,
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
import { PRIORITIES } from './priority.ts';

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

/** Something of the message may be with WhatsApp: an attempt has begun it, and none of them has proven that nothing left. */
const hasBegun = isNotNull(messages.sendingAt);

/**
 * Off the queue, of these, whatever was never begun: no attempt has claimed it, so nothing of it can have left. The ids that
 * are off. Their messages are the caller's to delete or to write.
 */
export async function dequeueUntouched(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const isUntouched = and(inArray(messages.id, [...ids]), eq(messages.status, 'queued'), not(hasBegun));
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
  const { ids, claimedToo = false } = cancellation;
  const { claimed, gone } = claimedToo
    ? { ...(await dequeue(tx, deps, ids)), gone: [...ids] }
    : { claimed: 0, gone: await dequeueWaiting(tx, ids) };
  return { claimed, facts: await endCanceled(tx, deps, gone, cancellation) };
}

/** Those of them that are not settled end as `canceled`; a fact for each. */
async function endCanceled(
  tx: Tx,
  deps: QueueDeps,
  ids: readonly string[],
  { errorCode, origin }: Pick<Cancellation, 'errorCode' | 'origin'>,
): Promise<Fact[]> {
  if (ids.length === 0) return [];
  const ended = await endUnsettled(tx, deps, ids, {
    status: 'canceled',
    errorCode: errorCode ?? null,
    errorMessage: null,
  });
  return ended.map((fact) => ({ ...fact, ...(origin ? { origin } : {}) }));
}

/** What is on its way has an answer by then, or never: this long after the bounds of preparing and acknowledging. */
const ANSWER_MARGIN_MS = 15_000;

/**
 * Ends messages for good, in the caller's transaction. What has not begun is canceled. What has begun may be with WhatsApp, also
 * where it waits to be sent again: it is `sending`, and its row has a claim that nobody holds. So it is withheld at the last
 * look, sent by nobody again, and ended by its proof, by its attempt (`settleAttempt`), or as `failed` once its row has expired.
 * `claimed`: how many were being sent.
 */
export async function cancelUnbegun(
  tx: Tx,
  deps: QueueDeps,
  cancellation: Omit<Cancellation, 'claimedToo'>,
): Promise<Canceled> {
  const { ids } = cancellation;
  if (ids.length === 0) return { claimed: 0, facts: [] };
  // Locked, so that neither a claim nor a proof comes between the look and the writes.
  const queued = await locked(
    tx
      .select({ id: messageQueue.id, status: messageQueue.status })
      .from(messageQueue)
      .where(inArray(messageQueue.id, [...ids])),
  );
  const begun = await locked(
    tx
      .select(messageRefColumns)
      .from(messages)
      .where(and(inArray(messages.id, [...ids]), inArray(messages.status, ['queued', 'sending']), hasBegun)),
  );
  const rows = new Set(queued.map(({ id }) => id));
  const begunIds = new Set(begun.map(({ id }) => id));
  const gone = ids.filter((id) => !begunIds.has(id));
  if (gone.length > 0) await takeOff(tx, inArray(messageQueue.id, gone));
  await awaitAnswers(
    tx,
    deps,
    begun.map((message) => ({ ...message, isQueued: rows.has(message.id) })),
  );
  tx.afterCommitAsked(() => deps.signals.withdrawn(ids));
  const claimed = queued.filter(({ status }) => status === 'sending').length;
  return { claimed, facts: await endCanceled(tx, deps, gone, cancellation) };
}

/**
 * Ends those of them that wait as `cancelUnbegun` does, in the caller's transaction. What is being sent is left alone. A fact
 * for each that was canceled; the caller records them, after its other writes.
 */
export async function cancelUnclaimed(
  tx: Tx,
  deps: QueueDeps,
  { ids, ...cancellation }: Omit<Cancellation, 'claimedToo'>,
): Promise<Fact[]> {
  if (ids.length === 0) return [];
  // Locked, so that no claim comes between the look and the writes.
  const waiting = await locked(
    tx
      .select({ id: messageQueue.id })
      .from(messageQueue)
      .where(and(inArray(messageQueue.id, [...ids]), eq(messageQueue.status, 'pending'))),
  );
  const unclaimed = waiting.map(({ id }) => id);
  return (await cancelUnbegun(tx, deps, { ...cancellation, ids: unclaimed })).facts;
}

/** Their rows are claimed by nobody until they expire. A pause may have taken some of them off before. */
async function awaitAnswers(
  tx: Tx,
  { clock, config }: QueueDeps,
  begun: readonly (MessageRef & { isQueued: boolean })[],
): Promise<void> {
  if (begun.length === 0) return;
  const now = clock.now();
  const { prepareTimeoutMs, ackTimeoutMs } = config.pacing;
  const state = {
    status: 'sending' as const,
    claimedFence: null,
    expiresAt: now + prepareTimeoutMs + ackTimeoutMs + ANSWER_MARGIN_MS,
  };
  // What was put back after an attempt says `queued`.
  const queuedAgain = inArray(
    messages.id,
    begun.map(({ id }) => id),
  );
  await tx
    .update(messages)
    .set({ status: 'sending', updatedAt: now })
    .where(and(queuedAgain, eq(messages.status, 'queued')));
  const there = begun.flatMap(({ id, isQueued }) => (isQueued ? [id] : []));
  if (there.length > 0) await tx.update(messageQueue).set(state).where(inArray(messageQueue.id, there));
  await insertMany(
    tx,
    messageQueue,
    begun.flatMap(({ id, userId, accountId, messageId, peer, isQueued }) => {
      const row = { id, userId, accountId, messageId, recipient: peer, priority: PRIORITIES.low };
      return isQueued ? [] : [{ ...row, availableAt: now, ...state }];
    }),
  );
}

/** A row that `cancelUnbegun` has left until its attempt has an answer. */
export const awaitsAnswer = and(eq(messageQueue.status, 'sending'), isNull(messageQueue.claimedFence));

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
