import { type Lang, texts } from '../i18n.ts';
import * as english from '../locales/en/broadcast-import.ts';
import * as indonesian from '../locales/id/broadcast-import.ts';

const T = texts({ en: english.broadcastImport, id: indonesian.broadcastImport });

const WORDS = {
  en: {
    example: 'name,number,city\nBudi,081234567890,Bandung\nSiti,+62 813 1111 2222,Solo',
    how: [
      'The first line contains the column names. One of them has the numbers: number, phone, nomor, hp or whatsapp. Names are in the column name or nama.',
      'Every other column becomes a field for templates, such as {city}.',
      'Comma, semicolon or tab, UTF-8 or an Excel export: the format is detected.',
      'Lines with an invalid number are skipped and listed afterwards. All others are imported.',
    ],
    states: { running: 'running', completed: 'completed', failed: 'failed' },
    kinds: { invalid: 'Refused', duplicate: 'Duplicates', repaired: 'Repaired' },
    kindsOne: { invalid: 'refused', duplicate: 'skipped', repaired: 'repaired' },
    numbersAre: {
      auto: 'Detect from the column',
      home: 'Local numbers without the leading 0',
      international: 'International, with country code',
    },
    readings: (numbers: readonly string[]) =>
      `unclear: enter ${numbers.join(' or ')}, or choose the meaning of numbers without + when you import`,
    /** what is missing here is said in the service's own words */
    reasons: {} as Record<string, string>,
    warnings: {} as Record<string, (encoding: string) => string>,
  },
  id: {
    example: 'nama,nomor,kota\nBudi,081234567890,Bandung\nSiti,+62 813 1111 2222,Solo',
    how: [
      'Baris pertama berisi nama kolom. Salah satunya memuat nomor: number, phone, nomor, hp, atau whatsapp. Nama ada di kolom name atau nama.',
      'Setiap kolom lain menjadi isian untuk template, misalnya {kota}.',
      'Koma, titik koma, atau tab, UTF-8 atau ekspor Excel: formatnya dideteksi otomatis.',
      'Baris dengan nomor tidak valid dilewati dan ditampilkan setelahnya. Baris lain diimpor.',
    ],
    states: { running: 'berjalan', completed: 'selesai', failed: 'gagal' },
    kinds: { invalid: 'Ditolak', duplicate: 'Ganda', repaired: 'Diperbaiki' },
    kindsOne: { invalid: 'ditolak', duplicate: 'dilewati', repaired: 'diperbaiki' },
    numbersAre: {
      auto: 'Deteksi dari kolom',
      home: 'Nomor lokal tanpa 0 di depan',
      international: 'Internasional, dengan kode negara',
    },
    readings: (numbers: readonly string[]) =>
      `tidak jelas: tulis ${numbers.join(' atau ')}, atau pilih arti nomor tanpa + saat mengimpor`,
    reasons: {
      empty_number: 'nomornya kosong',
      digits_lost:
        'nomor dipendekkan oleh spreadsheet (misalnya 8,12E+10) sehingga angka terakhirnya hilang: ubah kolom menjadi teks lalu ketik lagi',
      ambiguous_number:
        'bisa jadi nomor lokal tanpa 0 atau nomor luar negeri: tulis dengan + dan kode negara',
      several_numbers: 'satu sel berisi beberapa nomor: tulis masing-masing di baris sendiri',
      username: 'ini username WhatsApp (@nama), yang belum didukung: tulis nomor teleponnya',
      invalid_number: 'nomor tidak valid: tulis dengan + dan kode negara',
      too_many_columns:
        'baris ini punya lebih banyak kolom daripada baris pertama: beri tanda kutip pada isi yang memuat pemisah',
      value_too_long: 'ada isi yang lebih dari 1.000 huruf (tautan: 8.192), atau nama lebih dari 190 huruf',
      duplicate: 'nomor ini sudah ada di baris sebelumnya, dan baris itu yang dipakai',
      apostrophe: 'diperbaiki: tanda petik di depan dihapus',
      formula: 'diperbaiki: tertulis sebagai rumus, ="…"',
      decimal: 'diperbaiki: desimal dihapus',
      exponent: 'diperbaiki: tertulis dengan eksponen tanpa kehilangan angka',
      quote_open: 'tanda kutip di baris ini tidak ditutup',
      malformed: 'ada tanda kutip di dalam isi: beri tanda kutip pada isi itu dan gandakan yang di dalam',
      line_too_long: 'baris ini lebih panjang dari 262.144 huruf',
      first_of_several: 'diperbaiki: dari beberapa nomor, nomor valid pertama yang dipakai',
      other_column: 'diperbaiki: nomor diambil dari kolom lain',
      thousands: 'diperbaiki: pemisah ribuan dihapus',
      leading_zero: 'diperbaiki: 0 di depan ditambahkan',
    } as Record<string, string>,
    warnings: {
      encoding_guessed: (encoding) =>
        `File ini bukan UTF-8 dan tidak menyebutkan encoding-nya; dibaca sebagai ${encoding}. Jika nama tampak salah, simpan sebagai UTF-8 lalu impor lagi.`,
      numbers_at_home: () =>
        'Nomor yang bisa juga nomor luar negeri dibaca sebagai nomor lokal tanpa 0, seperti nomor lain di file ini. Jika keliru, impor lagi dengan pilihan internasional.',
      numbers_ambiguous: () =>
        'Beberapa nomor tidak jelas dan tidak diimpor, karena file ini memuat nomor tanpa 0 dan nomor dengan kode negara. Impor lagi dan pilih arti nomor tanpa +.',
      letters_lost: () => 'Beberapa huruf dalam file bukan UTF-8 dan diganti. Sisanya dibaca sebagai UTF-8.',
    } as Record<string, (encoding: string) => string>,
  },
};

export const IMPORT_TEXTS = (lang: Lang) => ({ ...T(lang), ...WORDS[lang] });
