import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-opt-outs.ts';

export const broadcastOptOuts: Texts<typeof english.broadcastOptOuts> = {
  title: 'Berhenti langganan',
  about:
    'Siaran melewati nomor-nomor ini, di semua sesi Anda. Kode masuk dan pesan tunggal tetap sampai kepada mereka.',
  search: 'Cari di nomor, kata dan catatan',
  number: 'Nomor',
  why: 'Sebab',
  note: 'Catatan',
  since: 'Sejak',
  wrote: (word: string) => `menulis ${word}`,
  manual: 'ditambah sendiri',
  import: 'dari berkas',
  remove: 'Hapus',
  removeSure: (number: string) => `Biarkan ${number} menerima siaran lagi?`,
  removed: (number: string) => `${number} boleh menerima siaran lagi.`,
  noneTitle: 'Belum ada yang berhenti',
  noneText:
    'Siapa pun yang menjawab STOP, BERHENTI atau UNSUBSCRIBE langsung masuk ke sini. Anda juga bisa menambah nomor sendiri atau dari berkas.',
  addTitle: 'Tambah nomor',
  numbers: 'Nomor',
  numbersHint: 'Satu per baris, penulisan biasa apa pun, sampai 1.000.',
  add: 'Tambah',
  added: (added: number, existing: number) =>
    existing === 0 ? `${added} ditambahkan.` : `${added} ditambahkan, ${existing} sudah ada.`,
  importTitle: 'Impor berkas',
  importText: 'Berkas CSV dengan kolom nomor dan, kalau ada, catatan.',
  export: 'Ekspor sebagai CSV',
  wordsTitle: 'Kata untuk berhenti',
  wordsText: (builtIn: string) =>
    `Ini selalu berlaku, sebagai seluruh pesan, huruf besar atau kecil: ${builtIn}. Tambahkan kata Anda:`,
  ownWords: 'Kata sendiri',
  wordsHint: 'Satu per baris, sampai 50.',
  save: 'Simpan',
  wordsSaved: 'Kata-kata tersimpan.',
  noWords: 'tidak ada',
};
