/**
 * Numbers that one subscriber has under two spellings: WhatsApp keeps the one of the day when the account was made,
 * while the numbering plan has gone on.
 *
 * Checked against libphonenumber: `resources/PhoneNumberMetadata.xml` of June 2011, March 2012, September 2015 and July
 * 2026 (v9.0.35), and the comments beside its ranges; carriers of October 2020 (v8.12.10). Mexico gave up the 1 in August 2019 (comment of +52). Bénin put 01
 * before all numbers on 30 November 2024 (ARCEP Bénin). Côte d'Ivoire put 01 (Moov), 05 (MTN) and 07 (Orange) before
 * mobiles on 31 January 2021 (ARTCI); which of them, the second digit told. Brazil put 9 before mobiles, by area code,
 * from 2012 to 2016 (Anatel). Argentina's 9 is dialled from abroad only. WhatsApp answers with either spelling for Brazil
 * and Mexico (tulir/whatsmeow issue 874).
 */

/**
 * By calling code: national numbers of mobiles whose length libphonenumber does not know any more, as its metadata had
 * them. Other plans have changed as well (Cameroon, Egypt, Ecuador, …), but their former lengths are still lengths of
 * some number there, and pass as such.
 */
const FORMER_MOBILES: Record<string, RegExp> = {
  '52': /^1[2-9]\d{9}$/, // Mexico, until 2019
  '225': /^[04-9]\d{7}$/, // Côte d'Ivoire, until 2021
  '228': /^[0789]\d{6}$/, // Togo: 2011
  '229': /^[24-69]\d{7}$/, // Bénin, until 2024
  '248': /^[57]\d{5}$/, // Seychelles: 2011
  '253': /^[6-8]\d{5}$/, // Djibouti: 2011
  '265': /^77\d{6}$/, // Malawi: 2011
  '995': /^[15-79]\d{7}$/, // Georgia: 2011
};

/** True for E.164 digits of a mobile that was right when the account may have been made. */
export function isFormer(digits: string): boolean {
  return [2, 3].some((size) => FORMER_MOBILES[digits.slice(0, size)]?.test(digits.slice(size)) === true);
}

/** Old and new spellings of numbers, and how each becomes the other. */
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
  // Bénin: 01 before all numbers but those of services (81…, 857…).
  {
    before: /^229[24-69]\d{7}$/,
    today: /^22901[24-69]\d{7}$/,
    toToday: put(3, '01'),
    toBefore: drop(3, 2),
  },
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

/** True for two spellings (E.164 digits) of one subscriber's number. */
export function isSamePhone(a: string, b: string): boolean {
  return toCurrent(a) === toCurrent(b);
}

/** These numbers (E.164 digits) and, where a plan has changed, their other spellings; each once. */
export function withTwins(phones: readonly string[]): string[] {
  return [...new Set(phones.flatMap((phone) => [phone, twinOf(phone) ?? phone]))];
}

function put(at: number, digits: string): (text: string) => string {
  return (text) => `${text.slice(0, at)}${digits}${text.slice(at)}`;
}

function drop(at: number, count: number): (text: string) => string {
  return (text) => `${text.slice(0, at)}${text.slice(at + count)}`;
}
