/** Broadcasts: who is on which list, what is said to them, who wants no more of it, and what became of each. */
import {
  bigint,
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

export const IMPORT_KINDS = ['contacts', 'opt_outs'] as const;
export const IMPORT_STATUSES = ['running', 'completed', 'failed'] as const;
export const OPT_OUT_SOURCES = ['message', 'manual', 'import'] as const;
export const CAMPAIGN_STATUSES = [
  'scheduled',
  'running',
  'paused',
  'stopped',
  'completed',
  'failed',
] as const;
/** Nothing more of it is queued. */
export const ENDED_CAMPAIGN_STATUSES = ['stopped', 'completed', 'failed'] as const;
/** As the row keeps it; what became of a queued one is the status of its message. */
export const RECIPIENT_STATES = ['pending', 'deferred', 'queued', 'skipped'] as const;

/** A list of contacts. A change of its contacts locks this row first, so that the count is exact. */
export const broadcastLists = table(
  'broadcast_lists',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    name: string(120).notNull(),
    description: string(500),
    contactCount: int().notNull().default(0),
    /** the session in the path it was made by: a key bound to a session sees only its own; null: by an older release */
    sessionId: string(100),
    /** every column its contacts ever had, in the order they were first seen: the columns of an export */
    columns: json<string[]>().notNull(),
    /** set at once by a delete; its contacts go in pieces afterwards */
    deletedAt: timestamp(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    index('broadcast_lists_user_ix').on(t.userId, t.createdAt, t.id),
    index('broadcast_lists_deleted_ix').on(t.deletedAt),
  ],
);

/** One person on one list. The key is the only index: a list is read, searched and frozen in its order. */
export const broadcastContacts = table(
  'broadcast_contacts',
  {
    listId: id().notNull(),
    /** E.164 digits */
    phone: string(20).notNull(),
    userId: int().notNull(),
    name: string(190),
    /** the other columns, by name */
    fields: json<Record<string, string>>().notNull(),
    /** the import that touched it last: a second line of the same file is a duplicate */
    importId: id(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.listId, t.phone] })],
);

/** How far an import got. Counts and position move in the transaction of the rows, so that it can be resumed. */
export const contactImports = table(
  'contact_imports',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    kind: oneOf(...IMPORT_KINDS).notNull(),
    /** null for opt-outs */
    listId: id(),
    /** the session of the path, as its owner named it */
    sessionId: string(100).notNull(),
    status: oneOf(...IMPORT_STATUSES).notNull(),
    fileName: string(190),
    sizeBytes: bigint().notNull(),
    /** the processes.id that works on it, and the machine that holds the uploaded file */
    owner: id(),
    host: string(190).notNull(),
    /** what the file is; null until it has been looked at */
    format: oneOf('csv', 'xlsx', 'vcard'),
    /** what its sender said about its columns and its encoding, as JSON; null: nothing */
    options: json<unknown>(),
    encoding: string(20),
    delimiter: string(4),
    /** header and first rows, for a person who is asked which column holds the numbers; null: no question is open */
    preview: json<unknown>(),
    /** what was guessed about the file, for a person; null: nothing */
    warnings: json<string[]>(),
    /** columns that became custom fields */
    columns: json<string[]>(),
    /** data rows that the file holds, once it has been checked; and how many of them are done */
    totalRows: int(),
    doneRows: int().notNull().default(0),
    added: int().notNull().default(0),
    updated: int().notNull().default(0),
    duplicates: int().notNull().default(0),
    invalid: int().notNull().default(0),
    /** numbers that a spreadsheet had mangled and that were certain enough to repair */
    repaired: int().notNull().default(0),
    errorCode: string(40),
    errorMessage: string(300),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
    finishedAt: timestamp(),
  },
  (t) => [
    index('contact_imports_user_ix').on(t.userId, t.createdAt, t.id),
    index('contact_imports_status_ix').on(t.status, t.createdAt),
  ],
);

/** A line of an import that was not taken as it was, and why. */
export const contactImportErrors = table(
  'contact_import_errors',
  {
    importId: id().notNull(),
    /** of the file, the header is 1 */
    line: int().notNull(),
    kind: oneOf('invalid', 'duplicate', 'repaired').notNull(),
    code: string(40).notNull(),
    /** what was in the number column, shortened */
    value: string(80).notNull(),
  },
  (t) => [primaryKey({ columns: [t.importId, t.line] })],
);

/** A text with placeholders that campaigns are written from. */
export const broadcastTemplates = table(
  'broadcast_templates',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    name: string(120).notNull(),
    body: text().notNull(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [uniqueIndex('broadcast_templates_name_uq').on(t.userId, t.name)],
);

/** A number that wants no broadcasts of this tenant. One-time passwords do not look here. */
export const optOuts = table(
  'opt_outs',
  {
    userId: int().notNull(),
    /** E.164 digits */
    phone: string(20).notNull(),
    source: oneOf(...OPT_OUT_SOURCES).notNull(),
    /** the word that was written, for `message` */
    word: string(60),
    note: string(300),
    sessionId: string(100),
    /** messages.id, for `message` */
    messageRowId: id(),
    /** the import that added it */
    importId: id(),
    createdAt: timestamp().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.phone] }),
    index('opt_outs_user_ix').on(t.userId, t.createdAt, t.phone),
  ],
);

/** A tenant's own words, in addition to the built-in ones. */
export const optOutSettings = table('opt_out_settings', {
  userId: int().primaryKey(),
  words: json<string[]>().notNull(),
  updatedAt: timestamp().notNull(),
});

/** One of the sessions that a campaign sends through. */
export interface CampaignSender {
  accountId: string;
  sessionId: string;
}

/** Sessions of one tenant that send together, under a name. */
export const senderPools = table(
  'sender_pools',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    name: string(120).notNull(),
    /** names of sessions, as their owner gave them; one that is deleted later is passed over */
    sessions: json<string[]>().notNull(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [uniqueIndex('sender_pools_name_uq').on(t.userId, t.name)],
);

/** One broadcast: what is sent to whom at which pace, and how far it got. */
export const campaigns = table(
  'campaigns',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    accountId: id().notNull(),
    sessionId: string(100).notNull(),
    /** the sessions that send it; null: its own alone */
    senders: json<CampaignSender[]>(),
    /** the pool that they were taken from */
    poolId: id(),
    /** whose process feeds it while its own session cannot; null: its own session's */
    feederId: id(),
    name: string(190).notNull(),
    status: oneOf(...CAMPAIGN_STATUSES).notNull(),
    /** why it is paused, stopped or failed */
    reason: string(64),
    reasonMessage: string(300),
    /**
     * equal to account and list while it is running or paused, else null: one at a time. Null as well while it waits only for
     * numbers that WhatsApp says nothing of
     */
    activeKey: string(100),
    listId: id(),
    /** instead of a list: E.164 digits as given; gone when frozen */
    numbers: json<string[]>(),
    templateId: id(),
    /** text, image, document, … */
    type: string(20).notNull(),
    /** placeholders unfilled */
    content: json<Record<string, unknown>>().notNull(),
    delayMs: int().notNull(),
    /** pace, caps, quiet hours, checks and thresholds that were asked for */
    options: json<Record<string, unknown>>().notNull(),
    scheduledAt: timestamp(),
    timeZone: string(64),
    cron: string(120),
    /** the campaign it was made from, and how */
    originId: id(),
    origin: oneOf('clone', 'retry', 'recurrence'),
    /** recipients are frozen up to this phone; all of them when frozenAt is set */
    freezeCursor: string(20),
    frozenAt: timestamp(),
    /** recipients frozen so far; final when frozenAt is set */
    total: int().notNull().default(0),
    /** how many there were to be when it was made: shown until they are frozen */
    expectedTotal: int(),
    /** no recipient up to this position is pending any more */
    feedPosition: int().notNull().default(0),
    /** when it is to be started (scheduled, recurring); null: nothing to do */
    dueAt: timestamp(),
    /** why nothing is sent although it is running, and until when */
    waitingReason: string(64),
    waitingUntil: timestamp(),
    /** messages that failed before this are sent again; null: none are */
    retryAt: timestamp(),
    /** messages.id up to which that is done */
    retryCursor: id(),
    /** when it was asked to delete what it has sent; it goes on while `dueAt` is set */
    recallAt: timestamp(),
    /** messages.id up to which that is done */
    recallCursor: id(),
    seed: string(32).notNull(),
    createdAt: timestamp().notNull(),
    startedAt: timestamp(),
    pausedAt: timestamp(),
    /** the failures before this are known and forgiven */
    resumedAt: timestamp(),
    finishedAt: timestamp(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    uniqueIndex('campaigns_active_uq').on(t.userId, t.activeKey),
    index('campaigns_user_ix').on(t.userId, t.createdAt, t.id),
    index('campaigns_account_ix').on(t.accountId, t.status, t.dueAt),
    index('campaigns_due_ix').on(t.status, t.dueAt),
    index('campaigns_list_ix').on(t.listId),
  ],
);

/** One recipient of one campaign, as the contact was when the campaign started. */
export const campaignRecipients = table(
  'campaign_recipients',
  {
    campaignId: id().notNull(),
    /** from 1, in the order of sending */
    position: int().notNull(),
    userId: int().notNull(),
    phone: string(20).notNull(),
    name: string(190),
    fields: json<Record<string, string>>().notNull(),
    state: oneOf(...RECIPIENT_STATES).notNull(),
    /** why it was skipped or deferred */
    reason: string(64),
    /** a deferred one is not to be sent before */
    dueAt: timestamp(),
    /** messages.id; written in the transaction that enqueues */
    messageRowId: id(),
    /** type and engine that the message was counted under in `usage_counts`; null: it was not counted */
    countedAs: string(60),
    /** which alternative of each spintax was taken */
    variant: string(190),
    queuedAt: timestamp(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.campaignId, t.position] }),
    uniqueIndex('campaign_recipients_phone_uq').on(t.campaignId, t.phone),
    index('campaign_recipients_due_ix').on(t.campaignId, t.state, t.dueAt),
  ],
);

/** A campaign that somebody is still writing: the fields of the form as they were left. It goes when the campaign is made. */
export const campaignDrafts = table(
  'campaign_drafts',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    /** users.id of who writes it: nobody else sees it */
    personId: int().notNull(),
    data: json<Record<string, string | string[]>>().notNull(),
    /** grows with each save */
    version: int().notNull(),
    /** the page that saved it last: that one may save again without having read what it wrote itself */
    savedBy: id().notNull(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    index('campaign_drafts_person_ix').on(t.userId, t.personId, t.updatedAt, t.id),
    index('campaign_drafts_updated_ix').on(t.updatedAt),
  ],
);
