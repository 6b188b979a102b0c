/** The action of a fact, by which the activity log is filtered, and how it went. */
import { own } from '../utils/own.ts';
import { type Action, type ActivityStatus, eventRow } from './table.ts';

interface Classified {
  event: string;
  status?: 'success' | 'failure';
  data?: Record<string, unknown>;
}

const BY_SESSION_STATUS: Readonly<Record<string, Action | undefined>> = {
  connecting: 'connection_open',
  qr: 'qr_generate',
  connected: 'connection_open',
};

/** The action of a fact; the outcome of a message with a code is an `otp_send`. One message has one outcome. */
export function actionOf({ event, data }: Classified): Action {
  if (event === 'session.status') return own(BY_SESSION_STATUS, String(data?.status)) ?? 'connection_close';
  const { action = 'api_call' } = eventRow(event);
  return action === 'message_send' && data?.type === 'otp' ? 'otp_send' : action;
}

/** How it went: `pending` while the end of it is another fact. */
export function statusOf({ event, status, data }: Classified): ActivityStatus {
  if (status === 'failure') return 'failure';
  if (event === 'session.status' && data?.status === 'connecting') return 'pending';
  return eventRow(event).status ?? 'success';
}
