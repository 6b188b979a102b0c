/** Taking messages back that have not begun to be sent. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected } from '../../db/ops.ts';
import { messageQueue, messages, type OtpDelivery } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { messageRefColumns } from '../../queue/claim.ts';
import { messageFact } from '../../queue/settle-proofs.ts';
import type { OtpDeps } from './deps.ts';

/**
 * Cancels those of `deliveries` that still wait in their queue; one that is being sent at this moment goes on.
 * The facts are to be recorded in `tx`.
 */
export async function cancelQueued(
  tx: Tx,
  deps: OtpDeps,
  deliveries: readonly OtpDelivery[],
): Promise<Fact[]> {
  const facts: Fact[] = [];
  const now = deps.clock.now();
  for (const { id } of deliveries) {
    const waiting = and(eq(messageQueue.id, id), eq(messageQueue.status, 'pending'));
    if (affected(await tx.delete(messageQueue).where(waiting)) === 0) continue;
    const canceled = await tx
      .update(messages)
      .set({ status: 'canceled', updatedAt: now })
      .where(and(eq(messages.id, id), inArray(messages.status, ['queued', 'sending'])));
    const [message] = await tx.select(messageRefColumns).from(messages).where(eq(messages.id, id));
    if (affected(canceled) === 0 || !message) continue;
    facts.push(messageFact(message, 'message.canceled', now, { status: 'canceled' }));
    tx.afterCommit(() =>
      deps.signals.settled({ id, status: 'canceled', errorCode: null, errorMessage: null }),
    );
  }
  return facts;
}
