/** Files that messages carry, and what is known of numbers. */
import {
  bigint,
  boolean,
  id,
  index,
  int,
  json,
  oneOf,
  primaryKey,
  string,
  table,
  timestamp,
} from '../kit.ts';

export const MEDIA_KINDS = ['upload', 'outbound', 'inbound'] as const;

/** A file in the storage: uploaded, sent or received. The row is there before the file can be asked for. */
export const media = table(
  'media',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    /** the session it came in by; null for what the tenant brought */
    accountId: id(),
    sessionId: string(100),
    kind: oneOf(...MEDIA_KINDS).notNull(),
    /** hex, of the bytes */
    sha256: string(64).notNull(),
    /** as the bytes say */
    mimetype: string(120).notNull(),
    size: bigint().notNull(),
    /** as whoever brought it named it: never part of a path */
    filename: string(255),
    /** where the storage keeps the bytes */
    storageKey: string(190).notNull(),
    createdAt: timestamp().notNull(),
    /** what a message tells of the file in addition to its type, as JSON; null: not inspected */
    details: json<unknown>(),
    /** not needed after that: row and file go */
    expiresAt: timestamp().notNull(),
  },
  (t) => [
    index('media_content_ix').on(t.userId, t.sha256),
    index('media_expiry_ix').on(t.expiresAt),
    index('media_user_ix').on(t.userId, t.kind, t.id),
    // Holds all that the quota of stored bytes reads.
    index('media_usage_ix').on(t.userId, t.kind, t.size),
  ],
);

/** The answer of WhatsApp's directory about a number, per tenant. */
export const numberChecks = table(
  'number_checks',
  {
    /** user id, a colon, E.164 digits */
    key: string(40).primaryKey(),
    registered: boolean().notNull(),
    jid: string(80),
    lid: string(32),
    checkedAt: timestamp().notNull(),
    /** to be asked again after that */
    expiresAt: timestamp().notNull(),
    /** how often the directory was asked in vain: there is no answer yet; 0: the row is its answer */
    unanswered: int().notNull().default(0),
  },
  (t) => [index('number_checks_expiry_ix').on(t.expiresAt)],
);

export const CHECK_STATUSES = ['running', 'completed', 'canceled', 'failed'] as const;
export const CHECKED_STATES = ['pending', 'registered', 'not_registered', 'unknown', 'invalid'] as const;

/** Many numbers that are looked up in the directory, some at a time. Counts and place move together with the answers. */
export const numberCheckJobs = table(
  'number_check_jobs',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    accountId: id().notNull(),
    /** the session that asks, as its owner named it */
    sessionId: string(100).notNull(),
    status: oneOf(...CHECK_STATUSES).notNull(),
    /** why it waits, or why it has failed; null: neither */
    reason: string(64),
    total: int().notNull(),
    /** the numbers up to this position have their answer */
    done: int().notNull().default(0),
    registered: int().notNull().default(0),
    notRegistered: int().notNull().default(0),
    invalid: int().notNull().default(0),
    /** failed look-ups since the last answer */
    attempts: int().notNull().default(0),
    /** since when nobody could be asked or nobody answers; null: the last question was answered */
    failingSince: timestamp(),
    /** the process that asks about the next numbers */
    claimedBy: id(),
    /** when the next ones are due, or when the claim has run out; null: it has ended */
    dueAt: timestamp(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
    finishedAt: timestamp(),
  },
  (t) => [
    index('number_check_jobs_user_ix').on(t.userId, t.createdAt, t.id),
    index('number_check_jobs_due_ix').on(t.dueAt, t.updatedAt),
    // Those that have ended are due never.
    index('number_check_jobs_running_ix').on(t.userId, t.dueAt),
    index('number_check_jobs_account_ix').on(t.accountId, t.dueAt),
    index('number_check_jobs_created_ix').on(t.createdAt),
  ],
);

/** One number of such a job. */
export const numberCheckItems = table(
  'number_check_items',
  {
    jobId: id().notNull(),
    /** from 1, in the order that was asked in */
    position: int().notNull(),
    /** as it was written, shortened */
    written: string(64).notNull(),
    /** E.164 digits; null: it is no number */
    phone: string(20),
    state: oneOf(...CHECKED_STATES).notNull(),
    jid: string(80),
    checkedAt: timestamp(),
  },
  (t) => [primaryKey({ columns: [t.jobId, t.position] })],
);
