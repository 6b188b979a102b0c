/** Putting a code on its way. The message names its OTP and holds nothing else: the code is not copied. */

import type { Tx } from '../../db/client.ts';
import type { OtpDelivery } from '../../db/schema.ts';
import type { Fact, Origin } from '../../events/record.ts';
import { isToBeNoted } from '../../queue/code-reserve.ts';
import { enqueueClaimed, enqueueMany, type NewMessage, newQueued, type Queued } from '../../queue/enqueue.ts';
import type { HeadStart } from '../../queue/head-start.ts';
import { messageFact } from '../../queue/message-fact.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { cancelRows } from '../../queue/take-off.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { Outgoing } from '../../whatsapp/content.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import type { OtpDeps } from './deps.ts';
import type { SendingSession } from './sessions.ts';

/** The content of a code's message in history and queue; `openOtpContent` makes the text right before it is sent. */
export interface OtpContent {
  type: 'otp';
  otpId: string;
}

export interface DeliveryRequest {
  otpId: string;
  userId: number;
  phone: string;
  sendingSession: Pick<SendingSession, 'accountId' | 'sessionId' | 'lastHighAt'>;
  /** of the number, as this session knows it; missing: it is looked up */
  lid?: string | null;
  round: number;
  expiresAt: number;
  origin?: Origin;
  /** false: a repetition by the service itself, which is not counted */
  counts?: boolean;
}

/** Cancels those of `deliveries` that still wait; one that is being sent goes on. The facts are to be recorded in `tx`. */
export async function cancelWaitingCodes(
  tx: Tx,
  deps: OtpDeps,
  deliveries: readonly OtpDelivery[],
): Promise<Fact[]> {
  return (await cancelRows(tx, deps, { ids: deliveries.map(({ id }) => id) })).facts;
}

/** The message of a code before it is queued, with the ids that it will have. */
export interface PreparedCode {
  message: NewMessage;
  queued: Queued;
}

/** `queuedAt` in epoch milliseconds. */
export async function prepareCode(
  deps: OtpDeps,
  { otpId, userId, phone, sendingSession, expiresAt, counts = true, lid: known }: DeliveryRequest,
  tx?: Tx,
): Promise<PreparedCode> {
  const { accountId, sessionId } = sendingSession;
  const content: OtpContent = { type: 'otp', otpId };
  const lid = known === undefined ? await deps.lids.find(accountId, phone, tx) : known;
  return {
    queued: newQueued(deps.clock.now()),
    message: {
      userId,
      accountId,
      sessionId,
      messageId: newMessageId(),
      peer: phoneJid(phone),
      phone,
      lid,
      type: 'otp',
      content,
      priority: PRIORITIES.high,
      scheduledAt: null,
      expiresAt,
      counts,
    },
  };
}

/**
 * Queues one message of the OTP at high priority, to be dropped at `expiresAt`. The dispatcher wakes after the
 * commit; the fact is to be recorded in `tx`. `code`: as it was prepared before. Throws QUOTA_EXCEEDED when the workspace has
 * used its messages.
 */
export async function deliver(
  tx: Tx,
  deps: OtpDeps,
  request: DeliveryRequest,
  code?: PreparedCode,
): Promise<Delivered> {
  const { message } = code ?? (await prepareCode(deps, request, tx));
  const isNoted = !isToBeNoted(request.sendingSession.lastHighAt, deps.clock.now());
  const [queued] = await enqueueMany(tx, deps, [message], { isNoted });
  if (!queued) throw new Error('a message was queued without a row');
  return delivered(request, { message, queued });
}

/** A head start, and what makes the text of the code. */
export interface Start {
  start: HeadStart;
  open: () => Outgoing | null;
}

/** The same with a head start, which is to `go` after the commit; recording the fact throws SessionNotHeld when it is lost. */
export async function deliverAtOnce(
  tx: Tx,
  deps: OtpDeps,
  request: DeliveryRequest,
  code: PreparedCode,
  { start, open }: Start,
): Promise<Delivered> {
  await enqueueClaimed(tx, deps, code.message, code.queued, start, open);
  const { delivery, fact } = delivered(request, code);
  const { accountId: id, sessionId } = code.message;
  return { delivery, fact: { ...fact, session: { id, sessionId, held: start.held } } };
}

interface Delivered {
  delivery: OtpDelivery;
  fact: Fact;
}

function delivered({ otpId, round, origin }: DeliveryRequest, { message, queued }: PreparedCode): Delivered {
  const { messageId, accountId, sessionId } = message;
  const { id, queuedAt: at } = queued;
  const fact = messageFact({ ...message, id }, 'message.queued', at, { otpId });
  return {
    delivery: { id, messageId, accountId, sessionId, at, round },
    fact: origin ? { ...fact, origin } : fact,
  };
}
