import type { Texts } from '../../i18n.ts';
import type * as english from '../en/sessions-passkey.ts';

export const sessionsPasskey: Texts<typeof english.sessionsPasskey> = {
  title: 'WhatsApp meminta passkey',
  why: 'WhatsApp baru menautkan nomor ini setelah pemilik akun menandatangani dengan passkey-nya. Passkey hanya bisa dipakai di halaman whatsapp.com. Karena itu, pemilik akun menandatangani di sana, lalu membawa hasilnya ke sini.',
  keepOpen: 'Biarkan WhatsApp tetap terbuka di ponsel.',
  sandbox: 'Ini sandbox: tidak ada peramban yang punya passkey ini, jadi satu klik menandatangani di sini.',
  goodUntil: 'Permintaan ini berlaku sampai',
  thenAnother: 'setelah itu permintaan baru muncul sendiri.',
  step1: 'Di komputer, buka halaman ini di peramban yang menyimpan passkey:',
  step1Hint:
    'Passkey tersimpan di ponsel? Pilih “gunakan ponsel” di jendela pada langkah 3, lalu pindai kodenya.',
  step2: 'Buka konsol (F12), tempel baris berikut, lalu tekan Enter:',
  step2Hint: 'Chrome mungkin meminta Anda mengetik “allow pasting” dulu.',
  step3:
    'Tanda tangani di jendela yang terbuka. Hasilnya otomatis tersalin ke papan klip: tempelkan di sini.',
  onPhone:
    'Anda memakai ponsel. Peramban ponsel tidak dapat menandatangani di sini: buka halaman ini di komputer. Passkey boleh tetap di ponsel.',
  extensionHow:
    'Peramban Anda punya ekstensi WaHub. Ekstensi membuka WhatsApp Web, bertanya kepada Anda di sana, lalu membawa tanda tangan ke sini.',
  extensionSign: 'Tanda tangani di WhatsApp Web',
  extensionMissing: 'Lebih mudah dengan ekstensi peramban kami: satu klik, tanpa langkah-langkah di bawah.',
  extensionGet: 'Pasang ekstensi, atau izinkan di halaman ini',
  saysWaiting: 'Lanjutkan di tab WhatsApp Web.',
  saysSigned: 'Sudah ditandatangani. Tanda tangan sedang dikirim.',
  saysDeclined: 'Tidak ada yang ditandatangani: dibatalkan, atau tab ditutup. Anda dapat mulai lagi.',
  saysNotAllowed: 'Ekstensi tidak boleh lagi melayani halaman ini. Izinkan lagi lewat tombolnya.',
  saysMalformed: 'Ekstensi tidak menerima permintaan ini. Tanda tangani lewat konsol saja.',
  saysFailed: 'Ekstensi tidak dapat membuka WhatsApp Web. Muat ulang halaman ini lalu coba lagi.',
  byConsole: 'Tanda tangani di konsol peramban',
  copy: 'Salin baris ini',
  copied: 'Tersalin',
  result: 'Hasil tanda tangan',
  handIn: 'Kirim tanda tangan',
  soon: 'Jika ditandatangani dalam lima menit setelah pemindaian, nomor langsung tertaut. Lewat dari itu, ponsel menampilkan kode untuk dicocokkan.',
  stale: 'Tanda tangan itu untuk permintaan sebelumnya. Tanda tangani permintaan di bawah ini.',
  reader: 'Anda hanya dapat melihat: langkah ini harus dilanjutkan oleh orang yang boleh mengubah.',
  answered: 'Menunggu ponsel',
  answeredWhy: 'WhatsApp sudah menerima tanda tangan. Ponsel menjawab dalam satu menit.',
  compare: 'Apakah ponsel menampilkan kode yang sama?',
  compareWhy: 'Jika kodenya berbeda, mungkin ada orang lain yang sedang menautkan akun ini.',
  same: 'Ya, sama',
  different: 'Tidak, berbeda',
  differentConfirm: 'Akhiri penautan? Tidak ada yang akan ditautkan.',
};
