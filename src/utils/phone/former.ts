/**
 * Numbers that one subscriber has under two spellings: WhatsApp keeps the one of the day when the account was made,
 * while the numbering plan has gone on. Sources: the regulators' changeovers (Mexico 2019, Brazil 2012-2016, Côte
 * d'Ivoire 2021, Bénin 2024, …) and Argentina's 9, which is dialled from abroad only.
 */

/** By calling code: lengths that national numbers had before a change, and that libphonenumber does not know any more. */
const FORMER_LENGTHS: Record<string, readonly number[]> = {
  '52': [11], // Mexico: 1 before mobiles
  '84': [10], // Vietnam: mobiles of 11 digits with their 0
  '224': [8], // Guinea
  '225': [8], // Côte d'Ivoire
  '229': [8], // Bénin
  '230': [7], // Mauritius
  '231': [7], // Liberia
  '235': [7], // Chad
  '237': [8], // Cameroon
  '241': [7], // Gabon
  '253': [6], // Djibouti
  '257': [7], // Burundi
  '268': [7], // Eswatini
  '670': [7], // Timor-Leste
  '677': [5], // Solomon Islands
  '678': [5], // Vanuatu
  '686': [5], // Kiribati
  '689': [6], // French Polynesia
};
const FORMER_PATTERNS: Record<string, RegExp> = { '52': /^1\d{10}$/, '84': /^1\d{9}$/ };

/** True for E.164 digits of a length that was right when the account may have been made. */
export function isFormer(digits: string): boolean {
  for (const size of [2, 3]) {
    const code = digits.slice(0, size);
    const national = digits.slice(size);
    if (!FORMER_LENGTHS[code]?.includes(national.length)) continue;
    if (FORMER_PATTERNS[code]?.test(national) ?? !national.startsWith('00')) return true;
  }
  return false;
}

/** What a spelling of today and one of before look like, and how each becomes the other. */
const TWINS: readonly {
  today: RegExp;
  before: RegExp;
  toToday: (digits: string) => string;
  toBefore: (digits: string) => string;
}[] = [
  // Mexico: 52 1 55… and 52 55…
  { before: /^521\d{10}$/, today: /^52\d{10}$/, toToday: drop(2, 1), toBefore: put(2, '1') },
  // Argentina: 54 11… and 54 9 11…
  { before: /^54[1-8]\d{9}$/, today: /^549[1-8]\d{9}$/, toToday: put(2, '9'), toBefore: drop(2, 1) },
  // Brazil: mobiles got a 9 behind their area code.
  {
    before: /^55[1-9][1-9][6-9]\d{7}$/,
    today: /^55[1-9][1-9]9[6-9]\d{7}$/,
    toToday: put(4, '9'),
    toBefore: drop(4, 1),
  },
  // Bénin: 01 before all numbers.
  { before: /^229[2-9]\d{7}$/, today: /^22901[2-9]\d{7}$/, toToday: put(3, '01'), toBefore: drop(3, 2) },
  // Côte d'Ivoire: the operator's prefix, which the second digit of a mobile told.
  {
    before: /^225[04-9][0-3]\d{6}$/,
    today: /^22501[04-9][0-3]\d{6}$/,
    toToday: put(3, '01'),
    toBefore: drop(3, 2),
  },
  {
    before: /^225[04-9][4-6]\d{6}$/,
    today: /^22505[04-9][4-6]\d{6}$/,
    toToday: put(3, '05'),
    toBefore: drop(3, 2),
  },
  {
    before: /^225[04-9][7-9]\d{6}$/,
    today: /^22507[04-9][7-9]\d{6}$/,
    toToday: put(3, '07'),
    toBefore: drop(3, 2),
  },
];

/** The other spelling of the same subscriber's number; null for numbers that have one only. */
export function twinOf(digits: string): string | null {
  for (const { today, before, toToday, toBefore } of TWINS) {
    if (today.test(digits)) return toBefore(digits);
    if (before.test(digits)) return toToday(digits);
  }
  return null;
}

/** The spelling of today's numbering plan: the same for both spellings of a subscriber's number. */
export function toCurrent(digits: string): string {
  const rule = TWINS.find(({ before }) => before.test(digits));
  return rule ? rule.toToday(digits) : digits;
}

function put(at: number, digits: string): (text: string) => string {
  return (text) => `${text.slice(0, at)}${digits}${text.slice(at)}`;
}

function drop(at: number, count: number): (text: string) => string {
  return (text) => `${text.slice(0, at)}${text.slice(at + count)}`;
}
