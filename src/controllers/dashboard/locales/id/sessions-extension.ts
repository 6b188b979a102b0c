import type { Texts } from '../../i18n.ts';
import type * as english from '../en/sessions-extension.ts';

export const sessionsExtension: Texts<typeof english.sessionsExtension> = {
  title: 'Ekstensi browser untuk passkey',
  what: 'WhatsApp meminta passkey pada sebagian akun saat nomor ditautkan. Passkey hanya menandatangani di halaman whatsapp.com. Ekstensi ini membuka WhatsApp Web, bertanya kepada Anda di sana, lalu membawa tanda tangan kembali ke halaman tempat Anda menautkan.',
  ready: 'Browser Anda punya ekstensi ini, dan halaman ini diizinkan. Tidak ada lagi yang perlu dilakukan.',
  download: 'Unduh ekstensi',
  chrome1: 'Buka file zip yang diunduh, dan simpan foldernya: browser membacanya setiap kali dibuka.',
  chrome2: 'Buka chrome://extensions dan aktifkan “Mode developer”.',
  chrome3: 'Pilih “Muat yang belum dipaketkan”, lalu folder wahub-passkey.',
  firefox1: 'Buka about:debugging#/runtime/this-firefox.',
  firefox2: 'Pilih “Muat Pengaya Sementara”, lalu file yang diunduh. Diperlukan Firefox 142 atau lebih baru.',
  firefox3: 'Firefox melupakannya saat ditutup: hanya ekstensi yang ditandatangani Mozilla yang disimpan.',
  allowTitle: 'Izinkan di halaman ini',
  allow1:
    'Tetap di halaman ini dan klik tombol “WaHub passkey” di bilah alat. Di Chrome, tombol itu mungkin ada di balik ikon puzzle.',
  allow2: 'Periksa apakah alamatnya alamat WaHub Anda, lalu pilih “Izinkan”. Browser bertanya sekali lagi.',
  allow3:
    'Kembali ke halaman tempat Anda menautkan nomor. Sekarang ada tombol “Tanda tangani di WhatsApp Web”.',
  mayTitle: 'Yang boleh dan yang tidak boleh dilakukannya',
  may1: 'Ekstensi berjalan di web.whatsapp.com dan di halaman yang Anda izinkan, tidak di tempat lain.',
  may2: 'Ekstensi menandatangani hanya setelah Anda mengeklik “Tanda tangani” di jendela pada web.whatsapp.com yang menyebut halaman mana yang meminta.',
  may3: 'Tanda tangan hanya dikirim ke halaman itu. Berlaku untuk satu penautan, satu kali, sekitar sepuluh menit.',
  may4: 'Ekstensi tidak mengirim apa pun ke server mana pun, tidak membaca pesan, dan tidak melihat passkey atau kata sandi Anda.',
  phoneTitle: 'Di ponsel',
  phone:
    'Chrome dan Safari di ponsel tidak punya ekstensi seperti ini, dan WhatsApp Web tidak terbuka di sana. Tautkan lewat komputer. Jika passkey ada di ponsel, pilih “gunakan ponsel” di jendela browser, lalu pindai kodenya.',
  back: 'Kembali ke sesi',
};
