/** Putting messages back onto the queue, under the ids they have, in the caller's transaction. */
import { inArray } from 'drizzle-orm';
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

/** Puts them onto the queue again; the history says `queued`, without an error. The caller must have taken them off. */
export async function requeueRows(tx: Tx, deps: QueueDeps, rows: readonly Dequeued[]): Promise<void> {
  if (rows.length === 0) return;
  const now = deps.clock.now();
  await tx
    .update(messages)
    .set(queuedAnew(now))
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
