import type { Reason, Status, Words } from '../../sessions/reasons.ts';

const WAIT =
  'Sesi terhubung lagi secara otomatis, dan pesan dalam antrean menunggu. Jika banyak sesi begini, periksa jaringan.';

export const states: Record<Status | 'unlinked', string> = {
  connecting: 'Menghubungkan',
  qr: 'Menunggu dipindai',
  passkey: 'Perlu passkey',
  passkey_confirm: 'Cocokkan kode',
  connected: 'Terhubung',
  disconnected: 'Menghubungkan ulang',
  logged_out: 'Terputus',
  replaced: 'Dibuka di tempat lain',
  failed: 'Berhenti',
  unlinked: 'Belum tertaut',
};

export const reasons: Record<Reason, Words> = {
  connection_lost: ['Koneksi ke WhatsApp terputus.', WAIT],
  timed_out: ['WhatsApp tidak merespons tepat waktu.', WAIT],
  unavailable: ['WhatsApp sedang bermasalah.', WAIT],
  stalled: ['WhatsApp berhenti mengirim data, jadi koneksi ditutup.', WAIT],
  restart_required: ['WhatsApp meminta sambung ulang.', WAIT],
  untrusted_server: [
    'Server tidak bisa membuktikan bahwa ia WhatsApp.',
    'Mungkin ada proxy yang membuka koneksi terenkripsi, atau pengaturan WA_SERVER salah. Hubungi administrator.',
  ],
  passkey_expired: [
    'WhatsApp meminta passkey, tetapi tidak ada yang menandatangani tepat waktu.',
    'Tampilkan kode baru, pindai, lalu tanda tangani dalam sepuluh menit.',
  ],
  passkey_refused: [
    'WhatsApp menolak tanda tangan passkey.',
    'Gunakan passkey milik akun WhatsApp ini. Jika ditolak lagi, pindai kode baru.',
  ],
  passkey_phone_away: [
    'Ponsel tidak merespons setelah passkey ditandatangani.',
    'Biarkan WhatsApp terbuka di ponsel, tampilkan kode baru, lalu pindai.',
  ],
  passkey_code_differed: [
    'Kode di ponsel berbeda, jadi tidak ada yang ditautkan.',
    'Tampilkan kode baru, lalu pindai. Jika kodenya berbeda lagi, jangan tautkan di jaringan ini.',
  ],
  passkey_malformed: [
    'WhatsApp mengirim permintaan passkey yang tidak bisa dibaca versi ini.',
    'Tampilkan kode baru, lalu pindai. Jika terulang, minta pembaruan kepada administrator.',
  ],
  proxy_unreachable: [
    'Proxy sesi ini tidak bisa dihubungi. Sesi tidak terhubung tanpa proxy.',
    'Periksa apakah proxy berjalan dan alamatnya benar. Sesi mencoba lagi otomatis.',
  ],
  proxy_unauthorized: [
    'Proxy menolak username dan kata sandinya. Sesi tidak terhubung tanpa proxy.',
    'Isi lagi alamatnya di pengaturan sesi.',
  ],
  proxy_refused: [
    'Proxy menolak terhubung ke WhatsApp. Sesi tidak terhubung tanpa proxy.',
    'Minta penyedia proxy mengizinkan web.whatsapp.com dan whatsapp.net di port 443.',
  ],
  proxy_not_allowed: [
    'Alamat proxy bersifat privat atau milik server ini, jadi tidak bisa dipakai.',
    'Pakai proxy di internet publik, atau minta administrator mengizinkan proxy privat.',
  ],
  pairing_expired: ['Ponsel tidak ditautkan tepat waktu.', 'Tampilkan kode baru, lalu pindai.'],
  credentials_unreadable: [
    'Kredensial sesi yang tersimpan tidak bisa dibaca.',
    'Administrator harus memulihkan kunci enkripsi. Setelah itu sesi terhubung otomatis. Jangan tautkan ulang.',
  ],
  user_disabled: ['Pengguna sesi ini dinonaktifkan.', 'Administrator bisa mengaktifkannya lagi.'],
  device_removed: ['Perangkat ini dihapus dari ponsel.', 'Tautkan ponsel lagi.'],
  replaced: [
    'Program lain memakai kredensial yang sama dan mengambil alih koneksi.',
    'Hentikan program itu, lalu mulai ulang sesi ini.',
  ],
  importing: [
    'Sebuah tautan sedang diimpor, atau impornya terputus.',
    'Tunggu beberapa menit. Jika tidak berubah, impor lagi, atau tautkan ponsel dengan kode baru.',
  ],
  import_interrupted: [
    'Impor terputus karena server berhenti. Tidak ada yang disimpan.',
    'Impor tautannya lagi, atau tautkan ponsel dengan kode baru.',
  ],
  replaced_after_import: [
    'Program lama masih berjalan dan mengambil kembali koneksinya.',
    'Hentikan program itu untuk nomor ini, lalu mulai ulang sesi ini. Satu tautan tidak bisa dipakai berdua.',
  ],
  exported: [
    'Tautan ini diekspor untuk dipakai program lain.',
    'Untuk memakainya lagi di sini, hentikan program itu, lalu mulai ulang sesi ini.',
  ],
  client_outdated: [
    'WhatsApp tidak lagi menerima versi klien ini.',
    'Sistem mencoba lagi setiap beberapa menit. Minta pembaruan kepada administrator.',
  ],
  forbidden: [
    'WhatsApp memblokir nomor ini, sementara atau permanen.',
    'Buka WhatsApp di ponsel dan ajukan peninjauan. Jangan memulai ulang sesi berkali-kali.',
  ],
  bad_session: [
    'WhatsApp tidak lagi menerima kredensial sesi ini.',
    'Putuskan perangkat di sini, lalu tautkan ponsel lagi.',
  ],
  phone_mismatch: [
    'Ponsel yang ditautkan bukan yang diharapkan, jadi langsung diputuskan.',
    'Tautkan ponsel yang benar.',
  ],
  duplicate_phone: [
    'Anda sudah punya sesi aktif lain dengan ponsel ini.',
    'Gunakan sesi itu, atau hapus lalu tautkan ponsel di sini lagi.',
  ],
};

export const byStatus: Record<Status, Words> = {
  connecting: ['Menghubungkan ke WhatsApp.', ''],
  qr: ['Kode menunggu dipindai.', 'Pindai kodenya, atau masukkan kode penautan di ponsel.'],
  passkey: [
    'WhatsApp meminta passkey akun ini sebelum menautkan nomor.',
    'Tanda tangani di browser. Halaman penautan memandu Anda.',
  ],
  passkey_confirm: ['Ponsel menampilkan sebuah kode.', 'Cocokkan di halaman penautan.'],
  connected: ['', ''],
  disconnected: ['Tidak terhubung.', WAIT],
  logged_out: ['Sesi ini diputuskan dari sini.', 'Tautkan ponsel lagi, atau hapus sesi.'],
  replaced: ['Nomor ini dibuka di tempat lain.', 'Mulai ulang sesi.'],
  failed: [
    'Sesi berhenti dan tidak bisa berjalan sendiri.',
    'Mulai ulang. Jika tidak berhasil, putuskan perangkat lalu tautkan ponsel lagi.',
  ],
};
