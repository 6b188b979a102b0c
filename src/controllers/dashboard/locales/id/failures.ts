import type { ErrorCode } from '../../../../utils/errors.ts';

/** What went wrong, by code: for sentences of the verbs that have no translation below. */
export const failures: Record<ErrorCode, string> = {
  VALIDATION_FAILED: 'Ada isian yang belum benar.',
  INVALID_NUMBER: 'Ini bukan nomor telepon yang valid.',
  URL_REFUSED: 'URL ini tidak boleh dipakai.',
  OTP_INVALID: 'Kode salah.',
  PASSKEY_EXPIRED: 'Permintaan passkey sudah kedaluwarsa.',
  PASSKEY_REFUSED: 'WhatsApp menolak tanda tangan passkey.',
  UNAUTHORIZED: 'Anda harus masuk lagi.',
  SECOND_FACTOR_REQUIRED: 'Kata sandi benar. Sekarang berikan faktor kedua Anda.',
  SECOND_FACTOR_MISSING: 'Workspace ini meminta faktor kedua: siapkan satu, atau berikan yang Anda miliki.',
  FORBIDDEN: 'Anda tidak punya akses untuk ini.',
  NOT_FOUND: 'Data ini tidak ditemukan.',
  SESSION_NOT_FOUND: 'Sesi ini tidak ditemukan.',
  QR_NOT_READY: 'Kode QR belum siap.',
  OTP_NOT_FOUND: 'Tidak ada kode yang menunggu verifikasi.',
  METHOD_NOT_ALLOWED: 'Tindakan ini tidak tersedia di sini.',
  SESSION_EXISTS: 'Sesi dengan nama ini sudah ada.',
  DUPLICATE_PHONE: 'Nomor ini sudah tertaut ke sesi lain.',
  ALREADY_CONNECTED: 'Sesi ini sudah terhubung.',
  NOT_CONNECTED: 'Sesi ini tidak terhubung.',
  QUOTA_EXCEEDED:
    'Batas akun ini sudah tercapai. Hapus yang tidak dipakai, atau minta batas lebih tinggi kepada administrator.',
  BROADCAST_IN_PROGRESS: 'Kampanye untuk daftar ini masih berjalan.',
  CONFLICT: 'Tindakan ini tidak bisa dilakukan sekarang karena datanya sudah berubah. Muat ulang halaman.',
  IDEMPOTENCY_CONFLICT: 'Idempotency-Key ini sudah dipakai untuk permintaan lain.',
  IDEMPOTENCY_IN_PROGRESS: 'Permintaan yang sama masih berjalan.',
  OTP_EXPIRED: 'Kode sudah kedaluwarsa.',
  BODY_TOO_LARGE: 'Data yang dikirim terlalu besar.',
  FILE_TOO_LARGE: 'File terlalu besar.',
  UNSUPPORTED_MEDIA: 'Jenis file ini tidak didukung.',
  NOT_SUPPORTED: 'Fitur ini tidak didukung oleh engine yang dipakai.',
  FILE_INFECTED: 'File ini mengandung virus dan tidak disimpan.',
  NOT_ON_WHATSAPP: 'Nomor ini tidak terdaftar di WhatsApp.',
  RATE_LIMITED: 'Terlalu banyak permintaan. Tunggu sebentar.',
  OTP_MAX_ATTEMPTS: 'Terlalu banyak kode salah.',
  INTERNAL: 'Terjadi kesalahan di server. Sebutkan ID permintaan saat melapor.',
  SEND_FAILED: 'Pesan tidak terkirim.',
  UNAVAILABLE: 'Layanan sedang tidak tersedia. Coba lagi.',
};

type Rule = readonly [RegExp, (...found: string[]) => string];

/** The sentences of the verbs that a person at the dashboard can meet. */
export const sentences: readonly Rule[] = [
  [
    /^A campaign to this list is running on this session\.$/,
    () => 'Kampanye untuk daftar ini masih berjalan di sesi ini.',
  ],
  [
    /^A campaign can be changed while it is paused or has not begun\.$/,
    () => 'Kampanye hanya bisa diubah sebelum dimulai atau selama dijeda.',
  ],
  [
    /^Another import or pairing of this session has begun\./,
    () => 'Impor atau penautan lain untuk sesi ini sedang berjalan. Coba lagi sebentar.',
  ],
  [
    /^It has begun: its time cannot be changed any more\.$/,
    () => 'Sudah dimulai, jadi waktunya tidak bisa diubah lagi.',
  ],
  [/^No code is being compared now\.$/, () => 'Tidak ada kode yang sedang dicocokkan.'],
  [/^No passkey signature is awaited now\.$/, () => 'Tidak ada passkey yang ditunggu sekarang.'],
  [
    /^Only a completed or paused campaign with failures can be retried\.$/,
    () => 'Hanya kampanye selesai atau dijeda yang punya pesan gagal yang bisa diulang.',
  ],
  [
    /^Only a message that failed, expired or was canceled can be retried\.$/,
    () => 'Hanya pesan yang gagal, kedaluwarsa, atau dibatalkan yang bisa dikirim ulang.',
  ],
  [/^The file of this import is not there any more/, () => 'File impor ini sudah tidak ada. Unggah lagi.'],
  [/^The last admin cannot be removed\.$/, () => 'Administrator terakhir tidak bisa dihapus.'],
  [/^The session that sent this message is gone\.$/, () => 'Sesi yang mengirim pesan ini sudah dihapus.'],
  [/^The session that this campaign belongs to is gone\.$/, () => 'Sesi kampanye ini sudah dihapus.'],
  [/^The webhook is disabled\.$/, () => 'Webhook ini nonaktif.'],
  [
    /^The webhook was changed at the same time\.$/,
    () => 'Webhook ini baru saja diubah orang lain. Muat ulang halaman.',
  ],
  [/^This e-mail address is taken\.$/, () => 'Email ini sudah dipakai.'],
  [/^This event is still being delivered\.$/, () => 'Event ini masih dikirim.'],
  [/^This import goes on already\.$/, () => 'Impor ini sudah berjalan.'],
  [
    /^This session has no (?:credentials|link that could be exported)\.$/,
    () => 'Sesi ini belum tertaut ke ponsel.',
  ],
  [/^This session is not being linked now\.$/, () => 'Sesi ini sedang tidak ditautkan.'],
  [
    /^Too many checks of this code at the same time/,
    () => 'Terlalu banyak verifikasi kode ini bersamaan. Coba lagi.',
  ],
  [
    /^A list can have at most (\d+) different fields\.$/,
    (n) => `Satu daftar bisa punya maksimal ${n} kolom.`,
  ],
  [/^No phone is linked to the session (\S+)\.$/, (id) => `Sesi ${id} belum tertaut ke ponsel.`],
  [/^The list has a contact (\S+) already\.$/, (phone) => `Kontak ${phone} sudah ada di daftar.`],
  [/^The message cannot be canceled any more/, () => 'Pesan ini tidak bisa dibatalkan lagi.'],
  [/^There is a broadcast template (.+) already\.$/, (name) => `Template broadcast ${name} sudah ada.`],
  [/^There is an OTP template (.+) already\.$/, (name) => `Template kode OTP ${name} sudah ada.`],
  [
    /^The session of this name has a link/,
    () =>
      'Sesi dengan nama ini sudah tertaut atau sedang menunggu dipindai. Pakai nama lain, atau hapus sesi itu dulu.',
  ],
  [/^This phone already has an active session\.$/, () => 'Nomor ini sudah punya sesi aktif.'],
  [
    /^A read-only user cannot change anything\.$/,
    () => 'Akses Anda hanya lihat, jadi tidak bisa mengubah apa pun.',
  ],
  [
    /^Codes may not be sent to numbers of this country\.$/,
    () => 'Kode tidak boleh dikirim ke negara nomor ini.',
  ],
  [/^Registration is closed/, () => 'Pendaftaran ditutup. Minta akun kepada administrator.'],
  [/^There is no account for you here/, () => 'Anda belum punya akun di sini. Minta diundang.'],
  [
    /^There is an account with this address already: sign in/,
    () =>
      'Sudah ada akun dengan alamat ini. Masuk dengan kata sandinya, lalu tautkan layanan ini di halaman akun Anda.',
  ],
  [/^The provider does not confirm your e-mail/, () => 'Layanan itu tidak mengonfirmasi alamat email Anda.'],
  [/^This identity belongs to another account/, () => 'Akun layanan itu sudah ditautkan ke pengguna lain.'],
  [/^This is your only way to sign in/, () => 'Ini satu-satunya cara Anda masuk. Buat kata sandi dulu.'],
  [
    /^You were not signed in: it was refused/,
    () => 'Anda belum masuk: layanan itu menolak atau Anda batalkan.',
  ],
  [/^This sign-in is over or was used/, () => 'Proses masuk ini sudah berakhir. Mulai lagi.'],
  [/^There is no such way to sign in here/, () => 'Cara masuk itu tidak tersedia di sini.'],
  [/^(.+) does not answer now/, (name) => `${name} sedang tidak merespons. Coba lagi sebentar lagi.`],
  [/^The name servers do not answer/, () => 'Server DNS tidak merespons. Coba lagi sebentar lagi.'],
  [
    /^The TXT record is not there yet/,
    () => 'Catatan TXT belum ada. Catatan baru bisa butuh waktu hingga satu jam.',
  ],
  [/^This domain is taken already/, () => 'Domain ini sudah dipakai.'],
  [/^A workspace can have at most (\d+) domains/, (n) => `Maksimal ${n} domain per workspace.`],
  [/^This form has expired/, () => 'Formulir ini sudah kedaluwarsa. Muat ulang halaman.'],
  [/^This needs the role /, () => 'Halaman ini hanya untuk administrator.'],
  [/^The e-mail or the password is not right\.$/, () => 'Email atau kata sandi salah.'],
  [/^You were signed out meanwhile/, () => 'Anda sudah keluar. Silakan masuk lagi.'],
  [/^The current password is not right\.$/, () => 'Kata sandi saat ini salah.'],
  [
    /^This link was used or is older than a day/,
    () =>
      'Tautan ini sudah dipakai atau lebih dari sehari. Masuk, atau daftar sekali lagi untuk tautan baru.',
  ],
  [/^Too many failed attempts/, () => 'Terlalu banyak percobaan gagal. Tunggu sebelum mencoba lagi.'],
  [
    /^The queue is full: (\d+) messages/,
    (n) => `Antrean penuh: ${Number(n).toLocaleString('id')} pesan masih menunggu.`,
  ],
  [/^At most (\d+) accounts can be made/, (n) => `Maksimal ${n} akun per hari dari satu alamat.`],
  [/^The virus scanner does not answer/, () => 'Pemindai virus tidak merespons, jadi file tidak disimpan.'],
  [/^WhatsApp (?:did not answer|gave no answer)/, () => 'WhatsApp tidak merespons. Coba lagi.'],
  [
    /^Only jpg, jpeg, png, gif, pdf, doc and docx files are taken\.$/,
    () => 'Hanya file jpg, jpeg, png, gif, pdf, doc, dan docx yang didukung.',
  ],
  [/^The picture is damaged/, () => 'Gambar ini rusak: ukurannya tidak bisa dibaca.'],
  [/^Choose a file first\.$/, () => 'Pilih file dulu.'],
  [/^The file is empty\.$/, () => 'File ini kosong.'],
  [/^None of the contacts can be taken\.$/, () => 'Tidak ada kontak yang valid.'],
  [/^None of the numbers is a phone number\.$/, () => 'Tidak ada nomor telepon yang valid.'],
  [/^A pairing code needs the phone it is for\.$/, () => 'Kode penautan memerlukan nomor ponselnya.'],
  [/^Repeat the name of the session to confirm\.$/, () => 'Ketik nama sesi untuk mengonfirmasi.'],
  [/^The expiry is in the past\.$/, () => 'Tanggal kedaluwarsa sudah lewat.'],
  [/^Too many wrong codes/, () => 'Terlalu banyak kode salah. Kirim kode baru.'],
  [/^This code has expired/, () => 'Kode sudah kedaluwarsa. Kirim kode baru.'],
  [
    /^No column holds the numbers/,
    () =>
      'Tidak ada kolom berisi nomor. Beri nama kolom di baris pertama; salah satunya number, phone, nomor, hp, atau whatsapp.',
  ],
  [
    /^The encoding of the file cannot be told/,
    () => 'Encoding file tidak dikenali. Simpan sebagai UTF-8, lalu unggah lagi.',
  ],
  [/^The file has no column (.{1,100})\.$/, (name) => `File ini tidak punya kolom ${name}.`],
  [
    /^The service was interrupted before anything was imported/,
    () => 'Server terhenti sebelum ada yang diimpor. Unggah file lagi.',
  ],
  [
    /^The service was interrupted after (\d+) rows/,
    (n) =>
      `Server terhenti setelah ${Number(n).toLocaleString('id')} baris, yang sudah diimpor. Unggah file lagi.`,
  ],
  [
    /^The address of the proxy is (?:private, or of this service|not one that may be used)\.$/,
    () => 'Alamat proxy bersifat privat atau milik server ini. Pakai proxy di internet publik.',
  ],
  [/^This session has no proxy/, () => 'Sesi ini tidak punya proxy. Isi alamat yang ingin diuji.'],
  [/^The proxy did not answer in time\.$/, () => 'Proxy tidak merespons tepat waktu.'],
  [/^The proxy closed the connection\.$/, () => 'Proxy menutup koneksi.'],
  [
    /^The proxy did not answer as (?:one|a SOCKS 5 proxy)\.$/,
    () => 'Yang merespons di alamat ini bukan proxy jenis itu.',
  ],
  [
    /^The proxy could not prove who it is/,
    () => 'Proxy tidak bisa membuktikan identitasnya, atau tidak memakai TLS.',
  ],
  [/^The host name of the proxy could not be resolved\.$/, () => 'Nama host proxy tidak ditemukan.'],
  [/^The proxy did not lead through \((.{1,60})\)\.$/, (why) => `Proxy menolak koneksinya (${why}).`],
  [/^There is a pool (.{1,120}) already\.$/, (name) => `Pool ${name} sudah ada.`],
  [/^There is no pool (.{1,120})\.$/, (name) => `Pool ${name} tidak ditemukan.`],
  [/^There are (\d+) pools already: delete one first\.$/, (n) => `Sudah ada ${n} pool. Hapus satu dulu.`],
  [/^There is nothing at this address\.$/, () => 'Halaman ini tidak ditemukan.'],
  [/^There is no such message\.$/, () => 'Pesan ini tidak ditemukan.'],
  [/^There is no campaign /, () => 'Kampanye ini tidak ditemukan.'],
  [/^There is no broadcast list /, () => 'Daftar ini tidak ditemukan.'],
  [/^The list has no contact (\S+)\.$/, (phone) => `Kontak ${phone} tidak ada di daftar ini.`],
  [/has not opted out\.$/, () => 'Nomor ini tidak ada di daftar berhenti langganan.'],
];
