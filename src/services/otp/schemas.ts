/** The inputs of the verbs of login codes, for every surface. */
import { z } from 'zod';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { WaitingFor } from '../messages/schemas.ts';
import { senderFields } from '../pools.ts';
import { MAX_LENGTH, MIN_LENGTH } from './codes.ts';

export const OtpPhone = z.string().min(1).max(MAX_WRITTEN).meta({ description: 'In any usual spelling.' });
export const OtpSession = z.string().min(1).max(100);
const CompanyName = z.string().trim().max(100).meta({ description: 'Fills {company}.' });
const EndUserIp = z
  .union([z.ipv4(), z.ipv6()])
  .meta({ description: 'Address of the person who asked: it gets limits of its own.' });

/** A new code to a number. */
export const SendOtpFields = z.object({
  session: OtpSession.optional(),
  ...senderFields,
  to: OtpPhone,
  companyName: CompanyName.optional(),
  length: z.int().min(MIN_LENGTH).max(MAX_LENGTH).optional().meta({ description: 'Digits; 6 when missing.' }),
  expiresInSeconds: z.int().min(60).max(86_400).optional().meta({ description: '300 when missing.' }),
  maxAttempts: z.int().min(1).max(10).optional().meta({ description: '3 when missing.' }),
  template: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: 'Name or id of an own template, or a text with {otp}, {company}, {minutes}.' }),
  language: z.enum(['id', 'en']).optional().meta({ description: 'Of the default text; id when missing.' }),
  endUserIp: EndUserIp.optional(),
  failoverSessions: z
    .array(OtpSession)
    .max(5)
    .optional()
    .meta({ description: 'Sessions that send the same code when the first one cannot, in this order.' }),
});

/** Which code is meant: by number or by id, exactly one of the two. */
export const OtpRefFields = z.object({
  phoneNumber: OtpPhone.optional(),
  sessionId: OtpSession.optional(),
  otpId: z.string().length(32).optional(),
});

/** A check of a code. */
export const VerifyOtpFields = OtpRefFields.extend({
  otp: z.string().trim().min(1).max(64).meta({ description: 'What the person typed, as a string.' }),
  endUserIp: EndUserIp.optional(),
});

/** The same code once more. */
export const ResendOtpFields = OtpRefFields.extend({
  companyName: CompanyName.optional(),
  endUserIp: EndUserIp.optional(),
});

/** The answer of a send: the session that sends is the one asked for, or one of its failover list. */
export const SentOtp = z.object({
  otpId: z.string(),
  session: z.string(),
  sessionId: z.string(),
  to: z.string(),
  messageId: z.string(),
  status: z.string(),
  attempts: z.int(),
  maxAttempts: z.int(),
  expiresAt: z.string(),
  timestamp: z.string(),
  otp: z.string().optional().meta({ description: 'Only with OTP_RETURN_CODE=true.' }),
});
export type SentOtp = z.infer<typeof SentOtp>;

/** A code without the code itself. `sends`: resends and failovers included. */
export const OtpView = z.object({
  otpId: z.string(),
  sessionId: z.string(),
  phoneNumber: z.string(),
  status: z.enum(['pending', 'sent', 'verified', 'expired', 'failed', 'canceled']),
  reason: z.string().nullable(),
  attempts: z.int(),
  maxAttempts: z.int(),
  attemptsLeft: z.int(),
  sends: z.int(),
  companyName: z.string().nullable(),
  messageId: z.string(),
  messageStatus: z.string().nullable(),
  errorCode: z.string().nullable(),
  createdAt: z.string(),
  expiresAt: z.string(),
  sentAt: z.string().nullable(),
  verifiedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  estimatedSendAt: z
    .string()
    .nullable()
    .describe('when the code may be sent, while its message is queued; null when not known'),
  waitingFor: WaitingFor,
});
export type OtpView = z.infer<typeof OtpView>;
