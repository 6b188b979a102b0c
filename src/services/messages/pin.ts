/** Pinning messages in their chat, for everybody in it, and starring them, for the account alone. */

import { reserveQueueRoom } from '../../queue/counts.ts';
import { enqueue } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { isProven } from '../../queue/progress.ts';
import { AppError } from '../../utils/errors.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { PinContent } from '../../whatsapp/content.ts';
import { isBroadcastListJid, isChannelJid, STATUS_JID } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { askWhatsApp } from '../sessions/ask-whatsapp.ts';
import { requireCapability } from './capability.ts';
import { isOfChat } from './of-chat.ts';
import { findMessage, type WhichMessage } from './read.ts';
import type { SentMessage } from './schemas.ts';
import { foresee, type QueuedMessage, queuedBody } from './send.ts';
import { requireQueueing, type SendingSession, sessionOfMessage } from './session.ts';
import { addressOf, type MessageRecord } from './view.ts';

/**
 * Pins a message for everybody in its chat for that time, or ends that with 0 seconds. Queued like a message of its own. Throws
 * NOT_FOUND, SESSION_NOT_FOUND, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, or CONFLICT for what cannot be pinned.
 */
export async function pinMessage(
  ctx: Ctx,
  input: WhichMessage & { seconds: number },
): Promise<QueuedMessage> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'marks');
  const { target, session, fromMe, author } = await findMarkable(ctx, input);
  requireQueueing(session);
  await reserveQueueRoom(ctx, ctx.actor.userId, 1);
  const { seconds } = input;
  const content: PinContent = {
    type: 'pin',
    messageId: target.messageId,
    fromMe,
    author,
    pinned: seconds > 0,
    seconds,
    at: ctx.clock.now(),
  };
  const { peer, phone, lid } = target;
  const to = { peer, phone, lid, priority: PRIORITIES.normal, scheduledAt: null };
  const expected = await foresee(ctx, session, to);
  const messageId = newMessageId();
  const { id: accountId, userId, sessionId } = session;
  const answerAt = (at: number): SentMessage => ({
    messageId,
    targetId: target.messageId,
    session: sessionId,
    sessionId,
    to: addressOf(target),
    type: 'pin',
    status: 'queued',
    ...expected,
    scheduledAt: null,
    timestamp: new Date(at).toISOString(),
  });
  const queued = await enqueue(
    ctx,
    {
      ...{ userId, accountId, sessionId, messageId, ...to, type: 'pin', content, expiresAt: null },
      // It is no further message.
      counts: false,
    },
    ctx.idempotency &&
      ((tx, { queuedAt }) =>
        claimIdempotency(ctx, tx, {
          status: 202,
          body: { success: true, ...queuedBody(answerAt(queuedAt)) },
        })),
  );
  return { id: queued.id, answer: answerAt(queued.queuedAt) };
}

/** A message that can be pinned, starred or labeled. */
export interface Markable {
  target: MessageRecord;
  session: SendingSession;
  fromMe: boolean;
  /** who wrote it, where the chat does not say it; null when it is ours */
  author: string | null;
}

/** Throws NOT_FOUND, SESSION_NOT_FOUND, or CONFLICT for what cannot be marked. */
export async function findMarkable(ctx: Ctx, input: WhichMessage): Promise<Markable> {
  const target = await findMessage(ctx, input.messageId, input);
  requireMarkable(target);
  const session = await sessionOfMessage(ctx, target);
  const fromMe = target.direction === 'out';
  return { target, session, fromMe, author: fromMe ? null : target.author || target.participant };
}

function requireMarkable({ direction, status, type, peer, revokedAt }: MessageRecord): void {
  const conflict = (message: string) => new AppError('CONFLICT', message, { details: { status, type } });
  if (!isOfChat(type)) throw conflict('This message is about another one and cannot be marked.');
  if (peer === STATUS_JID) throw conflict('A post to the status cannot be marked.');
  if (isChannelJid(peer)) throw conflict('A post to a channel cannot be marked.');
  if (isBroadcastListJid(peer)) throw conflict('A message to a list of people cannot be marked.');
  if (revokedAt !== null) throw conflict('The message was deleted.');
  if (direction === 'out' && !isProven(status)) throw conflict('The message was not sent yet.');
}

/**
 * Stars a message on the phone and all of its devices, or ends that; nobody else is told. Throws NOT_FOUND, SESSION_NOT_FOUND,
 * NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, UNAVAILABLE, or CONFLICT for what cannot be starred.
 */
export async function starMessage(ctx: Ctx, input: WhichMessage & { starred: boolean }): Promise<void> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'marks');
  const { target, session, fromMe, author: participant } = await findMarkable(ctx, input);
  const { messageId, peer: jid } = target;
  const asked = { jid, messageId, fromMe, participant, starred: input.starred };
  await askWhatsApp(ctx, session, { name: 'chat.star', input: asked, changes: true });
}
