/** The activity log: every fact, and every call of the API. */
import { bigint, id, index, int, json, oneOf, string, table, timestamp } from '../kit.ts';

/**
 * What can be filtered by: the words of the OTP API that came before, and three more so that `message_send` and
 * `otp_send` stand for one outcome each: attempts, receipts and the life of a code have words of their own.
 */
export const ACTIVITY_ACTIONS = [
  'session_create',
  'session_delete',
  'session_restart',
  'qr_generate',
  'qr_scan',
  'connection_open',
  'connection_close',
  'message_send',
  'message_attempt',
  'message_receipt',
  'message_receive',
  'otp_send',
  'otp_status',
  'file_upload',
  'session_event',
  'api_call',
] as const;

export const ACTIVITY_STATUSES = ['success', 'failure', 'pending'] as const;

/**
 * Facts once each, in the transaction that made them true (events/record.ts); calls of the API in batches. The
 * time of `id` is `at`.
 */
export const activityLogs = table(
  'activity_logs',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    accountId: id(),
    sessionId: string(100),
    /** per session, without gaps; null for facts that belong to no session */
    seq: bigint(),
    event: string(64).notNull(),
    action: oneOf(...ACTIVITY_ACTIONS)
      .notNull()
      .default('api_call'),
    /** the subject: a message id, a user id, a key id */
    subject: string(100),
    /** who did it: user id; null for the service itself or WhatsApp */
    actorId: int(),
    ip: string(64),
    userAgent: string(255),
    requestId: string(64),
    status: oneOf(...ACTIVITY_STATUSES).notNull(),
    data: json<Record<string, unknown>>().notNull(),
    at: timestamp().notNull(),
  },
  (t) => [
    index('activity_user_ix').on(t.userId, t.at, t.id),
    index('activity_seq_ix').on(t.accountId, t.seq),
    // A filter names some of session, action and status; services/analytics/log-query.ts tries every value of
    // the missing ones, so that each page is read in order from one of these.
    index('activity_session_ix').on(t.userId, t.sessionId, t.at, t.id),
    index('activity_action_ix').on(t.userId, t.action, t.status, t.at, t.id),
    index('activity_session_action_ix').on(t.userId, t.sessionId, t.action, t.status, t.at, t.id),
    index('activity_all_ix').on(t.action, t.status, t.at, t.id),
  ],
);

/**
 * What people and keys have done to a workspace or to their account, apart from the activity log: there it would lie
 * between millions of messages, and end with them. Written with the fact of the same id (events/record.ts).
 */
export const auditEntries = table(
  'audit_entries',
  {
    id: id().primaryKey(),
    /** 0: no workspace is told */
    userId: int().notNull(),
    /** users.id of whose account it is about; null: of nobody's, or of before there was this column */
    personId: int(),
    sessionId: string(100),
    event: string(64).notNull(),
    subject: string(100),
    /** users.id: who did it, or who made the key that did */
    actorId: int().notNull(),
    ip: string(64),
    userAgent: string(255),
    requestId: string(64),
    status: oneOf(...ACTIVITY_STATUSES).notNull(),
    data: json<Record<string, unknown>>().notNull(),
    at: timestamp().notNull(),
  },
  (t) => [
    index('audit_user_ix').on(t.userId, t.at, t.id),
    index('audit_person_ix').on(t.personId, t.at, t.id),
    index('audit_actor_ix').on(t.userId, t.actorId, t.at, t.id),
    index('audit_at_ix').on(t.at),
  ],
);
