import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-opt-outs.ts';

export const broadcastOptOuts: Texts<typeof english.broadcastOptOuts> = {
  title: 'Berhenti langganan',
  about: 'Broadcast melewati nomor-nomor ini di semua sesi Anda. Kode OTP dan pesan satuan tetap dikirim.',
  search: 'Cari nomor, kata kunci, dan catatan',
  number: 'Nomor',
  why: 'Penyebab',
  note: 'Catatan',
  since: 'Sejak',
  wrote: (word: string) => `membalas ${word}`,
  manual: 'ditambahkan manual',
  import: 'diimpor',
  remove: 'Hapus',
  removeSure: (number: string) => `Izinkan broadcast ke ${number} lagi?`,
  removed: (number: string) => `${number} bisa menerima broadcast lagi.`,
  restored: (number: string) => `${number} masuk daftar lagi, seperti semula.`,
  noneTitle: 'Belum ada yang berhenti langganan',
  noneText:
    'Siapa pun yang membalas STOP, BERHENTI, atau UNSUBSCRIBE langsung ditambahkan. Anda juga bisa menambah nomor sendiri atau mengimpor file.',
  addTitle: 'Tambah nomor',
  numbers: 'Nomor',
  numbersHint: 'Satu per baris, format umum apa pun, maksimal 1.000.',
  add: 'Tambah',
  added: (added: number, existing: number) =>
    existing === 0
      ? `${added.toLocaleString('id')} ditambahkan.`
      : `${added.toLocaleString('id')} ditambahkan, ${existing.toLocaleString('id')} sudah ada.`,
  importTitle: 'Impor file',
  importText: 'File CSV dengan kolom nomor dan, jika ada, catatan.',
  export: 'Ekspor sebagai CSV',
  wordsTitle: 'Kata kunci berhenti',
  wordsText: (builtIn: string) =>
    `Kata berikut selalu berlaku jika menjadi isi seluruh pesan, huruf besar atau kecil: ${builtIn}. Tambahkan kata Anda:`,
  ownWords: 'Kata kunci Anda',
  wordsHint: 'Satu per baris, maksimal 50.',
  save: 'Simpan',
  wordsSaved: 'Kata kunci tersimpan.',
  noWords: 'tidak ada',
};
