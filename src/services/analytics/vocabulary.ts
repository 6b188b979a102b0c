/** The words of the older API for what we call otherwise. */
import type { ACTIVITY_STATUSES, SESSION_STATUSES } from '../../db/schema.ts';

export const LOG_STATUSES = ['success', 'error', 'pending'] as const;
export type LogStatus = (typeof LOG_STATUSES)[number];
type ActivityStatus = (typeof ACTIVITY_STATUSES)[number];

export const SESSION_STATES = ['active', 'inactive', 'error', 'connecting'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

const STATES: Readonly<Record<(typeof SESSION_STATUSES)[number], SessionState>> = {
  connecting: 'connecting',
  qr: 'connecting',
  passkey: 'connecting',
  passkey_confirm: 'connecting',
  connected: 'active',
  disconnected: 'inactive',
  logged_out: 'inactive',
  replaced: 'error',
  failed: 'error',
};

/** `active` while it can send, `connecting` while it is being linked, `error` when a person must look at it. */
export function stateOf(status: (typeof SESSION_STATUSES)[number]): SessionState {
  return STATES[status];
}

export function toLogStatus(status: ActivityStatus): LogStatus {
  return status === 'failure' ? 'error' : status;
}

export function fromLogStatus(status: LogStatus): ActivityStatus {
  return status === 'error' ? 'failure' : status;
}
