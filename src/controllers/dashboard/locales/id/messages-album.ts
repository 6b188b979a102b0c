import type { Texts } from '../../i18n.ts';
import type * as english from '../en/messages-album.ts';

export const messagesAlbum: Texts<typeof english.messagesAlbum> = {
  title: 'Kirim album',
  about:
    'Dua sampai sepuluh gambar dan video yang ditampilkan ponsel sebagai satu album. Gambar lebih dulu. Masing-masing dikirim sebagai pesan tersendiri, sesuai laju sesi.',
  session: 'Sesi',
  to: 'Ke',
  toHint: 'Nomor telepon dalam format umum apa pun, atau ID grup (…@g.us).',
  images: 'Gambar',
  videos: 'Video',
  placesHint: 'Satu URL https, atau ID file yang pernah Anda unggah, per baris.',
  caption: 'Keterangan untuk yang pertama',
  send: 'Kirim',
  queued: 'Album masuk antrean.',
  back: 'Pesan baru',
};
