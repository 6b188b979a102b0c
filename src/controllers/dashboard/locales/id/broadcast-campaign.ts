import type { Status } from '../../broadcast/campaign-texts.ts';

export const statuses: Record<Status, string> = {
  scheduled: 'terjadwal',
  running: 'berjalan',
  paused: 'dijeda',
  stopped: 'dihentikan',
  completed: 'selesai',
  failed: 'gagal',
};

export const meanings: Record<Status, string> = {
  scheduled: 'Belum mulai. Tidak ada yang dikirim sebelum waktunya.',
  running: 'Pesan sedang dikirim, satu demi satu.',
  paused:
    'Tidak ada yang dikirim. Dilanjutkan dari orang berikutnya kalau Anda teruskan; tidak ada yang menerima dua kali.',
  stopped: 'Sudah diakhiri. Yang belum dikirimi tidak menerima apa-apa.',
  completed: 'Semua yang bisa dikirimi sudah dikirimi.',
  failed: 'Tidak bisa dilanjutkan.',
};

/** Why a campaign is paused, stopped or failed. */
export const reasons: Record<string, string> = {
  user: '',
  cloned: 'Ini salinan yang belum mulai: lihat, ubah, lalu mulai.',
  failure_rate: 'Menjeda diri karena terlalu banyak pesan gagal. Lihat sebabnya di bawah sebelum meneruskan.',
  refusal_rate:
    'Menjeda diri karena WhatsApp menolak pesan: meneruskan akan membahayakan nomor. Tunggu beberapa jam, perlambat, dan pastikan orang-orang ini memang menunggu kabar dari Anda.',
  session_logged_out: 'Menjeda diri karena sesi keluar. Berlanjut kalau ponsel ditautkan lagi.',
  session_replaced: 'Menjeda diri karena sesi dibuka di tempat lain. Berlanjut kalau terhubung lagi.',
  session_failed: 'Menjeda diri karena sesi gagal. Berlanjut kalau terhubung lagi.',
  session_deleted: 'Sesi pemiliknya sudah dihapus.',
  list_deleted: 'Daftarnya dihapus sebelum semua orang di dalamnya diambil.',
};

export const waiting: Record<string, string> = {
  recipients: 'Penerima sedang dikumpulkan.',
  session_disconnected: 'Sesi sedang tidak terhubung: berlanjut sendiri kalau sudah.',
  daily_cap: 'Jatah hari ini sudah habis: berlanjut sendiri besok.',
  quiet_hours: 'Di tempat orang berikutnya sedang malam: berlanjut sendiri pagi nanti.',
  number_check: 'WhatsApp belum menjawab apakah nomor berikutnya ada: ditanyakan lagi sendiri.',
};

/** What became of one recipient. */
export const fates: Record<string, string> = {
  opted_out: 'berhenti langganan',
  not_on_whatsapp: 'tidak ada di WhatsApp',
  invalid: 'bukan nomor telepon',
  duplicate: 'sudah ada di daftar dengan nomor lain',
  empty_message: 'teksnya kosong untuk orang ini',
  message_too_long: 'teksnya melebihi batas WhatsApp: persingkat teks atau nilainya',
  canceled: 'dikeluarkan dari antrean',
  stopped: 'kampanye dihentikan sebelumnya',
  failed: 'kampanye gagal sebelumnya',
  quiet: 'di sana sedang malam',
  expired: 'tidak terkirim pada waktunya',
  unknown: 'tidak diketahui',
  SEND_FAILED: 'tidak bisa dikirim',
  NOT_ON_WHATSAPP: 'tidak ada di WhatsApp',
  SESSION_DELETED: 'sesinya dihapus',
  NOT_CONNECTED: 'sesinya tidak terhubung',
  '463': 'ditolak WhatsApp: nomor ini menulis ke terlalu banyak orang asing',
  '479': 'ditolak WhatsApp: pesannya tidak bisa dibaca di sana',
};
