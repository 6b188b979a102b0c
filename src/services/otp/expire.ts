/** Ending a code by request, and the codes of those who keep their own. */
import { transact } from '../../db/ops.ts';
import { record } from '../../events/record.ts';
import { requireScope } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { closeOtp } from './close.ts';
import { makeCode } from './codes.ts';
import { findOtp, type OtpRef } from './find.ts';
import { isOpen, otpNotFound } from './rows.ts';
import type { OtpView } from './schemas.ts';
import { viewOtp } from './status.ts';

/** Ends the open OTP as `expired`. Throws OTP_NOT_FOUND when none is open. */
export async function expireOtp(ctx: Ctx, ref: OtpRef): Promise<OtpView> {
  requireScope(ctx, 'otp');
  const otp = await findOtp(ctx, ref);
  if (!otp || !isOpen(otp)) throw otpNotFound();
  const ending = { status: 'expired', reason: 'by_request' } as const;
  const closed = await transact(ctx.database, async (tx) => {
    const facts = await closeOtp(tx, ctx, otp, ending, originOf(ctx));
    await record(tx, ctx, facts ?? []);
    return facts !== null;
  });
  if (!closed) throw otpNotFound();
  const now = ctx.clock.now();
  return viewOtp(ctx.db, { ...otp, ...ending, endedAt: now }, now);
}

/** A code that is not kept: for clients that check it themselves. */
export function generateOtp(ctx: Ctx, length: number): { otp: string; length: number } {
  requireScope(ctx, 'otp');
  return { otp: makeCode(length), length };
}
