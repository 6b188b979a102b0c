import { eq } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { isGroupJid, lidJid } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { askOwner } from '../sessions/ask-owner.ts';
import { requireCapability } from './capability.ts';
import { findMessage } from './read.ts';
import type { MessageOutput } from './schemas.ts';
import { findOwnSession, requireConnected } from './session.ts';
import { toMessage } from './view.ts';

const READ_TIMEOUT_MS = 15_000;

/**
 * Tells the sender that an inbound message was read, as opening the chat on the phone does. A second time changes
 * nothing. Throws NOT_FOUND (also for an outbound message), NOT_CONNECTED, NOT_SUPPORTED, or UNAVAILABLE when WhatsApp
 * did not answer in time.
 */
export async function markMessageRead(ctx: Ctx, input: { messageId: string }): Promise<MessageOutput> {
  requireScope(ctx, 'messages:write');
  const row = await findMessage(ctx, input.messageId, { direction: 'in' });
  if (row.readAt !== null) return toMessage(ctx, row);
  requireCapability(ctx, 'markRead');
  const session = await findOwnSession(ctx, row.sessionId);
  requireConnected(session);
  // People are addressed by their LID where it is known: a receipt to the number would not reach that chat.
  const chat = row.lid !== null && !isGroupJid(row.peer) ? lidJid(row.lid) : row.peer;
  const message = { messageId: row.messageId, chat, participant: row.participant };
  await askOwner(ctx, session, 'mark_read', { messages: [message] }, READ_TIMEOUT_MS);
  const now = ctx.clock.now();
  await ctx.db.update(messages).set({ readAt: now, updatedAt: now }).where(eq(messages.id, row.id));
  return toMessage(ctx, { ...row, readAt: now, updatedAt: now });
}
