import type { Status } from '../../messages/words.ts';

export const statuses: Record<Status, string> = {
  queued: 'Menunggu',
  sending: 'Sedang dikirim',
  sent: 'Terkirim',
  delivered: 'Tersampaikan',
  read: 'Dibaca',
  failed: 'Gagal',
  canceled: 'Dibatalkan',
  expired: 'Kedaluwarsa',
  received: 'Diterima',
};
