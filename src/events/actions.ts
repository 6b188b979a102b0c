/** The one table from our events to the actions by which the activity log is filtered. */
import type { ACTIVITY_ACTIONS, ACTIVITY_STATUSES } from '../db/schema.ts';
import { own } from '../utils/own.ts';

export type Action = (typeof ACTIVITY_ACTIONS)[number];
export type ActivityStatus = (typeof ACTIVITY_STATUSES)[number];

interface Classified {
  event: string;
  status?: 'success' | 'failure';
  data?: Record<string, unknown>;
}

/** What is not named here is something that was asked for over the API. */
const ACTIONS: Readonly<Record<string, Action | undefined>> = {
  'session.created': 'session_create',
  'session.deleted': 'session_delete',
  'session.qr': 'qr_generate',
  'message.queued': 'message_send',
  'message.sent': 'message_send',
  'message.delivered': 'message_send',
  'message.read': 'message_send',
  'message.failed': 'message_send',
  'message.expired': 'message_send',
  'message.received': 'message_receive',
  'message.media': 'message_receive',
  'otp.sent': 'otp_send',
  'otp.failed': 'otp_send',
  'otp.expired': 'otp_send',
  'otp.canceled': 'otp_send',
};

const BY_SESSION_STATUS: Readonly<Record<string, Action | undefined>> = {
  connecting: 'connection_open',
  qr: 'qr_generate',
  connected: 'connection_open',
};

/** The action of a fact; `message.*` about a code is an `otp_send`. */
export function actionOf({ event, data }: Classified): Action {
  if (event === 'session.status') return BY_SESSION_STATUS[String(data?.status)] ?? 'connection_close';
  const action = own(ACTIONS, event) ?? 'api_call';
  return action === 'message_send' && data?.type === 'otp' ? 'otp_send' : action;
}

/** How it went: `pending` while the end of it is another fact. */
export function statusOf({ event, status, data }: Classified): ActivityStatus {
  if (status === 'failure' || event === 'message.expired') return 'failure';
  if (event === 'message.queued') return 'pending';
  return event === 'session.status' && data?.status === 'connecting' ? 'pending' : 'success';
}
