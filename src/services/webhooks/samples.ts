/**
 * An example of each event: for trying a receiver out, and for the API's description. Nothing in them belongs to anybody.
 * docs/webhooks.md has the same fields.
 */
import type { WEBHOOK_EVENTS } from '../../events/table.ts';
import type { EventPayload } from '../events/payload.ts';

type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

const session = { sessionId: 'example', session: 'example', seq: 1 };
const message = {
  ...session,
  messageId: '3EB0A9C1D2E3F4A5B6C7D8',
  phone: '+6281234567890',
  lid: '123456789012345@lid',
  chat: '6281234567890@s.whatsapp.net',
  isGroup: false,
  type: 'text',
};
const TIMESTAMP = '2026-01-01T08:30:00.125Z';
const cameIn = {
  ...message,
  id: '01997c2f5b7a7d3e8a4b6c1d2e3f4a5b',
  status: 'received',
  from: '+6281234567890',
  participant: null,
};
const inbound = { ...cameIn, pushName: 'Budi' };
/** What was done with a message later; here with one that came in. */
const changed = { ...cameIn, to: '+6281234567890', direction: 'in', timestamp: TIMESTAMP };
const outbound = (status: string, more: Record<string, unknown> = {}) => ({
  ...message,
  to: '+6281234567890',
  status,
  source: 'api',
  timestamp: TIMESTAMP,
  ...more,
});
const person = { jid: '6281234567890@s.whatsapp.net', phone: '+6281234567890' };
const group = {
  ...session,
  group: '120363012345678901@g.us',
  by: person,
  at: '2026-01-01T08:30:00.000Z',
};
const otp = (status: string, reason: string | null) => ({
  ...session,
  otpId: '01997c2f5b7a7d3e8a4b6c1d2e3f4a5c',
  to: '+6281234567890',
  messageId: '3EB0A9C1D2E3F4A5B6C7D8',
  expiresAt: '2026-01-01T08:35:00.000Z',
  status,
  reason,
});
const campaign = (status: string, reason: string | null) => ({
  ...session,
  campaignId: '01997c2f5b7a7d3e8a4b6c1d2e3f4a5d',
  name: 'Opening',
  total: 120,
  status,
  reason,
});

const SAMPLES: Record<WebhookEvent, Record<string, unknown>> = {
  'message.received': { ...inbound, content: { type: 'text', text: 'Is it still available?' } },
  'message.undecryptable': { ...inbound, type: 'undecryptable', content: null },
  'message.media': {
    ...cameIn,
    type: 'image',
    state: 'stored',
    content: { type: 'image', media: { state: 'stored', mimetype: 'image/jpeg', size: 48_213 } },
  },
  'message.sent': outbound('sent'),
  'message.delivered': outbound('delivered'),
  'message.read': outbound('read'),
  'message.failed': outbound('failed', { errorCode: 'NOT_ON_WHATSAPP' }),
  'message.expired': outbound('expired', { errorCode: 'EXPIRED' }),
  'message.canceled': outbound('canceled'),
  'message.edited': {
    ...changed,
    status: 'edited',
    by: '3EB0A9C1D2E3F4A5B6C7D9',
    content: { type: 'text', text: 'Is it still there?' },
  },
  'message.revoked': {
    ...changed,
    status: 'revoked',
    by: '3EB0A9C1D2E3F4A5B6C7D9',
    content: { type: 'text', text: 'Is it still available?' },
  },
  'message.pinned': {
    ...changed,
    pinned: true,
    until: '2026-01-08T08:30:00.000Z',
    by: person,
    content: { type: 'text', text: 'Is it still available?' },
  },
  'message.starred': {
    ...changed,
    starred: true,
    content: { type: 'text', text: 'Is it still available?' },
  },
  'poll.updated': {
    ...session,
    messageId: '3EB0A9C1D2E3F4A5B6C7D8',
    chat: '6281234567890@s.whatsapp.net',
    voter: person,
    at: '2026-01-01T08:30:00.000Z',
    chosen: ['Morning'],
    voters: 1,
    options: [
      { text: 'Morning', votes: 1 },
      { text: 'Evening', votes: 0 },
    ],
  },
  'event.updated': {
    ...session,
    messageId: '3EB0A9C1D2E3F4A5B6C7D8',
    chat: '6281234567890@s.whatsapp.net',
    person,
    at: '2026-01-01T08:30:00.000Z',
    response: 'going',
    guests: 1,
    totals: { going: 1, maybe: 0, notGoing: 0, guests: 1 },
  },
  'session.status': { ...session, status: 'connected', reason: null },
  'session.restricted': {
    ...session,
    until: '2026-01-01T14:30:00.000Z',
    since: '2026-01-01T08:30:00.000Z',
    kind: 'reachout_timelock',
  },
  'session.unrestricted': { ...session, reason: 'ended' },
  'group.updated': { ...group, changes: { subject: 'Customers' } },
  'group.members': { ...group, action: 'added', members: [person], total: 1 },
  'group.requests': { ...group, action: 'asked', members: [person], total: 1 },
  'presence.updated': {
    ...session,
    from: person,
    state: 'typing',
    lastSeen: null,
    at: '2026-01-01T08:30:00.000Z',
  },
  'call.received': {
    ...session,
    callId: '5E6F7A8B9C0D1E2F',
    from: person,
    video: false,
    isGroup: false,
    missed: false,
    at: '2026-01-01T08:30:00.000Z',
  },
  'chat.updated': {
    ...session,
    chat: '6281234567890@s.whatsapp.net',
    archived: true,
    pinned: false,
    muted: false,
    mutedUntil: null,
    markedUnread: false,
    changed: ['archived'],
    source: 'phone',
  },
  'label.updated': { ...session, label: '3', name: 'New order', color: 2, deleted: false, source: 'phone' },
  'label.assigned': {
    ...session,
    label: '3',
    name: 'New order',
    chat: '6281234567890@s.whatsapp.net',
    messageId: null,
    assigned: true,
    source: 'phone',
  },
  'otp.verified': otp('verified', null),
  'otp.expired': otp('expired', 'expired'),
  'otp.failed': otp('failed', 'max_attempts'),
  'otp.conversion_low': { ended: 40, verified: 5, percent: 12.5, windowMinutes: 60 },
  'campaign.completed': campaign('completed', null),
  'campaign.paused': campaign('paused', 'user'),
  'campaign.failed': campaign('failed', 'session_deleted'),
  'usage.warning': {
    quota: 'messagesPerMonth',
    percent: 80,
    used: 8000,
    limit: 10_000,
    until: '2026-02-01T00:00:00.000Z',
  },
};

const SENT_CONTENT = { content: { type: 'text', text: 'Your order is ready.' } };

/** The body of an event, as its example has it. */
export const exampleOf = (event: WebhookEvent): EventPayload => ({
  type: event,
  timestamp: TIMESTAMP,
  data: SAMPLES[event],
});

/** The body of a test: `webhook.test`, or an example of another event that says so in its data. */
export function samplePayload(
  event: 'webhook.test' | WebhookEvent,
  webhookId: string,
  now: number,
  { messageContent }: { messageContent: boolean },
): EventPayload {
  const more = event === 'message.sent' && messageContent ? SENT_CONTENT : {};
  const data =
    event === 'webhook.test'
      ? { webhookId, message: 'This is a test of your webhook.' }
      : { ...SAMPLES[event], ...more, test: true };
  return { type: event, timestamp: new Date(now).toISOString(), data };
}
