import type { Reason, Status, Words } from '../../sessions/reasons.ts';

const WAIT =
  'Sesi menghubungkan ulang sendiri; pesan dalam antrean menunggu. Tidak perlu apa-apa, kecuali banyak sesi begini bersamaan: periksa jaringan.';

export const states: Record<Status | 'unlinked', string> = {
  connecting: 'Menghubungkan',
  qr: 'Menunggu ponsel',
  passkey: 'Perlu passkey',
  passkey_confirm: 'Cocokkan kode',
  connected: 'Terhubung',
  disconnected: 'Menghubungkan ulang',
  logged_out: 'Sudah keluar',
  replaced: 'Digantikan',
  failed: 'Berhenti',
  unlinked: 'Belum tertaut',
};

export const reasons: Record<Reason, Words> = {
  connection_lost: ['Koneksi ke WhatsApp terputus.', WAIT],
  timed_out: ['WhatsApp tidak menjawab tepat waktu.', WAIT],
  unavailable: ['WhatsApp sendiri sedang bermasalah.', WAIT],
  stalled: ['Tidak ada lagi yang datang dari WhatsApp, maka koneksi ditutup.', WAIT],
  restart_required: ['WhatsApp meminta koneksi baru.', WAIT],
  untrusted_server: [
    'Server tidak dapat membuktikan bahwa ia WhatsApp.',
    'Ada proxy yang membuka koneksi terenkripsi, atau setelan WA_SERVER salah: hubungi pengelola layanan ini.',
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
    'Ponsel tidak menjawab setelah passkey ditandatangani.',
    'Biarkan WhatsApp terbuka di ponsel, tampilkan kode baru, lalu pindai.',
  ],
  passkey_code_differed: [
    'Kode di ponsel berbeda, jadi tidak ada yang ditautkan.',
    'Tampilkan kode baru, lalu pindai. Jika kodenya berbeda lagi, jangan tautkan di jaringan ini.',
  ],
  passkey_malformed: [
    'WhatsApp mengirim permintaan passkey yang tidak dapat dibaca versi ini.',
    'Tampilkan kode baru, lalu pindai. Jika terulang, minta pembaruan kepada pengelola layanan ini.',
  ],
  pairing_expired: ['Tidak ada ponsel yang ditautkan tepat waktu.', 'Tampilkan kode baru, lalu pindai.'],
  credentials_unreadable: [
    'Kredensial sesi ini yang tersimpan sedang tidak dapat dibaca.',
    'Pengelola layanan harus memasang kembali kunci enkripsinya; setelah itu sesi terhubung sendiri. Jangan tautkan ulang.',
  ],
  user_disabled: ['Pengguna sesi ini dinonaktifkan.', 'Administrator dapat mengaktifkannya kembali.'],
  device_removed: [
    'Ponsel telah menghapus perangkat ini dari perangkat tertaut.',
    'Tautkan ponsel lagi: kredensial lama sudah tidak ada.',
  ],
  replaced: [
    'Program lain memakai kredensial yang sama dan mengambil alih koneksi.',
    'Hentikan program itu, lalu mulai ulang sesi ini.',
  ],
  importing: [
    'Sebuah tautan sedang diimpor, atau impornya terputus.',
    'Tunggu beberapa menit. Jika tidak berubah, impor lagi, atau tautkan ponsel dengan kode baru.',
  ],
  replaced_after_import: [
    'Program asal tautan ini masih berjalan dan mengambil kembali koneksinya.',
    'Hentikan program itu untuk nomor ini, lalu mulai ulang sesi ini. Keduanya tidak dapat memakai satu tautan.',
  ],
  exported: [
    'Tautan ini diekspor untuk dipakai program lain.',
    'Untuk memakainya lagi di sini, hentikan program itu, lalu mulai ulang sesi ini.',
  ],
  client_outdated: [
    'WhatsApp tidak lagi menerima versi klien ini.',
    'Layanan mencoba lagi setiap beberapa menit. Mintalah pembaruan kepada pengelolanya.',
  ],
  forbidden: [
    'WhatsApp memblokir nomor ini, sementara atau selamanya.',
    'Buka WhatsApp di ponsel dan ajukan peninjauan di sana. Jangan memulai ulang berkali-kali.',
  ],
  bad_session: [
    'WhatsApp tidak lagi mengenal kredensial sesi ini.',
    'Keluarkan sesi di sini, lalu tautkan ponsel lagi.',
  ],
  phone_mismatch: [
    'Yang ditautkan bukan ponsel yang diharapkan; ponsel itu langsung dikeluarkan.',
    'Tautkan ponsel yang benar.',
  ],
  duplicate_phone: [
    'Ponsel ini sudah punya sesi aktif lain milik Anda.',
    'Pakai sesi itu, atau hapus dan tautkan lagi di sini.',
  ],
};

export const byStatus: Record<Status, Words> = {
  connecting: ['Koneksi sedang dibuka.', ''],
  qr: ['Ada kode untuk ponsel.', 'Pindai kodenya, atau ketik kode penautan.'],
  passkey: [
    'WhatsApp meminta passkey akun ini sebelum menautkan nomor.',
    'Tanda tangani di peramban: halaman penautan memandu Anda.',
  ],
  passkey_confirm: ['Ponsel menampilkan sebuah kode.', 'Cocokkan di halaman penautan.'],
  connected: ['', ''],
  disconnected: ['Sedang tidak terhubung.', WAIT],
  logged_out: ['Sesi ini dikeluarkan dari sini.', 'Tautkan ponsel lagi, atau hapus sesi.'],
  replaced: ['Koneksi lain menggantikan yang ini.', 'Mulai ulang sesi.'],
  failed: [
    'Sesi tidak dapat berjalan sendiri.',
    'Mulai ulang; bila tidak membantu, keluarkan lalu tautkan lagi.',
  ],
};
