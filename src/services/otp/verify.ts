/**
 * Is this the code? A check first spends an attempt and commits that, then compares, then consumes the OTP:
 * each step is a conditional update, so nothing that runs at the same time gets more comparisons or a second yes.
 */
import type { z } from 'zod';
import type { SpentWindow } from '../../db/windows.ts';
import { AppError } from '../../utils/errors.ts';
import { formatE164 } from '../../utils/phone.ts';
import { requireScope } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { cleanCode, isRight } from './codes.ts';
import { findToCheck, type OtpRef } from './find.ts';
import { type CheckedOtp, findByIdToCheck, otpNotFound, refusalOf } from './rows.ts';
import type { OtpRefFields, VerifyOtpFields } from './schemas.ts';
import { addressKey, type BudgetWindow } from './windows.ts';

export type VerifyOtpInput = OtpRef &
  Omit<z.output<typeof VerifyOtpFields>, keyof z.output<typeof OtpRefFields>>;

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
  const { otp, spent } = await countAttempt(ctx, await findToCheck(ctx, input), input.endUserIp ?? null);
  if (isRight(ctx.secrets, otp, cleanCode(input.otp))) return consume(ctx, otp, spent);
  return reject(ctx, otp);
}

/** Counts the attempt. Resolves when that is durable; the row is as this attempt left it. */
async function countAttempt(
  ctx: Ctx,
  found: CheckedOtp | null,
  endUserIp: string | null,
): Promise<{ otp: CheckedOtp; spent: SpentWindow[] }> {
  let otp = found;
  for (let races = 0; races < MAX_RACES; races++) {
    const refusal = refusalOf(otp, ctx.clock.now());
    if (refusal || !otp) throw refusal ?? otpNotFound();
    const { id, userId, attempts } = otp;
    const result = await ctx.checkSteps.spendAttempt({ id, attempts, windows: windowsOf(ctx, endUserIp) });
    if (result instanceof AppError) throw result;
    if (result !== null) return { otp: { ...otp, attempts: attempts + 1 }, spent: result };
    otp = await findByIdToCheck(ctx.db, { userId, otpId: id, sessionIds: null });
  }
  throw new AppError('CONFLICT', 'Too many checks of this code at the same time: try again.');
}

/** The budgets for wrong codes: spent before the comparison, given back when the code was right. */
function windowsOf(ctx: Ctx, endUserIp: string | null): BudgetWindow[] {
  const { userId } = ctx.actor;
  const { wrongChecksPerHour, perAddressPerHour } = ctx.config.otp;
  const windows = [{ key: `otp:wrong:${userId}`, max: wrongChecksPerHour }];
  if (endUserIp !== null) {
    windows.push({ key: `otp:wrong-address:${userId}:${addressKey(endUserIp)}`, max: perAddressPerHour });
  }
  return windows;
}

/** The code is right: the first to say so gets the yes. */
async function consume(ctx: Ctx, otp: CheckedOtp, spent: readonly SpentWindow[]): Promise<VerifiedOtp> {
  const verifiedAt = new Date(ctx.clock.now()).toISOString();
  const { ended } = await ctx.checkSteps.recordCheck({
    otp,
    right: true,
    refund: spent,
    origin: originOf(ctx),
  });
  if (!ended) throw await lateRefusal(ctx, otp);
  return {
    otpId: otp.id,
    sessionId: otp.requestedSessionId,
    phoneNumber: formatE164(otp.phone),
    status: 'verified',
    verified: true,
    verifiedAt,
  };
}

/** The code is wrong: told, and after the last attempt the OTP has failed. */
async function reject(ctx: Ctx, otp: CheckedOtp): Promise<never> {
  await ctx.checkSteps.recordCheck({ otp, right: false, refund: [], origin: originOf(ctx) });
  const attemptsLeft = Math.max(0, otp.maxAttempts - otp.attempts);
  throw new AppError('OTP_INVALID', 'This code is wrong.', { details: { attemptsLeft } });
}

/** Right, but somebody ended the OTP between the attempt and the answer. */
async function lateRefusal(ctx: Ctx, otp: CheckedOtp): Promise<AppError> {
  const row = await findByIdToCheck(ctx.db, { userId: otp.userId, otpId: otp.id, sessionIds: null });
  return refusalOf(row, ctx.clock.now()) ?? otpNotFound();
}
