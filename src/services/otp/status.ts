/** The state of a code without the code itself. */
import type { Db } from '../../db/client.ts';
import { formatE164 } from '../../utils/phone.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { findOrNull, waitingOf } from '../messages/read.ts';
import { endingByTime } from './close.ts';
import { findOtp, type OtpRef } from './find.ts';
import { isOpen, type OtpRow, otpNotFound, readDeliveries } from './rows.ts';
import type { OtpView } from './schemas.ts';

/** The number's open OTP, else its newest; or one by id. Throws OTP_NOT_FOUND when there never was one. */
export async function getOtpStatus(ctx: Ctx, ref: OtpRef): Promise<OtpView> {
  requireScope(ctx, 'otp');
  await ctx.signals.writeTold(ctx.actor.userId);
  const otp = await findOtp(ctx, ref);
  if (!otp) throw otpNotFound();
  const view = await viewOtp(ctx.db, otp, ctx.clock.now());
  return { ...view, ...(await waitingOfCode(ctx, otp, view)) };
}

/** Nothing where its message is out, or is one of a session that is not the caller's. */
async function waitingOfCode(
  ctx: Ctx,
  { messageId, sessionId }: OtpRow,
  { status, messageStatus }: OtpView,
): Promise<Partial<OtpView>> {
  if (!isOpen({ status }) || messageStatus !== 'queued') return {};
  const message = await findOrNull(ctx, messageId, { direction: 'out', session: sessionId });
  return message === null ? {} : waitingOf(ctx, message);
}

/** The row with what its messages prove: `sent` shows at once, also before the watcher has written it. */
export async function viewOtp(db: Db, otp: OtpRow, now: number): Promise<OtpView> {
  const ids = otp.deliveries.map(({ id }) => id);
  const rows = await readDeliveries(db, ids);
  const newest = rows.find(({ id }) => id === otp.messageRowId);
  const proofs = rows.flatMap(({ sentAt }) => (sentAt === null ? [] : [sentAt]));
  const sentAt = otp.sentAt ?? (proofs.length > 0 ? Math.min(...proofs) : null);
  return {
    otpId: otp.id,
    sessionId: otp.requestedSessionId,
    phoneNumber: formatE164(otp.phone),
    ...stateOf(otp, sentAt, now),
    attempts: otp.attempts,
    maxAttempts: otp.maxAttempts,
    attemptsLeft: isOpen(otp) ? Math.max(0, otp.maxAttempts - otp.attempts) : 0,
    sends: otp.deliveries.length,
    companyName: otp.companyName,
    messageId: otp.messageId,
    messageStatus: newest?.status ?? null,
    errorCode: newest?.errorCode ?? null,
    createdAt: iso(otp.createdAt),
    expiresAt: iso(otp.expiresAt),
    sentAt: sentAt === null ? null : iso(sentAt),
    verifiedAt: otp.verifiedAt === null ? null : iso(otp.verifiedAt),
    endedAt: otp.endedAt === null ? null : iso(otp.endedAt),
    estimatedSendAt: null,
    waitingFor: [],
  };
}

/** An OTP is over when its time is, not when the next sweep has come by. */
function stateOf(otp: OtpRow, sentAt: number | null, now: number): Pick<OtpView, 'status' | 'reason'> {
  if (!isOpen(otp)) return { status: otp.status, reason: otp.reason };
  if (otp.expiresAt <= now) return endingByTime(otp);
  return { status: sentAt === null ? otp.status : 'sent', reason: null };
}

const iso = (at: number) => new Date(at).toISOString();
