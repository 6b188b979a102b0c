/** What an engine asks of the history: contents to send again, and a place for what arrives. */
import { and, eq } from 'drizzle-orm';
import { isUniqueViolation, transact } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { newId } from '../../utils/ids.ts';
import type { Content } from '../../whatsapp/content.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import type { Deps } from '../context.ts';
import { isOtpContent, openOtpContent } from '../otp/content.ts';

type HostDeps = Pick<Deps, 'db' | 'clock' | 'stream'>;
type ContentDeps = Parameters<typeof openOtpContent>[0];

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

/**
 * What is to be sent for the content that the history keeps: a code is opened here, at the last moment. Null when it
 * must not leave any more.
 */
export function openContent(deps: ContentDeps, content: unknown): Promise<Content | null> | Content {
  return isOtpContent(content) ? openOtpContent(deps, content) : asContent(content);
}

/** The queue stores nothing but contents that a send route has validated. */
function asContent(content: unknown): Content {
  return content as Content;
}

/** The content of an outbound message of this session, to be sent again; null when it is not known or not valid any more. */
export async function findOutbound(
  deps: ContentDeps,
  accountId: string,
  messageId: string,
): Promise<Content | null> {
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
  return rows[0] ? openContent(deps, rows[0].content) : null;
}
