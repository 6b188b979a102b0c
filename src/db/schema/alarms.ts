/** What needs a person, who is told of it, and what was told. */
import { id, index, int, json, oneOf, string, table, text, timestamp, uniqueIndex } from '../kit.ts';
import { MAIL_LANGUAGES } from './mail.ts';

export const ALARM_KINDS = [
  'session_ended',
  'session_away',
  'link_needed',
  'restricted',
  'webhook_down',
  'conversion_low',
  'queue_late',
  'limit_reached',
  'workspace_suspended',
] as const;

export const ALERT_CHANNEL_TYPES = ['email', 'telegram', 'webhook'] as const;

/** Where a workspace is told of its alarms. */
export const alertChannels = table(
  'alert_channels',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    name: string(120).notNull(),
    type: oneOf(...ALERT_CHANNEL_TYPES).notNull(),
    /** kinds of alarms, or `*` */
    kinds: json<string[]>().notNull(),
    /** an e-mail address, the id of a chat, or a URL */
    target: string(2048).notNull(),
    /** sealed: the token of the bot, or what signs a webhook; null: there is none */
    secret: text(),
    language: oneOf(...MAIL_LANGUAGES).notNull(),
    status: oneOf('active', 'disabled').notNull(),
    /** why the newest attempt failed; null: it did not */
    failure: string(300),
    lastSentAt: timestamp(),
    createdAt: timestamp().notNull(),
    updatedAt: timestamp().notNull(),
  },
  (t) => [index('alert_channels_user_ix').on(t.userId, t.createdAt, t.id)],
);

/** An alarm from its begin to its end, of workspaces that have a channel; kept for some days after it. */
export const alarms = table(
  'alarms',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    /** workspace and key while it is open, else null: each alarm is open once */
    openKey: string(140),
    kind: oneOf(...ALARM_KINDS).notNull(),
    /** what was known of it last: names and counts, no secret, no code */
    data: json<Record<string, unknown>>().notNull(),
    beganAt: timestamp().notNull(),
    endedAt: timestamp(),
  },
  (t) => [
    uniqueIndex('alarms_open_uq').on(t.openKey),
    index('alarms_user_ix').on(t.userId, t.beganAt, t.id),
    index('alarms_ended_ix').on(t.endedAt),
  ],
);

/** What a channel is told: that an alarm began, and that it is solved. Written with the alarm, sent later. */
export const alertNotices = table(
  'alert_notices',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    channelId: id().notNull(),
    /** alarms.id */
    alarmId: id().notNull(),
    phase: oneOf('began', 'solved').notNull(),
    /** `dropped`: it could not be sent for a day */
    state: oneOf('waiting', 'sent', 'dropped').notNull(),
    /** there were too many in its hour: it goes into a summary */
    held: int().notNull().default(0),
    attempts: int().notNull().default(0),
    /** of one that is being sent: when somebody else may try */
    nextAttemptAt: timestamp().notNull(),
    createdAt: timestamp().notNull(),
  },
  (t) => [
    uniqueIndex('alert_notices_once_uq').on(t.channelId, t.alarmId, t.phase),
    index('alert_notices_due_ix').on(t.state, t.nextAttemptAt, t.id),
    index('alert_notices_channel_ix').on(t.channelId, t.state, t.id),
    index('alert_notices_alarm_ix').on(t.alarmId),
  ],
);
