/** The reasons of refused fields in Indonesian: schemas and verbs say them in English, for the API. */

import { own } from '../../utils/own.ts';
import { sentences } from './locales/id/failures.ts';
import { accountSentences } from './locales/id/failures-account.ts';
import { messageSentences } from './locales/id/failures-messages.ts';
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
  'letters or digits': 'huruf atau angka',
  'groups of alternatives': 'kelompok varian',
};

const unit = (name = ''): string => UNITS[name] ?? name;

/** As the form calls the field. */
const label = (name = ''): string => own<string>(fields, name) ?? name;

type Rule = readonly [RegExp, (...found: string[]) => string];

const RULES: readonly Rule[] = [
  [/^is required$/, () => 'wajib diisi'],
  [/^must not be empty$/, () => 'tidak boleh kosong'],
  [/^must have a character that can be seen$/, () => 'harus berisi karakter yang terlihat'],
  [/^must be the name of a header$/, () => 'bukan nama header'],
  [/^must be the name of the session$/, () => 'harus nama sesi ini'],
  [/^must be the name (.+)$/, (name) => `harus sama dengan nama ${name}`],
  [/^is not valid$/, () => 'tidak valid'],
  [/^is in the past$/, () => 'sudah lewat'],
  [/^is more than a year ahead$/, () => 'lebih dari setahun lagi'],
  [/^is more than two years ahead$/, () => 'lebih dari dua tahun lagi'],
  [/^is no time of our days$/, () => 'bukan waktu yang masuk akal'],
  [/^must be later than startsAt$/, () => 'harus setelah waktu mulai'],
  [
    /^must be a time in ISO 8601, as in (\S+) or, with timezone, \S+$/,
    (time) => `harus berupa waktu, misalnya ${time}`,
  ],
  [/^must be a time in ISO 8601, as in (.+)$/, (time) => `harus berupa waktu, misalnya ${time}`],
  [/^must be later than now and than scheduledAt$/, () => 'harus setelah sekarang dan setelah jadwal kirim'],
  [
    /^must have at most (\d[\d,]*) (.+)$/,
    (n = '', what) => `maksimal ${n.replaceAll(',', '.')} ${unit(what)}`,
  ],
  [/^must have at least (\d+) (.+)$/, (n, what) => `minimal ${n} ${unit(what)}`],
  [
    /^must (?:have|be) (\d+) to (\d+) of (.+)$/,
    (from, to, what) => `harus ${from} sampai ${to} karakter: ${what}`,
  ],
  [
    /^must be (\d+) to (\d+) letters, digits, spaces, dots, dashes$/,
    (from, to) => `harus ${from} sampai ${to} huruf, angka, spasi, titik, atau tanda hubung`,
  ],
  [/^must not be a dot or two$/, () => 'tidak boleh hanya titik'],
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
  [/^are more than (\d[\d,]*)$/, (n = '') => `lebih dari ${n.replaceAll(',', '.')}`],
  [
    /^must be one emoji, or empty to take a reaction back$/,
    () => 'harus satu emoji, atau kosong untuk menarik reaksi',
  ],
  [/^must be an http or https URL$/, () => 'harus berupa URL http atau https'],
  [/^must be a colour as (\S+)$/, (colour) => `harus berupa warna seperti ${colour}`],
  [/^must be at most (\S+)$/, (n) => `maksimal ${n}`],
  [/^must be at least (\S+)$/, (n) => `minimal ${n}`],
  [
    /^is unknown; did you mean (\S+)\? It must be one of (.+)$/,
    (near, words) => `tidak dikenal; maksudnya ${near}? Harus salah satu dari ${words}`,
  ],
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
  [/^is set by the service itself$/, () => 'diisi oleh layanan ini sendiri'],
  [/^must be printable ASCII$/, () => 'hanya boleh berisi huruf, angka, dan tanda baca biasa'],
  [/^must be at most (\d+) headers$/, (n) => `maksimal ${n} header`],
  [/^must name each header once$/, () => 'setiap header hanya sekali'],
  [/^has no value yet$/, () => 'belum punya nilai'],
  [/^is no line like name: value$/, () => 'ada baris yang tidak seperti nama: nilai'],
  [/^must name one of your sessions: (.+)$/, (names) => `harus salah satu sesi Anda: ${names}`],
  [/^must be an encoding, as in .+$/, () => 'harus encoding seperti windows-1251, gbk, atau shift_jis'],
  [/^is not right$/, () => 'salah'],
  [/^is taken$/, () => 'sudah dipakai'],
  [/^is empty$/, () => 'kosong'],
  [/^is there twice$/, () => 'ada dua kali'],
  [/^has no name$/, () => 'tidak punya nama'],
  [/^(?:has more|is longer) than (\d+) characters$/, (n) => `lebih dari ${n} karakter`],
  [
    /^is longer than (\d+) characters for (\S+), which WhatsApp does not take: .+$/,
    (n, to) =>
      `lebih dari ${n} karakter untuk ${to}, dan WhatsApp menolaknya: persingkat teks atau isi kolomnya`,
  ],
  [
    /^is (empty|too long) for the first recipient$/,
    (how) => `${how === 'empty' ? 'kosong' : 'terlalu panjang'} untuk penerima pertama`,
  ],
  [/^is a name that is not possible$/, () => 'bukan nama yang bisa dipakai'],
  [/^is no column of the file$/, () => 'bukan kolom file ini'],
  [/^must be fewer$/, () => 'terlalu banyak'],
  [/^must hold at most (\d+): more belong on a list$/, (n) => `maksimal ${n}: selebihnya pakai daftar`],
  [/^must be a text, a number or true\/false$/, () => 'harus berupa teks, angka, atau true/false'],
  [/^must hold a phone number$/, () => 'harus berisi nomor telepon'],
  [/^must be a person$/, () => 'harus berupa orang'],
  [/^must change something$/, () => 'harus mengubah sesuatu'],
  [/^must be whole milliseconds$/, () => 'harus bilangan bulat, dalam milidetik'],
  [/^must be a time like (.+)$/, (time) => `harus berupa waktu, misalnya ${time}`],
  [/^must be a time in ISO 8601$|^must be an ISO 8601 time$/, () => 'harus berupa waktu ISO 8601'],
  [/^must be a time (?:of day, as in|such as) (.+)$/, (time) => `harus berupa jam, misalnya ${time}`],
  [/^must be a date, as in (.+)$/, (date) => `harus berupa tanggal, misalnya ${date}`],
  [/^must be a month such as (.+)$/, (month) => `harus berupa bulan, misalnya ${month}`],
  [/^is not a time zone such as (.+)$/, (zone) => `harus berupa zona waktu, misalnya ${zone}`],
  [/^is no time zone$|^must be a time zone$/, () => 'harus berupa zona waktu, misalnya Asia/Jakarta'],
  [/^is not a cron expression of five fields \((.+)\)$/, (why) => `harus berupa cron lima kolom (${why})`],
  [
    /^must be given, or else (\w+), and not both$/,
    (other) => `wajib diisi, atau ${label(other)}, tetapi tidak keduanya`,
  ],
  [
    /^must be given \(or type and content\), or else (\w+), and not both$/,
    (other) => `wajib diisi (atau jenis dan isinya), atau ${label(other)}, tetapi tidak keduanya`,
  ],
  [
    /^must be given, or else (\w+) or (\w+), and only one of them$/,
    (one, other) => `wajib diisi, atau ${label(one)} atau ${label(other)}, tetapi hanya salah satu`,
  ],
  [/^has no time that ever comes$/, () => 'tidak pernah jatuh pada tanggal mana pun'],
  [
    /^must have five fields, minute, hour, day, month and weekday, as in (.+)$/,
    (cron) => `harus terdiri dari lima kolom: menit, jam, tanggal, bulan, dan hari, misalnya ${cron}`,
  ],
  [/^must be a domain such as (.+)$/, (domain) => `harus berupa domain, misalnya ${domain}`],
  [/^must be a URL$/, () => 'harus berupa URL'],
  [/^must be more than (\S+)$/, (n) => `harus lebih dari ${n}`],
  [/^must be a multiple of (\S+)$/, (n) => `harus kelipatan ${n}`],
  [/^must be a finite number$/, () => 'harus berupa angka'],
  [/^must be like 404 or 4xx$/, () => 'harus seperti 404 atau 4xx'],
  [/^must be on the public internet$/, () => 'harus ada di internet publik'],
  [/^is an address of this service$/, () => 'adalah alamat layanan ini sendiri'],
  [/^must be empty for an owner$/, () => 'harus kosong untuk pemilik'],
  [
    /^must be https:\/\/chat\.whatsapp\.com\/… or its code$/,
    () => 'harus https://chat.whatsapp.com/… atau kodenya',
  ],
  [/^must be a file, a data: URL or an https URL$/, () => 'harus file, URL data:, atau URL https'],
  [/^must be one image or one video$/, () => 'harus satu gambar atau satu video'],
  [/^must not hold the character NUL$/, () => 'berisi karakter yang tidak boleh dipakai'],
  [/^must name at least one$/, () => 'pilih minimal satu'],
  [/^must name a kind$/, () => 'pilih minimal satu jenis'],
  [/^must name at most (\d+) kinds$/, (n) => `maksimal ${n} jenis`],
  [
    /^must be the token of a bot, as BotFather shows it$/,
    () => 'harus token bot seperti yang ditampilkan BotFather',
  ],
  [/^must be the id of a chat, such as (.+)$/, (id) => `harus ID chat, misalnya ${id}`],
  [/^must be the address of a member of the workspace$/, () => 'harus alamat email anggota workspace'],
  [
    /^is missing: BotFather shows it when a bot is made$/,
    () => 'wajib diisi: BotFather menampilkannya saat bot dibuat',
  ],
  [/^is for Telegram only$/, () => 'hanya untuk Telegram'],
  [
    /^cannot be email: the service sends no mails$/,
    () => 'tidak bisa email: layanan ini tidak mengirim email',
  ],
  [/^is required: the template has (.+)$/, (name) => `wajib diisi: template berisi ${name}`],
  [/^is required: a CSV, \.xlsx or vCard file$/, () => 'wajib diisi: file CSV, .xlsx, atau vCard'],
  [/^is required with pairing: code$/, () => 'wajib diisi untuk kode penautan'],
  [/^is required without cron$/, () => 'wajib diisi jika tidak ada cron'],
  [
    /^is required when there are no (contacts|numbers)$/,
    (what) => `wajib diisi jika tidak ada ${what === 'contacts' ? 'kontak' : 'nomor'}`,
  ],
  [
    /^has the unknown placeholder (\S+): use (.+)$/,
    (name, known) => `berisi placeholder yang tidak dikenal, ${name}: pakai ${known}`,
  ],
  [
    /^has (\d+) placeholders; at most (\d+) are possible: write fewer of them$/,
    (n, most) => `berisi ${n} placeholder; maksimal ${most}`,
  ],
  [/^has a brace that belongs to no placeholder$/, () => 'berisi kurung kurawal yang bukan placeholder'],
  [/^is given together with pool: give one of them$/, () => 'diisi bersama pool: pilih salah satu'],
  [
    /^is the name of sessions in more than (\d+) workspaces: say which one with userId$/,
    (n) => `adalah nama sesi di lebih dari ${n} workspace: pilih workspace dengan userId`,
  ],
  [
    /^leads beyond the first (\d+) entries, which is as far as pages of this filter go: .+$/,
    (n) => `melewati ${n} entri pertama, batas halaman untuk filter ini`,
  ],
  [/^must be the JSON that the browser gave$/, () => 'harus berupa JSON yang diberikan browser'],
  [/^([!-9;-~]{1,64}): (.+)$/, (name, reason) => `${name}: ${reasonInIndonesian(reason) ?? 'tidak valid'}`],
];

/** The reason in Indonesian; null for one that has no words here. */
export const reasonInIndonesian = (reason: string): string | null => translate(RULES, reason);

const SENTENCES: readonly Rule[] = [
  ...sentences,
  ...accountSentences,
  ...messageSentences,
  // Sentences around a reason that has words of its own.
  [
    /^The password (.+)\.$/,
    (reason = '') => `Kata sandi ${reasonInIndonesian(reason) ?? 'tidak bisa dipakai'}.`,
  ],
  [
    /^The media could not be fetched\. (.+)$/,
    (why = '') => `File tidak bisa diambil. ${sentenceInIndonesian(why) ?? ''}`.trim(),
  ],
  [
    /^(.+) (\d+) people were added before\.$/,
    (why = '', n) => `${sentenceInIndonesian(why) ?? ''} ${n} orang sudah ditambahkan sebelumnya.`.trim(),
  ],
];

/** A whole sentence of a verb in Indonesian; null for one that has no words in locales/id/failures*.ts. */
export const sentenceInIndonesian = (sentence: string): string | null => translate(SENTENCES, sentence);

function translate(rules: readonly Rule[], said: string): string | null {
  if (said.length > MAX_LENGTH) return null;
  for (const [pattern, say] of rules) {
    const found = pattern.exec(said);
    if (found) return say(...found.slice(1));
  }
  return null;
}
