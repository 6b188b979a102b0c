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
  /** only a webhook that names it is told: there may be very many */
  named?: true;
  /** it is no fact while no webhook that is to be told names it */
  onDemand?: true;
  /** by which the activity log is filtered; `api_call` when missing: it was asked for over the API */
  action?: Action;
  /** how it went, unless the fact says that it failed; `success` when missing */
  status?: ActivityStatus;
  /** what the stream of its session calls it; not told there when missing */
  stream?: 'status' | 'message' | 'media' | 'receipt';
  /** it is about a message that came in */
  inbound?: true;
  /** people may want to know for long who did it: it is kept in the audit as well */
  audit?: true;
}

export const EVENTS = {
  'message.received': { webhook: true, action: 'message_receive', stream: 'message', inbound: true },
  'message.undecryptable': { webhook: true, action: 'message_receive', status: 'failure', inbound: true },
  'message.media': { webhook: true, action: 'message_receive', stream: 'media', inbound: true },
  // The end of it is another fact.
  'message.queued': { action: 'message_attempt', status: 'pending' },
  'message.sent': { webhook: true, action: 'message_send', stream: 'receipt' },
  'message.delivered': { webhook: true, action: 'message_receipt', stream: 'receipt' },
  'message.read': { webhook: true, action: 'message_receipt', stream: 'receipt' },
  'message.failed': { webhook: true, action: 'message_send', stream: 'receipt' },
  'message.expired': { webhook: true, action: 'message_send', status: 'failure', stream: 'receipt' },
  'message.edited': { webhook: true, action: 'message_receive' },
  'message.revoked': { webhook: true, action: 'message_receive' },
  'message.pinned': { webhook: true, action: 'message_receive' },
  'message.starred': { webhook: true, action: 'message_receive' },
  'message.canceled': { webhook: true, stream: 'receipt' },
  'poll.updated': { webhook: true, action: 'message_receive' },
  'event.updated': { webhook: true, action: 'message_receive' },
  'group.updated': { webhook: true, action: 'session_event' },
  'group.members': { webhook: true, action: 'session_event' },
  'group.requests': { webhook: true, action: 'session_event' },
  'presence.updated': { webhook: true, named: true, onDemand: true, action: 'session_event' },
  'call.received': { webhook: true, action: 'session_event' },
  'chat.updated': { webhook: true, action: 'session_event' },
  'label.updated': { webhook: true, action: 'session_event' },
  'label.assigned': { webhook: true, action: 'session_event' },
  'session.created': { action: 'session_create', audit: true },
  'session.qr': { action: 'qr_generate' },
  // Its action depends on the status: actions.ts.
  'session.status': { webhook: true, stream: 'status' },
  'session.restricted': { webhook: true, status: 'failure' },
  'session.unrestricted': { webhook: true },
  'session.limits': { audit: true },
  'session.changed': { audit: true },
  'session.imported': { audit: true },
  'session.exported': { audit: true },
  'session.restarted': { audit: true },
  'session.logged_out': { audit: true },
  'session.deleted': { action: 'session_delete', audit: true },
  'otp.sent': { action: 'otp_status' },
  'otp.verified': { webhook: true },
  'otp.expired': { webhook: true, action: 'otp_status' },
  'otp.failed': { webhook: true, action: 'otp_status' },
  'otp.canceled': { action: 'otp_status' },
  'otp.check_failed': {},
  'otp.conversion_low': { webhook: true },
  'campaign.created': { audit: true },
  // Of those that begin at their time nobody is the actor.
  'campaign.started': { audit: true },
  'campaign.updated': { audit: true },
  'campaign.completed': { webhook: true },
  'campaign.paused': { webhook: true, audit: true },
  'campaign.resumed': { audit: true },
  'campaign.stopped': { audit: true },
  'campaign.failed': { webhook: true },
  'campaign.recalled': { audit: true },
  'queue.cleared': { audit: true },
  'queue.paused': { audit: true },
  'queue.resumed': { audit: true },
  'list.created': { audit: true },
  'list.updated': { audit: true },
  'list.deleted': { audit: true },
  'contacts.import_started': { audit: true },
  'contacts.imported': {},
  // Of those that people write as messages nobody is the actor: they are not in the audit.
  'opt_out.added': { audit: true },
  'opt_out.removed': { audit: true },
  'template.created': { audit: true },
  'template.updated': { audit: true },
  'template.deleted': { audit: true },
  'pool.created': { audit: true },
  'pool.updated': { audit: true },
  'pool.deleted': { audit: true },
  'upload.infected': {},
  'webhook.created': { audit: true },
  'webhook.updated': { audit: true },
  'webhook.secret_rotated': { audit: true },
  'webhook.deleted': { audit: true },
  'alert_channel.created': { audit: true },
  'alert_channel.updated': { audit: true },
  'alert_channel.deleted': { audit: true },
  'auth.registered': { audit: true },
  'auth.login': { audit: true },
  'auth.login_failed': { audit: true },
  'auth.password_changed': { audit: true },
  'auth.signed_out_everywhere': { audit: true },
  'auth.under_attack': { audit: true },
  'auth.identity_linked': { audit: true },
  'auth.identity_unlinked': { audit: true },
  'auth.sign_in_ended': { audit: true },
  'auth.second_factor_added': { audit: true },
  'auth.second_factor_removed': { audit: true },
  'auth.second_factor_failed': { audit: true },
  'auth.second_factors_cleared': { audit: true },
  'auth.recovery_codes_made': { audit: true },
  'auth.recovery_code_used': { audit: true },
  'auth.reset_link_made': { audit: true },
  'auth.password_reset': { audit: true },
  'settings.updated': { audit: true },
  'workspace.created': { audit: true },
  'workspace.updated': { audit: true },
  'workspace.suspended': { audit: true },
  'workspace.resumed': { audit: true },
  'workspace.plan_changed': { audit: true },
  'plan.created': { audit: true },
  'plan.updated': { audit: true },
  'plan.deleted': { audit: true },
  'usage.warning': { webhook: true },
  'member.added': { audit: true },
  'member.invited': { audit: true },
  'member.invitation_revoked': { audit: true },
  'member.invitation_failed': {},
  'member.updated': { audit: true },
  'member.removed': { audit: true },
  'domain.added': { audit: true },
  'domain.verified': { audit: true },
  'domain.updated': { audit: true },
  'domain.removed': { audit: true },
  'user.created': { audit: true },
  'user.updated': { audit: true },
  'user.disabled': { audit: true },
  'api_key.created': { audit: true },
  'api_key.regenerated': { audit: true },
  'api_key.revoked': { audit: true },
  'analytics.cleaned': { audit: true },
} as const satisfies Readonly<Record<string, EventRow>>;

export type EventName = keyof typeof EVENTS;
type WebhookEvent = {
  [N in EventName]: (typeof EVENTS)[N] extends { webhook: true } ? N : never;
}[EventName];

const ROWS: ReadonlyMap<string, EventRow> = new Map(Object.entries(EVENTS));

/** The row of an event; an empty one for a name that is not in the table, such as one of an older version. */
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
