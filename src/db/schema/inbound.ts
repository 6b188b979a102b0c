/** What is left to do for messages that came in. */
import { bytes, id, index, int, string, table, timestamp } from '../kit.ts';

/** A file of an inbound message that is still to be downloaded: the row goes when it is there, or given up. */
export const inboundMedia = table(
  'inbound_media',
  {
    /** messages.id, and later media.id */
    id: id().primaryKey(),
    userId: int().notNull(),
    accountId: id().notNull(),
    /** where the file is and the key that opens it */
    keyId: string(16).notNull(),
    sealed: bytes().notNull(),
    attempts: int().notNull().default(0),
    /** the process that is downloading it */
    claimedBy: id(),
    /** of a claimed row: when the claim has run out */
    nextAttemptAt: timestamp().notNull(),
    giveUpAt: timestamp().notNull(),
  },
  (t) => [index('inbound_media_due_ix').on(t.nextAttemptAt)],
);
