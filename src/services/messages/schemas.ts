/** The inputs and outputs of the message verbs, for every surface. */
import { z } from 'zod';
import { MESSAGE_STATUSES } from '../../db/schema.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { parseLocalTime } from '../../utils/time-zone.ts';
import { MessageContentOutput } from '../inbound/schemas.ts';
import { senderFields } from '../pools.ts';

/** WhatsApp's own limit for one text. */
const MAX_TEXT = 65_536;

/** A JID, a phone number in any usual spelling, or a group's id. */
export const RecipientInput = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(MAX_WRITTEN, `must have at most ${MAX_WRITTEN} characters`);

const PriorityInput = z.enum(['high', 'normal', 'low']);

const Instant = z.iso
  .datetime({ offset: true, error: 'must be a time in ISO 8601, as in 2026-01-31T08:00:00Z' })
  .transform((text) => Date.parse(text));

/** Epoch milliseconds, or the text of a time without a zone: that is the service's, which a schema does not know. */
export const Moment = z
  .string()
  .max(40)
  .transform((text, issues): number | string => {
    const instant = Instant.safeParse(text);
    if (instant.success) return instant.data;
    if (parseLocalTime(text) !== null) return text;
    issues.addIssue({ code: 'custom', message: 'must be a time in ISO 8601, as in 2026-01-31T08:00:00Z' });
    return z.NEVER;
  });

/** Fields that every send takes in addition to its content. */
export const sendFields = {
  session: z.string().min(1).max(100).optional().describe('the session that sends'),
  ...senderFields,
  to: RecipientInput.describe('a phone number in any usual spelling, or a group (`…@g.us`)'),
  isGroup: z.boolean().optional().describe('`to` is the id of a group'),
  priority: PriorityInput.optional().describe(
    '`high` overtakes everything that waits; `normal` when missing',
  ),
  scheduledAt: Moment.optional().describe(
    'not to be sent before; without a zone it is a time in your own zone, or else in that of the service (TZ_HOUSEKEEPING)',
  ),
  quotedMessageId: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('answers that message of the same session, in or out'),
  expiresAt: Moment.optional().describe('not to be sent after: it then ends as `expired`'),
};

/** `to` of what channels take as well. */
export const ToOrChannel = RecipientInput.describe(
  'a phone number in any usual spelling, or a group (`…@g.us`), or an own channel (`…@newsletter`)',
);

export const WaitingFor = z
  .array(
    z.object({
      reason: z
        .string()
        .describe(
          '`scheduled`, `paused`, `quiet_hours`, `minute_limit`, `hour_limit`, `recipient_limit`, `retry`, ' +
            '`breaker_463`, … or the status of a session that is not connected',
        ),
      until: z.iso.datetime().nullable().describe('null: not known'),
      text: z.string().describe('for a person'),
      fix: z.string().nullable().describe('what can be done about it'),
    }),
  )
  .meta({
    id: 'WaitingFor',
    description:
      'what is in the way, what lasts longest first; empty: its turn comes by the pace of the session',
  });
export type WaitingFor = z.infer<typeof WaitingFor>;

export const TextInput = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_TEXT, `must have at most ${MAX_TEXT} characters`);

const time = z.iso.datetime().nullable();

const MessageStatusOutput = z.enum(MESSAGE_STATUSES).meta({ id: 'MessageStatus' });

/** The answer to a send. */
export const SentMessage = z
  .object({
    messageId: z.string().describe('the id on WhatsApp, fixed before sending and kept on every retry'),
    targetId: z.string().optional().describe('the message that an edit or a deletion is about'),
    session: z.string(),
    sessionId: z.string(),
    to: z.string(),
    type: z.string(),
    status: MessageStatusOutput,
    estimatedSendAt: time.describe('not before what it waits for ends; null when that is not known'),
    waitingFor: WaitingFor,
    scheduledAt: time,
    timezone: z.string().optional().describe('the zone in which a time without one was read'),
    rendering: z
      .enum(['native', 'text'])
      .optional()
      .describe('of buttons and lists: as WhatsApp buttons, or as a numbered text'),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: 'SentMessage' });
export type SentMessage = z.infer<typeof SentMessage>;

/** Safe because it only widens: what the history holds is described, and not checked again when it is read. */
const asUnknown = (schema: z.ZodType): z.ZodType<unknown> => schema;

export const MessageOutput = z
  .object({
    messageId: z.string(),
    session: z.string(),
    sessionId: z.string(),
    direction: z.enum(['in', 'out']),
    source: z
      .enum(['api', 'phone'])
      .nullable()
      .describe(
        'who has sent an outbound message: this service, or the owner from the phone or another linked device',
      ),
    to: z.string().nullable().describe('the recipient of an outbound message, or the group'),
    from: z.string().nullable().describe('the sender of an inbound message'),
    name: z
      .string()
      .nullable()
      .describe(
        'of `to` or `from`: as the phone of the session has saved it, else as they call themselves. Null when not known, and in answers to what changes a message',
      ),
    chat: z.string().describe('the JID of the conversation'),
    type: z.string(),
    content: asUnknown(MessageContentOutput).describe(
      'null where it is a secret, and in answers to what changes a message, for a key without the scope `read`. Of inbound messages: the fields of its type, and `quoted`, `mentions`, `forwarded`, `referral`, `expiration` where they apply (docs/engines.md, what comes in)',
    ),
    original: asUnknown(MessageContentOutput).describe(
      'its first content, of a message that was edited since; else null, as `content` is',
    ),
    editedAt: time.describe('when it was edited last'),
    revokedAt: time.describe('when it was deleted for everyone; what it said stays in the history'),
    pinnedUntil: time.describe('until when it is pinned in its chat; null: it is not, as far as was told'),
    starredAt: time.describe('when the account has starred it; null: it has not, as far as was told'),
    status: MessageStatusOutput,
    priority: PriorityInput,
    attempts: z.int(),
    errorCode: z.string().nullable(),
    errorMessage: z.string().nullable(),
    notReached: z
      .array(
        z.object({
          to: z.string().describe('a person: `+` and digits, or a LID'),
          devices: z.array(z.int()).describe('their devices; 0 is the phone itself'),
          all: z.boolean().describe('no device of theirs got it'),
        }),
      )
      .describe('who did not get a message that was sent, since WhatsApp has no usable keys of theirs'),
    scheduledAt: time,
    expiresAt: time,
    queuedAt: time,
    sendingAt: time,
    sentAt: time,
    deliveredAt: time,
    readAt: time,
    failedAt: time,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'MessageOutput' });
export type MessageOutput = z.infer<typeof MessageOutput>;

/** One message, with what it waits for. */
export const MessageDetail = MessageOutput.extend({
  estimatedSendAt: time.describe('while it is queued; null when not known'),
  waitingFor: WaitingFor,
}).meta({ id: 'MessageDetail' });
export type MessageDetail = z.infer<typeof MessageDetail>;

export const ListFilters = {
  session: z.string().min(1).max(100).optional(),
  direction: z.enum(['in', 'out']).optional(),
  status: z.enum(MESSAGE_STATUSES).optional(),
  to: RecipientInput.optional().describe(
    'the other side: a phone number in any usual spelling, a LID, a group, a channel (`…@newsletter`), a list of people (`…@broadcast`) or `status@broadcast`',
  ),
  type: z.string().min(1).max(20).optional(),
  since: Instant.optional(),
  until: Instant.optional(),
};

/** `until`: epoch milliseconds. */
export const PauseFields = {
  until: Instant.optional().describe('goes on by itself then; until it is resumed when missing'),
};

export const QueueStatus = z
  .object({
    session: z.string(),
    sessionId: z.string(),
    pending: z.int(),
    processing: z.int(),
    completed: z.int().describe('sent, delivered or read, of the last 24 h'),
    failed: z.int().describe('of the last 24 h'),
    expired: z.int(),
    canceled: z.int(),
    oldestDueAt: time.describe('since when the message waits that has waited longest, of those that may go'),
    isProcessing: z.boolean().describe('a message is being sent, or one is due and nothing holds it'),
    isPaused: z.boolean().describe('by a person: nothing leaves, whatever its priority'),
    pausedUntil: time.describe('null with `isPaused`: until somebody resumes it'),
    reason: z.string().nullable().describe('why nothing is sent at the moment, e.g. paused, hour_limit'),
    waitingFor: WaitingFor.describe('what the message that comes next waits for'),
  })
  .meta({ id: 'QueueStatus' });
export type QueueStatus = z.infer<typeof QueueStatus>;
