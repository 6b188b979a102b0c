/** Taking many messages off the queue and putting them back, under the ids they have, in the caller's transaction. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected, insertMany } from '../db/ops.ts';
import { messageQueue, messages } from '../db/schema.ts';
import { type Origin, record } from '../events/record.ts';
import { type MessageRef, messageRefColumns } from './claim.ts';
import type { QueueDeps } from './deps.ts';
import { messageFact } from './settle-proofs.ts';

/** A message that may go back onto the queue. */
export interface Returning {
  id: string;
  userId: number;
  accountId: string;
  messageId: string;
  peer: string;
  priority: number;
  availableAt: number;
}

/**
 * Off the queue, also what is claimed: what has not been put on the wire finds its claim gone at the last look
 * before it leaves, and what has is settled by its proof. The history keeps its status. How many were claimed.
 */
export async function withdrawRows(tx: Tx, ids: readonly string[]): Promise<{ claimed: number }> {
  if (ids.length === 0) return { claimed: 0 };
  const own = inArray(messageQueue.id, [...ids]);
  const claimed = affected(await tx.delete(messageQueue).where(and(own, eq(messageQueue.status, 'sending'))));
  await tx.delete(messageQueue).where(own);
  return { claimed };
}

/**
 * Withdraws and ends what is not settled as `canceled`, with a fact each. A message that turns out to have left
 * becomes `sent` by its proof all the same.
 */
export async function cancelRowsForGood(
  tx: Tx,
  deps: QueueDeps,
  ids: readonly string[],
  reason: { errorCode: string; origin?: Origin },
): Promise<{ claimed: number }> {
  const withdrawn = await withdrawRows(tx, ids);
  if (ids.length === 0) return withdrawn;
  const now = deps.clock.now();
  const unsettled = and(inArray(messages.id, [...ids]), inArray(messages.status, ['queued', 'sending']));
  const rows: MessageRef[] = await tx.select(messageRefColumns).from(messages).where(unsettled);
  const { errorCode, origin } = reason;
  await tx.update(messages).set({ status: 'canceled', errorCode, updatedAt: now }).where(unsettled);
  await record(
    tx,
    deps,
    rows.map((row) => ({
      ...messageFact(row, 'message.canceled', now, { status: 'canceled', errorCode }),
      ...(origin ? { origin } : {}),
    })),
  );
  tx.afterCommit(() => {
    for (const { id } of rows) {
      deps.signals.settled({ id, status: 'canceled', errorCode, errorMessage: null });
    }
  });
  return withdrawn;
}

/** Onto the queue again; the history says `queued`, without error. The caller has made sure that they are off it. */
export async function putRowsBack(tx: Tx, deps: QueueDeps, rows: readonly Returning[]): Promise<void> {
  if (rows.length === 0) return;
  const now = deps.clock.now();
  await tx
    .update(messages)
    .set({
      status: 'queued',
      attempts: 0,
      errorCode: null,
      errorMessage: null,
      failedAt: null,
      queuedAt: now,
      updatedAt: now,
    })
    .where(
      inArray(
        messages.id,
        rows.map((row) => row.id),
      ),
    );
  await insertMany(
    tx,
    messageQueue,
    rows.map(({ id, userId, accountId, messageId, peer, priority, availableAt }) => ({
      id,
      userId,
      accountId,
      messageId,
      recipient: peer,
      status: 'pending' as const,
      priority,
      availableAt,
      expiresAt: null,
    })),
  );
  tx.afterCommit(() => {
    for (const accountId of new Set(rows.map((row) => row.accountId))) deps.signals.wake(accountId);
  });
}
