/** Files that messages carry, and what is known of numbers. */
import { bigint, boolean, id, index, int, json, oneOf, string, table, timestamp } from '../kit.ts';

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
  },
  (t) => [index('number_checks_expiry_ix').on(t.expiresAt)],
);
