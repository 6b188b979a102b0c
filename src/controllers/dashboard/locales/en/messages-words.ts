import type { Status } from '../../messages/words.ts';

export const statuses: Record<Status, string> = {
  queued: 'Waiting',
  sending: 'Sending',
  sent: 'Sent',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Failed',
  canceled: 'Canceled',
  expired: 'Expired',
  received: 'Received',
};
