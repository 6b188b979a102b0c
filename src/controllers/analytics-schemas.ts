/** Answers of the analytics routes, for the document. */
import { z } from 'zod';
import { ACTIVITY_ACTIONS, OTP_STATUSES, SESSION_STATUSES } from '../db/schema.ts';
import { OVERVIEW_RANGES } from '../services/analytics/overview.ts';
import { LOG_STATUSES, SESSION_STATES } from '../services/analytics/vocabulary.ts';
import { SessionStatus, Timestamp } from './schemas.ts';

const Count = z.int().nullable().describe('null: more than 10,000');
const Percent = z.number().nullable();
const Volume = { sent: z.int(), received: z.int(), failed: z.int() };
const Fields = z.record(z.string(), z.unknown());
const Totals = z.object({ total: z.int(), today: z.int() });

export const DashboardData = z.object({
  sessions: z.object({
    total: z.int(),
    active: z.int().describe('connected'),
    inactive: z.int(),
    unlinked: z.int().describe('of the disconnected ones: no phone is linked, so that nothing reconnects'),
    byStatus: z.record(z.enum(SESSION_STATUSES), z.int()),
  }),
  messages: Totals.describe('in and out'),
  otp: Totals,
  timeZone: z.string(),
  timestamp: Timestamp,
});

export const SessionStatsData = z.object({
  sessionId: z.string(),
  phoneNumber: z.string().nullable(),
  name: z.string().nullable(),
  status: z.enum(SESSION_STATES),
  sessionStatus: SessionStatus,
  period: z.object({
    from: Timestamp,
    to: Timestamp,
    days: z.int(),
    timeZone: z.string(),
    complete: z.boolean().describe('false: only the newest 200,000 messages are counted'),
  }),
  messages: z.object({
    total: z.int(),
    ...Volume,
    delivered: z.int(),
    read: z.int(),
    pending: z.int(),
    expired: z.int(),
    canceled: z.int(),
    successRate: Percent,
    errorRate: Percent,
  }),
  byType: z.record(z.string(), z.object(Volume)),
  byHour: z.array(z.object({ hour: z.int(), ...Volume })),
  byDay: z.array(z.object({ date: z.string(), ...Volume, byType: z.record(z.string(), z.int()) })),
  peakHours: z.array(z.object({ hour: z.int(), messages: z.int() })),
  topNumbers: z.array(z.object({ phoneNumber: z.string(), messages: z.int() })),
  errors: z.array(z.object({ errorCode: z.string(), count: z.int() })),
  responseTime: z
    .object({
      count: z.int(),
      averageMs: z.int().nullable(),
      p50Ms: z.int().nullable(),
      p90Ms: z.int().nullable(),
      p95Ms: z.int().nullable(),
      p99Ms: z.int().nullable(),
      maxMs: z.int().nullable(),
    })
    .describe("from the queue to WhatsApp's acknowledgement"),
  otp: z.object({
    total: z.int(),
    verified: z.int(),
    expired: z.int(),
    failed: z.int(),
    canceled: z.int(),
    pending: z.int(),
    failedAttempts: z.int(),
    successRate: Percent,
  }),
  uptime: z.object({ connectedSeconds: z.int(), percent: Percent, disconnects: z.int() }),
  timestamp: Timestamp,
});

export const ActivityEntry = z
  .object({
    id: z.string(),
    userId: z.int(),
    sessionId: z.string().nullable(),
    action: z.enum(ACTIVITY_ACTIONS),
    event: z.string().describe('our own name of it'),
    messageType: z.string().nullable(),
    phoneNumber: z.string().nullable(),
    messageId: z.string().nullable(),
    status: z.enum(LOG_STATUSES),
    details: Fields,
    errorMessage: z.string().nullable(),
    requestData: Fields.nullable().describe('harmless fields only'),
    responseData: Fields.nullable(),
    ipAddress: z.string().nullable(),
    userAgent: z.string().nullable(),
    duration: z.int().nullable().describe('milliseconds: of the request, or since the message was queued'),
    requestId: z.string().nullable(),
    actorId: z.int().nullable(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'ActivityEntry' });

export const OtpEntry = z
  .object({
    id: z.string(),
    otpId: z.string(),
    userId: z.int(),
    sessionId: z.string(),
    phoneNumber: z.string(),
    status: z.enum(OTP_STATUSES),
    reason: z.string().nullable(),
    messageId: z.string(),
    errorCode: z.string().nullable().describe('of its newest message, where that failed'),
    expiresAt: Timestamp,
    sentAt: Timestamp.nullable(),
    verifiedAt: Timestamp.nullable(),
    endedAt: Timestamp.nullable(),
    attempts: z.int(),
    maxAttempts: z.int(),
    companyName: z.string().nullable(),
    ipAddress: z.string().nullable(),
    userAgent: z.string().nullable(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'OtpLogEntry' });

export const OtpStatistics = z.object({
  total: Count,
  pending: Count,
  sent: Count,
  verified: Count,
  expired: Count,
  failed: Count,
  canceled: Count,
  successRate: Percent.describe('percent of those that ended'),
});

export const CleanupData = z.object({ activityDeleted: z.int(), otpDeleted: z.int() });

const MessageCounts = z.object({
  waiting: z.int(),
  sent: z.int().describe('WhatsApp has taken it, and no receipt came yet'),
  delivered: z.int(),
  read: z.int(),
  failed: z.int(),
  expired: z.int(),
  canceled: z.int(),
  received: z.int(),
});

export const OverviewData = z.object({
  range: z.enum(OVERVIEW_RANGES),
  buckets: z.array(z.object({ from: Timestamp, to: Timestamp, label: z.string(), counts: MessageCounts })),
  total: MessageCounts,
  deliveryRate: Percent.describe(
    'percent of what WhatsApp took that reached the phone, without posts to channels',
  ),
  otp: OtpStatistics,
  complete: z.boolean().describe('false: only the newest 200,000 messages are counted'),
  queue: z.object({
    messages: z.int().describe('that wait; counted up to 100,000'),
    oldestDueMs: z.int().nullable().describe('how long the one that is due for the longest waits'),
  }),
});

const Conversion = z.object({
  total: z.int(),
  verified: z.int(),
  expired: z.int(),
  failed: z.int(),
  canceled: z.int(),
  pending: z.int().describe('still open'),
  successRate: z.number().nullable().describe('percent of those that ended and were not replaced'),
});

export const OtpConversionData = z
  .object({
    period: z.object({
      from: Timestamp,
      to: Timestamp,
      days: z.int(),
      timeZone: z.string(),
      complete: z.boolean().describe('false: more than 200,000 codes, only the newest are counted'),
    }),
    total: Conversion,
    byDay: z.array(Conversion.extend({ date: z.string() })),
    byCountry: z
      .array(Conversion.extend({ country: z.string().nullable() }))
      .describe('ISO 3166 codes; null: a number of no country'),
  })
  .meta({ id: 'OtpConversion' });
