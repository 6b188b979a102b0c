import type { Texts } from '../../i18n.ts';
import type * as english from '../en/suspended.ts';

export const suspended: Texts<typeof english.suspended> = {
  title: 'Workspace ini ditangguhkan',
  about: (name: string) =>
    `${name} ditangguhkan oleh administrator layanan. Tidak ada yang dikirim. Tidak ada yang hilang: pesan masuk tetap disimpan, dan pesan yang menunggu berlanjut saat workspace aktif lagi.`,
  reason: 'Alasan',
  ask: 'Minta administrator layanan untuk mengaktifkannya lagi.',
  others: 'Workspace Anda yang lain',
  go: 'Buka',
};
