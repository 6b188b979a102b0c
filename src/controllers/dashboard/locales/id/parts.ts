import type { Texts } from '../../i18n.ts';
import type * as english from '../en/parts.ts';

export const parts: Texts<typeof english.parts> = {
  filters: 'Filter',
  previous: 'Sebelumnya',
  next: 'Berikutnya',
  page: (page: number, of: number) => `Halaman ${page} dari ${of}`,
};
