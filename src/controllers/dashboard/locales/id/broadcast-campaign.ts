import type { Shown, Status } from '../../broadcast/campaign-texts.ts';

export const statuses: Record<Shown, string> = {
  scheduled: 'terjadwal',
  running: 'berjalan',
  held: 'tertahan',
  paused: 'dijeda',
  stopped: 'dihentikan',
  completed: 'selesai',
  failed: 'gagal',
};

export const meanings: Record<Status, string> = {
  scheduled: 'Menunggu waktu mulai.',
  running: 'Pesan sedang dikirim.',
  paused:
    'Tidak ada yang dikirim. Saat dilanjutkan, kampanye berlanjut ke orang berikutnya. Tidak ada yang menerima pesan dua kali.',
  stopped: 'Diakhiri permanen. Orang yang belum dikirimi tidak menerima apa pun.',
  completed: 'Semua orang yang bisa dijangkau sudah dikirimi.',
  failed: 'Tidak bisa dilanjutkan.',
};

/** Why a campaign is paused, stopped or failed. */
export const reasons: Record<string, string> = {
  user: '',
  cloned: 'Salinan ini belum dimulai. Periksa, ubah, lalu mulai.',
  failure_rate: 'Dijeda karena terlalu banyak pesan gagal. Periksa penyebabnya di bawah sebelum melanjutkan.',
  refusal_rate:
    'Dijeda karena WhatsApp menolak pesan. Melanjutkan bisa membahayakan nomor Anda. Tunggu beberapa jam, perlambat pengiriman, dan pastikan orang-orang ini memang menantikan pesan Anda.',
  session_logged_out: 'Dijeda karena ponsel terputus. Berlanjut setelah ponsel ditautkan lagi.',
  session_replaced: 'Dijeda karena nomor dibuka di tempat lain. Berlanjut setelah sesi terhubung lagi.',
  session_failed: 'Dijeda karena sesi berhenti. Berlanjut setelah sesi terhubung lagi.',
  restored:
    'Dijeda karena cadangan data dipulihkan. Orang yang dikirimi setelah cadangan dibuat akan menerima pesan lagi. Periksa sebelum melanjutkan.',
  session_deleted: 'Sesinya sudah dihapus.',
  list_deleted: 'Daftar dihapus sebelum semua kontaknya disalin.',
};
