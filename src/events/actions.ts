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
  'message.queued': 'message_attempt',
  'message.sent': 'message_send',
  'message.delivered': 'message_receipt',
  'message.read': 'message_receipt',
  'message.failed': 'message_send',
  'message.expired': 'message_send',
  'message.received': 'message_receive',
  'message.media': 'message_receive',
  'otp.sent': 'otp_status',
  'otp.failed': 'otp_status',
  'otp.expired': 'otp_status',
  'otp.canceled': 'otp_status',
};

const BY_SESSION_STATUS: Readonly<Record<string, Action | undefined>> = {
  connecting: 'connection_open',
  qr: 'qr_generate',
  connected: 'connection_open',
};

/** The action of a fact; the outcome of a message with a code is an `otp_send`. One message has one outcome. */
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
