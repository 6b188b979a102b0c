/** What messages that came in leave behind: work still to be done, and what they tell of their chat. */
import { boolean, bytes, id, index, int, json, oneOf, primaryKey, string, table, timestamp } from '../kit.ts';

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
    /** somebody has asked for it again: media.id of the new file; the phone is asked when WhatsApp has it no more */
    mediaId: id(),
  },
  (t) => [
    index('inbound_media_due_ix').on(t.nextAttemptAt, t.userId),
    index('inbound_media_again_ix').on(t.userId, t.mediaId),
  ],
);

/** Where the file of a message was and the key that opens it, as long as the message is kept: it may be asked for again. */
export const mediaSources = table('media_sources', {
  /** messages.id */
  id: id().primaryKey(),
  keyId: string(16).notNull(),
  sealed: bytes().notNull(),
});

/** How a chat is set, as far as its messages have told: what is sent into a disappearing chat must disappear too. */
export const waChats = table(
  'wa_chats',
  {
    accountId: id().notNull(),
    /** canonical JID of the chat, as in `messages.peer` */
    chat: string(80).notNull(),
    /** seconds after which messages disappear; 0: they stay */
    expiration: int().notNull(),
    /** when somebody chose that, as their phone says; null when unknown */
    expirationSetAt: timestamp(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.chat] })],
);

/** A notification about a group, or a call, whose facts are kept: WhatsApp may bring it again, when it was not confirmed to it. */
export const groupNotices = table(
  'group_notices',
  {
    accountId: id().notNull(),
    /** SHA-256 of its group and its id, or of caller and id of the call, hexadecimal */
    notice: string(64).notNull(),
    at: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.notice] }), index('group_notices_at_ix').on(t.at)],
);

/** Edits and deletions that came before the message that they are about could be opened. */
export const earlyAmendments = table(
  'early_amendments',
  {
    /** messages.id of the edit or the deletion */
    id: id().primaryKey(),
    /** messages.id of what it is about; of a message of the owner's phone a digest of its session and its id on the wire */
    target: id().notNull(),
    type: oneOf('edit', 'delete').notNull(),
    /** when it was made, as WhatsApp says */
    at: timestamp().notNull(),
  },
  (t) => [index('early_amendments_target_ix').on(t.target, t.type, t.at)],
);

/** How the phone keeps a chat, as it has told its linked devices; null: it never said. */
export const waChatStates = table(
  'wa_chat_states',
  {
    accountId: id().notNull(),
    /** canonical JID of the chat, by number where that is known */
    chat: string(80).notNull(),
    archived: boolean(),
    pinned: boolean(),
    /** epoch milliseconds; 0: not muted, -1: until somebody ends it */
    mutedUntil: timestamp(),
    /** marked as unread by hand */
    markedUnread: boolean(),
    changedAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.chat] })],
);

/** The labels of WhatsApp Business on a session's phone; also those that were deleted, whose ids are not given again. */
export const waLabels = table(
  'wa_labels',
  {
    accountId: id().notNull(),
    /** WhatsApp's id of it */
    label: string(32).notNull(),
    name: string(190).notNull(),
    /** number of a colour, from 0 */
    color: int().notNull(),
    deleted: boolean().notNull(),
    changedAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.label] })],
);

/** The chats and messages that a label is on. */
export const waLabelUses = table(
  'wa_label_uses',
  {
    accountId: id().notNull(),
    label: string(32).notNull(),
    /** canonical JID of the chat, by number where that is known */
    chat: string(80).notNull(),
    /** messages.message_id; empty: it is on the chat */
    messageId: string(64).notNull(),
    changedAt: timestamp().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.label, t.chat, t.messageId] }),
    index('wa_label_uses_chat_ix').on(t.accountId, t.chat),
  ],
);

/** What each person has chosen in a poll that a session sent: the newest vote of theirs. */
export const pollVotes = table(
  'poll_votes',
  {
    accountId: id().notNull(),
    /** messages.message_id of the poll */
    pollId: string(64).notNull(),
    /** canonical JID as the vote named them: by number or by LID; empty: the owner of the session */
    voter: string(80).notNull(),
    /** places in the list of options, from 0; none: the vote was taken back */
    options: json<number[]>().notNull(),
    /** when it was cast, as WhatsApp says */
    votedAt: timestamp().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.pollId, t.voter] }),
    index('poll_votes_voted_ix').on(t.votedAt),
  ],
);

/** What each person has answered to an event that a session sent: the newest answer of theirs. */
export const eventResponses = table(
  'event_responses',
  {
    accountId: id().notNull(),
    /** messages.message_id of the event */
    eventId: string(64).notNull(),
    /** canonical JID as the answer named them: by number or by LID; empty: the owner of the session */
    person: string(80).notNull(),
    response: oneOf('going', 'maybe', 'not_going').notNull(),
    /** whom they bring along */
    guests: int().notNull(),
    /** when it was given, as WhatsApp says */
    answeredAt: timestamp().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.eventId, t.person] }),
    index('event_responses_answered_ix').on(t.answeredAt),
  ],
);
