/**
 * Is this the code? A check first spends an attempt and commits that, then compares, then consumes the OTP:
 * each step is a conditional update, so nothing that runs at the same time gets more comparisons or a second yes.
 */
import { and, eq, gt } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { otps } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { formatE164, normalizePhone } from '../../utils/phone.ts';
import { requireScope, requireSession } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { closeOtp, otpFact } from './close.ts';
import { cleanCode, isRight } from './codes.ts';
import { findById, findByNumber, type OtpRow, otpNotFound, refusalOf, whileOpen } from './rows.ts';
import { addressKey, refundWindow, type SpentWindow, spendWindow } from './windows.ts';

export type OtpRef =
  | { otpId: string; phoneNumber?: undefined; sessionId?: undefined }
  | { otpId?: undefined; phoneNumber: string; sessionId?: string | undefined };

export type VerifyOtpInput = OtpRef & { otp: string; endUserIp?: string | undefined };

export interface VerifiedOtp {
  otpId: string;
  sessionId: string;
  phoneNumber: string;
  status: 'verified';
  verified: true;
  verifiedAt: string;
}

/** One more than the most attempts an OTP can have: each lost race means that somebody else spent one. */
const MAX_RACES = 12;

/**
 * Resolves only for the right code, and for one caller only. Throws OTP_INVALID (details.attemptsLeft),
 * OTP_EXPIRED, OTP_MAX_ATTEMPTS, OTP_NOT_FOUND, RATE_LIMITED with `Retry-After`.
 */
export async function verifyOtp(ctx: Ctx, input: VerifyOtpInput): Promise<VerifiedOtp> {
  requireScope(ctx, 'otp');
  const { otp, spent } = await spendAttempt(ctx, await findOtp(ctx, input), input.endUserIp ?? null);
  if (isRight(ctx.secrets, otp, cleanCode(input.otp))) return consume(ctx, otp, spent);
  return reject(ctx, otp);
}

/** The OTP that a request is about, as far as the credential may see it; null when there is none. */
export async function findOtp(ctx: Ctx, ref: OtpRef): Promise<OtpRow | null> {
  const { userId, sessionId: bound } = ctx.actor;
  if (ref.otpId !== undefined) return findById(ctx.db, { userId, otpId: ref.otpId, sessionId: bound });
  if (ref.sessionId !== undefined) requireSession(ctx, ref.sessionId);
  const phone = normalizePhone(ref.phoneNumber, ctx.config.defaultCountry);
  return findByNumber(ctx.db, { userId, phone, sessionId: ref.sessionId ?? bound });
}

/** Counts the attempt. Resolves when that is durable; the row is as this attempt left it. */
async function spendAttempt(
  ctx: Ctx,
  found: OtpRow | null,
  endUserIp: string | null,
): Promise<{ otp: OtpRow; spent: SpentWindow[] }> {
  let otp = found;
  for (let races = 0; races < MAX_RACES; races++) {
    const now = ctx.clock.now();
    const refusal = refusalOf(otp, now);
    if (refusal || !otp) throw refusal ?? otpNotFound();
    const seen = otp;
    const spent = await transact(ctx.database, (tx) => countAttempt(tx, ctx, seen, endUserIp));
    if (spent) return { otp: { ...seen, attempts: seen.attempts + 1 }, spent };
    otp = await findById(ctx.db, { userId: seen.userId, otpId: seen.id, sessionId: null });
  }
  throw new AppError('CONFLICT', 'Too many checks of this code at the same time: try again.');
}

/** Null when somebody else changed the OTP since it was read. */
async function countAttempt(
  tx: Tx,
  ctx: Ctx,
  seen: OtpRow,
  endUserIp: string | null,
): Promise<SpentWindow[] | null> {
  const now = ctx.clock.now();
  const counted = await tx
    .update(otps)
    .set({ attempts: seen.attempts + 1, lastAttemptAt: now, updatedAt: now })
    .where(and(whileOpen(seen.id), eq(otps.attempts, seen.attempts), gt(otps.expiresAt, now)));
  if (affected(counted) === 0) return null;
  const { wrongChecksPerHour, perAddressPerHour } = ctx.config.otp;
  const spent = [await spendWindow(tx, { key: `otp:wrong:${seen.userId}`, max: wrongChecksPerHour }, now)];
  if (endUserIp !== null) {
    const key = `otp:wrong-address:${seen.userId}:${addressKey(endUserIp)}`;
    spent.push(await spendWindow(tx, { key, max: perAddressPerHour }, now));
  }
  return spent;
}

/** The code is right: the first to say so gets the yes. */
async function consume(ctx: Ctx, otp: OtpRow, spent: readonly SpentWindow[]): Promise<VerifiedOtp> {
  const now = ctx.clock.now();
  const won = await transact(ctx.database, async (tx) => {
    const facts = await closeOtp(tx, ctx, otp, { status: 'verified', reason: null }, originOf(ctx));
    for (const window of spent) await refundWindow(tx, window);
    await record(tx, ctx, facts ?? []);
    return facts !== null;
  });
  if (!won) throw await lateRefusal(ctx, otp);
  return {
    otpId: otp.id,
    sessionId: otp.requestedSessionId,
    phoneNumber: formatE164(otp.phone),
    status: 'verified',
    verified: true,
    verifiedAt: new Date(now).toISOString(),
  };
}

/** The code is wrong: told, and after the last attempt the OTP has failed. */
async function reject(ctx: Ctx, otp: OtpRow): Promise<never> {
  const attemptsLeft = Math.max(0, otp.maxAttempts - otp.attempts);
  await transact(ctx.database, async (tx) => {
    const facts = [otpFact(otp, 'otp.check_failed', { attemptsLeft }, originOf(ctx))];
    if (attemptsLeft === 0) {
      const ending = { status: 'failed', reason: 'max_attempts' } as const;
      facts.push(...((await closeOtp(tx, ctx, otp, ending, originOf(ctx))) ?? []));
    }
    await record(tx, ctx, facts);
  });
  throw new AppError('OTP_INVALID', 'This code is wrong.', { details: { attemptsLeft } });
}

/** Right, but somebody ended the OTP between the attempt and the answer. */
async function lateRefusal(ctx: Ctx, otp: OtpRow): Promise<AppError> {
  const row = await findById(ctx.db, { userId: otp.userId, otpId: otp.id, sessionId: null });
  return refusalOf(row, ctx.clock.now()) ?? otpNotFound();
}
