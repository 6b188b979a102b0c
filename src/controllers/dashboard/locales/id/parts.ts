import type { Texts } from '../../i18n.ts';
import type * as english from '../en/parts.ts';

export const parts: Texts<typeof english.parts> = {
  filters: 'Filter',
  previous: 'Sebelumnya',
  next: 'Berikutnya',
  askTeam: 'Lihat siapa yang bisa',
  page: (page: number, of: number) => `Halaman ${page} dari ${of}`,
};

export const undo: Texts<typeof english.undo> = {
  undo: 'Urungkan',
  tooLong: 'Ini tidak bisa diurungkan: isinya terlalu panjang.',
};
