/** Which OTP a request is about. */
import { normalizePhone } from '../../utils/phone.ts';
import { findSubscriber } from '../../whatsapp/subscribers.ts';
import { requireSession } from '../access.ts';
import type { Ctx } from '../context.ts';
import {
  type CheckedOtp,
  findById,
  findByIdToCheck,
  findByNumber,
  findByNumberToCheck,
  type IdRef,
  type NumberRef,
  type OtpRow,
} from './rows.ts';

/** By id, or the newest of a number (and of a session, when one is named). */
export type OtpRef =
  | { otpId: string; phoneNumber?: undefined; sessionId?: undefined }
  | { otpId?: undefined; phoneNumber: string; sessionId?: string | undefined };

/** The OTP as far as the credential may see it; null when there is none. Throws INVALID_NUMBER. */
export async function findOtp(ctx: Ctx, ref: OtpRef): Promise<OtpRow | null> {
  const asked = await resolve(ctx, ref);
  return 'otpId' in asked ? findById(ctx.db, asked) : findByNumber(ctx.db, asked);
}

/** The same with what a check needs. */
export async function findToCheck(ctx: Ctx, ref: OtpRef): Promise<CheckedOtp | null> {
  const asked = await resolve(ctx, ref);
  return 'otpId' in asked ? findByIdToCheck(ctx.db, asked) : findByNumberToCheck(ctx.db, asked);
}

/** A code that was sent to one spelling of a number is found by each of the others. */
async function resolve(ctx: Ctx, ref: OtpRef): Promise<IdRef | NumberRef> {
  const { userId, sessionIds: bound } = ctx.actor;
  if (ref.otpId !== undefined) return { userId, otpId: ref.otpId, sessionIds: bound };
  if (ref.sessionId !== undefined) requireSession(ctx, ref.sessionId);
  const phone = normalizePhone(ref.phoneNumber, ctx.config.defaultCountry);
  const { spellings } = await findSubscriber(ctx.db, userId, phone);
  return { userId, spellings, sessionIds: ref.sessionId === undefined ? bound : [ref.sessionId] };
}
