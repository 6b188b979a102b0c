/** What an engine asks of the history: contents to send again, and a place for what arrives. */
import { and, eq } from 'drizzle-orm';
import { isUniqueViolation, transact } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { newId } from '../../utils/ids.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import type { Deps } from '../context.ts';

type HostDeps = Pick<Deps, 'db' | 'clock' | 'stream'>;

/**
 * Stores an inbound message and its fact in one transaction, once: a message that is redelivered (same session,
 * sender and id) changes nothing. Rejects when the database cannot be used: the message stays with WhatsApp then.
 */
export async function storeInbound(
  deps: HostDeps,
  account: AccountRef,
  message: InboundMessage,
): Promise<void> {
  const id = newId(deps.clock.now());
  try {
    await transact(deps.db, async (tx) => {
      await tx.insert(messages).values(toRow(id, account, message, deps.clock.now()));
      await record(tx, deps, [
        {
          userId: account.userId,
          session: account,
          event: 'message.received',
          subject: message.messageId,
          data: {
            id,
            type: message.content.type,
            chat: message.chat,
            phone: message.phone,
            lid: message.lid,
            participant: message.participant,
            pushName: message.pushName,
          },
        },
      ]);
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
  }
}

function toRow(
  id: string,
  account: AccountRef,
  message: InboundMessage,
  now: number,
): typeof messages.$inferInsert {
  return {
    id,
    userId: account.userId,
    accountId: account.id,
    sessionId: account.sessionId,
    messageId: message.messageId,
    direction: 'in',
    peer: message.chat,
    phone: message.phone,
    lid: message.lid,
    participant: message.participant,
    type: message.content.type,
    content: message.content,
    status: 'received',
    sentAt: message.at,
    createdAt: now,
    updatedAt: now,
  };
}

/** The stored content of an outbound message of this session, as the history keeps it; null when there is none. */
export async function findOutbound(deps: HostDeps, accountId: string, messageId: string): Promise<unknown> {
  const rows = await deps.db
    .select({ content: messages.content })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, accountId),
        eq(messages.direction, 'out'),
        eq(messages.messageId, messageId),
      ),
    );
  return rows[0]?.content ?? null;
}
