import { and, desc, eq, inArray, isNull } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { isChannelJid, isGroupJid, lidJid } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { askOwner } from '../sessions/ask-owner.ts';
import { spendAsk } from '../sessions/ask-whatsapp.ts';
import { requireCapability } from './capability.ts';
import { findChat, inItsSession, withPeer } from './chats.ts';
import { isMessageOfChat } from './of-chat.ts';
import { findMessage, type WhichMessage } from './read.ts';
import type { MessageOutput } from './schemas.ts';
import { findOwnSession, requireConnected, sessionOfMessage } from './session.ts';
import { type MessageRecord, toAnswer } from './view.ts';

const READ_TIMEOUT_MS = 15_000;
/** Messages of a conversation that are marked in one go. */
const MAX_MARKED = 100;

/**
 * Tells the sender that an inbound message was read, as opening the chat on the phone does. A second time changes
 * nothing. Throws NOT_FOUND (also for an outbound message), SESSION_NOT_FOUND, CONFLICT when its session is gone or it is a post of a channel,
 * NOT_CONNECTED, NOT_SUPPORTED, or UNAVAILABLE when WhatsApp did not answer in time.
 */
export async function markMessageRead(
  ctx: Ctx,
  input: Pick<WhichMessage, 'messageId' | 'session'>,
): Promise<MessageOutput> {
  requireScope(ctx, 'messages:write');
  const row = await findMessage(ctx, input.messageId, { session: input.session, direction: 'in' });
  if (row.readAt !== null) return toAnswer(ctx, row);
  if (isChannelJid(row.peer)) {
    throw new AppError('CONFLICT', 'A post of a channel cannot be marked as read.', {
      details: { type: row.type },
    });
  }
  requireCapability(ctx, 'markRead');
  const session = await sessionOfMessage(ctx, row);
  requireConnected(session);
  await askOwner(ctx, session, 'mark_read', { messages: [readKeyOf(row)] }, READ_TIMEOUT_MS);
  const now = ctx.clock.now();
  await ctx.db.update(messages).set({ readAt: now, updatedAt: now }).where(eq(messages.id, row.id));
  return toAnswer(ctx, { ...row, readAt: now, updatedAt: now });
}

/** People are addressed by their LID where it is known: a receipt to the number would not reach that chat. */
export function readKeyOf({ messageId, peer, lid, participant }: MessageRecord) {
  const chat = lid !== null && !isGroupJid(peer) ? lidJid(lid) : peer;
  return { messageId, chat, participant };
}

/**
 * The same for the newest unread messages of a conversation, 100 at most; how many there were. Throws
 * SESSION_NOT_FOUND, INVALID_NUMBER, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, UNAVAILABLE.
 */
export async function markChatRead(
  ctx: Ctx,
  input: { session: string; number: string },
): Promise<{ marked: number }> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'markRead');
  const session = await findOwnSession(ctx, input.session);
  requireConnected(session);
  const chat = await findChat(ctx, input);
  const isUnread = and(eq(messages.direction, 'in'), isNull(messages.readAt), isMessageOfChat());
  const unread = and(inItsSession(ctx, chat), isUnread);
  const pieces = await Promise.all(
    chat.peers.map((peer) =>
      ctx.db
        .select()
        .from(messages)
        .where(and(withPeer(ctx, peer), unread))
        .orderBy(desc(messages.createdAt), desc(messages.id))
        .limit(MAX_MARKED),
    ),
  );
  const rows = pieces.flat().slice(0, MAX_MARKED);
  if (rows.length === 0) return { marked: 0 };
  await spendAsk(ctx, session, { changes: false });
  await askOwner(ctx, session, 'mark_read', { messages: rows.map(readKeyOf) }, READ_TIMEOUT_MS);
  const now = ctx.clock.now();
  const ids = rows.map(({ id }) => id);
  await ctx.db.update(messages).set({ readAt: now, updatedAt: now }).where(inArray(messages.id, ids));
  return { marked: rows.length };
}
