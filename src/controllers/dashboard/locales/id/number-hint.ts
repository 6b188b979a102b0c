import type { Texts } from '../../i18n.ts';
import type * as english from '../en/number-hint.ts';

export const numberHint: Texts<typeof english.numberHint> = {
  reads: (number: string, country: string) => (country === '' ? number : `${number}, ${country}`),
  lid: 'Alamat seseorang yang nomornya tidak diketahui.',
  group: 'Sebuah grup.',
  choose: (readings: string) => `Tulis ${readings}.`,
  username: 'Nama pengguna WhatsApp belum bisa dikirimi: tulis nomor teleponnya.',
  none: 'Belum berupa nomor telepon.',
  letters: 'Nomor telepon tidak berisi huruf.',
  leftover: 'Isinya bukan hanya nomor telepon.',
  two_numbers: 'Tulis satu nomor saja.',
  digits_lost: 'Angkanya dipendekkan oleh spreadsheet: tulis semua angkanya.',
  ambiguous: 'Bisa jadi nomor negara lain: tulis dengan + dan kode negaranya.',
};
