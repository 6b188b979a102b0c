/** The inputs and outputs of the webhook verbs, for every surface. */
import { z } from 'zod';
import { OUTBOX_STATES } from '../../db/schema.ts';
import { WEBHOOK_EVENTS } from '../../events/table.ts';
import { cursorQuery, pageQuery } from '../fields.ts';
import { SessionId } from '../sessions/schemas.ts';

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

export const CreateWebhookInput = z.object({
  url: Url,
  events: Events,
  sessionId: SessionId.optional().describe('only events of this session; missing: all sessions'),
});
export type CreateWebhookInput = z.input<typeof CreateWebhookInput>;

export const UpdateWebhookInput = z.object({
  url: Url.optional(),
  events: Events.optional(),
  sessionId: SessionId.nullable().optional().describe('null: all sessions'),
  status: z.enum(['active', 'disabled']).optional().describe('disabled: nothing is sent, nothing is kept'),
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
      .describe('until then the secret before the rotation signs too'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Webhook' });
export type WebhookOutput = z.infer<typeof WebhookOutput>;

export const DeliveryState = z.enum(OUTBOX_STATES);

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
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'WebhookDelivery' });
export type DeliveryOutput = z.infer<typeof DeliveryOutput>;

export const AttemptOutput = z.object({
  attempt: z.int(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  durationMs: z.int(),
  at: z.iso.datetime(),
});
export type AttemptOutput = z.infer<typeof AttemptOutput>;

export const TestOutput = z.object({
  eventId: z.string(),
  delivered: z.boolean(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  durationMs: z.int(),
  answer: z.string().describe('at most 1,000 bytes of what the receiver answered'),
});
export type TestOutput = z.infer<typeof TestOutput>;

export const ListDeliveriesQuery = z.object({
  ...pageQuery,
  ...cursorQuery,
  state: DeliveryState.optional(),
});
export type ListDeliveriesQuery = z.output<typeof ListDeliveriesQuery>;
