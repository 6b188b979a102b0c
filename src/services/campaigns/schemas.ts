/** The inputs and outputs of the campaign verbs, for every surface. */

import { z } from 'zod';
import { CAMPAIGN_STATUSES } from '../../db/schema.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { cursorQuery, nameOf, pageQuery } from '../fields.ts';
import { WaitingFor } from '../messages/schemas.ts';
import { PoolSessions } from '../pools.ts';

/** WhatsApp's own limit for one text. */
const MAX_TEXT = 65_536;
/** More belong on a list. */
const MAX_NUMBERS = 10_000;
/** The documents' lower bound; the account's own pace may be slower. */
const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = HOUR_MS;

const name = nameOf(190);
const delay = z.coerce
  .number()
  .int('must be whole milliseconds')
  .min(MIN_DELAY_MS, `must be at least ${MIN_DELAY_MS}`)
  .max(MAX_DELAY_MS, `must be at most ${MAX_DELAY_MS}`);
const text = z.string().min(1, 'must not be empty').max(MAX_TEXT, `must have at most ${MAX_TEXT} characters`);
const type = z.string().trim().min(1).max(20);
const content = z.union([text, z.record(z.string(), z.unknown())]);
const clockTime = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 21:00')
  .transform((value) => Number(value.slice(0, 2)) * 60 + Number(value.slice(3)));

const message = {
  message: text.optional().describe('the text, or the caption; `{name}`, `{number}` and every column'),
  type: type.optional().describe('`text` when missing; otherwise as the sends'),
  messageType: type.optional().describe('the same as `type`'),
  content: content.optional().describe('the fields of a send of that type, or the text'),
  messageContent: content.optional().describe('the same as `content`'),
  templateId: z.string().min(1).max(64).optional().describe('a saved text instead of `message`'),
};

const pace = {
  campaignName: name.optional(),
  delayBetweenMessages: delay
    .optional()
    .describe(
      "milliseconds between two messages of the campaign, whichever session sends; a session's own pace counts when it is slower",
    ),
  delay: delay.optional().describe('the same as `delayBetweenMessages`'),
  dailyCap: z.int().min(1).max(1_000_000).optional().describe('campaign messages of each session a day'),
  warmUp: z
    .boolean()
    .optional()
    .describe('fewer people a day who do not know the session, while its link is young'),
  quietHours: z
    .object({ from: clockTime, to: clockTime })
    .optional()
    .describe("nothing is sent between these times of the recipient's day"),
  checkNumbers: z.boolean().optional().describe('look numbers up at WhatsApp before writing to them'),
  failurePercent: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('share of failures among the last 100 messages at which it pauses itself'),
};

const senders = {
  sessions: PoolSessions.optional().describe(
    'several sessions send it, that of the address among them: each recipient gets it from the one that they know, or from one that has room',
  ),
  pool: z
    .string()
    .min(1)
    .max(120)
    .optional()
    .describe('the same with the sessions of a saved pool as they are now, by name or id'),
};

const target = {
  listId: z.string().min(1).max(64).optional(),
  numbers: z
    .array(z.union([z.string().trim().max(MAX_WRITTEN), z.number()]).transform(String))
    .min(1, 'must hold a number')
    .max(MAX_NUMBERS, `must hold at most ${MAX_NUMBERS}: more belong on a list`)
    .optional(),
};

const timeZone = z.string().trim().min(1).max(64);
const schedule = {
  scheduledAt: z.string().max(40).optional().describe('ISO 8601; without an offset a time in `timezone`'),
  timezone: timeZone.optional().describe('IANA name, for `scheduledAt` without offset and for `cron`'),
  cron: z
    .string()
    .trim()
    .min(9)
    .max(120)
    .optional()
    .describe('five fields: a campaign of its own each time, to whoever is on the list then'),
};

export const SendCampaignInput = z.object({ ...senders, ...target, ...message, ...pace });
export type SendCampaignInput = z.infer<typeof SendCampaignInput>;
const forSchedule = z
  .never('is for POST …/broadcast/schedule: this call starts the campaign at once, so nothing was done')
  .optional()
  .describe('refused: POST …/broadcast/schedule takes it');
/** The same as a request: whoever gives a time must not be served at once. */
export const SendCampaignBody = SendCampaignInput.extend({ scheduledAt: forSchedule, cron: forSchedule });
export const ScheduleCampaignInput = z.object({ ...senders, ...target, ...message, ...pace, ...schedule });
export type ScheduleCampaignInput = z.infer<typeof ScheduleCampaignInput>;
export const UpdateCampaignInput = z.object({
  ...message,
  ...pace,
  quietHours: pace.quietHours.unwrap().nullable().optional().describe('null: none any more'),
  dailyCap: pace.dailyCap.unwrap().nullable().optional().describe('null: none any more'),
  failurePercent: pace.failurePercent.unwrap().nullable().optional().describe('null: the usual one again'),
  scheduledAt: schedule.scheduledAt,
  timezone: schedule.timezone,
});
export type UpdateCampaignInput = z.infer<typeof UpdateCampaignInput>;
export const CloneCampaignInput = z.object({
  campaignName: name.optional(),
  scheduledAt: schedule.scheduledAt,
  timezone: schedule.timezone,
});
export type CloneCampaignInput = z.infer<typeof CloneCampaignInput>;
export const campaignFilter = { status: z.enum(CAMPAIGN_STATUSES).optional() };
export type CampaignFilter = z.output<z.ZodObject<typeof campaignFilter>>;

const time = z.iso.datetime().nullable();
const count = z.int();

export const CampaignStatistics = z
  .object({
    total: count.describe('recipients; until it begins, as many as there would be now'),
    pending: count.describe('not handed to the queue yet'),
    queued: count.describe('in the queue or on their way'),
    sent: count.describe("acknowledged by WhatsApp's server, the delivered and read ones too"),
    delivered: count.describe('arrived, the read ones too'),
    read: count,
    failed: count,
    skipped: count.describe('opted out, not on WhatsApp, canceled, not reached before the stop, …'),
    progressPercent: z
      .number()
      .describe('share that is through with it; of a stopped or failed campaign the share that was sent'),
    ratePerMinute: z.number().describe('as observed, or as the pace allows before anything was observed'),
    etaSeconds: count.nullable(),
    estimatedFinishAt: time,
  })
  .meta({ id: 'CampaignStatistics' });
export type CampaignStatistics = z.infer<typeof CampaignStatistics>;

export const CampaignSenderOutput = z
  .object({
    sessionId: z.string(),
    status: z.string().nullable().describe('null: the session was deleted'),
    queued: count.describe('in its queue or on their way'),
    sent: count,
    delivered: count,
    read: count,
    failed: count,
  })
  .meta({ id: 'CampaignSender' });
export type CampaignSenderOutput = z.infer<typeof CampaignSenderOutput>;

export const CampaignRecall = z
  .object({
    since: z.iso.datetime(),
    isOver: z.boolean().describe('nothing more will be deleted'),
    revoked: count.describe('deleted for everyone'),
    queued: count.describe('their deletion waits, or is on its way'),
    pending: count.describe('their deletion is still to be queued'),
    failed: count.describe('their deletion failed or came too late'),
    tooLate: count.describe('sent more than 60 hours ago: WhatsApp deletes them no more'),
  })
  .meta({ id: 'CampaignRecall' });
export type CampaignRecall = z.infer<typeof CampaignRecall>;

export const CampaignOutput = z
  .object({
    id: z.string(),
    campaignId: z.string(),
    name: z.string(),
    campaignName: z.string(),
    sessionId: z.string(),
    senders: z
      .array(CampaignSenderOutput)
      .nullable()
      .describe('the sessions that send it, each with its part; null: its own alone'),
    poolId: z.string().nullable().describe('the pool that they were taken from'),
    status: z.enum(CAMPAIGN_STATUSES),
    reason: z.string().nullable().describe('why it is paused, stopped or failed'),
    reasonMessage: z.string().nullable(),
    waitingFor: WaitingFor,
    waitingUntil: time.describe('until when the first of these lasts; null: not known'),
    listId: z.string().nullable(),
    templateId: z.string().nullable(),
    type: z.string(),
    content: z.unknown().describe('placeholders unfilled'),
    delayBetweenMessages: count,
    options: z.record(z.string(), z.unknown()),
    totalContacts: count,
    statistics: CampaignStatistics,
    recall: CampaignRecall.nullable()
      .optional()
      .describe('how far the recall is; null: none was asked for since it was last sent; lists leave it out'),
    scheduledAt: time,
    timezone: z.string().nullable(),
    cron: z.string().nullable(),
    nextRunAt: time,
    originId: z.string().nullable().describe('the campaign it was made from'),
    origin: z.string().nullable(),
    createdAt: z.iso.datetime(),
    startedAt: time,
    pausedAt: time,
    resumedAt: time,
    finishedAt: time,
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Campaign' });
export type CampaignOutput = z.infer<typeof CampaignOutput>;

/** The short answer of what makes a campaign. */
export const MadeCampaign = z
  .object({
    id: z.string(),
    campaignId: z.string(),
    name: z.string(),
    status: z.enum(CAMPAIGN_STATUSES),
    totalContacts: count,
    scheduledAt: time,
    timezone: z.string().nullable().describe('the zone in which a time without one was read'),
    invalid: count.describe('numbers of the request that are none: skipped'),
    duplicates: count.describe('numbers that were there twice: written to once'),
  })
  .meta({ id: 'MadeCampaign' });
export type MadeCampaign = z.infer<typeof MadeCampaign>;

export const RECIPIENT_STATUSES = [
  'pending',
  'queued',
  'sent',
  'delivered',
  'read',
  'failed',
  'skipped',
] as const;

export type RecipientStatus = (typeof RECIPIENT_STATUSES)[number];

export const recipientsQuery = {
  limit: pageQuery.limit,
  ...cursorQuery,
  state: z.enum(RECIPIENT_STATUSES).optional().describe('only those in this state'),
};
export type RecipientsQuery = z.output<z.ZodObject<typeof recipientsQuery>>;

export const CampaignRecipient = z
  .object({
    number: z.string(),
    name: z.string().nullable(),
    state: z.enum(RECIPIENT_STATUSES),
    reason: z.string().nullable(),
    reasonMessage: z.string().nullable().describe('the reason in words'),
    variant: z.string().nullable().describe('the alternatives that were chosen'),
    messageId: z.string().nullable(),
    sessionId: z.string().nullable().describe('whose queue it went to'),
    queuedAt: time,
    sentAt: time,
    deliveredAt: time,
    readAt: time,
    failedAt: time,
    waitingUntil: time.describe('until when a recipient who was deferred waits at least'),
    readings: z
      .array(z.string())
      .describe(
        'what the number can be, where it was skipped because it can be read in several ways: write one of these',
      ),
  })
  .meta({ id: 'CampaignRecipient' });
export type CampaignRecipient = z.infer<typeof CampaignRecipient>;
