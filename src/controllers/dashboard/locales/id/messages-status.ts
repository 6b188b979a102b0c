import type { Texts } from '../../i18n.ts';
import type * as english from '../en/messages-status.ts';

export const messagesStatus: Texts<typeof english.messagesStatus> = {
  title: 'Pasang status',
  about:
    'Status tampil selama 24 jam, hanya untuk orang yang Anda sebut, dan hanya bila mereka menyimpan nomor Anda. Orang yang belum mengenal sesi dihitung sebagai kontak baru.',
  session: 'Sesi',
  recipients: 'Siapa yang melihat',
  recipientsHint: 'Paling banyak 256 nomor, satu nomor per baris.',
  text: 'Teks',
  background: 'Warna latar',
  image: 'Gambar sebagai ganti teks',
  video: 'Video sebagai ganti teks',
  caption: 'Keterangan',
  post: 'Pasang',
  posted: 'Status masuk antrean.',
  back: 'Pesan baru',
};
