/** Putting messages back onto the queue, under the ids they have, in the caller's transaction. */
import { and, eq, gte, inArray, ne } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { insertMany } from '../db/ops.ts';
import { messageQueue, messages } from '../db/schema.ts';
import type { QueueDeps } from './deps.ts';

/** A message that may go back onto the queue. */
export interface Dequeued {
  id: string;
  userId: number;
  accountId: string;
  messageId: string;
  peer: string;
  priority: number;
  availableAt: number;
}

/** The history's columns of a message that waits again as if it had never been tried. */
export function queuedAnew(now: number) {
  return {
    status: 'queued',
    attempts: 0,
    errorCode: null,
    errorMessage: null,
    failedAt: null,
    queuedAt: now,
    updatedAt: now,
  } as const;
}

/**
 * Before failed messages are queued again: one whose only attempt was refused, or could not be made, has not arrived, so it has
 * not begun. One that was tried before, or has no answer, may have.
 */
export async function forgetRefused(tx: Tx, ids: readonly string[]): Promise<void> {
  const { id, status, errorCode, attempts, sendingAt, queuedAt } = messages;
  await tx
    .update(messages)
    .set({ sendingAt: null })
    .where(
      and(
        inArray(id, [...ids]),
        eq(status, 'failed'),
        ne(errorCode, 'NO_ACK'),
        eq(attempts, 1),
        // One that was put back had begun before.
        gte(sendingAt, queuedAt),
      ),
    );
}

/**
 * Puts those of them that are still `from` onto the queue again; the history says `queued`, without an error. One that has
 * turned out to be sent since it was read stays as it is. The caller must have taken them off. The rows that are back.
 */
export async function requeueRows<R extends Dequeued>(
  tx: Tx,
  deps: QueueDeps,
  rows: readonly R[],
  from: readonly ('queued' | 'sending' | 'failed')[],
): Promise<R[]> {
  if (rows.length === 0) return [];
  const now = deps.clock.now();
  const named = inArray(
    messages.id,
    rows.map((row) => row.id),
  );
  if (from.includes('failed')) {
    await forgetRefused(
      tx,
      rows.map((row) => row.id),
    );
  }
  await tx
    .update(messages)
    .set(queuedAnew(now))
    .where(and(named, inArray(messages.status, [...from])));
  const changed = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(and(named, eq(messages.status, 'queued')));
  const ids = new Set(changed.map(({ id }) => id));
  const back = rows.filter(({ id }) => ids.has(id));
  await insertMany(
    tx,
    messageQueue,
    back.map(({ id, userId, accountId, messageId, peer, priority, availableAt }) => ({
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
  tx.afterCommitAsked(() => {
    for (const accountId of new Set(back.map((row) => row.accountId))) deps.signals.wake(accountId);
  });
  return back;
}
