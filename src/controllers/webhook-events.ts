/** Bodies of webhooks, for the API's description. Live events carry the same. */
import { z } from 'zod';
import { WEBHOOK_EVENTS } from '../events/table.ts';
import { INBOUND_EXAMPLES, InboundContentOutput } from '../services/inbound/schemas.ts';
import { exampleOf } from '../services/webhooks/samples.ts';
import { Timestamp } from './schemas.ts';

const session = {
  sessionId: z.string(),
  session: z.string(),
  seq: z.int().describe('counts the events of the session; a higher one is later'),
};
const person = {
  messageId: z.string(),
  phone: z.string().nullable().describe('E.164 with `+`; null when WhatsApp does not tell'),
  lid: z.string().nullable().describe('`…@lid`'),
  chat: z.string().nullable().describe('the JID of the conversation'),
  isGroup: z.boolean(),
};

const ReceivedEvent = z
  .object({
    type: z.literal('message.received'),
    timestamp: Timestamp,
    data: z.object({
      ...session,
      ...person,
      id: z.string().optional().describe('of the message in the history'),
      status: z.literal('received'),
      pushName: z.string().nullable().optional().describe('the name that the sender has given themselves'),
      type: z.string().optional().describe('the type of `content`'),
      from: z.string().nullable().describe('the sender, accepted as `to`'),
      participant: z.string().nullable().describe('in a group: the JID of the sender'),
      content: InboundContentOutput.nullable().describe('null when the message is not kept any more'),
    }),
  })
  .meta({ id: 'MessageReceivedEvent' });

const OtherEvent = z
  .object({
    type: z.enum(WEBHOOK_EVENTS),
    timestamp: Timestamp,
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'WebhookEvent' });

/** By name of the event: the schema of its body, and examples. */
export const WEBHOOK_BODIES: Record<string, { schema: z.ZodType; examples?: Record<string, unknown> }> =
  Object.fromEntries(
    WEBHOOK_EVENTS.map((name) => [
      name,
      name === 'message.received'
        ? { schema: ReceivedEvent, examples: receivedExamples() }
        : { schema: OtherEvent, examples: { example: exampleOf(name) } },
    ]),
  );

function receivedExamples(): Record<string, unknown> {
  const data = {
    sessionId: 'main',
    session: 'main',
    seq: 4711,
    messageId: '3EB0A9C1D2E3F4A5B6C7D8',
    status: 'received',
    phone: '+6281234567890',
    lid: '123456789012345@lid',
    chat: '6281234567890@s.whatsapp.net',
    isGroup: false,
    from: '+6281234567890',
    participant: null,
  };
  return Object.fromEntries(
    Object.values(INBOUND_EXAMPLES).map((content) => [
      content.type,
      {
        type: 'message.received',
        timestamp: '2026-01-01T08:30:00.125Z',
        data: { ...data, type: content.type, content },
      },
    ]),
  );
}
