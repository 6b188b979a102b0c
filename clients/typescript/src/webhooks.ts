/** Is this event really from the service? (Standard Webhooks) */
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import type { operations } from './api.ts';

type Subscribed = operations['postWebhook']['requestBody']['content']['application/json']['events'][number];
/** The names of events; `webhook.test` is the one that you ask for. */
export type EventName = Exclude<Subscribed, '*'> | 'webhook.test';

/** What a webhook tells. */
export interface WebhookEvent {
  type: EventName;
  /** when it happened, ISO 8601 */
  timestamp: string;
  /** of a session: `sessionId`, and `seq`, which grows from event to event */
  data: Record<string, unknown> & { sessionId?: string; seq?: number };
}

/** A verified event and its id: it can come twice, then with the same one. */
export interface Delivery {
  id: string;
  event: WebhookEvent;
}

type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

const OURS = /^whsec_[A-Za-z0-9+/]+={0,2}$/;
const NAMES = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;

/**
 * Checks signature and age (five minutes at most) and gives the event; null for what is not genuine. `body` is the
 * body as it came, not parsed and written again. During a rotation either secret will do.
 */
export function verifyWebhook(secret: string, headers: HeadersLike, body: string): Delivery | null {
  const [id, timestamp, signature] = NAMES.map((name) => readHeader(headers, name));
  if (!id || !timestamp || !signature) return null;
  const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  try {
    verifierOf(secret).verify(body, signed, { jsonParse: false });
  } catch (error) {
    if (error instanceof WebhookVerificationError) return null;
    throw error;
  }
  return { id, event: toEvent(JSON.parse(body)) };
}

/** Secrets of the service are `whsec_` and base64; one that an operator typed counts byte for byte. */
function verifierOf(secret: string): Webhook {
  if (OURS.test(secret) && (secret.length - 'whsec_'.length) % 4 === 0) return new Webhook(secret);
  return new Webhook(new TextEncoder().encode(secret), { format: 'raw' });
}

function readHeader(headers: HeadersLike, name: string): string | null {
  if (headers instanceof Headers) return headers.get(name);
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

/** Safe because the signature says that the service wrote it. */
function toEvent(value: unknown): WebhookEvent {
  return value as WebhookEvent;
}
