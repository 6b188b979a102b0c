import { texts } from '../dashboard/i18n.ts';

/** What the page says; its script gets the same words. */
export const QR_PAGE_TEXTS = texts({
  en: {
    title: (sessionId: string) => `Link ${sessionId}`,
    connecting: 'Connecting…',
    imageAlt: 'QR code to be scanned with WhatsApp',
    connected: 'Connected',
    renew: 'Show a new code',
    step1: 'Open WhatsApp on your phone.',
    step2: 'Open Settings (or the menu), then Linked devices.',
    step3:
      'Tap “Link a device” and scan the code. If you see a code of letters here, choose “Link with phone number instead” and type it.',
    enter: 'Enter this code on your phone.',
    scan: 'Scan this code with your phone.',
    close: 'You can close this page.',
    ended: 'This session has ended.',
    expired: 'The code has expired.',
    away: 'Not connected at the moment.',
    validFor: 'Valid for {n} s',
    linkExpired: 'This link has expired. Ask for a new one.',
    waitedLong: 'This page has waited for a long time.',
    asking: 'Asking for a new code…',
    passkey: 'WhatsApp asks for the passkey of this account before it links the number.',
    passkeyHow:
      'Keep WhatsApp open on your phone. The owner of the account signs on a computer; the dashboard shows each step.',
    compare: 'Your phone shows a code.',
    compareHow: 'Compare it with the code in the dashboard, and say there whether they are the same.',
    toDashboard: 'Go on in the dashboard',
    noDashboard: 'You cannot open the dashboard? Tell whoever sent you this page, within ten minutes.',
  },
  id: {
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
    noDashboard:
      'Tidak bisa membuka dashboard? Beri tahu orang yang mengirim halaman ini dalam sepuluh menit.',
  },
});
