/** Editing and deleting messages that were sent, for everyone: by messages of their own, through the queue. */
import { messages } from '../../db/schema.ts';
import { takeAmendment, textFieldOf } from '../../queue/amend.ts';
import { statusOf } from '../../queue/audience.ts';
import { reserveQueueRoom } from '../../queue/counts.ts';
import { enqueue } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { isProven, isUnsentEnd } from '../../queue/progress.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { AmendContent, EditContent, TextContent } from '../../whatsapp/content.ts';
import { isBroadcastListJid, isChannelJid } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { requireCapability } from './capability.ts';
import { optional } from './kinds/fields.ts';
import { isOfChat } from './of-chat.ts';
import { findMessage } from './read.ts';
import type { MessageOutput, SentMessage } from './schemas.ts';
import { foresee, type QueuedMessage, queuedBody } from './send.ts';
import { requireQueueing, type SendingSession, sessionOfMessage } from './session.ts';
import { addressOf, type MessageRecord, toIso } from './view.ts';

/** WhatsApp's own bounds, as its clients keep them: they are counted from when the message was sent. */
const EDIT_WITHIN_MS = 15 * MINUTE_MS;
export const REVOKE_WITHIN_MS = 60 * HOUR_MS;

interface AmendInput {
  messageId: string;
  session?: string | undefined;
}

/**
 * The text or the caption that an edit would change at this time (epoch milliseconds), of a message that was sent; null
 * for a kind that has none, for what goes to a channel or a list of people, and when its time is over.
 */
export function editableText(
  { chat, type, content, sentAt }: Pick<MessageOutput, 'chat' | 'type' | 'content' | 'sentAt'>,
  now: number,
): string | null {
  const field = editableFieldOf({ type, content });
  const isOneWay = isChannelJid(chat) || isBroadcastListJid(chat);
  if (field === null || isOneWay || sentAt === null || Date.parse(sentAt) + EDIT_WITHIN_MS <= now)
    return null;
  const text: unknown = Reflect.get(Object(content), field);
  return typeof text === 'string' ? text : '';
}

/** A round video message has no caption, and a post to the status is not edited. */
function editableFieldOf({ type, content }: { type: string; content: unknown }) {
  const isNote = type === 'video' && Reflect.get(Object(content), 'note') === true;
  return isNote || statusOf(content) !== null ? null : textFieldOf({ type });
}

/** Somebody else was quicker to amend the message. */
class AmendedMeanwhileError extends Error {
  override name = 'AmendedMeanwhileError';
}

const conflict = (message: string, details: Record<string, unknown>) =>
  new AppError('CONFLICT', message, { details });

/**
 * Changes the text, or the caption, of a message that was sent, for everyone. Queued like a message of its own; the
 * message changes when WhatsApp has taken it. The same edit again, while it is on its way or the newest one, is that one.
 * Throws NOT_FOUND, SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, or CONFLICT for what cannot be
 * edited (any more).
 */
export async function editMessage(ctx: Ctx, input: AmendInput & { text: string }): Promise<QueuedMessage> {
  return amendMessage(ctx, input, EDIT_WITHIN_MS, (row) => {
    if (editableFieldOf(row) === null) {
      throw conflict('Only texts and captions can be edited.', { type: row.type });
    }
    const of = row.type === 'text' ? 'text' : (row.type as 'image' | 'video' | 'document');
    const beside = besideText(row.content, input.text);
    return { type: 'edit', messageId: row.messageId, text: input.text, of, ...beside, at: ctx.clock.now() };
  });
}

/** What the message says beside its text and holds for the new one. */
function besideText(
  content: unknown,
  text: string,
): Pick<EditContent, 'mentions' | 'mentionAll' | 'preview' | 'quoted'> {
  // The history keeps what a send route has validated.
  const { mentions, mentionAll, preview, quoted }: Partial<TextContent> = Object(content);
  return {
    ...optional({ mentions, mentionAll, quoted }),
    ...(preview !== undefined && text.includes(preview.url) ? { preview } : {}),
  };
}

/**
 * Deletes a message that was sent, for everyone. Queued like a message of its own. Asked for again it is the same deletion, and
 * one that failed is tried again. Throws as `editMessage` does.
 */
export async function revokeMessage(ctx: Ctx, input: AmendInput): Promise<QueuedMessage> {
  return amendMessage(ctx, input, REVOKE_WITHIN_MS, ({ messageId, content }) => {
    const status = statusOf(content);
    return { type: 'delete', messageId, ...(status === null ? {} : { status }) };
  });
}

async function amendMessage(
  ctx: Ctx,
  input: AmendInput,
  withinMs: number,
  contentFor: (row: MessageRecord) => AmendContent,
): Promise<QueuedMessage> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'amend');
  for (let tries = 1; ; tries++) {
    const row = await findMessage(ctx, input.messageId, { direction: 'out', session: input.session });
    const content = contentFor(row);
    const known = await findKnown(ctx, row, content);
    if (known) return known;
    const expiresAt = requireAmendable(row, withinMs, ctx.clock.now());
    const session = await sessionOfMessage(ctx, row);
    requireQueueing(session);
    await reserveQueueRoom(ctx, ctx.actor.userId, 1);
    try {
      return await queueAmendment(ctx, session, row, { content, expiresAt });
    } catch (error) {
      if (!(error instanceof AmendedMeanwhileError) || tries >= MAX_TRIES) throw error;
    }
  }
}

const MAX_TRIES = 5;

/** Until when it can be amended. Throws CONFLICT. */
function requireAmendable(row: MessageRecord, withinMs: number, now: number): number {
  const { status, type, revokedAt, sentAt, peer } = row;
  if (isChannelJid(peer)) {
    throw conflict('A post to a channel cannot be edited or deleted here: use the phone.', { type });
  }
  if (isBroadcastListJid(peer)) {
    throw conflict('A message to a list of people cannot be edited or deleted here: use the phone.', {
      type,
    });
  }
  if (!isOfChat(type)) {
    throw conflict('This message is about another one and cannot be changed.', { type });
  }
  if (revokedAt !== null) throw conflict('The message was deleted.', { status, revokedAt: toIso(revokedAt) });
  if (!isProven(status) || sentAt === null) throw conflict('The message was not sent yet.', { status });
  const until = sentAt + withinMs;
  if (until <= now) throw conflict('WhatsApp does not allow it any more.', { until: toIso(until) });
  return until;
}

/** The newest edit or deletion of the message, when it is the same and goes its way. */
async function findKnown(ctx: Ctx, row: MessageRecord, content: AmendContent): Promise<QueuedMessage | null> {
  if (row.amendedBy === null) return null;
  const [last] = await ctx.db.select().from(messages).where(isSentAs(row.accountId, row.amendedBy));
  if (!last || isUnsentEnd(last.status) || last.type !== content.type) return null;
  if (content.type === 'edit' && Reflect.get(Object(last.content), 'text') !== content.text) return null;
  const answer = answerOf(last, row.messageId, { estimatedSendAt: null, waitingFor: [] });
  return { id: last.id, answer };
}

type Expected = Pick<SentMessage, 'estimatedSendAt' | 'waitingFor'>;

function answerOf(
  row: Pick<MessageRecord, 'messageId' | 'sessionId' | 'phone' | 'peer' | 'type' | 'status' | 'createdAt'>,
  targetId: string,
  expected: Expected,
): SentMessage {
  return {
    messageId: row.messageId,
    targetId,
    session: row.sessionId,
    sessionId: row.sessionId,
    to: addressOf(row),
    type: row.type,
    status: row.status,
    ...expected,
    scheduledAt: null,
    timestamp: new Date(row.createdAt).toISOString(),
  };
}

async function queueAmendment(
  ctx: Ctx,
  session: SendingSession,
  target: MessageRecord,
  { content, expiresAt }: { content: AmendContent; expiresAt: number },
): Promise<QueuedMessage> {
  const messageId = newMessageId();
  const { peer, phone, lid } = target;
  const priority = PRIORITIES.normal;
  const expected = await foresee(ctx, session, { peer, phone, lid, priority, scheduledAt: null });
  const answerAt = (createdAt: number) =>
    answerOf(
      {
        messageId,
        sessionId: session.sessionId,
        phone,
        peer,
        type: content.type,
        status: 'queued',
        createdAt,
      },
      target.messageId,
      expected,
    );
  const queued = await enqueue(
    ctx,
    {
      userId: session.userId,
      accountId: session.id,
      sessionId: session.sessionId,
      messageId,
      ...{ peer, phone, lid, priority, content, type: content.type, scheduledAt: null, expiresAt },
      // It is no further message.
      counts: false,
    },
    async (tx, { queuedAt }) => {
      // Of two who amend a message at once one is first, and the other one looks again.
      if (!(await takeAmendment(tx, target, messageId))) throw new AmendedMeanwhileError();
      if (!ctx.idempotency) return;
      const body = { success: true, ...queuedBody(answerAt(queuedAt)) };
      await claimIdempotency(ctx, tx, { status: 202, body });
    },
  );
  return { id: queued.id, answer: answerAt(queued.queuedAt) };
}
