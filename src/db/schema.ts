/**
 * Every table of the service, declared once for both dialects (see kit.ts).
 * Times are epoch milliseconds, ids are made by us (utils/ids.ts); drizzle/README.md explains each table.
 */
import {
  bigint,
  boolean,
  bytes,
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
} from './kit.ts';

/** Devices of one person that a message was not encrypted for, since WhatsApp has no usable keys of theirs. */
export interface LeftOut {
  /** canonical JID: a phone number, or a LID whose number is not known */
  jid: string;
  /** 0 is the phone itself */
  devices: number[];
  /** no device of theirs got the message */
  all: boolean;
}

export const ROLES = ['admin', 'user', 'readonly'] as const;
export const SESSION_STATUSES = [
  'connecting',
  'qr',
  'passkey',
  'passkey_confirm',
  'connected',
  'disconnected',
  'logged_out',
  'replaced',
  'failed',
] as const;

/** Not linked yet, and on the way to it. */
export const LINKING_STATUSES = ['connecting', 'qr', 'passkey', 'passkey_confirm'] as const;

/** Whether a session of that status is being linked, or connects. */
export function isLinking(status: (typeof SESSION_STATUSES)[number]): boolean {
  return LINKING_STATUSES.some((linking) => linking === status);
}

export const MESSAGE_STATUSES = [
  'queued',
  'sending',
  'sent',
  'delivered',
  'read',
  'failed',
  'canceled',
  'expired',
  'received',
] as const;

/** A person who signs in. Workspaces are the tenants: `userId` in the tables below is the id of one. */
export const users = table(
  'users',
  {
    id: int().primaryKey(),
    email: string(255).notNull(),
    name: string(120).notNull(),
    passwordHash: string(80).notNull(),
    role: oneOf(...ROLES).notNull(),
    status: oneOf('active', 'disabled').notNull(),
    /** in every JWT; a higher number here locks older tokens out */
    tokenVersion: int().notNull().default(0),
    /** signed links that were made before are refused: the password was changed then */
    linksFrom: timestamp(),
    lastLoginAt: timestamp(),
    /** IANA name: the zone of times without one; null: that of the service */
    timeZone: string(64),
    /** workspaces.id: where a sign-in leads; null: the own one, of the same number */
    workspaceId: int(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [uniqueIndex('users_email_uq').on(t.email)],
);

export const apiKeys = table(
  'api_keys',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    /** users.id: who made it; null: of a release before, whoever has the number of the workspace */
    createdBy: int(),
    /**
     * `own`: the one key of whoever has the number of the workspace, also kept as ciphertext; `member`: that of another
     * member, which does what the member may whatever its scopes; `extra`: named, scoped, hash only
     */
    kind: oneOf('own', 'member', 'extra').notNull(),
    name: string(120).notNull(),
    prefix: string(32).notNull(),
    hash: string(64).notNull(),
    sealed: string(512),
    scopes: json<string[]>().notNull(),
    sessionId: string(100),
    expiresAt: timestamp(),
    lastUsedAt: timestamp(),
    createdAt: timestamp().notNull(),
  },
  (t) => [uniqueIndex('api_keys_prefix_uq').on(t.prefix), index('api_keys_user_ix').on(t.userId)],
);

/** Small counters that hand out public numbers (user.id). */
export const counters = table('counters', {
  name: string(64).primaryKey(),
  value: bigint().notNull(),
});

/** Facts of the whole service that survive a restart: last good WhatsApp Web version and the like. */
export const settings = table('settings', {
  name: string(64).primaryKey(),
  value: json<unknown>().notNull(),
  updatedAt: timestamp().notNull(),
});

/** One row a running process: its heartbeat says who may own sessions. */
export const processes = table('processes', {
  id: id().primaryKey(),
  host: string(190).notNull(),
  pid: int().notNull(),
  /** tells two processes apart that got the same pid */
  pidStartedAt: string(40).notNull(),
  heartbeatAt: timestamp().notNull(),
  startedAt: timestamp().notNull(),
});

/** The passkey step of a running pairing: what a browser is to sign, or the code that a person compares. */
export interface PasskeyRow {
  stage: 'asked' | 'answered' | 'confirm';
  /** `PublicKeyCredentialRequestOptionsJSON` */
  options: Record<string, unknown> | null;
  code: string | null;
  /** epoch milliseconds */
  expiresAt: number;
}

export const DEVICE_PLATFORMS = ['chrome', 'firefox', 'edge', 'safari', 'opera', 'desktop'] as const;

/** How a session is listed on the phone. */
export interface BrowserRow {
  /** what is shown: the name of an operating system, or any other */
  name: string;
  /** as what it is shown: a program that WhatsApp knows */
  platform: (typeof DEVICE_PLATFORMS)[number];
}

/** What WhatsApp says of an account that may not start new chats. */
export interface RestrictionRow {
  /** WhatsApp's own name of the kind, such as `DEFAULT` */
  kind: string;
  /** when it was told first, epoch milliseconds */
  since: number;
}

/** Versions of what the phone shares of its chats, by the name of the collection. */
export type AppStateVersionsRow = Partial<Record<string, number>>;

/** How many new chats WhatsApp lets an account start in a cycle of its own. */
export interface NewChatCapRow {
  /** the most of the cycle; null: it named no number */
  total: number | null;
  /** how many it had counted when it told */
  used: number;
  /** `NONE`, `FIRST_WARNING`, `SECOND_WARNING`, `CAPPED` */
  status: string;
  /** end of the cycle, epoch milliseconds; null: not told */
  until: number | null;
  /** when it was told, epoch milliseconds */
  toldAt: number;
}

/** A linked WhatsApp number: what the API calls a session. */
export const whatsappAccounts = table(
  'whatsapp_accounts',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    sessionId: string(100).notNull(),
    status: oneOf(...SESSION_STATUSES).notNull(),
    reason: string(64),
    errorMessage: string(500),
    pairing: oneOf('qr', 'code').notNull(),
    /** E.164 digits the caller said would link; another phone is refused */
    expectedPhone: string(20),
    /** E.164 digits of the phone that did link */
    phoneNumber: string(20),
    /**
     * phoneNumber in today's spelling while the session is active, else null: one active session a phone and tenant. Rows of
     * earlier releases have WhatsApp's spelling until they connect again
     */
    activePhone: string(20),
    lid: string(32),
    name: string(190),
    deviceInfo: json<Record<string, unknown>>(),
    /** true from the first successful pairing until a logout: there are credentials worth reconnecting with */
    paired: boolean().notNull().default(false),
    /** a secret while it is valid: in no log and no event row */
    qr: text(),
    pairingCode: string(16),
    qrExpiresAt: timestamp(),
    /** how far the passkey step of a pairing is */
    passkey: json<PasskeyRow>(),
    /** when the link was imported from another program, which must not use it any more */
    importedAt: timestamp(),
    /** what its owner calls it, for people */
    label: string(120),
    /** URL of the proxy that its connections go through, sealed: it holds a password */
    proxy: text(),
    /** calls are rejected as they ring */
    rejectCalls: boolean().notNull().default(false),
    /** what whoever calls is told then; null: nothing */
    callText: string(1000),
    /** what comes in from then on is marked read by itself; null: it is not */
    autoReadFrom: timestamp(),
    /** status posts of others are read and stored */
    receiveStatus: boolean().notNull().default(false),
    /** posts of channels that the number follows are read and stored */
    receiveChannels: boolean().notNull().default(false),
    /** what the phone lists this device as when it is linked; null: the service's own */
    browser: json<BrowserRow>(),
    owner: id(),
    fence: bigint().notNull().default(0),
    /** number of the last event of this session: streams and webhooks order by it */
    seq: bigint().notNull().default(0),
    limits: json<Record<string, unknown>>(),
    pausedUntil: timestamp(),
    pauseReason: string(64),
    /** a limit holds this priority and all below it: 0 when the whole window is spent, codes too */
    pausedPriority: int(),
    /** when a high priority message was queued last, to the hour: the reserve for codes is kept where there are any */
    lastHighAt: timestamp(),
    /** after a refusal such as 463: nothing goes to new recipients until then */
    breakerUntil: timestamp(),
    /** WhatsApp's error code */
    breakerCode: string(40),
    /** refusals in a row: each makes the next pause longer */
    breakerTrips: int().notNull().default(0),
    /** its workspace is suspended since then: nothing is sent; null: it is not */
    suspendedAt: timestamp(),
    /** until when the account may not start new chats, as WhatsApp says; null: it does not say so */
    restrictedUntil: timestamp(),
    restriction: json<RestrictionRow>(),
    newChatCap: json<NewChatCapRow>(),
    /**
     * up to where is kept what the phone tells of its chats and labels; null: nothing was learnt, and its link has read something
     * elsewhere, or in a release before
     */
    appStateVersions: json<AppStateVersionsRow>(),
    /** when the phone linked it; null: not known, as of a link that was imported */
    linkedAt: timestamp(),
    /** people who knew the session before do not count as known: it had another number then; null: it had none */
    knownFrom: timestamp(),
    connectedAt: timestamp(),
    disconnectedAt: timestamp(),
    lastSeenAt: timestamp(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    uniqueIndex('accounts_session_uq').on(t.userId, t.sessionId),
    uniqueIndex('accounts_phone_uq').on(t.userId, t.activePhone),
    index('accounts_owner_ix').on(t.owner),
    index('accounts_restricted_ix').on(t.restrictedUntil),
  ],
);

/** Sealed Baileys credentials, one row a session. */
export const waCredentials = table('wa_credentials', {
  accountId: id().primaryKey(),
  keyId: string(16).notNull(),
  sealed: bytes().notNull(),
  updatedAt: timestamp().notNull(),
});

/** Sealed Signal keys: pre-keys, Signal sessions, sender keys, app-state keys, LID mappings and the like. */
export const waKeys = table(
  'wa_keys',
  {
    accountId: id().notNull(),
    type: string(40).notNull(),
    name: string(190).notNull(),
    keyId: string(16).notNull(),
    sealed: bytes().notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.type, t.name] })],
);

/** Erased credentials wait here for a day: their rows carry this id instead of the account's. */
export const waQuarantine = table('wa_quarantine', {
  id: id().primaryKey(),
  accountId: id().notNull(),
  erasedAt: timestamp().notNull(),
});

/** What is known of who is who: phone number and LID of a contact, per session. */
export const waContacts = table(
  'wa_contacts',
  {
    accountId: id().notNull(),
    lid: string(32).notNull(),
    phone: string(20).notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.lid] }),
    index('wa_contacts_phone_ix').on(t.accountId, t.phone),
  ],
);

/** People that a session knows: as the history of its phone told at linking, and by the names that their messages bring. */
export const waPeople = table(
  'wa_people',
  {
    accountId: id().notNull(),
    /** canonical: `628…@s.whatsapp.net` or `…@lid` */
    jid: string(64).notNull(),
    /** as the phone of the session has saved it */
    name: string(190),
    /** as they call themselves */
    pushName: string(190),
    /** there is a chat with them: the session is no stranger to them */
    hasChat: boolean().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.jid] })],
);

/** Numbers that WhatsApp knows under another spelling, as its directory answered a session of that user. */
export const waAliases = table(
  'wa_aliases',
  {
    userId: int().notNull(),
    /** E.164 digits as they were dialled */
    alias: string(20).notNull(),
    /** E.164 digits of the account behind it */
    phone: string(20).notNull(),
    lid: string(32),
    updatedAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.alias] }), index('wa_aliases_phone_ix').on(t.userId, t.phone)],
);

/** History: every message, in and out, and what became of it. */
export const messages = table(
  'messages',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    accountId: id().notNull(),
    /** as the client named it, kept after the session is deleted */
    sessionId: string(100).notNull(),
    /** the id on the wire, fixed before the first attempt */
    messageId: string(64).notNull(),
    direction: oneOf('in', 'out').notNull(),
    /** canonical JID of the other side: a phone number, a LID or a group */
    peer: string(80).notNull(),
    /** E.164 digits of the other side; null for a LID that is not known, or a group */
    phone: string(20),
    lid: string(32),
    /** who wrote it inside a group */
    participant: string(80),
    /** the same as WhatsApp named them, each time that it delivered the message; empty where a chat has one other side */
    author: string(80).notNull().default(''),
    /** the broadcast it belongs to */
    campaignId: id(),
    /** `phone`: the owner has sent it from the phone or another device of it; null: it came in, or was sent by us */
    source: oneOf('phone'),
    type: string(20).notNull(),
    content: json<unknown>().notNull(),
    /** its first content, of a message that was edited since */
    original: json<unknown>(),
    /** the id on the wire of the newest edit or deletion of it that was queued */
    amendedBy: string(64),
    editedAt: timestamp(),
    revokedAt: timestamp(),
    /** until when it is pinned in its chat; null: it is not */
    pinnedUntil: timestamp(),
    /** when the newest pin, or the end of one, was made */
    pinSetAt: timestamp(),
    /** when the account has starred it; null: it has not */
    starredAt: timestamp(),
    status: oneOf(...MESSAGE_STATUSES).notNull(),
    priority: int().notNull().default(1),
    attempts: int().notNull().default(0),
    errorCode: string(40),
    errorMessage: string(300),
    /** of a message that was sent: the devices it could not be encrypted for */
    leftOut: json<LeftOut[]>(),
    scheduledAt: timestamp(),
    expiresAt: timestamp(),
    queuedAt: timestamp(),
    sendingAt: timestamp(),
    sentAt: timestamp(),
    deliveredAt: timestamp(),
    readAt: timestamp(),
    failedAt: timestamp(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    uniqueIndex('messages_author_uq').on(t.accountId, t.direction, t.messageId, t.peer, t.author),
    index('messages_user_ix').on(t.userId, t.createdAt, t.id),
    index('messages_account_ix').on(t.accountId, t.createdAt, t.id),
    index('messages_public_ix').on(t.messageId),
    index('messages_chat_ix').on(t.userId, t.peer, t.createdAt, t.id),
    // On SQLite the migrations leave out of it what belongs to no campaign, whose every step would write to it; drizzle-kit's
    // `push` cannot compare such an index.
    index('messages_campaign_ix').on(t.campaignId, t.status, t.id),
  ],
);

/** The work that is left: a row goes when its message is settled. `id` is the id of the history row. */
export const messageQueue = table(
  'message_queue',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    accountId: id().notNull(),
    messageId: string(64).notNull(),
    recipient: string(80).notNull(),
    status: oneOf('pending', 'sending').notNull(),
    /** 0 high, 1 normal, 2 low */
    priority: int().notNull(),
    availableAt: timestamp().notNull(),
    /**
     * When it was due before it stepped aside, because strangers may not be written to; null: it did not. Declared after
     * `availableAt`: MySQL sets columns in this order, and that one is set from this one.
     */
    dueAt: timestamp(),
    expiresAt: timestamp(),
    attempts: int().notNull().default(0),
    claimedFence: bigint(),
  },
  (t) => [index('message_queue_due_ix').on(t.accountId, t.status, t.priority, t.availableAt, t.id)],
);

/** One row an attempt, kept 25 h: the limits are an exact sliding window over it. */
export const sendAttempts = table(
  'send_attempts',
  {
    id: id().primaryKey(),
    accountId: id().notNull(),
    recipient: string(80).notNull(),
    priority: int().notNull(),
    at: timestamp().notNull(),
  },
  (t) => [index('send_attempts_ix').on(t.accountId, t.at)],
);

/** A person whom a session wrote to as a stranger, kept 40 days: the limit of first contacts counts these. */
export const firstContacts = table(
  'first_contacts',
  {
    accountId: id().notNull(),
    /** phone number or canonical JID */
    person: string(80).notNull(),
    /** the newest attempt to write to them */
    at: timestamp().notNull(),
    /** the attempt that made the row, which may be given back; null: not any more */
    attemptId: id(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.person] }),
    index('first_contacts_at_ix').on(t.accountId, t.at),
    index('first_contacts_old_ix').on(t.at),
  ],
);

/**
 * The lock of a session's first contacts: whoever counts or spends them writes to this row first. Nothing else does, so that
 * those who wait for it hold up neither the events nor the codes of the session.
 */
export const contactTurns = table('contact_turns', {
  accountId: id().primaryKey(),
  /** how many there were: it changes each time, or the nodes of a cluster would not notice each other */
  turns: bigint().notNull(),
});

/** Shared counters of the HTTP limits and of the login throttle. */
export const rateLimits = table(
  'rate_limits',
  {
    key: string(190).primaryKey(),
    windowStart: timestamp().notNull(),
    count: bigint().notNull(),
    expiresAt: timestamp().notNull(),
  },
  (t) => [index('rate_limits_expiry_ix').on(t.expiresAt)],
);

/** What a POST with an Idempotency-Key was answered; written in the transaction of the change. */
export const idempotencyKeys = table(
  'idempotency_keys',
  {
    userId: int().notNull(),
    key: string(190).notNull(),
    hash: string(64).notNull(),
    status: oneOf('running', 'done').notNull(),
    responseStatus: int(),
    response: json<unknown>(),
    createdAt: timestamp().notNull(),
    expiresAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.key] }), index('idempotency_keys_expiry_ix').on(t.expiresAt)],
);

export * from './schema/accounts.ts';
export * from './schema/activity.ts';
export * from './schema/alarms.ts';
export * from './schema/broadcast.ts';
export * from './schema/cluster.ts';
export * from './schema/identities.ts';
export * from './schema/inbound.ts';
export * from './schema/mail.ts';
export * from './schema/media.ts';
export * from './schema/otp.ts';
export * from './schema/requests.ts';
export * from './schema/sign-ins.ts';
export * from './schema/usage.ts';
export * from './schema/webhooks.ts';
export * from './schema/workspaces.ts';
