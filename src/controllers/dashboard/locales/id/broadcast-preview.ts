import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-preview.ts';

export const broadcastPreview: Texts<typeof english.broadcastPreview> = {
  title: 'Pratinjau',
  empty: 'Tulis sesuatu, dan lihat di sini bagaimana jadinya.',
  insert: 'Sisipkan:',
  insertOne: (name: string) => `Sisipkan isian ${name}`,
  missing: (names: string) =>
    `Tidak ada isi untuk ${names}: tempat itu kosong. Beri pengganti, seperti {name|Kak}.`,
  nobody: 'Daftar ini belum punya kontak.',
  choices: 'Dari pilihan seperti {{Halo|Hai}} setiap orang mendapat satu, dipilih ketika dikirim.',
  sample: 'Orang contoh',
  showFor: 'Tampilkan untuk orang dari',
  rules: 'Cara menulis isian',
  name: 'nama orangnya',
  fallback: 'namanya, atau “Kak” kalau tidak ada',
  column: 'kolom apa pun dari daftar',
  spintax: 'salah satunya, berbeda untuk tiap orang',
};
