export const alerts = {
  title: 'Pemberitahuan',
  about:
    'Dapatkan kabar saat ada yang perlu ditangani: satu kali saat muncul, satu kali saat selesai. Pemberitahuan tidak pernah berisi kode atau pesan.',
  now: 'Alarm saat ini',
  none: 'Semua berjalan baik.',
  channels: 'Saluran',
  empty: 'Belum ada yang diberi tahu',
  emptyAbout: 'Tambahkan saluran di bawah.',
  add: 'Tambah saluran',
  name: 'Nama',
  type: 'Jenis',
  email: 'Email',
  telegram: 'Telegram',
  webhook: 'Webhook',
  target: 'Kirim ke',
  targetHint:
    'Email: alamat seorang anggota. Telegram: ID obrolan. Webhook: URL yang menerima pemberitahuan.',
  token: 'Token bot Telegram',
  tokenHint:
    'BotFather menampilkannya saat Anda membuat bot. Disimpan terenkripsi dan tidak ditampilkan lagi.',
  tokenKept: 'Kosongkan untuk memakai yang sekarang.',
  language: 'Bahasa',
  kinds: 'Yang diberitahukan',
  kindsHint: 'Jangan pilih apa pun untuk diberi tahu semuanya.',
  everything: 'Semua',
  create: 'Tambah saluran',
  save: 'Simpan',
  change: 'Ubah',
  created: 'Saluran ditambahkan. Kirim percobaan untuk memastikan sampai.',
  saved: 'Saluran disimpan.',
  deleted: 'Saluran dihapus.',
  test: 'Kirim percobaan',
  testSent: 'Percobaan sampai.',
  testFailed: (why: string) => `Percobaan tidak sampai: ${why}`,
  rotate: 'Ganti secret',
  rotateSure: (name: string) => `Ganti secret ${name}? Yang lama tidak dipakai lagi untuk tanda tangan.`,
  delete: 'Hapus',
  deleteSure: (name: string) => `Hapus ${name}? Pemberitahuan yang belum dikirim akan hilang.`,
  turnOff: 'Matikan',
  turnOn: 'Nyalakan',
  on: 'Aktif',
  off: 'Mati',
  failing: 'Gagal',
  lastSent: 'Pemberitahuan terakhir',
  limit: 'Paling banyak 20 pemberitahuan per jam untuk satu saluran. Sisanya dirangkum.',
};

export const kinds: Record<string, string> = {
  session_ended: 'Nomor terputus atau diblokir',
  session_away: 'Nomor tidak terhubung',
  link_needed: 'Nomor perlu ditautkan lagi',
  restricted: 'WhatsApp membatasi nomor',
  webhook_down: 'Webhook tidak menjawab',
  conversion_low: 'Sedikit kode OTP yang dimasukkan',
  queue_late: 'Pesan terlambat',
  limit_reached: 'Batas tercapai',
  workspace_suspended: 'Workspace ditangguhkan',
};

/** Why a notice could not be sent, by what the service says of it. */
export const failures: Record<string, string> = {
  'The secret of the channel cannot be read: give it again.':
    'Rahasia saluran tidak bisa dibaca: masukkan lagi.',
  'The service sends no e-mail.': 'Layanan ini tidak mengirim email.',
  'The address belongs to no member of the workspace any more.':
    'Alamat ini bukan lagi milik anggota workspace.',
  'The mail server did not take the message.': 'Server email tidak menerima pesan.',
  'The mail server takes no mail now; it is asked again by itself.':
    'Server email sedang tidak menerima email; akan dicoba lagi secara otomatis.',
  'Telegram does not answer now; it is asked again by itself.':
    'Telegram sedang tidak menjawab; akan dicoba lagi secara otomatis.',
  'Telegram refuses the token of the bot.': 'Telegram menolak token bot.',
  'The bot may not write to this chat, or there is no such chat.':
    'Bot tidak boleh menulis ke obrolan ini, atau obrolannya tidak ada.',
  'Telegram asks to wait.': 'Telegram meminta menunggu.',
  'The answer of the receiver was too long.': 'Jawaban penerima terlalu panjang.',
  'The service could not send it.': 'Layanan tidak bisa mengirimnya.',
};
