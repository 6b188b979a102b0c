/** What the verbs of login codes take, for every surface. */
import { z } from 'zod';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { MAX_LENGTH, MIN_LENGTH } from './codes.ts';

export const OtpPhone = z.string().min(1).max(MAX_WRITTEN).meta({ description: 'In any usual spelling.' });
export const OtpSession = z.string().min(1).max(100);
const CompanyName = z.string().trim().max(100).meta({ description: 'Fills {company}.' });
const EndUserIp = z
  .union([z.ipv4(), z.ipv6()])
  .meta({ description: 'Address of the person who asked: it gets limits of its own.' });

/** A new code to a number. */
export const SendOtpFields = z.object({
  session: OtpSession,
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
