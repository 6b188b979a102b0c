import type { Texts } from '../../i18n.ts';
import type * as english from '../en/failure.ts';

export const failure: Texts<typeof english.failure> = {
  title: 'Tidak berhasil',
  missing: 'Tidak ditemukan',
  back: 'Kembali ke ringkasan',
  id: (id: string) => `Permintaan ${id}`,
};
