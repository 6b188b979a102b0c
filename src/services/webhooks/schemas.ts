/** The inputs and outputs of the webhook verbs, for every surface. */
import { z } from 'zod';
import { OUTBOX_STATES, REPLAY_STATES } from '../../db/schema.ts';
import { WEBHOOK_EVENTS } from '../../events/table.ts';
import { cursorQuery, pageQuery, tenantQuery } from '../fields.ts';
import { SessionId } from '../sessions/schemas.ts';
import { HeadersInput } from './headers.ts';

const Url = z
  .string()
  .trim()
  .min(1)
  .max(2048, 'must have at most 2048 characters')
  .describe('http or https; private addresses are refused');

const Events = z
  .array(z.enum(['*', ...WEBHOOK_EVENTS]))
  .min(1, 'must name at least one event, or *')
  .max(WEBHOOK_EVENTS.length + 1)
  .describe('names of events; `*` for all of them');

const MessageContent = z
  .boolean()
  .describe(
    '`message.sent` carries the `content` of what you sent; of a code of `/otp/send` it is always null. A code that you ' +
      'write into a text yourself is a text',
  );

export const CreateWebhookInput = z.object({
  url: Url,
  events: Events,
  sessionId: SessionId.optional().describe('only events of this session; missing: all sessions'),
  headers: HeadersInput.optional(),
  messageContent: MessageContent.default(false),
});
export type CreateWebhookInput = z.input<typeof CreateWebhookInput>;

export const UpdateWebhookInput = z.object({
  url: Url.optional(),
  events: Events.optional(),
  sessionId: SessionId.nullable().optional().describe('null: all sessions'),
  status: z.enum(['active', 'disabled']).optional().describe('disabled: nothing is sent, nothing is kept'),
  headers: HeadersInput.optional().describe(
    'takes the place of all headers that there were; `null` as a value keeps the one that is there, unless the URL leads to another origin now',
  ),
  messageContent: MessageContent.optional(),
});
export type UpdateWebhookInput = z.input<typeof UpdateWebhookInput>;

/** A week at most: a secret that leaked must end. */
export const RotateSecretInput = z.object({
  graceMinutes: z
    .number()
    .int()
    .min(0)
    .max(10_080)
    .default(1440)
    .describe('how long the old secret signs too'),
});

export const WebhookOutput = z
  .object({
    id: z.string(),
    userId: z.int(),
    url: z.string(),
    events: z.array(z.string()),
    sessionId: z.string().nullable(),
    status: z.enum(['active', 'disabled']),
    previousSecretExpiresAt: z.iso
      .datetime()
      .nullable()
      .describe('until then the secret before the last rotation signs too'),
    headerNames: z.array(z.string()).describe('of your own headers; their values are never shown'),
    messageContent: MessageContent,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Webhook' });
export type WebhookOutput = z.infer<typeof WebhookOutput>;

export const UpdatedWebhook = WebhookOutput.extend({
  droppedHeaders: z
    .array(z.string())
    .describe('own headers that went because the URL leads elsewhere and their values were not given again'),
}).meta({ id: 'UpdatedWebhook' });
export type UpdatedWebhook = z.infer<typeof UpdatedWebhook>;

export const HealthState = z.enum(['unused', 'healthy', 'retrying', 'down']);

export const HealthOutput = z
  .object({
    state: HealthState.describe(
      '`down`: the last five attempts failed; `retrying`: the last one failed, or an event waits for another try; `unused`: nothing was sent yet',
    ),
    attempts: z.int().describe('in the last 24 hours, at most the newest 10,000'),
    successRate: z.number().nullable().describe('percent of them that were accepted; null without any'),
    waiting: z.int().nullable().describe('events that are still to be delivered; null: more than 10,000'),
    waitingSince: z.iso.datetime().nullable().describe('when the oldest of them happened'),
    lastAcceptedAt: z.iso.datetime().nullable().describe('within the last 24 hours'),
  })
  .meta({ id: 'WebhookHealth' });
export type HealthOutput = z.infer<typeof HealthOutput>;

export const WebhookWithHealth = WebhookOutput.extend({ health: HealthOutput }).meta({
  id: 'WebhookWithHealth',
});
export type WebhookWithHealth = z.infer<typeof WebhookWithHealth>;

export const DeliveryState = z.enum(OUTBOX_STATES);

const WaitingBehind = z.object({
  id: z.string(),
  event: z.string(),
  attempts: z.int(),
  nextAttemptAt: z.iso.datetime().nullable(),
  lastError: z.string().nullable(),
});

export const DeliveryOutput = z
  .object({
    id: z.string().describe('the `webhook-id` header, the same on every attempt'),
    webhookId: z.string(),
    event: z.string(),
    sessionId: z.string().nullable(),
    seq: z.int().nullable().describe("the session's number of this event"),
    state: DeliveryState,
    attempts: z.int(),
    nextAttemptAt: z.iso.datetime().nullable(),
    lastAttemptAt: z.iso.datetime().nullable(),
    lastStatus: z.int().nullable().describe('null: no answer came'),
    lastError: z.string().nullable(),
    waitingBehind: WaitingBehind.nullable().describe(
      'the earlier event of its session that has to be accepted first; null: it is first in line, or does not wait',
    ),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'WebhookDelivery' });
export type DeliveryOutput = z.infer<typeof DeliveryOutput>;

const SentRequest = z
  .object({
    headers: z.record(z.string(), z.string()).describe('values of your own headers are `[redacted]`'),
    body: z
      .string()
      .nullable()
      .describe('secrets and codes are `[redacted]`; what came in is shown as the history has it now'),
  })
  .nullable()
  .describe('null: an older release has sent it');

export const AttemptOutput = z
  .object({
    attempt: z.int(),
    status: z.int().nullable(),
    error: z.string().nullable(),
    durationMs: z.int(),
    at: z.iso.datetime(),
    request: SentRequest,
    response: z
      .object({ body: z.string().describe('at most 4,096 bytes') })
      .nullable()
      .describe('null: no answer came, or an older release has sent it'),
  })
  .meta({ id: 'WebhookAttempt' });
export type AttemptOutput = z.infer<typeof AttemptOutput>;

export const TestInput = z.object({
  event: z
    .enum(['webhook.test', ...WEBHOOK_EVENTS])
    .default('webhook.test')
    .describe('another event than `webhook.test` is an example of it, with `test: true` in its data'),
});

export const TestOutput = z.object({
  eventId: z.string(),
  event: z.string(),
  delivered: z.boolean(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  durationMs: z.int(),
  request: z.object({ headers: z.record(z.string(), z.string()), body: z.string() }),
  answer: z.string().describe('at most 4,096 bytes of what the receiver answered'),
});
export type TestOutput = z.infer<typeof TestOutput>;

export const ReplayInput = z.object({
  since: z.iso
    .datetime({ offset: true, error: 'must be a time like 2026-01-01T08:30:00Z' })
    .describe('events that happened from then on and could not be delivered; 30 days are kept'),
});

export const ReplayOutput = z
  .object({
    id: z.string(),
    webhookId: z.string(),
    state: z
      .enum(REPLAY_STATES)
      .describe('`done`: all have gone back to be delivered; `stopped`: on request, or the webhook is off'),
    since: z.iso.datetime(),
    until: z.iso.datetime(),
    found: z.int().nullable().describe('failed events when it began; null: more than 10,000'),
    replayed: z.int().describe('events that went back to be delivered so far'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'WebhookReplay' });
export type ReplayOutput = z.infer<typeof ReplayOutput>;

export const ListDeliveriesQuery = z.object({
  ...pageQuery,
  ...cursorQuery,
  state: DeliveryState.optional(),
  userId: tenantQuery.userId,
});
export type ListDeliveriesQuery = z.output<typeof ListDeliveriesQuery>;
