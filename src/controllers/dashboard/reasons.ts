/** The reasons of refused fields in Indonesian: schemas and verbs say them in English, for the API. */

import { own } from '../../utils/own.ts';
import { sentences } from './locales/id/failures.ts';
import { fields } from './locales/id/fields.ts';

/** What is longer is not one of our sentences. */
const MAX_LENGTH = 500;

const UNITS: Record<string, string> = {
  characters: 'karakter',
  bytes: 'byte',
  rows: 'baris',
  items: 'item',
  sections: 'bagian',
  buttons: 'tombol',
  options: 'pilihan',
  people: 'orang',
  contacts: 'kontak',
  row: 'pilihan',
  section: 'bagian',
  button: 'tombol',
  contact: 'kontak',
  'groups of alternatives': 'kelompok varian',
};

const unit = (name = ''): string => UNITS[name] ?? name;

/** As the form calls the field. */
const label = (name = ''): string => own<string>(fields, name) ?? name;

type Rule = readonly [RegExp, (...found: string[]) => string];

const RULES: readonly Rule[] = [
  [/^is required$/, () => 'wajib diisi'],
  [/^must not be empty$/, () => 'tidak boleh kosong'],
  [/^must be the name (.+)$/, (name) => `harus sama dengan nama ${name}`],
  [/^is not valid$/, () => 'tidak valid'],
  [/^is in the past$/, () => 'sudah lewat'],
  [/^is more than a year ahead$/, () => 'lebih dari setahun lagi'],
  [/^is more than two years ahead$/, () => 'lebih dari dua tahun lagi'],
  [/^is no time of our days$/, () => 'bukan waktu yang masuk akal'],
  [/^must be later than startsAt$/, () => 'harus setelah waktu mulai'],
  [/^must be a time in ISO 8601, as in (.+)$/, (time) => `harus berupa waktu, misalnya ${time}`],
  [/^must be later than now and than scheduledAt$/, () => 'harus setelah sekarang dan setelah jadwal kirim'],
  [/^must have at most (\d+) (.+)$/, (n, what) => `maksimal ${n} ${unit(what)}`],
  [/^must have at least (\d+) (.+)$/, (n, what) => `minimal ${n} ${unit(what)}`],
  [/^must have (\d+) to (\d+) (.+)$/, (from, to, what) => `harus ${from} sampai ${to} ${unit(what)}`],
  [/^must have an? (row|section|button|contact)$/, (what) => `minimal satu ${unit(what)}`],
  [/^must have one of (.+)$/, (words) => `harus punya satu dari ${words}`],
  [/^must have (?:different ids|rows of different ids)$/, () => 'ID-nya harus berbeda'],
  [/^must have two options$/, () => 'perlu dua pilihan'],
  [/^must have different options$/, () => 'pilihannya harus berbeda'],
  [/^must have an end$/, () => 'harus punya akhir'],
  [
    /^cannot be given together with name and phoneNumber$/,
    () => 'tidak bisa dipakai bersama nama dan nomor telepon',
  ],
  [/^cannot be given together with (\S+)$/, (name) => `tidak bisa dipakai bersama ${label(name)}`],
  [/^and longitude go together$/, () => 'dan bujur harus diisi keduanya'],
  [/^is for groups only$/, () => 'hanya untuk grup'],
  [/^is not for channels$/, () => 'tidak untuk saluran'],
  [
    /^must be one session: only the owner and the admins of a channel can post to it$/,
    () => 'harus satu sesi: hanya pemilik dan admin saluran yang bisa mengirim ke sana',
  ],
  [
    /^must not be a channel: those take texts, images and videos$/,
    () => 'tidak boleh saluran: saluran hanya menerima teks, gambar, dan video',
  ],
  [
    /^must be missing: a post to a channel answers nothing$/,
    () => 'harus dikosongkan: kiriman ke saluran tidak membalas apa pun',
  ],
  [/^must be people(?:, not groups)?$/, () => 'harus berupa orang, bukan grup'],
  [/^are more than (\d+)$/, (n) => `lebih dari ${n}`],
  [
    /^must be one emoji, or empty to take a reaction back$/,
    () => 'harus satu emoji, atau kosong untuk menarik reaksi',
  ],
  [/^must be an http or https URL$/, () => 'harus berupa URL http atau https'],
  [/^must be a colour as (\S+)$/, (colour) => `harus berupa warna seperti ${colour}`],
  [/^must be at most (\S+)$/, (n) => `maksimal ${n}`],
  [/^must be at least (\S+)$/, (n) => `minimal ${n}`],
  [/^must be one of (.+)$/, (words) => `harus salah satu dari ${words}`],
  [/^must be some of (.+)$/, (words) => `harus dipilih dari ${words}`],
  [/^must be an e-mail address$/, () => 'harus berupa alamat email'],
  [/^must be a (whole )?number$/, (whole) => (whole ? 'harus berupa bilangan bulat' : 'harus berupa angka')],
  [/^must be a time of day such as (.+)$/, (time) => `harus berupa jam, misalnya ${time}`],
  [/^must be a time zone such as (.+)$/, (zone) => `harus berupa zona waktu, misalnya ${zone}`],
  [/^must be a day since (.+)$/, (day) => `harus berupa tanggal sejak ${day}`],
  [/^must hold a number$/, () => 'harus berisi angka'],
  [/^must hold letters or digits$/, () => 'harus berisi huruf atau angka'],
  [/^must name at least one event, or \*$/, () => 'harus memilih minimal satu event, atau *'],
  [/^must not be larger than delayMaxMs$/, () => 'tidak boleh lebih besar daripada jeda terpanjang'],
  [/^needs both fields$/, () => 'kedua kolom harus diisi'],
  [/^must be base64url$/, () => 'harus berupa base64url'],
  [
    /^must be the JSON that the browser gave after signing$/,
    () => 'harus berupa JSON yang diberikan browser setelah Anda menandatangani',
  ],
  [/^is not valid JSON( at line .*)?$/, () => 'bukan JSON yang lengkap: salin lagi seluruhnya'],
  [
    /^must be like (socks5:.+), (http:\/\/) or (https:\/\/)$/,
    (a, b, c) => `harus seperti ${a}, ${b}, atau ${c}`,
  ],
  [/^has no host, or a port that is none$/, () => 'tidak berisi host, atau port-nya salah'],
  [/^has a port that is none$/, () => 'port-nya salah'],
  [/^must end with the port$/, () => 'harus berakhir dengan port'],
  [/^needs a user and a password, or neither$/, () => 'perlu username dan kata sandi, atau tanpa keduanya'],
  [
    /^has a user or password of more than (\d+) bytes$/,
    (n) => `username atau kata sandinya lebih dari ${n} byte`,
  ],
  [/^has a user with a colon$/, () => 'username tidak boleh berisi titik dua'],
  [
    /^has a % in user or password that must be written as %25$/,
    () => 'tulis % di username atau kata sandi sebagai %25',
  ],
  [/^must be visible characters$/, () => 'hanya boleh berisi karakter yang terlihat'],
  [/^must name a session$/, () => 'pilih minimal satu sesi'],
  [/^must name at most (\d+)$/, (n) => `maksimal ${n}`],
  [/^only https is allowed$/, () => 'hanya https yang diizinkan'],
  [/^only http and https are allowed$/, () => 'hanya http dan https yang diizinkan'],
  [/^is a list without contacts$/, () => 'belum berisi kontak'],
  [/^must be the name of a header$/, () => 'bukan nama header'],
  [/^is set by the service itself$/, () => 'diisi oleh layanan ini sendiri'],
  [/^must be printable ASCII$/, () => 'hanya boleh berisi huruf, angka, dan tanda baca biasa'],
  [/^must be at most (\d+) headers$/, (n) => `maksimal ${n} header`],
  [/^must name each header once$/, () => 'setiap header hanya sekali'],
  [/^has no value yet$/, () => 'belum punya nilai'],
  [/^is no line like name: value$/, () => 'ada baris yang tidak seperti nama: nilai'],
  [/^([!-9;-~]{1,64}): (.+)$/, (name, reason) => `${name}: ${reasonInIndonesian(reason) ?? 'tidak valid'}`],
];

/** The reason in Indonesian; null for one that has no words here. */
export const reasonInIndonesian = (reason: string): string | null => translate(RULES, reason);

/** A whole sentence of a verb in Indonesian; null for one that has no words in locales/id/failures.ts. */
export const sentenceInIndonesian = (sentence: string): string | null => translate(sentences, sentence);

function translate(rules: readonly Rule[], said: string): string | null {
  if (said.length > MAX_LENGTH) return null;
  for (const [pattern, say] of rules) {
    const found = pattern.exec(said);
    if (found) return say(...found.slice(1));
  }
  return null;
}
