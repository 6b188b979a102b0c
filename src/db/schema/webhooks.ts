/** Webhooks: who wants to hear of what, what is still to be told, and how each attempt went. */
import {
  bigint,
  boolean,
  id,
  index,
  int,
  json,
  oneOf,
  string,
  table,
  text,
  timestamp,
  uniqueIndex,
} from '../kit.ts';

export const OUTBOX_STATES = ['pending', 'delivered', 'dead'] as const;
export const REPLAY_STATES = ['running', 'done', 'stopped'] as const;

/** An address that a tenant wants its events sent to. */
export const webhooks = table(
  'webhooks',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    /** the session it is bound to, as its owner named it; null: all of the tenant's */
    sessionId: string(100),
    url: string(2048).notNull(),
    /** names of events, or `*` */
    events: json<string[]>().notNull(),
    status: oneOf('active', 'disabled').notNull(),
    /** sealed `whsec_…` */
    secret: string(512).notNull(),
    /** also signs until it expires */
    previousSecret: string(512),
    previousSecretExpiresAt: timestamp(),
    /** sealed JSON: those before `previousSecret` that still sign, with their ends; null: none */
    olderSecrets: text(),
    /** sealed JSON: headers of its owner that every request brings; null: none */
    headers: text(),
    /** names of these, to be shown */
    headerNames: json<string[]>(),
    /** `message.sent` tells what was sent, but never a code */
    messageContent: boolean().notNull().default(false),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [index('webhooks_user_ix').on(t.userId, t.createdAt, t.id)],
);

/**
 * One row an event and webhook, written in the transaction of the event; `id` is the `webhook-id` that the
 * receiver sees. What is sent is built from the activity row when it is sent.
 */
export const webhookOutbox = table(
  'webhook_outbox',
  {
    id: id().primaryKey(),
    /** webhooks.id, or `default` for the one of the whole service */
    webhookId: id().notNull(),
    userId: int().notNull(),
    accountId: id(),
    sessionId: string(100),
    lane: string(100).notNull(),
    /** the session's; 0 for facts of no session */
    seq: bigint().notNull(),
    activityId: id().notNull(),
    event: string(64).notNull(),
    state: oneOf(...OUTBOX_STATES).notNull(),
    /** attempts in all; a replay goes on counting */
    attempts: int().notNull().default(0),
    /** attempts since it was recorded or replayed, and how many of them the receiver refused for good (4xx) */
    tries: int().notNull().default(0),
    refusals: int().notNull().default(0),
    /** from then on a failure is final */
    giveUpAt: timestamp().notNull(),
    nextAttemptAt: timestamp(),
    /** how the last attempt went */
    lastStatus: int(),
    lastError: string(300),
    lastAttemptAt: timestamp(),
    /** SHA-256 of the body that the log of attempts has last kept: one that is the same again is not kept twice */
    keptBody: string(64),
    createdAt: timestamp().notNull(),
  },
  (t) => [
    index('webhook_outbox_lane_ix').on(t.lane, t.state, t.seq, t.id),
    index('webhook_outbox_list_ix').on(t.webhookId, t.createdAt, t.id),
    index('webhook_outbox_state_ix').on(t.webhookId, t.state, t.createdAt),
    index('webhook_outbox_age_ix').on(t.createdAt),
    index('webhook_outbox_activity_ix').on(t.activityId),
  ],
);

/**
 * One row a (webhook, session) with something pending: its events are delivered one after the other, and lanes
 * do not wait for one another. The process that moves `dueAt` from the past into the future owns the lane until then.
 */
export const webhookLanes = table(
  'webhook_lanes',
  {
    lane: string(100).primaryKey(),
    webhookId: id().notNull(),
    /** who is delivering; a new token at each claim */
    claim: id(),
    dueAt: timestamp().notNull(),
  },
  (t) => [index('webhook_lanes_due_ix').on(t.webhookId, t.dueAt)],
);

/** The log of attempts: what was sent and answered, without secrets, codes and contents of messages. */
export const webhookDeliveries = table(
  'webhook_deliveries',
  {
    id: id().primaryKey(),
    outboxId: id().notNull(),
    webhookId: id().notNull(),
    attempt: int().notNull(),
    /** null: no answer */
    status: int(),
    error: string(300),
    durationMs: int().notNull(),
    /** null: of a release that did not keep them */
    requestHeaders: json<Record<string, string>>(),
    /** null: as in the attempt before */
    requestBody: text(),
    responseBody: text(),
    at: timestamp().notNull(),
  },
  (t) => [
    index('webhook_deliveries_outbox_ix').on(t.outboxId, t.attempt),
    index('webhook_deliveries_recent_ix').on(t.webhookId, t.at, t.status),
    index('webhook_deliveries_age_ix').on(t.at),
  ],
);

/** Events of one webhook that failed and are delivered once more, some at a time. */
export const webhookReplays = table(
  'webhook_replays',
  {
    id: id().primaryKey(),
    webhookId: id().notNull(),
    /** webhookId while it runs, else null: one runs at a time */
    activeKey: id(),
    /** who asked for it */
    userId: int().notNull(),
    /** only events of this session; null: of all */
    sessionId: string(100),
    state: oneOf(...REPLAY_STATES).notNull(),
    since: timestamp().notNull(),
    until: timestamp().notNull(),
    /** how many failed events there were when it began; null: more than are counted */
    found: int(),
    /** how many went back to be delivered */
    replayed: int().notNull().default(0),
    /** the last event that was looked at */
    positionAt: timestamp(),
    positionId: id(),
    /** events that were taken last: the next ones wait until most of these have ended */
    window: json<string[]>().notNull(),
    /** grows with each step: of two processes one takes it */
    version: int().notNull().default(0),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [
    uniqueIndex('webhook_replays_active_uq').on(t.activeKey),
    index('webhook_replays_list_ix').on(t.webhookId, t.createdAt, t.id),
    index('webhook_replays_age_ix').on(t.createdAt),
  ],
);
