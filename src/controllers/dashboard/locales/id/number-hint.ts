import type { Texts } from '../../i18n.ts';
import type * as english from '../en/number-hint.ts';

export const numberHint: Texts<typeof english.numberHint> = {
  reads: (number: string, country: string) => (country === '' ? number : `${number}, ${country}`),
  lid: 'Kontak WhatsApp yang nomornya disembunyikan.',
  group: 'Grup WhatsApp.',
  choose: (readings: string) => `Maksud Anda ${readings}?`,
  username: 'Username WhatsApp belum didukung. Masukkan nomor telepon.',
  none: 'Lanjutkan mengetik nomor telepon.',
  letters: 'Nomor telepon tidak boleh berisi huruf.',
  leftover: 'Masukkan nomor teleponnya saja.',
  two_numbers: 'Masukkan satu nomor saja.',
  digits_lost: 'Nomor ini terpotong oleh spreadsheet. Masukkan semua angkanya.',
  ambiguous: 'Bisa jadi ini nomor negara lain. Awali dengan + dan kode negara.',
};
