import type { Texts } from '../../i18n.ts';
import type * as english from '../en/sessions-transfer.ts';

export const transfer: Texts<typeof english.transfer> = {
  title: 'Impor tautan',
  offer: 'Sudah tertaut di gateway lain?',
  offerLink: 'Impor tautannya',
  intro:
    'Nomor yang sudah tertaut di gateway lain berbasis Baileys bisa diimpor. Cukup siapkan folder berisi creds.json dan kuncinya. Tanpa kode QR baru, tanpa passkey.',
  file: 'Arsip folder',
  fileHint:
    'Zip, tar, atau tar.gz dari folder berisi creds.json (wa-multi-session: main_credentials), atau satu file JSON. Maksimal 64 MB.',
  creds: 'Kredensial, jika disimpan terpisah',
  credsHint:
    'Hanya untuk Evolution dan lainnya yang menyimpan kredensial di tabel: isi kolom creds. File di atas lalu berisi kuncinya.',
  proxy: 'Proxy',
  proxyHint: 'Opsional. Jika program lama memakai proxy, isi yang sama.',
  checkedTitle: 'Pemeriksaan sebelum impor',
  check1: 'Setiap kunci privat cocok dengan kunci publiknya.',
  check2: 'Pre-key ditandatangani oleh kunci identitas.',
  check3: 'Ponsel menandatangani perangkat ini, dan perangkat menandatangani ponsel.',
  check4: 'Anda tidak punya sesi aktif lain dengan nomor ini.',
  stopTitle: 'Hentikan dulu program lama',
  stop: 'Satu tautan hanya bisa punya satu koneksi. Jika program lama masih berjalan untuk nomor ini, keduanya saling memutus. Jangan jalankan lagi dengan file ini.',
  stopped: 'Program lama sudah dihentikan untuk nomor ini',
  button: 'Periksa dan impor',
  done: (phone: string, keys: number, leftOut: number) =>
    `Tautan ${phone} diimpor dengan ${keys.toLocaleString('id')} kunci${leftOut > 0 ? `; ${leftOut.toLocaleString('id')} file dilewati` : ''}. Jangan jalankan program lama lagi.`,
  exportTitle: 'Ekspor tautan',
  exportHint:
    'Zip berisi folder yang bisa dibaca useMultiFileAuthState dari Baileys. Sesi berhenti di sini. Siapa pun yang memegang file ini bisa mengirim pesan dari nomor ini: simpan seperti kata sandi.',
  exportConfirm: (id) => `Ketik ${id} untuk mengonfirmasi`,
  exportButton: 'Hentikan sesi dan unduh tautan',
  flaw_unreadable: 'Ini bukan folder, arsip, atau file JSON sebuah tautan, atau filenya rusak.',
  flaw_too_large: 'Isinya melebihi data sebuah tautan.',
  flaw_several_links:
    'Ada beberapa tautan di dalamnya. Kirim folder satu tautan, atau beri sesi nama yang sama dengan foldernya.',
  flaw_no_credentials: 'Tidak ada creds.json yang lengkap. Hentikan program lama, lalu salin foldernya lagi.',
  flaw_malformed: 'Format kredensialnya bukan format Baileys.',
  flaw_not_linked: 'Kredensial ini belum pernah ditautkan ke ponsel, atau sudah diputuskan.',
  flaw_key_pair_differs: 'Kunci privat dan publik tidak cocok. Filenya rusak atau tercampur.',
  flaw_signature_wrong:
    'Ada tanda tangan yang salah. Filenya rusak, atau berasal dari perangkat yang berbeda.',
};
