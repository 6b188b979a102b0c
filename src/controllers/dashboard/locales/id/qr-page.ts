import type { Texts } from '../../i18n.ts';
import type * as english from '../en/qr-page.ts';

export const qrPage: Texts<typeof english.qrPage> = {
  title: (sessionId: string) => `Tautkan ${sessionId}`,
  connecting: 'Menghubungkan…',
  imageAlt: 'Kode QR untuk dipindai dengan WhatsApp',
  connected: 'Terhubung',
  renew: 'Tampilkan kode baru',
  step1: 'Buka WhatsApp di ponsel Anda.',
  step2: 'Buka Setelan (atau menu), lalu pilih Perangkat tertaut.',
  step3:
    'Ketuk “Tautkan perangkat”, lalu pindai kodenya. Jika halaman ini menampilkan huruf, ketuk “Tautkan dengan nomor telepon saja”, lalu ketik hurufnya.',
  enter: 'Masukkan kode ini di ponsel Anda.',
  scan: 'Pindai kode ini dengan ponsel Anda.',
  close: 'Anda bisa menutup halaman ini.',
  ended: 'Sesi ini sudah berakhir.',
  expired: 'Kode sudah kedaluwarsa.',
  away: 'Tidak terhubung.',
  validFor: 'Berlaku {n} detik',
  linkExpired: 'Tautan ini sudah kedaluwarsa. Minta tautan baru.',
  waitedLong: 'Halaman ini sudah terlalu lama terbuka.',
  asking: 'Mengambil kode baru…',
  passkey: 'WhatsApp meminta passkey akun ini sebelum menautkan nomor.',
  passkeyHow:
    'Biarkan WhatsApp tetap terbuka di ponsel. Pemilik akun menandatangani di komputer; setiap langkahnya ada di dashboard.',
  compare: 'Ponsel Anda menampilkan sebuah kode.',
  compareHow: 'Cocokkan dengan kode di dashboard, lalu konfirmasi di sana apakah keduanya sama.',
  toDashboard: 'Lanjutkan di dashboard',
  noDashboard: 'Tidak bisa membuka dashboard? Beri tahu orang yang mengirim halaman ini dalam sepuluh menit.',
};
