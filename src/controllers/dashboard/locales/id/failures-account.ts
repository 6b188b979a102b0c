import { own } from '../../../../utils/own.ts';
import type { Rule } from './failures.ts';

const count = (n: unknown) => Number(n).toLocaleString('id');

/** A moment in ISO 8601 as a sentence has it. */
const moment = (iso: unknown) => `${String(iso).slice(0, 10)} pukul ${String(iso).slice(11, 16)} UTC`;

/** What is limited, by its name in the sentence, with what makes room. */
const THINGS: Record<string, readonly [thing: string, advice: string]> = {
  sessions: ['sesi', 'Hapus sesi yang tidak dipakai'],
  members: ['anggota', 'Keluarkan satu anggota'],
  'bytes of files': ['byte file', 'Hapus file yang diunggah, atau tunggu file pesan lama terhapus'],
  'uploaded files': ['file yang diunggah', 'Hapus file yang tidak dipakai'],
  'uploads under way': ['unggahan yang sedang berjalan', 'Tunggu salah satunya selesai'],
  'imports under way': ['impor yang sedang berjalan', 'Tunggu salah satunya selesai'],
  'checks of numbers under way': [
    'pengecekan nomor yang sedang berjalan',
    'Tunggu salah satunya selesai, atau hentikan satu',
  ],
  'numbers to look up in 24 hours': ['nomor yang dicek dalam 24 jam', 'Tunggu 24 jam berlalu'],
  'extra API keys': ['API key tambahan', 'Akhiri yang tidak dipakai'],
  'replaced own keys that still work': ['API key lama yang masih berlaku', 'Tunggu salah satunya berakhir'],
  webhooks: ['webhook', 'Hapus webhook yang tidak dipakai'],
  'alert channels': ['saluran pemberitahuan', 'Hapus saluran yang tidak dipakai'],
  'broadcast lists': ['daftar', 'Hapus daftar yang tidak dipakai'],
  'contacts on all lists': ['kontak di semua daftar', 'Hapus kontak atau daftar yang tidak dipakai'],
  'broadcast templates': ['template broadcast', 'Hapus template yang tidak dipakai'],
  'OTP templates': ['template kode OTP', 'Hapus template yang tidak dipakai'],
};

const MORE = 'atau minta batas lebih tinggi kepada administrator.';

/** Refusals of accounts, workspaces, keys and requests. */
export const accountSentences: readonly Rule[] = [
  [
    /^There are (\d+) (.{1,60}), and at most (\d+) are allowed, so .{1,40} cannot be taken: /,
    (used, thing = '', limit) => {
      const [name, advice] = own(THINGS, thing) ?? ['hal seperti ini', 'Kosongkan tempat dulu'];
      return `Sudah ada ${count(used)} ${name} dari maksimal ${count(limit)}. ${advice}, ${MORE}`;
    },
  ],
  [
    /^All (\d+) messages of (today|this month|\d+) are used: there are more from (\S{1,40}) on/,
    (limit, span, until) =>
      `Semua ${count(limit)} pesan ${span === 'today' ? 'hari ini' : 'bulan ini'} sudah terpakai. Ada lagi mulai ${moment(until)}, ${MORE}`,
  ],
  [
    /^All (\d+) codes of this hour are used: there are more from (\S{1,40}) on/,
    (limit, until) =>
      `Semua ${count(limit)} kode jam ini sudah terpakai. Ada lagi mulai ${moment(until)}, ${MORE}`,
  ],
  [
    /^Too many in this hour\. Try again later\.$/,
    () => 'Terlalu banyak kode dalam satu jam. Coba lagi nanti.',
  ],
  [/^Too many requests: wait a little\.$/, () => 'Terlalu banyak permintaan. Tunggu sebentar.'],
  [
    /^Too many event streams are open\.$/,
    () => 'Terlalu banyak halaman langsung yang terbuka. Tutup satu dulu.',
  ],
  [
    /^Too many new passwords were asked for from here: wait a while\.$/,
    () => 'Terlalu banyak permintaan kata sandi baru dari sini. Coba lagi nanti.',
  ],
  [
    /^The record was looked up too often: go on in a while\.$/,
    () => 'Catatan ini terlalu sering diperiksa. Coba lagi nanti.',
  ],
  [
    /^Too many invitations were sent today: go on tomorrow\.$/,
    () => 'Terlalu banyak undangan hari ini. Lanjutkan besok.',
  ],
  [
    /^This channel had enough notices in this hour\. Try again later\.$/,
    () => 'Saluran ini sudah cukup banyak menerima pemberitahuan dalam satu jam. Coba lagi nanti.',
  ],
  [
    /^Too many attempts at once: wait a little\.$/,
    () => 'Terlalu banyak percobaan bersamaan. Tunggu sebentar.',
  ],
  [
    /^Too many ask without a valid credential at the moment: try again soon\.$/,
    () => 'Terlalu banyak permintaan tanpa akses yang sah saat ini. Coba lagi sebentar.',
  ],
  [/^This user is gone\.$/, () => 'Akun ini sudah tidak ada.'],
  [/^The code is not right, or it was used before\.$/, () => 'Kode salah atau sudah pernah dipakai.'],
  [
    /^This sign-in took too long or was ended: begin again with the password\.$/,
    () => 'Proses masuk ini terlalu lama atau sudah diakhiri. Mulai lagi dengan kata sandi.',
  ],
  [
    /^The password is right\. Now give your second factor\.$/,
    () => 'Kata sandi benar. Sekarang berikan faktor kedua Anda.',
  ],
  [
    /^This workspace asks for a second factor: /,
    () => 'Workspace ini meminta faktor kedua. Siapkan satu, atau berikan yang Anda miliki.',
  ],
  [/^Give the second factor that you have first\.$/, () => 'Berikan dulu faktor kedua yang Anda miliki.'],
  [/^The passkey was not made for this page\.$/, () => 'Passkey itu tidak dibuat untuk halaman ini.'],
  [/^This account has no passkey\.$/, () => 'Akun ini tidak punya passkey.'],
  [/^Begin to set up the app once more\.$/, () => 'Mulai lagi menyiapkan aplikasi autentikator.'],
  [/^This app was set up already\.$/, () => 'Aplikasi ini sudah disiapkan.'],
  [/^There is no such second factor\.$/, () => 'Faktor kedua ini tidak ditemukan.'],
  [/^This step took too long: begin it again\.$/, () => 'Langkah ini terlalu lama. Mulai lagi.'],
  [
    /^Passkeys need an address with a name and https: /,
    () => 'Passkey memerlukan alamat dengan nama domain dan https. Layanan ini belum memilikinya.',
  ],
  [
    /^This service sends no mails: ask an administrator/,
    () => 'Layanan ini tidak mengirim email. Minta kata sandi baru kepada administrator.',
  ],
  [
    /^This link was used or is too old: ask for another one\.$/,
    () => 'Tautan ini sudah dipakai atau terlalu lama. Minta tautan baru.',
  ],
  [
    /^This invitation was used, was ended or is older than seven days/,
    () => 'Undangan ini sudah dipakai, diakhiri, atau lebih dari tujuh hari. Minta undangan baru.',
  ],
  [
    /^This invitation is for another address: /,
    () => 'Undangan ini untuk alamat lain. Kembali, lalu masuk dengan akun yang memakai alamat itu.',
  ],
  [
    /^Send the password of the account, or of a new one\.$/,
    () => 'Isi kata sandi akun Anda, atau kata sandi untuk akun baru.',
  ],
  [/^Send the password as well\.$/, () => 'Isi juga kata sandi.'],
  [
    /^This is not the password that the registration was made with\./,
    () =>
      'Ini bukan kata sandi yang dipakai saat mendaftar. Jika bukan Anda yang mendaftar, daftar sendiri: tautannya akan berbeda.',
  ],
  [
    /^You belong to no workspace any more: /,
    () => 'Anda tidak lagi berada di workspace mana pun. Minta diundang.',
  ],
  [/^New workspaces are closed here: /, () => 'Workspace baru tidak dibuka di sini. Hubungi administrator.'],
  [/^You do not belong to this workspace any more\.$/, () => 'Anda sudah tidak berada di workspace ini.'],
  [/^An owner sees all sessions\.$/, () => 'Pemilik melihat semua sesi, jadi tidak bisa dibatasi.'],
  [
    /^This workspace is suspended\.(.{0,300}) Nothing is lost; ask the administrator of the service\.$/,
    (why = '') => `Workspace ini ditangguhkan.${why} Tidak ada yang hilang. Hubungi administrator layanan.`,
  ],
  [/^There is no such workspace\.$/, () => 'Workspace ini tidak ditemukan.'],
  [/^There is no such user\.$/, () => 'Pengguna ini tidak ditemukan.'],
  [/^There is no such member\.$/, () => 'Anggota ini tidak ditemukan.'],
  [/^There is no such API key\.$/, () => 'API key ini tidak ditemukan.'],
  [/^There is no such plan\.$/, () => 'Paket ini tidak ditemukan.'],
  [/^There is no such identity\.$/, () => 'Akun layanan itu tidak ditemukan.'],
  [/^There is no such sign-in\.$/, () => 'Proses masuk itu sudah tidak ada.'],
  [/^There is no such domain\.$/, () => 'Domain ini tidak ditemukan.'],
  [/^There is no such invitation\.$/, () => 'Undangan ini tidak ditemukan.'],
  [/^There is no such alert channel\.$/, () => 'Saluran pemberitahuan ini tidak ditemukan.'],
  [/^There is no operation of this name\.$/, () => 'Operasi dengan nama ini tidak ditemukan.'],
  [/^There is no such call in the log\.$/, () => 'Permintaan ini tidak ada di log.'],
  [/^There is no such webhook\.$/, () => 'Webhook ini tidak ditemukan.'],
  [/^There is no such delivery\.$/, () => 'Pengiriman event ini tidak ditemukan.'],
  [/^There is no such replay\.$/, () => 'Pengiriman ulang ini tidak ditemukan.'],
  [
    /^A webhook cannot lead to this service itself: /,
    () => 'Webhook tidak boleh menuju layanan ini sendiri. Isi alamat penerima Anda.',
  ],
  [/^The token is not valid\.$/, () => 'Token tidak valid. Masuk lagi.'],
  [/^The API key is not valid\.$/, () => 'API key tidak valid.'],
  [/^This looks like an API key: send it as /, () => 'Ini tampaknya API key: kirim sebagai x-api-key.'],
  [/^This needs a credential: /, () => 'Permintaan ini memerlukan API key atau token.'],
  [/^An API key cannot do this: /, () => 'API key tidak bisa melakukan ini. Masuk, lalu pakai tokennya.'],
  [/^This needs a signed-in user /, () => 'Ini hanya bisa dilakukan orang yang sudah masuk, bukan API key.'],
  [
    /^The role \S{1,40} cannot make a key with (.{1,200})\.$/,
    (scopes) => `Peran Anda tidak bisa membuat API key dengan akses ${scopes}.`,
  ],
  [/^This API key lacks the scope (\S{1,60})\.$/, (scope) => `API key ini tidak punya akses ${scope}.`],
  [
    /^The role \S{1,40} in this workspace may not do this\.$/,
    () => 'Peran Anda di workspace ini tidak mengizinkannya.',
  ],
  [
    /^This concerns the whole account: /,
    () => 'Ini menyangkut seluruh akun. Masuk, atau pakai API key dengan akses penuh.',
  ],
  [/^This API key is bound to (?:one session|some sessions)/, () => 'API key ini hanya untuk sesi tertentu.'],
  [
    /^Your membership is bound to (?:one session|some sessions)/,
    () => 'Keanggotaan Anda hanya untuk sesi tertentu.',
  ],
  [/^Scopes /, () => 'Akses yang dipilih tidak valid.'],
  [
    /^This form does not come from a page of this service\.$/,
    () => 'Formulir ini tidak berasal dari halaman layanan ini. Muat ulang halaman.',
  ],
  [
    /^Unknown field (.{1,100})\. Did you mean (.{1,100})\?$/,
    (name, meant) => `Isian ${name} tidak dikenal. Maksudnya ${meant}?`,
  ],
  [
    /^Idempotency-Key must have 1 to (\d+) characters\.$/,
    (n) => `Idempotency-Key harus 1 sampai ${n} karakter.`,
  ],
  [
    /^Another request with this Idempotency-Key came first\.$/,
    () => 'Permintaan lain dengan Idempotency-Key ini lebih dulu masuk.',
  ],
  [
    /^The first request with this Idempotency-Key may have been done: look first\.$/,
    () => 'Permintaan pertama dengan Idempotency-Key ini mungkin sudah dijalankan. Periksa dulu.',
  ],
  [
    /^This Idempotency-Key was used for another request\.$/,
    () => 'Idempotency-Key ini sudah dipakai untuk permintaan lain.',
  ],
  [
    /^The first request with this Idempotency-Key still runs\.$/,
    () => 'Permintaan pertama dengan Idempotency-Key ini masih berjalan.',
  ],
  [
    /^The body is larger than (.{1,40}), its file left out\.$/,
    (size) => `Data yang dikirim, di luar filenya, lebih dari ${size}.`,
  ],
  [/^The body is larger than (.{1,40})\.$/, (size) => `Data yang dikirim lebih dari ${size}.`],
  [/^The body is too large\.$/, () => 'Data yang dikirim terlalu besar.'],
  [/^The form is larger than (.{1,40})\.$/, (size) => `Isi formulir lebih dari ${size}.`],
  [/^The body is not valid JSON\.$/, () => 'Data yang dikirim bukan JSON yang lengkap.'],
  [/^The body /, () => 'Data yang dikirim tidak bisa dibaca.'],
  [
    /^Send the body as it is, without Content-Encoding: /,
    () => 'Kirim datanya apa adanya, tanpa Content-Encoding.',
  ],
  [/^Send (?:JSON|the header Content-Type)/, () => 'Kirim data sebagai JSON atau formulir.'],
  [/^Send one file in a request\.$/, () => 'Kirim satu file saja.'],
  [/^Send the file as (.{1,60})\.$/, (name) => `Kirim file sebagai ${name}.`],
  [/^Send no file\.$/, () => 'Jangan kirim file.'],
  [/^(?:[A-Z]{3,10}|\d+) is not possible here\.$/, () => 'Tindakan ini tidak tersedia di sini.'],
  [
    /^Something went wrong on our side\. /,
    () => 'Terjadi kesalahan di server. Sebutkan ID permintaan saat melapor.',
  ],
  [
    /^The service cannot reach its database\. /,
    () => 'Layanan tidak bisa menjangkau databasenya. Tidak ada yang hilang. Coba lagi.',
  ],
  [/^Not ready: the service is starting\.$/, () => 'Layanan sedang dinyalakan.'],
  [/^Not ready: the service is stopping\.$/, () => 'Layanan sedang dihentikan.'],
  [/^Not ready: the database is away\.$|^The database is away\.$/, () => 'Database sedang tidak tersedia.'],
  [
    /^The database answers, but nothing can be written: /,
    () => 'Database menjawab, tetapi tidak bisa ditulis. Periksa disk dan lognya.',
  ],
  [
    /^Not ready: the credentials of no session can be read\./,
    () => 'Kredensial semua sesi tidak bisa dibaca. Kemungkinan kunci enkripsinya berubah.',
  ],
  [
    /^The storage of files cannot be used at the moment\. /,
    () => 'Penyimpanan file sedang tidak bisa dipakai. Tidak ada yang hilang. Coba lagi.',
  ],
  [
    /^The service stops; the import goes on /,
    () => 'Layanan sedang dihentikan. Impor berlanjut setelah layanan menyala lagi.',
  ],
  [/^The service stops\.$/, () => 'Layanan sedang dihentikan. Coba lagi sebentar.'],
  [/^The emulator of this sandbox does not answer\.$/, () => 'Simulator tidak menjawab.'],
  [/^There are simulated phones in a sandbox only\.$/, () => 'Ponsel simulasi hanya ada di sandbox.'],
];
