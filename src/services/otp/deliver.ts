/** Putting a code on its way. The message names its OTP and holds nothing else: the code is not copied. */

import type { Tx } from '../../db/client.ts';
import type { OtpDelivery } from '../../db/schema.ts';
import type { Fact, Origin } from '../../events/record.ts';
import { isToBeNoted } from '../../queue/code-reserve.ts';
import { enqueueMany } from '../../queue/enqueue.ts';
import { messageFact } from '../../queue/message-fact.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { cancelRows } from '../../queue/take-off.ts';
import { newMessageId } from '../../utils/ids.ts';
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

/**
 * Queues one message of the OTP at high priority, to be dropped at `expiresAt`. The dispatcher wakes after the
 * commit; the fact is to be recorded in `tx`. Throws QUOTA_EXCEEDED when the workspace has used its messages.
 */
export async function deliver(
  tx: Tx,
  deps: OtpDeps,
  request: DeliveryRequest,
): Promise<{ delivery: OtpDelivery; fact: Fact }> {
  const { userId, phone, sendingSession, expiresAt } = request;
  const content: OtpContent = { type: 'otp', otpId: request.otpId };
  const message = {
    userId,
    accountId: sendingSession.accountId,
    sessionId: sendingSession.sessionId,
    messageId: newMessageId(),
    peer: phoneJid(phone),
    phone,
    lid: await deps.lids.find(sendingSession.accountId, phone, tx),
    type: 'otp',
    content,
    priority: PRIORITIES.high,
    scheduledAt: null,
    expiresAt,
    counts: request.counts ?? true,
  };
  const isNoted = !isToBeNoted(sendingSession.lastHighAt, deps.clock.now());
  const [queued] = await enqueueMany(tx, deps, [message], { isNoted });
  if (!queued) throw new Error('a message was queued without a row');
  const { messageId, accountId, sessionId } = message;
  const at = queued.queuedAt;
  const fact = messageFact({ ...message, id: queued.id }, 'message.queued', at, { otpId: request.otpId });
  return {
    delivery: { id: queued.id, messageId, accountId, sessionId, at, round: request.round },
    fact: request.origin ? { ...fact, origin: request.origin } : fact,
  };
}
