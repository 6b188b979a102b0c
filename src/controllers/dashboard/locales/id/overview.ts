import { own } from '../../../../utils/own.ts';
import type { Texts } from '../../i18n.ts';
import type * as english from '../en/overview.ts';

const STATES: Record<string, string> = {
  connecting: 'menghubungkan',
  qr: 'menunggu dipindai',
  passkey: 'menunggu passkey',
  passkey_confirm: 'mencocokkan kode',
  connected: 'terhubung',
  disconnected: 'menghubungkan ulang',
  logged_out: 'terputus',
  replaced: 'dibuka di tempat lain',
  failed: 'berhenti',
  unlinked: 'belum tertaut',
};

const RANGES: Record<string, string> = { '24h': '24 jam', '7d': '7 hari', '30d': '30 hari' };

export const overview: Texts<typeof english.overview> = {
  title: 'Ringkasan',
  sessions: 'Sesi',
  states: (status: string) => own(STATES, status) ?? status,
  today: 'Pesan hari ini',
  codesToday: 'Kode OTP hari ini',
  inAll: (n: number) => `total ${n.toLocaleString('id')}`,
  queue: 'Dalam antrean',
  nothingDue: 'tidak ada yang terlambat',
  oldest: (seconds: number) => `terlama menunggu ${seconds.toLocaleString('id')} detik`,
  volume: 'Pesan',
  counting: 'Menghitung pesan…',
  ranges: (range: string) => own(RANGES, range) ?? range,
  deliveryRate: 'Tersampaikan',
  deliveryNote: 'dari pesan yang diterima WhatsApp',
  failed: 'Gagal',
  expired: (n: number) => `dan ${n.toLocaleString('id')} kedaluwarsa`,
  expiredHead: 'Kedaluwarsa',
  received: 'Diterima',
  conversion: 'Terverifikasi',
  codes: (verified: number | null, total: number | null) =>
    `${verified ?? 'banyak'} dari ${total ?? 'banyak'}`,
  chart: (range: string) => `Pesan dalam ${range} terakhir`,
  reached: 'Tersampaikan',
  taken: 'Terkirim atau menunggu',
  waiting: 'Menunggu',
  sent: 'Terkirim',
  delivered: 'Tersampaikan',
  read: 'Dibaca',
  incomplete: 'Hanya 200.000 pesan terbaru yang dihitung.',
  asTable: 'Tampilkan sebagai tabel',
  time: 'Waktu',
  lastErrors: 'Error terbaru',
  noErrors: 'Tidak ada error.',
  onlyWrongCodes: 'Ribuan error terakhir semuanya kode OTP salah. Mungkin ada yang menebak-nebak.',
  what: 'Error',
  session: 'Sesi',
  why: 'Penyebab',
  welcome: 'Tautkan nomor WhatsApp pertama Anda',
  welcomeAbout: 'Pindai kode QR dengan ponsel seperti di WhatsApp Web, lalu kirim pesan pertama Anda.',
  link: 'Tautkan nomor',
  reference: 'Referensi API',
};
