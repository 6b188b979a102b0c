import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-from-chats.ts';

export const broadcastFromChats: Texts<typeof english.broadcastFromChats> = {
  title: 'Tambah orang dari percakapan',
  about:
    'Menambahkan semua orang yang belakangan ini menulis ke sebuah sesi. Yang sudah ada di daftar tidak berubah.',
  session: 'Sesi',
  days: 'Hari',
  daysHint: 'Seberapa jauh ke belakang, paling lama 365 hari.',
  optedOut: 'Tambahkan juga yang berhenti langganan (broadcast tetap melewatinya)',
  add: 'Tambah orang',
  done: (added: string, existing: string, optedOut: string, withoutNumber: string) =>
    `Ditambahkan: ${added}. Sudah ada di daftar: ${existing}. Dilewati karena berhenti langganan: ${optedOut}. Tanpa nomor yang diketahui: ${withoutNumber}.`,
};
