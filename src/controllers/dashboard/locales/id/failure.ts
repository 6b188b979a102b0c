import type { Texts } from '../../i18n.ts';
import type * as english from '../en/failure.ts';

export const failure: Texts<typeof english.failure> = {
  title: 'Terjadi kesalahan',
  missing: 'Tidak ditemukan',
  check: 'Periksa isian berikut:',
  back: 'Kembali ke Ringkasan',
  id: (id: string) => `ID permintaan: ${id}`,
};
