import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-parts.ts';

export const broadcastParts: Texts<typeof english.broadcastParts> = {
  title: 'Broadcast',
  parts: 'Halaman broadcast',
  campaigns: 'Kampanye',
  lists: 'Daftar',
  templates: 'Template',
  files: 'File',
  checks: 'Cek nomor',
  optOuts: 'Berhenti langganan',
  search: 'Cari',
  first: 'Halaman pertama',
  next: 'Berikutnya',
  pages: 'Halaman',
  showAll: 'Tampilkan semua',
  nothingFound: 'Tidak ditemukan',
  otherWords: 'Coba kata lain atau sebagian kata.',
};
