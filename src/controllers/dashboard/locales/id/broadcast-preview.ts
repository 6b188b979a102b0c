import type { Texts } from '../../i18n.ts';
import type * as english from '../en/broadcast-preview.ts';

export const broadcastPreview: Texts<typeof english.broadcastPreview> = {
  title: 'Pratinjau',
  empty: 'Tulis pesan untuk melihat pratinjau.',
  insert: 'Sisipkan:',
  insertOne: (name: string) => `Sisipkan placeholder ${name}`,
  missing: (names: string) =>
    `Tidak ada nilai untuk ${names}: bagian itu kosong. Tambahkan nilai bawaan, misalnya {name|Kak}.`,
  nobody: 'Daftar ini belum punya kontak.',
  choices: 'Setiap orang mendapat salah satu varian, misalnya {{Halo|Hai}}, yang dipilih saat dikirim.',
  emptyFor: (name: string, n: string, of: string) => `${name} kosong untuk ${n} dari ${of}`,
  sample: 'Contoh kontak',
  showFor: 'Pratinjau dengan kontak dari',
  rules: 'Cara memakai placeholder',
  name: 'nama kontak',
  fallback: 'nama, atau “Kak” jika tidak ada',
  column: 'kolom apa pun di daftar',
  spintax: 'salah satunya, berbeda untuk tiap orang',
};
