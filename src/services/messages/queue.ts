/** The state of a session's queue, and the actions of a person on it. */

import { and, asc, count, desc, eq, gte, isNull, lte } from 'drizzle-orm';
import { campaigns, messageQueue, messages } from '../../db/schema.ts';
import { type Item, readItems } from '../../queue/albums.ts';
import { audienceOf } from '../../queue/audience.ts';
import { cancelWaiting, clearWaiting, requeue, restoreCanceled } from '../../queue/cancel.ts';
import { reserveQueueRoom } from '../../queue/counts.ts';
import { endOfPause, HAND_PAUSE, pauseByHand, resumeByHand } from '../../queue/pause.ts';
import { asPriority, PRIORITIES, PRIORITY_ORDER } from '../../queue/priority.ts';
import { type Hold, pauseOf, queueHold } from '../../queue/session-state.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { requireRoomFor } from '../groups/newcomers.ts';
import { type Answer, claimIdempotency } from '../idempotency.ts';
import { findSession } from '../sessions/find.ts';
import { findMessage, type WhichMessage } from './read.ts';
import type { MessageOutput, QueueStatus } from './schemas.ts';
import { findOwnSession, requireQueueing, type SendingSession, sessionOfMessage } from './session.ts';
import { STRANGERS_WITHIN_MS } from './status.ts';
import { type MessageRecord, toAnswer, toIso } from './view.ts';
import { nextUp, toWaitingFor } from './waiting-for.ts';

/** Of a very busy session the newest messages are counted, so that the answer stays quick. */
const MAX_COUNTED = 50_000;

/**
 * The session's queue: messages that wait or are being sent, the last 24 h, and why nothing moves. An admin may name another
 * user. Throws SESSION_NOT_FOUND.
 */
export async function queueStatus(
  ctx: Ctx,
  { session: sessionId, userId }: { session: string; userId?: number | undefined },
): Promise<QueueStatus> {
  requireScope(ctx, 'read');
  return statusOfQueue(ctx, await findSession(ctx, { sessionId, userId }));
}

async function statusOfQueue(ctx: Ctx, session: SendingSession): Promise<QueueStatus> {
  await ctx.signals.writeTold(ctx.actor.userId);
  const now = ctx.clock.now();
  const [waiting, recent, oldest, next] = await Promise.all([
    countQueue(ctx, session.id),
    countRecent(ctx, session.id, now - DAY_MS),
    readOldestDue(ctx, session.id, now),
    nextUp(ctx, session),
  ]);
  const hold = queueHold(session, now, PRIORITIES.normal);
  const isPaused = pauseOf(session, now)?.reason === HAND_PAUSE;
  const of = (...statuses: string[]) => statuses.reduce((sum, name) => sum + (recent.get(name) ?? 0), 0);
  return {
    session: session.sessionId,
    sessionId: session.sessionId,
    ...waiting,
    completed: of('sent', 'delivered', 'read'),
    failed: of('failed'),
    expired: of('expired'),
    canceled: of('canceled'),
    oldestDueAt: toIso(oldest),
    isProcessing: waiting.processing > 0 || next.free,
    isPaused,
    pausedUntil: toIso(isPaused ? endOfPause(session.pausedUntil ?? 0) : (hold?.until ?? null)),
    reason: reasonOf(session, isPaused, hold),
    waitingFor: toWaitingFor(next.holds),
  };
}

/** Reasons that a person set come first, then those that no limit can mend. */
function reasonOf(session: SendingSession, isPaused: boolean, hold: Hold | null): string | null {
  if (isPaused) return HAND_PAUSE;
  if (session.status !== 'connected') return session.status;
  return hold?.reason ?? null;
}

async function countQueue(ctx: Ctx, accountId: string): Promise<{ pending: number; processing: number }> {
  const rows = await ctx.db
    .select({ status: messageQueue.status, n: count() })
    .from(messageQueue)
    .where(eq(messageQueue.accountId, accountId))
    .groupBy(messageQueue.status);
  const of = (status: string) => rows.find((row) => row.status === status)?.n ?? 0;
  return { pending: of('pending'), processing: of('sending') };
}

/** One index seek a priority; null when nothing that waits is due. */
async function readOldestDue(ctx: Ctx, accountId: string, now: number): Promise<number | null> {
  const oldest = await Promise.all(
    PRIORITY_ORDER.map((priority) =>
      ctx.db
        .select({ at: messageQueue.availableAt })
        .from(messageQueue)
        .where(
          and(
            eq(messageQueue.accountId, accountId),
            eq(messageQueue.status, 'pending'),
            eq(messageQueue.priority, priority),
            lte(messageQueue.availableAt, now),
          ),
        )
        .orderBy(asc(messageQueue.availableAt))
        .limit(1),
    ),
  );
  const times = oldest.flat().map(({ at }) => at);
  return times.length === 0 ? null : Math.min(...times);
}

async function countRecent(ctx: Ctx, accountId: string, since: number): Promise<Map<string, number>> {
  const newest = ctx.db
    .select({ status: messages.status })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, accountId),
        gte(messages.createdAt, since),
        eq(messages.direction, 'out'),
        isNull(messages.source),
      ),
    )
    .orderBy(desc(messages.createdAt))
    .limit(MAX_COUNTED)
    .as('newest');
  const rows = await ctx.db.select({ status: newest.status, n: count() }).from(newest).groupBy(newest.status);
  return new Map(rows.map((row) => [row.status, row.n]));
}

/**
 * Holds everything of a session that has not been given to WhatsApp yet, codes too, until `until` (epoch milliseconds)
 * or until `resumeQueue`. Throws SESSION_NOT_FOUND, VALIDATION_FAILED for an end that has passed.
 */
export async function pauseQueue(
  ctx: Ctx,
  input: { session: string; until?: number | undefined },
): Promise<QueueStatus> {
  requireScope(ctx, 'messages:write');
  const session = await findOwnSession(ctx, input.session);
  const { until } = input;
  if (until !== undefined && until <= ctx.clock.now()) {
    throw new AppError('VALIDATION_FAILED', 'Not valid: until is in the past.', {
      details: { until: 'is in the past' },
    });
  }
  await pauseByHand(ctx, session, until ?? null, originOf(ctx));
  return statusOfQueue(ctx, await findOwnSession(ctx, input.session));
}

/** Lifts the pause of `pauseQueue`; limits and the breaker hold on. Throws SESSION_NOT_FOUND. */
export async function resumeQueue(ctx: Ctx, input: { session: string }): Promise<QueueStatus> {
  requireScope(ctx, 'messages:write');
  const session = await findOwnSession(ctx, input.session);
  await resumeByHand(ctx, session, originOf(ctx));
  return statusOfQueue(ctx, await findOwnSession(ctx, input.session));
}

/** Cancels what has not begun to be sent; how many messages. Throws SESSION_NOT_FOUND. */
export async function clearQueue(ctx: Ctx, input: { session: string }): Promise<{ cleared: number }> {
  requireScope(ctx, 'messages:write');
  const session = await findOwnSession(ctx, input.session);
  return { cleared: await clearWaiting(ctx, session, originOf(ctx)) };
}

/** A message that was sent, or is to be. */
type Outbound = Pick<WhichMessage, 'messageId' | 'session'>;

const findOutbound = (ctx: Ctx, { messageId, session }: Outbound) =>
  findMessage(ctx, messageId, { session, direction: 'out' });

/** A message that somebody has canceled. */
export interface CanceledMessage {
  message: MessageOutput;
  /** ids of all messages that were taken off the queue now: of an album its head and its items */
  canceled: string[];
}

/**
 * Cancels one message that has not begun to be sent, or all that has not of the album whose head it is; what is canceled already
 * stays so. Throws NOT_FOUND, or CONFLICT when everything is being sent or has come to another end.
 */
export async function cancelMessage(ctx: Ctx, input: Outbound): Promise<CanceledMessage> {
  requireScope(ctx, 'messages:write');
  const message = await findOutbound(ctx, input);
  const items = await itemsOf(ctx, message);
  const ids = [message, ...items].map(({ id }) => id);
  const canceled = await cancelWaiting(ctx, ids, originOf(ctx));
  const after = await findOutbound(ctx, input);
  if (canceled.length === 0 && after.status !== 'canceled') {
    throw new AppError('CONFLICT', `The message cannot be canceled any more: it is ${after.status}.`, {
      details: { status: after.status },
    });
  }
  return { message: toAnswer(ctx, after), canceled };
}

/** The items of an album whose head the message is; none of another message. */
const itemsOf = async (ctx: Ctx, message: MessageRecord): Promise<Item[]> =>
  message.type === 'album' ? readItems(ctx.db, message) : [];

/**
 * Queues a message that failed, expired or was canceled once more, under the same id. Throws NOT_FOUND,
 * NOT_CONNECTED, SESSION_NOT_FOUND, RATE_LIMITED, or CONFLICT in every other state.
 */
export async function retryMessage(
  ctx: Ctx,
  input: Outbound,
  answer?: (message: MessageOutput) => Answer,
): Promise<MessageOutput> {
  requireScope(ctx, 'messages:write');
  const { message, session } = await readForQueue(ctx, input);
  const now = ctx.clock.now();
  const kept = message.expiresAt !== null && message.expiresAt > now ? message.expiresAt : null;
  const room = { priority: asPriority(message.priority), later: false };
  const meets = await requireRoomFor(ctx, session, audienceOf(message), room);
  const expiresAt = meets ? Math.min(now + STRANGERS_WITHIN_MS, kept ?? Number.POSITIVE_INFINITY) : kept;
  const queued = await requeue(ctx, { ...message, expiresAt }, async (tx) => {
    if (!answer) return;
    const [row] = await tx.select().from(messages).where(eq(messages.id, message.id));
    // The link to its file is a credential, which must not be in what is kept.
    if (row) await claimIdempotency(ctx, tx, answer(toAnswer(ctx, row, { links: false })), { final: true });
  });
  if (!queued) {
    const { status } = await findOutbound(ctx, input);
    throw new AppError('CONFLICT', 'Only a message that failed, expired or was canceled can be retried.', {
      details: { status },
    });
  }
  return toAnswer(ctx, await findOutbound(ctx, input));
}

/** A message that may be queued again, with room for it. */
async function readForQueue(
  ctx: Ctx,
  input: Outbound,
): Promise<{ message: MessageRecord; session: SendingSession }> {
  const message = await findOutbound(ctx, input);
  const session = await sessionOfMessage(ctx, message);
  requireQueueing(session);
  await reserveQueueRoom(ctx, ctx.actor.userId, 1);
  return { message, session };
}

/**
 * Takes the canceling of a message back, of the head of an album with the items that were canceled with it: they keep the time
 * they were scheduled for, and their expiry. Throws NOT_FOUND,
 * NOT_CONNECTED, SESSION_NOT_FOUND, RATE_LIMITED, or CONFLICT when it is not canceled, its expiry has passed, or its
 * campaign does not run.
 */
export async function restoreMessage(ctx: Ctx, input: Outbound): Promise<MessageOutput> {
  requireScope(ctx, 'messages:write');
  const { message } = await readForQueue(ctx, input);
  if (message.status === 'canceled') await requireRestorable(ctx, message);
  const all = [message, ...(await itemsOf(ctx, message))].filter((one) => isCanceledWith(message, one));
  if (all.length > 1) await reserveQueueRoom(ctx, ctx.actor.userId, all.length);
  const restored = await restoreCanceled(ctx, all);
  const after = await findOutbound(ctx, input);
  if (restored > 0) return toAnswer(ctx, after);
  throw new AppError('CONFLICT', 'Only a message that was canceled can be restored.', {
    details: { status: after.status },
  });
}

/** What was canceled for another reason than a person's request has lost what it belonged to. */
const isCanceledWith = ({ updatedAt }: MessageRecord, one: MessageRecord | Item): boolean =>
  one.status === 'canceled' && one.errorCode === null && one.updatedAt === updatedAt;

async function requireRestorable(ctx: Ctx, { campaignId, expiresAt }: MessageRecord): Promise<void> {
  if (expiresAt !== null && expiresAt <= ctx.clock.now()) {
    throw new AppError('CONFLICT', 'The message has expired meanwhile: it cannot be restored.', {
      details: { expiresAt: new Date(expiresAt).toISOString() },
    });
  }
  if (campaignId === null) return;
  const [campaign] = await ctx.db
    .select({ status: campaigns.status })
    .from(campaigns)
    .where(eq(campaigns.id, campaignId));
  // Nothing of a campaign leaves while it stands.
  if (campaign?.status !== 'running') {
    throw new AppError('CONFLICT', 'The campaign of this message does not run: it cannot be restored.', {
      details: { status: campaign?.status ?? null },
    });
  }
}
