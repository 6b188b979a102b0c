import { own } from '../../../../utils/own.ts';
import type { Texts } from '../../i18n.ts';
import type * as english from '../en/overview.ts';

const STATES: Record<string, string> = {
  connecting: 'menghubungkan',
  qr: 'menunggu pindai',
  passkey: 'menunggu passkey',
  passkey_confirm: 'kode perlu dicocokkan',
  connected: 'terhubung',
  disconnected: 'menyambung lagi',
  logged_out: 'keluar',
  replaced: 'digantikan',
  failed: 'gagal',
};

const RANGES: Record<string, string> = { '24h': '24 jam', '7d': '7 hari', '30d': '30 hari' };

export const overview: Texts<typeof english.overview> = {
  title: 'Ringkasan',
  sessions: 'Sesi',
  states: (status: string) => own(STATES, status) ?? status,
  today: 'Pesan hari ini',
  codesToday: 'Kode masuk hari ini',
  inAll: (n: number) => `${n.toLocaleString('id')} seluruhnya`,
  queue: 'Menunggu dikirim',
  nothingDue: 'tidak ada yang terlambat',
  oldest: (seconds: number) => `yang tertua ${seconds} dtk`,
  volume: 'Pesan',
  counting: 'Menghitung pesan…',
  ranges: (range: string) => own(RANGES, range) ?? range,
  deliveryRate: 'Sampai',
  deliveryNote: 'dari yang diterima WhatsApp',
  failed: 'Gagal',
  expired: (n: number) => `dan ${n} kedaluwarsa`,
  expiredHead: 'Kedaluwarsa',
  received: 'Diterima',
  conversion: 'Kode yang diketikkan',
  codes: (verified: number | null, total: number | null) =>
    `${verified ?? 'banyak'} dari ${total ?? 'banyak'}`,
  chart: (range: string) => `Pesan ${range} terakhir`,
  reached: 'Sampai',
  taken: 'Terkirim atau menunggu',
  waiting: 'Menunggu',
  sent: 'Terkirim',
  delivered: 'Sampai',
  read: 'Dibaca',
  incomplete: 'Hanya 200.000 pesan terbaru yang dihitung.',
  asTable: 'Sebagai tabel',
  time: 'Waktu',
  lastErrors: 'Kesalahan terakhir',
  noErrors: 'Tidak ada kesalahan.',
  what: 'Apa',
  session: 'Sesi',
  why: 'Mengapa',
  welcome: 'Tautkan nomor WhatsApp pertama Anda',
  welcomeAbout: 'Pindai kode QR dengan ponsel, seperti WhatsApp Web; lalu kirim pesan pertama.',
  link: 'Tautkan nomor',
  reference: 'Referensi API',
};
