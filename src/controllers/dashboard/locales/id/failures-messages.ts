import type { Rule } from './failures.ts';

const count = (n: unknown) => Number(n).toLocaleString('id');

/** Refusals of sessions, of WhatsApp, of messages and files, and of lists and campaigns. */
export const messageSentences: readonly Rule[] = [
  [/^There is no session (.{1,120})\.$/, (name) => `Sesi ${name} tidak ditemukan.`],
  [
    /^There is a session of this name already\./,
    () => 'Sesi dengan nama ini sudah ada. Buka sesi itu untuk menghubungkannya lagi.',
  ],
  [
    /^A phone was linked since this link was made: /,
    () => 'Ponsel sudah tertaut sejak tautan ini dibuat, jadi tautannya berakhir.',
  ],
  [
    /^This session is connected: there is nothing to scan\.$/,
    () => 'Sesi ini sudah terhubung. Tidak ada yang perlu dipindai.',
  ],
  [
    /^This session is linked by a pairing code, not by a QR\.$/,
    () => 'Sesi ini ditautkan dengan kode penautan, bukan dengan QR.',
  ],
  [
    /^There is no QR code: the session is /,
    () => 'Tidak ada kode QR karena sesi ini sudah berakhir. Mulai lagi penautannya.',
  ],
  [
    /^The code was scanned, and WhatsApp asks for a passkey now\./,
    () => 'Kode sudah dipindai, dan WhatsApp sekarang meminta passkey. Lanjutkan di halaman penautan.',
  ],
  [
    /^A link is being imported: there is nothing to scan\.$/,
    () => 'Tautan sedang diimpor. Tidak ada yang perlu dipindai.',
  ],
  [/^There is no QR code at the moment: /, () => 'Kode QR belum ada. Coba lagi sebentar.'],
  [
    /^WhatsApp asks for no passkey: scan the code first\.$/,
    () => 'WhatsApp tidak meminta passkey. Pindai kodenya dulu.',
  ],
  [
    /^The pairing does not wait for .{1,60} now: /,
    () => 'Penautan sedang tidak menunggu langkah ini. Muat ulang halaman.',
  ],
  [
    /^This signature is for another challenge\./,
    () => 'Tanda tangan ini untuk permintaan lain. Tanda tangani permintaan yang sekarang.',
  ],
  [
    /^Nobody signed in time\./,
    () => 'Tidak ada yang menandatangani tepat waktu. Pindai kode baru untuk mulai lagi.',
  ],
  [
    /^WhatsApp did not accept this signature\./,
    () => 'WhatsApp tidak menerima tanda tangan ini. Tanda tangani permintaan yang baru.',
  ],
  [/^WhatsApp did not link this device\./, () => 'WhatsApp tidak menautkan perangkat ini. Mulai lagi.'],
  [/^None of the sessions is connected\.$/, () => 'Tidak ada sesi yang terhubung.'],
  [
    /^The session was disconnected while WhatsApp was asked\.$/,
    () => 'Sesi terputus saat WhatsApp ditanya. Coba lagi.',
  ],
  [/^The session (?:\S{1,120} )?is not connected\.$/, () => 'Sesi tidak terhubung.'],
  [/^The session is not linked\.$/, () => 'Sesi belum tertaut ke ponsel.'],
  [/^The user of this session is disabled\.$/, () => 'Pengguna sesi ini dinonaktifkan.'],
  [
    /^The session meets nobody new now\.$/,
    () => 'Sesi ini sedang tidak menghubungi orang baru. Coba lagi setelah batasnya berakhir.',
  ],
  [
    /^(\d+) of these people do not know the session, and it may meet (\d+) more (?:in a day|now|\d+)\.$/,
    (strangers, left) =>
      `${count(strangers)} orang di antaranya belum mengenal sesi ini, dan sesi ini hanya boleh menghubungi ${count(left)} orang baru lagi.`,
  ],
  [
    /^This session has asked WhatsApp a lot in this minute: /,
    () => 'Sesi ini sudah banyak bertanya ke WhatsApp dalam satu menit. Tunggu sebentar.',
  ],
  [
    /^(?:Another process holds this session|The process that holds this session|The session could not be asked|The session did not answer|The session could not do that)/,
    () => 'Sesi ini sedang tidak bisa ditanya. Coba lagi.',
  ],
  [/^WhatsApp could not be asked this\.$/, () => 'WhatsApp tidak bisa ditanya tentang ini. Coba lagi.'],
  [/^WhatsApp refused it with (\d+)\.$/, (n) => `WhatsApp menolaknya (kode ${n}).`],
  [/^WhatsApp does not accept this\.$/, () => 'WhatsApp tidak menerima ini.'],
  [
    /^WhatsApp says that the session asks too often\.$/,
    () => 'WhatsApp menilai sesi ini terlalu sering bertanya. Tunggu sebentar.',
  ],
  [/^WhatsApp knows nothing of this\.$/, () => 'WhatsApp tidak mengenalnya.'],
  [/^WhatsApp does not know this person\.$/, () => 'WhatsApp tidak mengenal orang ini.'],
  [
    /^It is so already, or somebody has changed it meanwhile\.$/,
    () => 'Sudah begitu, atau seseorang baru saja mengubahnya.',
  ],
  [/^Only an admin of the group may do this\.$/, () => 'Hanya admin grup yang boleh melakukan ini.'],
  [/^The session is not in this group\.$/, () => 'Sesi ini bukan anggota grup tersebut.'],
  [/^There is no such group\.$/, () => 'Grup ini tidak ditemukan.'],
  [
    /^(?:The invite link was revoked, or the group is gone|This invite link is not valid, or it was revoked)\.$/,
    () => 'Tautan undangan ini tidak berlaku atau sudah dicabut.',
  ],
  [/^The group is full\.$/, () => 'Grup ini sudah penuh.'],
  [/^This is not an invite link\.$/, () => 'Ini bukan tautan undangan.'],
  [/^A group cannot be a member\.$/, () => 'Grup tidak bisa menjadi anggota.'],
  [
    /^This number was removed from the group and may not come back by the link\.$/,
    () => 'Nomor ini dihapus dari grup dan tidak bisa kembali lewat tautan.',
  ],
  [/^WhatsApp gave no invite link\.$/, () => 'WhatsApp tidak memberikan tautan undangan. Coba lagi.'],
  [
    /^WhatsApp was too slow: this and what follows was not changed\.$/,
    () => 'WhatsApp terlalu lambat. Ini dan yang sesudahnya tidak diubah.',
  ],
  [
    /^WhatsApp did not say which group it has made\.$/,
    () => 'WhatsApp tidak menyebut grup mana yang dibuatnya. Periksa daftar grup.',
  ],
  [/^The picture of a group has at most 512 KB\.$/, () => 'Gambar grup maksimal 512 KB.'],
  [/^The picture of a group is a JPEG\.$/, () => 'Gambar grup harus JPEG.'],
  [/^The phone has told of no such label\.$/, () => 'Ponsel tidak punya label ini.'],
  [/^Nothing here knows the labels of the phone\.$/, () => 'Label di ponsel tidak diketahui di sini.'],
  [/^There is no such call, or it is over\.$/, () => 'Panggilan ini tidak ada atau sudah berakhir.'],
  [/^What the phone has is not all known yet\./, () => 'Belum semua data ponsel diketahui. Coba lagi nanti.'],
  [/^It was not begun in time\.$/, () => 'Ini tidak sempat dimulai. Coba lagi.'],
  [/^The connection ended meanwhile\.$/, () => 'Koneksi terputus. Coba lagi.'],
  [
    /^The phone has not told the name of this account yet\.$/,
    () => 'Ponsel belum memberi tahu nama akun ini. Coba lagi nanti.',
  ],
  [
    /^The phone has not shared the key of its chats yet\.$/,
    () => 'Ponsel belum membagikan kunci percakapannya. Coba lagi nanti.',
  ],
  [
    /^The phone did not answer in time: it may be off\.$/,
    () => 'Ponsel tidak menjawab tepat waktu. Mungkin sedang mati.',
  ],
  [/^The phone could not put the file there again\.$/, () => 'Ponsel tidak bisa menyediakan file itu lagi.'],
  [/^The engine (.{1,60}) cannot /, (engine) => `Engine ${engine} tidak mendukung ini.`],
  [/^There is no message \S{1,200} in this session\.$/, () => 'Pesan ini tidak ada di sesi ini.'],
  [
    /^The message was not sent: it is /,
    () => 'Pesan tidak terkirim. Buka pesannya untuk melihat penyebabnya.',
  ],
  [
    /^A status is one text, one image or one video\.$/,
    () => 'Status berisi satu teks, satu gambar, atau satu video.',
  ],
  [/^This is a group, not a person\.$/, () => 'Ini grup, bukan orang.'],
  [/^This is not a LID\.$/, () => 'Ini bukan LID.'],
  [/^This is not the address of a channel, /, () => 'Ini bukan alamat saluran.'],
  [/^This is not the id of a group /, () => 'Ini bukan ID grup.'],
  [/^None of these is a phone number\.$/, () => 'Tidak ada nomor telepon yang valid.'],
  [/^There is no such check of numbers\.$/, () => 'Pengecekan nomor ini tidak ditemukan.'],
  [/^This code is wrong\.$/, () => 'Kode salah.'],
  [/^No code is waiting to be checked: /, () => 'Tidak ada kode yang menunggu verifikasi. Kirim kode baru.'],
  [
    /^(\d+) files are being fetched again: /,
    (n) => `${n} file sedang diambil ulang. Tunggu salah satunya selesai.`,
  ],
  [
    /^The files of the album were not there within (\d+) seconds\.$/,
    (n) => `File album tidak siap dalam ${n} detik.`,
  ],
  [/^The caller has gone\.$/, () => 'Permintaan sudah ditinggalkan.'],
  [
    /^The request ended before its sound was converted\.$/,
    () => 'Permintaan berakhir sebelum suaranya dikonversi.',
  ],
  [
    /^A voice note is Ogg Opus\. This sound is (.{1,100}), and .{1,80}\. Send Ogg Opus/,
    (type) =>
      `Pesan suara harus Ogg Opus. File ini ${type} dan tidak bisa dikonversi. Kirim Ogg Opus, atau kirim sebagai audio biasa.`,
  ],
  [
    /^Too many files of this session wait for their upload\.$/,
    () => 'Terlalu banyak file sesi ini yang menunggu diunggah. Coba lagi.',
  ],
  [/^The upload of the file took too long\.$/, () => 'Pengunggahan file terlalu lama. Coba lagi.'],
  [/^There is no such upload\.$/, () => 'File yang diunggah ini tidak ditemukan.'],
  [/^There is no such media\.$/, () => 'File ini tidak ditemukan.'],
  [/^The data: URL /, () => 'URL data: ini tidak bisa dibaca.'],
  [/^The file is larger than (.{1,100})\.$/, (size) => `File lebih besar dari ${size}.`],
  [
    /^The file behind this URL is larger than (.{1,40})\.$/,
    (size) => `File di URL ini lebih besar dari ${size}.`,
  ],
  [
    /^The file is (.{1,100}), which cannot be sent as /,
    (type) => `File ini ${type}, yang tidak bisa dikirim sebagai jenis ini.`,
  ],
  [
    /^The file is infected \((.{1,200})\) and was not kept\.$/,
    (name) => `File ini mengandung virus (${name}) dan tidak disimpan.`,
  ],
  [/^There is no broadcast template /, () => 'Template broadcast ini tidak ditemukan.'],
  [/^There is no OTP template /, () => 'Template kode OTP ini tidak ditemukan.'],
  [/^There is no import /, () => 'Impor ini tidak ditemukan.'],
  [
    /^There is no such draft\. Its campaign may have started\.$/,
    () => 'Draf ini tidak ditemukan. Mungkin kampanyenya sudah dimulai.',
  ],
  [
    /^The draft is too long\. Put the numbers on a list\.$/,
    () => 'Draf ini terlalu panjang. Masukkan nomornya ke daftar.',
  ],
  [
    /^More than (\d+) people have written: take fewer days\.$/,
    (n) => `Lebih dari ${count(n)} orang menulis. Pilih lebih sedikit hari.`,
  ],
  [/^Faster than this service allows: /, () => 'Lebih cepat daripada yang diizinkan layanan ini.'],
  [/^Send a file, or the credentials as /, () => 'Kirim file, atau kredensialnya.'],
  [
    /^This is no folder, archive or JSON of a link, /,
    () => 'Ini bukan folder, arsip, atau JSON dari sebuah tautan, atau rusak.',
  ],
  [/^This holds more than a link has\.$/, () => 'Isinya lebih dari sebuah tautan.'],
  [
    /^There are several links in it: /,
    () => 'Ada beberapa tautan di dalamnya. Kirim folder satu tautan saja.',
  ],
  [/^There is no creds\.json /, () => 'Tidak ada creds.json dengan kredensial perangkat.'],
  [
    /^The credentials are not as Baileys writes them\.$/,
    () => 'Kredensialnya tidak seperti yang ditulis Baileys.',
  ],
  [
    /^No phone has linked these credentials, /,
    () => 'Belum ada ponsel yang menautkan kredensial ini, atau tautannya sudah diakhiri.',
  ],
  [
    /^A private and a public key of the credentials do not belong together\.$/,
    () => 'Kunci privat dan kunci publik kredensial ini tidak berpasangan.',
  ],
  [
    /^A signature of the credentials is wrong: /,
    () => 'Tanda tangan kredensial ini salah: rusak, atau bukan dari satu perangkat.',
  ],
  [
    /^The first line has (\d+) columns; at most (\d+) are possible\.$/,
    (n, most) => `Baris pertama punya ${count(n)} kolom, maksimal ${most}.`,
  ],
  [/^The column ./, () => 'Nama kolom di baris pertama tidak bisa dipakai.'],
  [/, not a file of contacts: send CSV/, () => 'Ini bukan file kontak. Kirim CSV, .xlsx, atau vCard (.vcf).'],
  [
    /^The file cannot be read as (.{1,40}): name another encoding/,
    (name) => `File tidak bisa dibaca sebagai ${name}. Pilih encoding lain.`,
  ],
  [
    /^The file has more than (\d+) rows: split it\.$/,
    (n) => `File ini punya lebih dari ${count(n)} baris. Bagi menjadi beberapa file.`,
  ],
  [
    /^The file has no rows: /,
    () => 'File ini tidak punya baris. Baris pertama berisi nama kolom, setiap baris berikutnya satu kontak.',
  ],
  [
    /^The file is no CSV that can be read: line (\d+) /,
    (n) => `File ini bukan CSV yang bisa dibaca: periksa baris ${count(n)}.`,
  ],
  [/^Save the contacts as CSV, /, () => 'Simpan kontak sebagai CSV, .xlsx, atau vCard, lalu kirim file itu.'],
  [/^The import failed\.$/, () => 'Impor gagal.'],
];
