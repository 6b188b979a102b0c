/** The reasons of refused fields in Indonesian: schemas and verbs say them in English, for the API. */

const UNITS: Record<string, string> = {
  characters: 'karakter',
  bytes: 'byte',
  rows: 'baris',
  sections: 'bagian',
  buttons: 'tombol',
  options: 'pilihan',
  'groups of alternatives': 'kelompok alternatif',
};

const unit = (name = ''): string => UNITS[name] ?? name;

type Rule = readonly [RegExp, (...found: string[]) => string];

const RULES: readonly Rule[] = [
  [/^is required$/, () => 'wajib diisi'],
  [/^must not be empty$/, () => 'tidak boleh kosong'],
  [/^is not valid$/, () => 'tidak valid'],
  [/^is in the past$/, () => 'sudah lewat'],
  [/^is more than a year ahead$/, () => 'lebih dari setahun lagi'],
  [/^must be later than now and than scheduledAt$/, () => 'harus setelah sekarang dan setelah jadwal kirim'],
  [/^must have at most (\d+) (.+)$/, (n, what) => `paling banyak ${n} ${unit(what)}`],
  [/^must have at least (\d+) (.+)$/, (n, what) => `paling sedikit ${n} ${unit(what)}`],
  [/^must have (\d+) to (\d+) (.+)$/, (from, to, what) => `harus ${from} sampai ${to} ${unit(what)}`],
  [/^must have two options$/, () => 'perlu dua pilihan'],
  [/^must have different options$/, () => 'pilihannya harus berbeda'],
  [/^must have an end$/, () => 'harus ada akhirnya'],
  [/^must be at most (\S+)$/, (n) => `paling banyak ${n}`],
  [/^must be at least (\S+)$/, (n) => `paling sedikit ${n}`],
  [/^must be one of (.+)$/, (words) => `harus salah satu dari ${words}`],
  [/^must be some of (.+)$/, (words) => `harus beberapa dari ${words}`],
  [/^must be an e-mail address$/, () => 'harus berupa alamat surel'],
  [/^must be a (whole )?number$/, (whole) => `harus berupa bilangan${whole ? ' bulat' : ''}`],
  [/^must be a time of day such as (.+)$/, (time) => `harus berupa jam, misalnya ${time}`],
  [/^must be a time zone such as (.+)$/, (zone) => `harus berupa zona waktu, misalnya ${zone}`],
  [/^must hold a number$/, () => 'harus berisi bilangan'],
  [/^must hold letters or digits$/, () => 'harus berisi huruf atau angka'],
  [/^must name at least one event, or \*$/, () => 'harus menyebut paling sedikit satu kejadian, atau *'],
  [/^must not be larger than delayMaxMs$/, () => 'tidak boleh lebih besar daripada delayMaxMs'],
  [/^needs both fields$/, () => 'memerlukan kedua isian'],
  [/^must be base64url$/, () => 'harus berupa base64url'],
  [
    /^must be the JSON that the browser gave after signing$/,
    () => 'harus berupa JSON yang diberikan peramban setelah Anda menandatangani',
  ],
  [/^is not valid JSON$/, () => 'bukan JSON yang lengkap: salin lagi seluruhnya'],
  [/^only https is allowed$/, () => 'hanya https yang diizinkan'],
  [/^only http and https are allowed$/, () => 'hanya http dan https yang diizinkan'],
  [/^is a list without contacts$/, () => 'adalah daftar tanpa kontak'],
];

/** The reason in Indonesian; null for one that has no words here. */
export function reasonInIndonesian(reason: string): string | null {
  for (const [pattern, say] of RULES) {
    const found = pattern.exec(reason);
    if (found) return say(...found.slice(1));
  }
  return null;
}
