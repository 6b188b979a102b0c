import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-checks.ts';

export const broadcastChecks: Texts<typeof english.broadcastChecks> = {
  title: 'Cek nomor',
  about:
    'Cari tahu nomor mana yang terdaftar di WhatsApp. Sekitar 50 nomor dicek tiap 10 detik, supaya sesi tidak terlihat seperti pengirim spam.',
  session: 'Sesi',
  numbers: 'Nomor',
  numbersHint: 'Paling banyak 1.000, satu nomor per baris.',
  start: 'Cek nomor',
  started: 'Pengecekan dimulai.',
  noSessionTitle: 'Belum ada sesi',
  noSessionText: 'Sesi yang tersambung menanyakan nomor-nomor itu ke WhatsApp.',
  newSession: 'Sesi baru',
  past: 'Pengecekan',
  begun: 'Dimulai',
  state: 'Keadaan',
  progress: 'Kemajuan',
  noneTitle: 'Belum ada pengecekan',
  noneText: 'Hasil pengecekan disimpan di sini selama 30 hari.',
  checkOf: (total: string) => `Pengecekan ${total} nomor`,
  back: 'Semua pengecekan',
  doneOf: (done: string, total: string) => `${done} dari ${total} nomor`,
  leave: 'Halaman ini boleh ditinggalkan. Pengecekan tetap berjalan.',
  cancel: 'Hentikan pengecekan',
  cancelSure: 'Hentikan pengecekan ini? Yang sudah ditemukan tetap ada.',
  canceled: 'Pengecekan dihentikan.',
  download: 'Unduh semua sebagai CSV',
  number: 'Nomor',
  result: 'Hasil',
  account: 'Akun WhatsApp',
  all: 'Semua',
  filter: 'Saring hasil',
  waitingSince: 'Menunggu sejak',
  nextAttempt: 'Percobaan berikutnya:',
  givesUp: 'Pengecekan gagal jika belum ada jawaban sampai',
  readings: (numbers: string) => `Tidak jelas: tulis ${numbers}.`,
  gaveUp: 'WhatsApp tidak menjawab selama sehari.',
  neverConnected: 'Sesi tidak tersambung selama sehari.',
};

export const checkStatuses: Texts<typeof english.checkStatuses> = {
  running: 'sedang berjalan',
  completed: 'selesai',
  canceled: 'dihentikan',
  failed: 'gagal',
};

export const checkedStates: Texts<typeof english.checkedStates> = {
  pending: 'menunggu',
  registered: 'ada di WhatsApp',
  not_registered: 'tidak ada di WhatsApp',
  unknown: 'tidak ada jawaban',
  invalid: 'bukan nomor',
};

export const checkReasons: Texts<typeof english.checkReasons> = {
  not_connected: 'Sesi tidak tersambung. Pengecekan berlanjut setelah tersambung.',
  no_answer: 'WhatsApp tidak menjawab. Pengecekan akan dicoba lagi.',
  session_deleted: 'Sesi sudah dihapus.',
};
