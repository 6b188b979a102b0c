import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-parts.ts';

export const broadcastParts: Texts<typeof english.broadcastParts> = {
  title: 'Siaran',
  parts: 'Bagian siaran',
  campaigns: 'Kampanye',
  lists: 'Daftar',
  templates: 'Templat',
  files: 'Berkas',
  optOuts: 'Berhenti langganan',
  search: 'Cari',
  first: 'Dari awal',
  next: 'Berikutnya',
  pages: 'Halaman',
  nothingFound: 'Tidak ada yang cocok',
  otherWords: 'Coba kata lain atau sebagian kata.',
};
