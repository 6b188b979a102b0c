import { type Lang, texts } from '../i18n.ts';
import * as english from '../locales/en/broadcast-import.ts';
import * as indonesian from '../locales/id/broadcast-import.ts';

const T = texts({ en: english.broadcastImport, id: indonesian.broadcastImport });

const WORDS = {
  en: {
    example: 'name,number,city\nBudi,081234567890,Bandung\nSiti,+62 813 1111 2222,Solo',
    how: [
      'The first line names the columns. One of them holds the numbers: number, phone, nomor, hp or whatsapp; the name stands in name or nama.',
      'Every other column becomes a field that templates can fill in, as {city}.',
      'Comma, semicolon or tab, UTF-8 or as Excel saves: that is found out.',
      'A line with a number that is none is left out and told afterwards; the others go in.',
    ],
    states: { running: 'running', completed: 'finished', failed: 'failed' },
    kinds: { invalid: 'Refused', duplicate: 'Doubles', repaired: 'Repaired' },
    kindsOne: { invalid: 'refused', duplicate: 'left out', repaired: 'repaired' },
    numbersAre: {
      auto: 'Find it out from the column',
      home: 'Numbers at home, without their 0',
      international: 'International, with country code',
    },
    readings: (numbers: readonly string[]) =>
      `can be read in ${numbers.length} ways: write ${numbers.join(' or ')}, or choose what numbers without + are when you send the file`,
    /** what is missing here is told in the service's own words */
    reasons: {} as Record<string, string>,
    warnings: {} as Record<string, (encoding: string) => string>,
  },
  id: {
    example: 'nama,nomor,kota\nBudi,081234567890,Bandung\nSiti,+62 813 1111 2222,Solo',
    how: [
      'Baris pertama menamai kolom. Salah satunya berisi nomor: number, phone, nomor, hp atau whatsapp; namanya ada di name atau nama.',
      'Setiap kolom lain menjadi isian untuk templat, seperti {kota}.',
      'Koma, titik koma atau tab, UTF-8 atau seperti simpanan Excel: itu dikenali sendiri.',
      'Baris dengan nomor yang bukan nomor dilewati dan diberitahukan sesudahnya; yang lain masuk.',
    ],
    states: { running: 'berjalan', completed: 'selesai', failed: 'gagal' },
    kinds: { invalid: 'Ditolak', duplicate: 'Ganda', repaired: 'Dipulihkan' },
    kindsOne: { invalid: 'ditolak', duplicate: 'dilewati', repaired: 'dipulihkan' },
    numbersAre: {
      auto: 'Kenali dari kolomnya',
      home: 'Nomor dalam negeri, tanpa 0 di depan',
      international: 'Internasional, dengan kode negara',
    },
    readings: (numbers: readonly string[]) =>
      `bisa dibaca ${numbers.length} cara: tulis ${numbers.join(' atau ')}, atau pilih arti nomor tanpa + saat mengirim berkas`,
    reasons: {
      empty_number: 'nomornya tidak ada',
      digits_lost:
        'lembar kerja memendekkan nomor (seperti 8,12E+10) dan angka terakhirnya hilang: jadikan kolom itu teks lalu ketik lagi',
      ambiguous_number:
        'bisa jadi nomor dalam negeri tanpa 0 atau nomor luar negeri: tulis dengan + dan kode negara',
      several_numbers: 'satu sel berisi beberapa nomor: tulis masing-masing di baris sendiri',
      username: 'ini nama pengguna WhatsApp (@nama), yang belum bisa dikirimi: tulis nomor teleponnya',
      invalid_number: 'ini bukan nomor telepon: tulis dengan + dan kode negara',
      too_many_columns:
        'baris ini punya lebih banyak kolom daripada baris pertama: beri tanda kutip pada isi yang memuat pemisah',
      value_too_long: 'ada isi yang lebih dari 1000 huruf (tautan: 8192), atau nama lebih dari 190',
      duplicate: 'nomor ini sudah ada di baris sebelumnya, yang diambil',
      apostrophe: 'dipulihkan: apostrof di depan dibuang',
      formula: 'dipulihkan: tertulis sebagai rumus, ="…"',
      decimal: 'dipulihkan: desimal dibuang',
      exponent: 'dipulihkan: tertulis dengan eksponen tanpa kehilangan angka',
      quote_open: 'baris ini membuka tanda kutip yang tidak pernah ditutup',
      malformed: 'ada tanda kutip di dalam isi: beri tanda kutip pada isi itu dan gandakan yang di dalam',
      line_too_long: 'baris ini lebih panjang dari 262144 huruf',
      first_of_several: 'dipulihkan: dari beberapa nomor diambil nomor pertama yang sah',
      other_column: 'dipulihkan: nomor diambil dari kolom lain',
      thousands: 'dipulihkan: pemisah ribuan dihapus',
      leading_zero: 'dipulihkan: 0 di depan tidak ada',
    } as Record<string, string>,
    warnings: {
      encoding_guessed: (encoding) =>
        `Berkas ini bukan UTF-8 dan tidak menyebutkan pengodeannya; dibaca sebagai ${encoding}. Jika nama tampak salah, simpan sebagai UTF-8 lalu kirim lagi.`,
      numbers_at_home: () =>
        'Nomor yang bisa juga nomor luar negeri dibaca sebagai nomor dalam negeri tanpa 0, seperti nomor lain di berkas ini. Jika keliru, kirim lagi dengan pilihan internasional.',
      numbers_ambiguous: () =>
        'Beberapa nomor bisa dibaca dua cara dan tidak diambil, karena berkas ini memuat nomor tanpa 0 dan nomor dengan kode negara: kirim lagi dan pilih arti nomor tanpa +.',
      letters_lost: () =>
        'Beberapa huruf dalam berkas bukan UTF-8 dan diganti; selebihnya dibaca sebagai UTF-8.',
    } as Record<string, (encoding: string) => string>,
  },
};

export const IMPORT_TEXTS = (lang: Lang) => ({ ...T(lang), ...WORDS[lang] });
