import type { Texts } from '../../i18n.ts';
import type * as english from '../en/messages-channels.ts';

export const messagesChannels: Texts<typeof english.messagesChannels> = {
  title: 'Saluran',
  about:
    'Kirim teks, gambar, atau video ke saluran milik sesi atau yang ikut dikelolanya. WhatsApp tidak memberi tahu siapa yang sudah melihat: statusnya tetap Terkirim.',
  session: 'Sesi',
  noSession: 'Belum ada nomor yang tertaut',
  noSessionText: 'Tautkan nomor WhatsApp untuk melihat salurannya.',
  addSession: 'Tautkan nomor',
  show: 'Tampilkan saluran',
  none: 'Sesi ini tidak punya saluran dan tidak mengikuti saluran apa pun.',
  name: 'Nama',
  role: 'Peran',
  followers: 'Pengikut',
  address: 'Alamat',
  owner: 'Pemilik',
  admin: 'Admin',
  subscriber: 'Pengikut',
  guest: 'Tamu',
  unknown: 'Tidak diketahui',
  post: 'Tulis kiriman',
  more: (n) => `${n} saluran lain yang diikuti sesi tidak ditampilkan.`,
  cut: 'WhatsApp menyebut lebih banyak saluran daripada yang bisa dibaca.',
  back: 'Pesan baru',
};
