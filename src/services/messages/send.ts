/** Queueing a message: from here on it is durable and goes its way, whatever happens to the caller. */

import type { z } from 'zod';
import { countAhead, reserveQueueRoom } from '../../queue/counts.ts';
import { enqueue } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import type { Hold } from '../../queue/session-state.ts';
import { refuseWhenUsed } from '../../queue/usage.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newMessageId } from '../../utils/ids.ts';
import { type Maybe, whenThere } from '../../utils/maybe.ts';
import type { Content } from '../../whatsapp/content.ts';
import { isChannelJid, isGroupJid } from '../../whatsapp/jid.ts';
import { requireScope } from '../access.ts';
import { timeZoneOf } from '../auth/settings.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { requireContentType } from './capability.ts';
import { requireOneSession, requirePlainPost, requirePostable } from './channel.ts';
import { estimateSendAt } from './estimate.ts';
import type { Draft } from './kinds/kind.ts';
import { instantOf } from './moments.ts';
import { findQuoted } from './quote.ts';
import { channelOf, type Peer, toPeer } from './recipient.ts';
import type { SentMessage, sendFields } from './schemas.ts';
import { chooseSender, requireConnected, requireQueueing, type SendingSession } from './session.ts';
import { addressOf, toIso } from './view.ts';
import { holdsOf, toWaitingFor, type WaitingMessage } from './waiting-for.ts';

/** `scheduledAt` and `expiresAt`: epoch milliseconds, or a local time without a zone, as in 2026-01-31T08:00. */
export interface SendInput extends z.output<z.ZodObject<typeof sendFields>> {
  content: Content | Draft;
  /** who is meant, instead of `to` */
  addressee?: Peer;
  /** refuse also a session that will be connected again by itself */
  connectedOnly?: boolean | undefined;
  /** it expires so long after it falls due, at the latest */
  leavesWithinMs?: number | undefined;
}

export interface QueuedMessage {
  /** id of the history row: for waiting on the outcome, not for clients */
  id: string;
  answer: SentMessage;
}

/** A client's clock may be behind ours by as much. */
const SKEW_MS = MINUTE_MS;
const MAX_AHEAD_MS = 366 * DAY_MS;

const QUEUED_MESSAGE = 'Message queued';

/** The body of the 202, as it is kept for an Idempotency-Key too. */
export function queuedBody(answer: SentMessage): { message: string; data: SentMessage } {
  return { message: QUEUED_MESSAGE, data: answer };
}

/**
 * Queues one message; resolves when it is durable. Throws SESSION_NOT_FOUND, NOT_CONNECTED (a session that will
 * not connect by itself), INVALID_NUMBER, VALIDATION_FAILED (times), RATE_LIMITED (the tenant's queue is full), NOT_SUPPORTED (the engine),
 * NOT_FOUND (what is quoted, reacted to or uploaded; a channel), CONFLICT (a channel of others), and what taking its file throws (takeMedia).
 */
export async function sendMessage(ctx: Ctx, input: SendInput): Promise<QueuedMessage> {
  requireScope(ctx, 'messages:write');
  const asked =
    input.addressee ?? channelOf(input.to) ?? toPeer(input.to, input.isGroup, ctx.config.defaultCountry);
  if (isChannelJid(asked.peer)) requireOneSession(input);
  const session = await chooseSender(ctx, input, asked, PRIORITIES[input.priority ?? 'normal']);
  if (input.connectedOnly) requireConnected(session);
  else requireQueueing(session);
  const reading = readTimes(ctx, session, input);
  const { times, timeZone } = reading instanceof Promise ? await reading : reading;
  const { scheduledAt, expiresAt } = times;
  const priority = PRIORITIES[input.priority ?? 'normal'];
  requireContentType(ctx, input.content.type);
  if (isChannelJid(asked.peer)) await requirePostable(ctx, session, asked.peer, input);
  const reserving = reserveQueueRoom(ctx, ctx.actor.userId, 1);
  if (reserving instanceof Promise) await reserving;
  // An answer that is known by its Idempotency-Key was given before, or is given in place of this refusal.
  if ('make' in input.content) await refuseWhenUsed(ctx.db, ctx, ctx.actor.userId);
  const { peer, phone } = asked;
  const finding = phone === null ? asked.lid : ctx.lids.find(session.id, phone);
  const lid = finding instanceof Promise ? await finding : finding;
  const neededUntil = Math.max(ctx.clock.now(), scheduledAt ?? 0);
  const making = makeContent(ctx, session, input, { peer, neededUntil });
  const content = making instanceof Promise ? await making : making;
  const foreseeing = foresee(ctx, session, { peer, phone, lid, priority, scheduledAt });
  const { estimatedSendAt, waitingFor } = foreseeing instanceof Promise ? await foreseeing : foreseeing;
  const messageId = newMessageId();
  const answerAt = (at: number): SentMessage => ({
    messageId,
    session: session.sessionId,
    sessionId: session.sessionId,
    to: addressOf(asked),
    type: content.type,
    ...('rendering' in content ? { rendering: content.rendering } : {}),
    status: 'queued',
    estimatedSendAt,
    waitingFor,
    scheduledAt: toIso(scheduledAt),
    ...(timeZone === null ? {} : { timezone: timeZone }),
    timestamp: new Date(at).toISOString(),
  });
  const queued = await enqueue(
    ctx,
    {
      userId: session.userId,
      accountId: session.id,
      sessionId: session.sessionId,
      messageId,
      peer,
      phone,
      lid,
      type: content.type,
      content,
      priority,
      scheduledAt,
      expiresAt,
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

/** When it is likely to be sent, and what it waits for until then. `before`: messages that are queued with it, before it. */
export function foresee(
  ctx: Ctx,
  session: SendingSession,
  message: Omit<WaitingMessage, 'id' | 'availableAt' | 'attempts'>,
  before = 0,
): Maybe<Pick<SentMessage, 'estimatedSendAt' | 'waitingFor'>> {
  const { priority } = message;
  const counting = countAhead(ctx, session.id);
  const holding = holdsOf(ctx, session, { ...message, id: null, availableAt: null, attempts: 0 });
  const tell = (waiting: number, holds: Hold[]) => {
    const ahead = before + (priority === PRIORITIES.high ? 0 : waiting);
    const estimatedSendAt = toIso(estimateSendAt(ctx, session, { priority, ahead, holds }));
    return { estimatedSendAt, waitingFor: toWaitingFor(holds) };
  };
  return counting instanceof Promise || holding instanceof Promise
    ? Promise.all([counting, holding]).then(([waiting, holds]) => tell(waiting, holds))
    : tell(counting, holding);
}

/** Last of all checks: a draft may take a download. */
function makeContent(
  ctx: Ctx,
  session: SendingSession,
  { content, quotedMessageId }: Pick<SendInput, 'content' | 'quotedMessageId'>,
  { peer, neededUntil }: Pick<Peer, 'peer'> & { neededUntil: number },
): Maybe<Content> {
  const make = () => ('make' in content ? content.make(ctx, { session, neededUntil }) : content);
  if (quotedMessageId === undefined) return whenThere(make(), (made) => fitting(made, peer));
  return findQuoted(ctx, session, quotedMessageId).then(async (quoted) => {
    const made = fitting(await make(), peer);
    return quoted === null || made.type === 'reaction' ? made : { ...made, quoted };
  });
}

/** Throws VALIDATION_FAILED for what a chat of this kind does not take. */
function fitting(made: Content, peer: string): Content {
  if ('mentionAll' in made && made.mentionAll && !isGroupJid(peer)) {
    throw invalid('mentionAll', 'is for groups only');
  }
  if (isChannelJid(peer)) requirePlainPost(made);
  return made;
}

/** Its times, and the zone in which a local one was read; null when none was. Throws VALIDATION_FAILED. */
export function readTimes(
  ctx: Ctx,
  session: SendingSession,
  input: Pick<SendInput, 'scheduledAt' | 'expiresAt'>,
): Maybe<{ times: ReturnType<typeof checkTimes>; timeZone: string | null }> {
  const isLocal = typeof input.scheduledAt === 'string' || typeof input.expiresAt === 'string';
  const timesIn = (timeZone: string) => checkTimes(ctx.clock.now(), input, timeZone);
  return isLocal
    ? timeZoneOf(ctx, session.userId).then((timeZone) => ({ times: timesIn(timeZone), timeZone }))
    : { times: timesIn(ctx.config.housekeepingTimeZone), timeZone: null };
}

/** Throws VALIDATION_FAILED for times that cannot be meant. A scheduled time that has just passed means now. */
function checkTimes(
  now: number,
  input: Pick<SendInput, 'scheduledAt' | 'expiresAt' | 'leavesWithinMs'>,
  timeZone: string,
): { scheduledAt: number | null; expiresAt: number | null } {
  const scheduledAt = instantOf(input.scheduledAt, timeZone);
  const expiresAt = instantOf(input.expiresAt, timeZone);
  if (scheduledAt !== null && scheduledAt < now - SKEW_MS) throw invalid('scheduledAt', 'is in the past');
  if (scheduledAt !== null && scheduledAt > now + MAX_AHEAD_MS) {
    throw invalid('scheduledAt', 'is more than a year ahead');
  }
  if (expiresAt !== null && expiresAt > now + 2 * MAX_AHEAD_MS) {
    throw invalid('expiresAt', 'is more than two years ahead');
  }
  if (expiresAt !== null && expiresAt <= Math.max(now, scheduledAt ?? 0)) {
    throw invalid('expiresAt', 'must be later than now and than scheduledAt');
  }
  const { leavesWithinMs } = input;
  const leavesBefore = leavesWithinMs === undefined ? null : Math.max(now, scheduledAt ?? 0) + leavesWithinMs;
  const ends = [expiresAt, leavesBefore].filter((at) => at !== null);
  return {
    scheduledAt: scheduledAt !== null && scheduledAt <= now ? null : scheduledAt,
    expiresAt: ends.length === 0 ? null : Math.min(...ends),
  };
}

function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}
