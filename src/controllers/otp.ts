/** One-time passwords over HTTP. Every answer is `{success, message, data}`, under both mounts. */

import { z } from 'zod';
import { MAX_LENGTH, MIN_LENGTH } from '../services/otp/codes.ts';
import { expireOtp, generateOtp } from '../services/otp/expire.ts';
import type { OtpRef } from '../services/otp/find.ts';
import { resendOtp } from '../services/otp/resend.ts';
import {
  OtpPhone,
  OtpRefFields,
  OtpSession,
  OtpView,
  ResendOtpFields,
  SendOtpFields,
  SentOtp,
  VerifyOtpFields,
} from '../services/otp/schemas.ts';
import { otpSentBody, sendOtp } from '../services/otp/send.ts';
import { getOtpStatus } from '../services/otp/status.ts';
import { verifyOtp } from '../services/otp/verify.ts';
import { withSender } from '../services/pools.ts';
import { AppError, type ErrorCode } from '../utils/errors.ts';
import { otpTemplateRoutes } from './otp-templates.ts';
import { type Route, route } from './route.ts';

const TAG = 'OTP';
const answerOf = <S extends z.ZodType>(data: S) => z.object({ message: z.string(), data });

/** By number or by id: exactly one of the two. */
function refOf(body: z.output<typeof OtpRefFields>): OtpRef {
  if (body.otpId !== undefined) return { otpId: body.otpId };
  if (body.phoneNumber === undefined) {
    throw new AppError('VALIDATION_FAILED', 'Not valid: phoneNumber.', {
      details: { phoneNumber: 'is required when there is no otpId' },
    });
  }
  return { phoneNumber: body.phoneNumber, sessionId: body.sessionId };
}
const REF_ERRORS = ['OTP_NOT_FOUND', 'INVALID_NUMBER', 'SESSION_NOT_FOUND'] as const satisfies ErrorCode[];
const CHECK_ERRORS = [...REF_ERRORS, 'OTP_EXPIRED', 'OTP_MAX_ATTEMPTS'] as const satisfies ErrorCode[];

const send = route({
  method: 'post',
  path: '/otp/send',
  tag: TAG,
  summary: 'Send a one-time password',
  description:
    'A code that is still open for this number is canceled. The code itself is in no answer. It answers at once: `Prefer: wait` is not followed, and what became of the code is told by `GET /otp/status/:phone` and by webhooks.',
  auth: 'credential',
  scope: 'otp',
  status: 202,
  idempotent: true,
  body: withSender(SendOtpFields),
  response: answerOf(SentOtp),
  errors: ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'INVALID_NUMBER', 'NOT_FOUND'],
  example: { body: { session: 'main', to: '+6281234567890', companyName: 'PT. Contoh', language: 'en' } },
  handler: async ({ ctx, body }) => ({ ...otpSentBody((await sendOtp(ctx, body)).answer) }),
});

const verify = route({
  method: 'post',
  path: '/otp/verify',
  tag: TAG,
  summary: 'Check a code',
  description: '`success: true` means one thing only: the code is right. A code is right once.',
  auth: 'credential',
  scope: 'otp',
  body: VerifyOtpFields,
  response: answerOf(
    z.object({
      otpId: z.string(),
      sessionId: z.string(),
      phoneNumber: z.string(),
      status: z.literal('verified'),
      verified: z.literal(true),
      verifiedAt: z.string(),
    }),
  ),
  errors: [...CHECK_ERRORS, 'OTP_INVALID'],
  example: { body: { phoneNumber: '081234567890', otp: '123456', sessionId: 'main' } },
  handler: async ({ ctx, body }) => {
    const data = await verifyOtp(ctx, { ...refOf(body), otp: body.otp, endUserIp: body.endUserIp });
    return { message: 'OTP verified', data };
  },
});

const status = route({
  method: 'get',
  path: '/otp/status/:phone',
  tag: TAG,
  summary: 'What became of the newest code of a number (or of one otpId)',
  description:
    'Whether it is on its way, can be entered, or has ended and why. The code itself is never shown.',
  auth: 'credential',
  scope: 'otp',
  params: z.object({ phone: OtpPhone }),
  query: z.object({ sessionId: OtpSession.optional() }),
  response: answerOf(OtpView),
  errors: REF_ERRORS,
  example: { params: { phone: '6281234567890' }, query: { sessionId: 'main' } },
  handler: async ({ ctx, params, query }) => {
    const byId = /^[0-9a-f]{32}$/.test(params.phone);
    const asked: OtpRef = byId
      ? { otpId: params.phone }
      : { phoneNumber: params.phone, sessionId: query.sessionId };
    return { message: 'OTP status', data: await getOtpStatus(ctx, asked) };
  },
});

const resend = route({
  method: 'post',
  path: '/otp/resend',
  tag: TAG,
  summary: 'Send the open code once more',
  description:
    'The same code with the same expiry; attempts are not reset. Cool-down 30, 60, then 120 seconds.',
  auth: 'credential',
  scope: 'otp',
  status: 202,
  idempotent: true,
  body: ResendOtpFields,
  response: answerOf(SentOtp),
  errors: [...CHECK_ERRORS, 'NOT_CONNECTED'],
  example: { body: { phoneNumber: '081234567890', sessionId: 'main', companyName: 'PT. Contoh' } },
  handler: async ({ ctx, body }) => {
    const { companyName: company, endUserIp: ip } = body;
    const sent = await resendOtp(ctx, { ...refOf(body), companyName: company, endUserIp: ip });
    return { ...otpSentBody(sent.answer) };
  },
});

const expire = route({
  method: 'post',
  path: '/otp/expire',
  tag: TAG,
  summary: 'End the open code of a number',
  description:
    'For a sign-in that was given up. The code is no longer accepted, and a message that waits is canceled.',
  auth: 'credential',
  scope: 'otp',
  body: OtpRefFields,
  response: answerOf(OtpView),
  errors: REF_ERRORS,
  example: { body: { phoneNumber: '081234567890', sessionId: 'main' } },
  handler: async ({ ctx, body }) => ({ message: 'OTP expired', data: await expireOtp(ctx, refOf(body)) }),
});

const generate = route({
  method: 'get',
  path: '/otp/generate',
  tag: TAG,
  summary: 'A random code that is stored nowhere',
  description: 'For clients that keep and check codes themselves.',
  auth: 'credential',
  scope: 'otp',
  query: z.object({ length: z.coerce.number().int().min(MIN_LENGTH).max(MAX_LENGTH).default(6) }),
  response: answerOf(z.object({ otp: z.string(), length: z.int() })),
  example: { query: { length: '6' } },
  handler: ({ ctx, query }) => ({ message: 'OTP generated', data: generateOtp(ctx, query.length) }),
});

/** All OTP routes; `/otp/templates` and `/otp/settings` are in otp-templates.ts. */
export const otpRoutes: readonly Route[] = [
  send,
  verify,
  status,
  resend,
  expire,
  generate,
  ...otpTemplateRoutes,
];
