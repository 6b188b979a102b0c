import type { Texts } from '../../i18n.ts';
import type * as english from '../en/qr-page.ts';

export const qrPage: Texts<typeof english.qrPage> = {
  title: (sessionId: string) => `Tautkan ${sessionId}`,
  connecting: 'Menghubungkan…',
  imageAlt: 'Kode QR untuk dipindai dengan WhatsApp',
  connected: 'Terhubung',
  renew: 'Tampilkan kode baru',
  step1: 'Buka WhatsApp di ponsel.',
  step2: 'Buka Setelan (atau menu), lalu Perangkat tertaut.',
  step3:
    'Ketuk “Tautkan perangkat”, lalu pindai kodenya. Jika yang tampil di sini kode huruf, pilih “Tautkan dengan nomor telepon saja”, lalu ketik kodenya.',
  enter: 'Masukkan kode ini di ponsel Anda.',
  scan: 'Pindai kode ini dengan ponsel Anda.',
  close: 'Halaman ini boleh ditutup.',
  ended: 'Sesi ini sudah berakhir.',
  expired: 'Kode sudah kedaluwarsa.',
  away: 'Sedang tidak terhubung.',
  validFor: 'Berlaku {n} detik',
  linkExpired: 'Tautan ini sudah kedaluwarsa. Mintalah yang baru.',
  waitedLong: 'Halaman ini sudah lama menunggu.',
  asking: 'Meminta kode baru…',
  passkey: 'WhatsApp meminta passkey akun ini sebelum menautkan nomor.',
  passkeyHow:
    'Biarkan WhatsApp tetap terbuka di ponsel. Pemilik akun menandatangani di komputer; langkahnya ada di dashboard.',
  compare: 'Ponsel Anda menampilkan sebuah kode.',
  compareHow: 'Cocokkan dengan kode di dashboard, lalu pilih di sana apakah keduanya sama.',
  toDashboard: 'Lanjutkan di dashboard',
  noDashboard: 'Tidak bisa membuka dashboard? Beri tahu orang yang mengirim halaman ini dalam sepuluh menit.',
};
