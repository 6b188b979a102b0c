/** One-time passwords: what proves them, what was sent, how often. No column ever holds a code in the clear. */
import {
  id,
  index,
  int,
  json,
  oneOf,
  primaryKey,
  string,
  table,
  text,
  timestamp,
  uniqueIndex,
} from '../kit.ts';

export const OTP_STATUSES = ['pending', 'sent', 'verified', 'expired', 'failed', 'canceled'] as const;
export const OTP_LANGUAGES = ['id', 'en'] as const;

/** One message that carried the code: the first, a resend, or one through another session. */
export interface OtpDelivery {
  /** messages.id */
  id: string;
  messageId: string;
  accountId: string;
  sessionId: string;
  at: number;
  /** 1 for the send, one more for each resend: a failover stays in its round */
  round: number;
}

/** A session that may take over the delivery, in the order asked for. */
export interface OtpFallback {
  accountId: string;
  sessionId: string;
}

export const otps = table(
  'otps',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    /** the session of the newest delivery */
    accountId: id().notNull(),
    sessionId: string(100).notNull(),
    /** the session the client named: it is what the client verifies by, also after a failover */
    requestedSessionId: string(100).notNull(),
    phone: string(20).notNull(),
    /** equal to phone while the code can be used, else null: one open code a number and tenant */
    openPhone: string(20),
    status: oneOf(...OTP_STATUSES).notNull(),
    /** why it ended: max_attempts, send_failed, replaced, expired, by_request, … */
    reason: string(40),
    /** HMAC over tenant, id and code; erased with `sealed` when the code can no longer be used */
    codeMac: string(64),
    /** code and template, sealed for this row alone: what a delivery is written from */
    sealed: text(),
    length: int().notNull(),
    companyName: string(120),
    language: oneOf(...OTP_LANGUAGES).notNull(),
    attempts: int().notNull().default(0),
    /** as asked for, or less when the number's failure budget holds less */
    maxAttempts: int().notNull(),
    lastAttemptAt: timestamp(),
    /** messages.id and wire id of the newest delivery; all of them are in `deliveries` */
    messageRowId: id().notNull(),
    messageId: string(64).notNull(),
    deliveries: json<OtpDelivery[]>().notNull(),
    failover: json<OtpFallback[]>().notNull(),
    /** when the watcher looks at its deliveries next; null: nothing to watch */
    watchAt: timestamp(),
    endUserIp: string(64),
    ip: string(64),
    userAgent: string(255),
    expiresAt: timestamp().notNull(),
    sentAt: timestamp(),
    verifiedAt: timestamp(),
    endedAt: timestamp(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    uniqueIndex('otps_open_uq').on(t.userId, t.openPhone),
    index('otps_phone_ix').on(t.userId, t.phone, t.createdAt, t.id),
    index('otps_user_ix').on(t.userId, t.createdAt, t.id),
    index('otps_expiry_ix').on(t.status, t.expiresAt),
    index('otps_watch_ix').on(t.watchAt),
    index('otps_ended_ix').on(t.endedAt, t.id),
    // The OTP log: with a session every status is tried, so that one index serves it with and without one.
    index('otps_status_ix').on(t.userId, t.status, t.createdAt, t.id),
    index('otps_session_ix').on(t.userId, t.requestedSessionId, t.status, t.createdAt, t.id),
  ],
);

/** The row that everything about one number of a tenant takes its turn on, and when codes were sent to it. */
export const otpNumbers = table(
  'otp_numbers',
  {
    userId: int().notNull(),
    phone: string(20).notNull(),
    /** instants of the sends and resends of the last 10 minutes, oldest first */
    sends: json<number[]>().notNull(),
    lastOtpId: id(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.phone] }), index('otp_numbers_age_ix').on(t.updatedAt)],
);

export const otpTemplates = table(
  'otp_templates',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    name: string(64).notNull(),
    body: text().notNull(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [uniqueIndex('otp_templates_name_uq').on(t.userId, t.name)],
);

/** A tenant's settings for its codes. */
export const otpSettings = table('otp_settings', {
  userId: int().primaryKey(),
  /** ISO 3166 alpha-2; null: every country the service allows */
  allowedCountries: json<string[]>(),
  updatedAt: timestamp().notNull(),
});
