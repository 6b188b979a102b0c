/** Inputs and outputs of the verbs of alert channels. */
import { z } from 'zod';
import { ALARM_KINDS, ALERT_CHANNEL_TYPES, MAIL_LANGUAGES } from '../../db/schema.ts';
import { nameOf } from '../fields.ts';

export const AlertKind = z.enum(['*', ...ALARM_KINDS]);

const name = nameOf(120);
const kinds = z
  .array(AlertKind)
  .min(1, 'must name a kind')
  .max(ALARM_KINDS.length + 1, `must name at most ${ALARM_KINDS.length + 1} kinds`)
  .describe('what it is told of; `*` is everything');
const target = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(2000, 'must have at most 2000 characters')
  .describe('the e-mail address of a member, the id of a Telegram chat, or the URL of a webhook');
/** As Telegram makes them. */
const token = z
  .string()
  .trim()
  .max(100)
  .regex(/^\d{5,16}:[\w-]{20,80}$/, 'must be the token of a bot, as BotFather shows it')
  .describe('of the Telegram bot; kept sealed, and never shown again');
const language = z.enum(MAIL_LANGUAGES);
const status = z.enum(['active', 'disabled']);

export const ChannelFields = z.object({
  name,
  type: z.enum(ALERT_CHANNEL_TYPES),
  kinds,
  target,
  token: token.optional(),
  language: language.optional().describe('of the notices; that of the service when missing'),
});
export type ChannelFields = z.infer<typeof ChannelFields>;

export const ChannelChanges = z.object({
  name: name.optional(),
  kinds: kinds.optional(),
  target: target.optional(),
  token: token.optional(),
  language: language.optional(),
  status: status.optional(),
});
export type ChannelChanges = z.infer<typeof ChannelChanges>;

export const ChannelParams = z.object({ id: z.string().min(1).max(40) });

const time = z.iso.datetime().nullable();

export const AlertChannel = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.enum(ALERT_CHANNEL_TYPES),
    kinds: z.array(AlertKind),
    target: z.string(),
    language,
    status,
    failure: z.string().nullable().describe('why the newest attempt failed; null: it did not'),
    lastSentAt: time,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'AlertChannel' });
export type AlertChannel = z.infer<typeof AlertChannel>;

export const ChannelTest = z
  .object({ delivered: z.boolean(), error: z.string().nullable() })
  .meta({ id: 'AlertChannelTest' });
export type ChannelTest = z.infer<typeof ChannelTest>;

export const AlarmOutput = z
  .object({
    kind: z.enum([...ALARM_KINDS, 'service_trouble']),
    since: time.describe('null: not known'),
    until: time.describe('when it ends by itself; null: not known'),
    sessionId: z.string().nullable(),
    webhookId: z.string().nullable(),
    reason: z.string().nullable(),
    text: z.string().describe('for a person'),
    url: z.string().describe('the page that shows it'),
  })
  .meta({ id: 'Alarm' });
export type AlarmOutput = z.infer<typeof AlarmOutput>;
