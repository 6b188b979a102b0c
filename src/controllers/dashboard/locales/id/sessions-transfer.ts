import type { Texts } from '../../i18n.ts';
import type * as english from '../en/sessions-transfer.ts';

export const transfer: Texts<typeof english.transfer> = {
  title: 'Ambil alih tautan',
  offer: 'Nomornya sudah tertaut di gateway lain?',
  offerLink: 'Ambil alih tautannya',
  intro:
    'Nomor yang sudah ditautkan gateway lain berbasis Baileys tidak perlu ditautkan lagi: cukup foldernya yang berisi creds.json dan kunci. Passkey pun tidak diminta.',
  file: 'Arsip folder',
  fileHint:
    'Zip, tar, atau tar.gz dari folder berisi creds.json (wa-multi-session: main_credentials), atau satu berkas JSON. Paling besar 64 MB.',
  creds: 'Kredensial yang terpisah dari kunci',
  credsHint:
    'Hanya untuk Evolution dan lainnya yang menyimpan kredensial di tabel: isi kolom creds. Berkas di atas lalu berisi kuncinya.',
  checkedTitle: 'Yang diperiksa sebelum apa pun disimpan',
  check1: 'Setiap kunci privat cocok dengan kunci publiknya.',
  check2: 'Pre-key bertanda tangan ditandatangani kunci identitas.',
  check3: 'Ponsel menandatangani perangkat ini, dan perangkat menandatangani ponsel.',
  check4: 'Nomor ini tidak punya sesi aktif lain milik Anda.',
  stopTitle: 'Hentikan dulu program lama',
  stop: 'Satu tautan hanya punya satu koneksi. Jika program lama masih berjalan untuk nomor ini, keduanya saling memutus. Jangan pernah menjalankannya lagi dengan berkas ini.',
  stopped: 'Program lama sudah dihentikan untuk nomor ini',
  button: 'Periksa dan ambil alih',
  done: (phone, keys, leftOut) =>
    `Tautan ${phone} diambil alih dengan ${keys} kunci${leftOut > 0 ? `; ${leftOut} berkas dilewati` : ''}. Jangan jalankan lagi program lama.`,
  exportTitle: 'Bawa tautan ke program lain',
  exportHint:
    'Zip dari folder yang dibaca useMultiFileAuthState milik Baileys. Sesi berhenti di sini. Siapa pun yang memegang berkas ini dapat menulis atas nama nomor ini: simpan seperti kata sandi.',
  exportConfirm: (id) => `Ketik ${id} untuk mengonfirmasi`,
  exportButton: 'Hentikan sesi dan unduh tautannya',
  flaw_unreadable: 'Ini bukan folder, arsip, atau JSON sebuah tautan, atau rusak.',
  flaw_too_large: 'Isinya lebih banyak daripada sebuah tautan.',
  flaw_several_links:
    'Ada beberapa tautan di dalamnya: kirim folder satu tautan, atau namai sesi seperti foldernya.',
  flaw_no_credentials: 'Tidak ada creds.json yang utuh. Hentikan program lama, lalu salin foldernya lagi.',
  flaw_malformed: 'Kredensialnya tidak seperti yang ditulis Baileys.',
  flaw_not_linked: 'Tidak ada ponsel yang menautkan kredensial ini, atau sudah dikeluarkan.',
  flaw_key_pair_differs: 'Kunci privat dan publik tidak cocok: berkasnya rusak atau tercampur.',
  flaw_signature_wrong: 'Ada tanda tangan yang salah: berkasnya rusak, atau bukan dari satu perangkat.',
};
