/**
 * Every kind of fact, with where it is reported: to webhooks, in the activity log, on the stream of its session. One row here is
 * all that a new event needs to be known everywhere.
 */
import type { ACTIVITY_ACTIONS, ACTIVITY_STATUSES } from '../db/schema.ts';

export type Action = (typeof ACTIVITY_ACTIONS)[number];
export type ActivityStatus = (typeof ACTIVITY_STATUSES)[number];

interface EventRow {
  /** a webhook can be told of it; the API and the dashboard offer these in the order of the table */
  webhook?: true;
  /** by which the activity log is filtered; `api_call` when missing: it was asked for over the API */
  action?: Action;
  /** how it went, unless the fact says that it failed; `success` when missing */
  status?: ActivityStatus;
  /** what the stream of its session calls it; not told there when missing */
  stream?: 'status' | 'message' | 'media' | 'receipt';
  /** it is about a message that came in */
  inbound?: true;
}

export const EVENTS = {
  'message.received': { webhook: true, action: 'message_receive', stream: 'message', inbound: true },
  'message.media': { webhook: true, action: 'message_receive', stream: 'media', inbound: true },
  // The end of it is another fact.
  'message.queued': { action: 'message_attempt', status: 'pending' },
  'message.sent': { webhook: true, action: 'message_send', stream: 'receipt' },
  'message.delivered': { webhook: true, action: 'message_receipt', stream: 'receipt' },
  'message.read': { webhook: true, action: 'message_receipt', stream: 'receipt' },
  'message.failed': { webhook: true, action: 'message_send', stream: 'receipt' },
  'message.expired': { webhook: true, action: 'message_send', status: 'failure', stream: 'receipt' },
  'message.canceled': { webhook: true, stream: 'receipt' },
  'session.created': { action: 'session_create' },
  'session.qr': { action: 'qr_generate' },
  // Its action depends on the status: actions.ts.
  'session.status': { webhook: true, stream: 'status' },
  'session.restricted': { webhook: true, status: 'failure' },
  'session.unrestricted': { webhook: true },
  'session.limits': {},
  'session.changed': {},
  'session.imported': {},
  'session.exported': {},
  'session.deleted': { action: 'session_delete' },
  'otp.sent': { action: 'otp_status' },
  'otp.verified': { webhook: true },
  'otp.expired': { webhook: true, action: 'otp_status' },
  'otp.failed': { webhook: true, action: 'otp_status' },
  'otp.canceled': { action: 'otp_status' },
  'otp.check_failed': {},
  'otp.conversion_low': { webhook: true },
  'campaign.created': {},
  'campaign.started': {},
  'campaign.updated': {},
  'campaign.completed': { webhook: true },
  'campaign.paused': { webhook: true },
  'campaign.resumed': {},
  'campaign.stopped': {},
  'campaign.failed': { webhook: true },
  'queue.cleared': {},
  'queue.paused': {},
  'queue.resumed': {},
  'list.created': {},
  'list.deleted': {},
  'contacts.imported': {},
  'opt_out.added': {},
  'opt_out.removed': {},
  'upload.infected': {},
  'webhook.created': {},
  'webhook.updated': {},
  'webhook.secret_rotated': {},
  'webhook.deleted': {},
  'auth.registered': {},
  'auth.login': {},
  'auth.login_failed': {},
  'auth.password_changed': {},
  'auth.signed_out_everywhere': {},
  'auth.under_attack': {},
  'workspace.created': {},
  'workspace.updated': {},
  'member.added': {},
  'member.invited': {},
  'member.invitation_revoked': {},
  'member.updated': {},
  'member.removed': {},
  'user.created': {},
  'user.updated': {},
  'user.disabled': {},
  'api_key.created': {},
  'api_key.regenerated': {},
  'api_key.revoked': {},
  'analytics.cleaned': {},
} as const satisfies Readonly<Record<string, EventRow>>;

export type EventName = keyof typeof EVENTS;
type WebhookEvent = {
  [N in EventName]: (typeof EVENTS)[N] extends { webhook: true } ? N : never;
}[EventName];

const ROWS: ReadonlyMap<string, EventRow> = new Map(Object.entries(EVENTS));

/** What is reported of an event; nothing of a name that is not in the table, such as one of an older version. */
export function eventRow(event: string): EventRow {
  return ROWS.get(event) ?? {};
}

/** Events that webhooks can subscribe to. */
export const WEBHOOK_EVENTS: readonly WebhookEvent[] = namesOf().filter(isForWebhooks);

/** Safe because the table has no other names. */
function namesOf(): EventName[] {
  return Object.keys(EVENTS) as EventName[];
}

function isForWebhooks(event: EventName): event is WebhookEvent {
  return 'webhook' in EVENTS[event];
}
