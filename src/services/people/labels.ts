/**
 * The labels of a session's phone, as WhatsApp Business has them: on chats and on messages. Verbs that change something throw
 * SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, UNAVAILABLE.
 */
import { and, eq, sql } from 'drizzle-orm';
import { isAfter, parseCursorParts } from '../../db/keyset.ts';
import { waLabelUses } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { formatE164 } from '../../utils/phone.ts';
import { phoneOf } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { runOnce } from '../idempotency.ts';
import { readChatNames } from '../inbound/chat-names.ts';
import { readLabel, readLabels } from '../inbound/label-state.ts';
import { requireCapability } from '../messages/capability.ts';
import { findMarkable } from '../messages/pin.ts';
import type { WhichMessage } from '../messages/read.ts';
import { findOwnSession, type SendingSession } from '../messages/session.ts';
import { askWhatsApp, didNothing } from '../sessions/ask-whatsapp.ts';
import type { ShownLabel } from './chat-states.ts';
import { type ChatRef, enterSession, peerOf } from './enter.ts';
import type { ChangeLabelInput, CreateLabelInput, PageInput, SetLabelInput } from './schemas.ts';

interface LabelRef {
  sessionId: string;
  /** WhatsApp's id of it */
  label: string;
}

/** The labels that the phone has told of, with how many chats and messages they are on. Throws SESSION_NOT_FOUND. */
export async function listLabels(ctx: Ctx, { sessionId }: { sessionId: string }) {
  requireScope(ctx, 'read');
  const session = await findOwnSession(ctx, sessionId);
  const { accountId, label, messageId } = waLabelUses;
  const counted = await ctx.db
    .select({
      label,
      chats: sql<number>`sum(case when ${messageId} = '' then 1 else 0 end)`,
      all: sql<number>`count(*)`,
    })
    .from(waLabelUses)
    .where(eq(accountId, session.id))
    .groupBy(label);
  const counts = new Map(counted.map((row) => [row.label, row]));
  return (await readLabels(ctx.db, session.id)).map(({ label: id, name, color }) => {
    const chats = Number(counts.get(id)?.chats ?? 0);
    return { label: id, name, color, chats, messages: Number(counts.get(id)?.all ?? 0) - chats };
  });
}

/** The chats and messages that a label is on. Throws SESSION_NOT_FOUND, NOT_FOUND, VALIDATION_FAILED. */
export async function listLabelUses(ctx: Ctx, { sessionId, label, limit, cursor }: LabelRef & PageInput) {
  requireScope(ctx, 'read');
  const session = await findOwnSession(ctx, sessionId);
  await requireLabel(ctx, session, label);
  // A use on the chat itself has no message, and no text ends in a space.
  const parts = parseCursorParts(cursor, /^([\w.@:-]{1,80})(?: (\S{0,64}))?$/);
  const last = parts?.map((part) => part ?? '') ?? null;
  const { chat, messageId } = waLabelUses;
  const rows = await ctx.db
    .select({ chat, messageId })
    .from(waLabelUses)
    .where(
      and(
        eq(waLabelUses.accountId, session.id),
        eq(waLabelUses.label, label),
        isAfter([chat, messageId], last),
      ),
    )
    .orderBy(chat, messageId)
    .limit(limit + 1);
  const shown = rows.slice(0, limit);
  const names = await readChatNames(
    ctx.db,
    session.id,
    shown.map((row) => row.chat),
  );
  const end = rows.length > shown.length ? shown.at(-1) : undefined;
  return {
    data: shown.map((row) => {
      const jid = names.keptAs(row.chat);
      const phone = phoneOf(jid);
      const number = phone === null ? jid : formatE164(phone);
      return { chat: jid, number, messageId: row.messageId === '' ? null : row.messageId };
    }),
    nextCursor: end ? `${end.chat} ${end.messageId}`.trimEnd() : null,
  };
}

/**
 * Makes a label on the phone and all of its devices, for one Idempotency-Key never a second one. Throws CONFLICT when it is not
 * known how an earlier request with that key ended.
 */
export async function createLabel(
  ctx: Ctx,
  { sessionId, name, color }: { sessionId: string } & CreateLabelInput,
): Promise<ShownLabel> {
  const session = await enterSession(ctx, sessionId, 'messages:write', 'chats');
  const asked = { name: 'label.create', input: { name, color }, changes: true } as const;
  const { label } = await runOnce(ctx, didNothing, () => askWhatsApp(ctx, session, asked));
  return { label, name, color };
}

/** Changes its name or colour; what is missing stays. Throws NOT_FOUND. */
export async function changeLabel(ctx: Ctx, ref: LabelRef, changes: ChangeLabelInput): Promise<ShownLabel> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'chats');
  const { label, name, color } = { ...(await requireLabel(ctx, session, ref.label)), ...defined(changes) };
  const input = { label, name, color, deleted: false };
  await askWhatsApp(ctx, session, { name: 'label.edit', input, changes: true });
  return { label, name, color };
}

function defined({ name, color }: ChangeLabelInput): Partial<Pick<ShownLabel, 'name' | 'color'>> {
  return { ...(name === undefined ? {} : { name }), ...(color === undefined ? {} : { color }) };
}

/** Deletes a label; it goes from every chat and message. Throws NOT_FOUND. */
export async function deleteLabel(ctx: Ctx, ref: LabelRef): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'chats');
  const { label, name, color } = await requireLabel(ctx, session, ref.label);
  const input = { label, name, color, deleted: true };
  await askWhatsApp(ctx, session, { name: 'label.edit', input, changes: true });
}

/** Puts a label on a chat, or takes it away. Throws NOT_FOUND, INVALID_NUMBER. */
export async function labelChat(ctx: Ctx, ref: ChatRef, input: SetLabelInput): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'chats');
  const { peer: jid } = peerOf(ctx, ref.chat);
  const { label } = await requireLabel(ctx, session, input.label);
  const asked = { label, jid, message: null, labeled: input.assigned };
  await askWhatsApp(ctx, session, { name: 'label.assign', input: asked, changes: true });
}

/**
 * Puts a label on a message that came in or was sent, or takes it away. Throws NOT_FOUND, for either, and CONFLICT for a message
 * that cannot have one.
 */
export async function labelMessage(ctx: Ctx, ref: WhichMessage, input: SetLabelInput): Promise<void> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'chats');
  const { target, session, fromMe, author: participant } = await findMarkable(ctx, ref);
  const { messageId, peer: jid } = target;
  const { label } = await requireLabel(ctx, session, input.label);
  const message = { messageId, fromMe, participant };
  const asked = { label, jid, message, labeled: input.assigned };
  await askWhatsApp(ctx, session, { name: 'label.assign', input: asked, changes: true });
}

async function requireLabel(ctx: Ctx, session: SendingSession, label: string): Promise<ShownLabel> {
  const found = await readLabel(ctx.db, session.id, label);
  if (!found) throw new AppError('NOT_FOUND', 'The phone has told of no such label.');
  return { label, name: found.name, color: found.color };
}
