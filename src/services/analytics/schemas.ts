/** The inputs of the verbs of statistics and logs, for every surface. */
import { z } from 'zod';
import { ACTIVITY_ACTIONS, OTP_STATUSES } from '../../db/schema.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { cursorQuery, pageQuery, tenantQuery } from '../fields.ts';
import { LOG_STATUSES } from './vocabulary.ts';

export const EXPORTED_LOGS = ['activity', 'otp', 'messages'] as const;

/** `2026-01-31` is its first moment in UTC. Epoch milliseconds. */
const Instant = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'must be a time in ISO 8601' })
  .transform((text) => Date.parse(text));
/** From, inclusive, and to, exclusive. */
const windowQuery = {
  from: Instant.optional().describe('not before'),
  to: Instant.optional().describe('before'),
};
const sessionId = z.string().min(1).max(100).optional();
const timeZone = z
  .string()
  .max(64)
  .refine((name) => Intl.supportedValuesOf('timeZone').includes(name) || name === 'UTC', 'is no time zone')
  .optional()
  .describe(
    'for days and hours, such as Asia/Jakarta; when missing your own zone (`PUT /auth/me`), else TZ_HOUSEKEEPING, else UTC',
  );
/** Whole local days, today included. */
const shownDays = z.coerce.number().int().min(1).max(31).default(7);
/** Entries older than that go. */
const keptDays = z.int().min(1).max(3650).optional();
const logQuery = { ...windowQuery, ...pageQuery, ...cursorQuery, ...tenantQuery };
const action = z.enum(ACTIVITY_ACTIONS).optional();

export const DashboardQuery = z.object({ ...tenantQuery, timeZone });
export type DashboardQuery = z.output<typeof DashboardQuery>;

export const OtpConversionQuery = z.object({
  days: shownDays,
  sessionId,
  timeZone,
  userId: tenantQuery.userId,
});
export type OtpConversionQuery = z.output<typeof OtpConversionQuery>;

export const SessionStatsQuery = z.object({ days: shownDays, timeZone, userId: tenantQuery.userId });
export type SessionStatsQuery = z.output<typeof SessionStatsQuery>;

export const ActivityQuery = z.object({
  sessionId,
  action,
  status: z.enum(LOG_STATUSES).optional(),
  ...logQuery,
});
export type ActivityQuery = z.output<typeof ActivityQuery>;

export const ErrorsQuery = z.object({ sessionId, action, ...logQuery });

export const OtpLogQuery = z.object({
  phoneNumber: z.string().min(1).max(MAX_WRITTEN).optional().describe('in any usual spelling'),
  sessionId,
  status: z.enum(OTP_STATUSES).optional(),
  ...logQuery,
});
export type OtpLogQuery = z.output<typeof OtpLogQuery>;

export const ExportQuery = z.object({
  log: z.enum(EXPORTED_LOGS),
  format: z.literal('csv').default('csv'),
  sessionId,
  ...windowQuery,
  ...tenantQuery,
});
export type ExportQuery = z.output<typeof ExportQuery>;

export const CleanupFields = z.object({ activityDays: keptDays, otpDays: keptDays });
export type CleanupFields = z.output<typeof CleanupFields>;
