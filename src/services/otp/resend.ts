/** The same code again: same expiry, attempts not reset. */
import type { z } from 'zod';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { otps } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { formatE164 } from '../../utils/phone.ts';
import { findSubscriber } from '../../whatsapp/subscribers.ts';
import { requireScope } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { openCode } from './codes.ts';
import { cancelWaitingCodes, deliver } from './deliver.ts';
import { findOtp, type OtpRef } from './find.ts';
import { lockNumber, spendSend } from './number-lock.ts';
import { findById, type OtpRow, otpNotFound, refusalOf, whileOpen } from './rows.ts';
import type { OtpRefFields, ResendOtpFields, SentOtp } from './schemas.ts';
import { otpSentBody, type SentOtpResult } from './send.ts';
import { chooseSession, readFallbacks, readyFor } from './sessions.ts';
import { FIRST_LOOK_MS } from './watch-policy.ts';

export type ResendOtpInput = OtpRef &
  Omit<z.output<typeof ResendOtpFields>, keyof z.output<typeof OtpRefFields>>;

/**
 * Sends the open code of a number once more. Throws OTP_NOT_FOUND when none is pending, OTP_EXPIRED,
 * OTP_MAX_ATTEMPTS, NOT_CONNECTED, RATE_LIMITED with `Retry-After` (cool-down and budgets are those of a send).
 */
export async function resendOtp(ctx: Ctx, input: ResendOtpInput): Promise<SentOtpResult> {
  requireScope(ctx, 'otp');
  const found = await findOtp(ctx, input);
  const refusal = refusalOf(found, ctx.clock.now());
  if (refusal || !found) throw refusal ?? otpNotFound();
  return transact(ctx.database, (tx) => writeResend(tx, ctx, found, input));
}

async function writeResend(tx: Tx, ctx: Ctx, found: OtpRow, input: ResendOtpInput): Promise<SentOtpResult> {
  const now = ctx.clock.now();
  const subscriber = await findSubscriber(tx, found.userId, found.phone);
  const number = await lockNumber(tx, { userId: found.userId, ...subscriber }, { otpId: null, now });
  const otp = await findById(tx, { userId: found.userId, otpId: found.id, sessionIds: null });
  const refusal = refusalOf(otp, now);
  if (refusal || !otp) throw refusal ?? otpNotFound();
  await spendSend(tx, ctx, number, { otpId: otp.id, endUserIp: input.endUserIp ?? otp.endUserIp });
  const sendingSession = chooseSession(
    await readyFor(
      tx,
      await readFallbacks({ db: tx, config: ctx.config }, otp.failover, now),
      otp.phone,
      now,
    ),
  );
  const canceled = await cancelWaitingCodes(tx, ctx, otp.deliveries);
  const { delivery, fact } = await deliver(tx, ctx, {
    otpId: otp.id,
    userId: otp.userId,
    phone: otp.phone,
    sendingSession,
    round: (otp.deliveries.at(-1)?.round ?? 0) + 1,
    expiresAt: otp.expiresAt,
    origin: originOf(ctx),
  });
  const updated = await tx
    .update(otps)
    .set({
      accountId: sendingSession.accountId,
      sessionId: sendingSession.sessionId,
      companyName: input.companyName?.trim() || otp.companyName,
      messageRowId: delivery.id,
      messageId: delivery.messageId,
      deliveries: [...otp.deliveries, delivery],
      watchAt: now + FIRST_LOOK_MS,
      updatedAt: now,
    })
    .where(whileOpen(otp.id));
  // It was verified or ended since it was read: nothing of this is kept.
  if (affected(updated) === 0) throw otpNotFound();
  await record(tx, ctx, [...canceled, fact]);
  const kept = toAnswer(otp, delivery, sendingSession.sessionId, now);
  await claimIdempotency(ctx, tx, { status: 202, body: otpSentBody(kept) }, { final: true });
  const answer = ctx.config.otp.returnCode ? { ...kept, otp: codeOf(ctx, otp) } : kept;
  return { answer, messageRowId: delivery.id };
}

function toAnswer(otp: OtpRow, delivery: { messageId: string }, sessionId: string, now: number): SentOtp {
  return {
    otpId: otp.id,
    session: sessionId,
    sessionId,
    to: formatE164(otp.phone),
    messageId: delivery.messageId,
    status: otp.status,
    attempts: otp.attempts,
    maxAttempts: otp.maxAttempts,
    expiresAt: new Date(otp.expiresAt).toISOString(),
    timestamp: new Date(now).toISOString(),
  };
}

function codeOf(ctx: Ctx, otp: OtpRow): string {
  return openCode(ctx.secrets, otp, otp.sealed ?? '').code;
}
