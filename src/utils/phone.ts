/** Phone numbers in any usual spelling -> E.164 digits, and what WhatsApp calls their owners. */
import { type CountryCode, getCountryCallingCode } from 'libphonenumber-js/max';
import { LRUCache } from 'lru-cache';
import { AppError } from './errors.ts';
import {
  isE164,
  isGroupedAs,
  isNonGeographic,
  isWholeNational,
  type Reading,
  readDialledAbroad,
  readForCertain,
  readInternational,
  readNational,
  toCountry,
  withoutDoubledCode,
} from './phone/plan.ts';
import { type Flaw, type Repair, readWritten, type Written } from './phone/written.ts';

/** WhatsApp's group ids: 18 or so digits, or the creator's number and a time for old groups. */
const GROUP_ID = /^\d{5,20}(?:-\d{5,15})?$/;
/** Bare digits that no plan knows: LIDs have about as many, and are no phone number. */
const MAX_UNKNOWN_DIGITS = 12;
/** The same for those that a plan knows as lines: no country has lines of more digits. */
const MAX_LINE_DIGITS = 13;

/** A number that was understood. */
export interface ReadPhone {
  /** E.164 digits */
  phone: string;
  /** what was undone before it could be read; `leading_zero`: the trunk prefix was missing */
  repair: Repair | 'leading_zero' | null;
}

/** A number that was not. */
export interface RefusedPhone {
  problem: Flaw | 'not_a_number' | 'ambiguous';
  /** E.164 digits of every reading, when it has several */
  readings: string[];
}

/**
 * How digits without `+`, 00 or 0 are read. `auto`: as the number of a country that they are, else at home; `strict`: the
 * same, but refused whenever they are a number at home too; `home`, `international`: only so, as somebody has said.
 */
export type BareReading = 'auto' | 'strict' | 'home' | 'international';

/**
 * E.164 digits without `+` of a number in any usual spelling and any script's digits: `08123456789`, `+62 812-3456-789`,
 * `628…`, `00 62 …`, `tel:+62…`, `https://wa.me/62…`, `628…@s.whatsapp.net`. National spellings take `defaultCountry`
 * (ISO 3166 alpha-2). Bare digits that are a number of some country are that number, also where they would be one at home
 * with a 0 put before them. They are refused when both readings are plausible: a line abroad (lines have no WhatsApp, as
 * a rule) and a mobile at home, or a number that is complete at home. An extension is left out. What is international for
 * certain passes when it has a possible length: whether it exists is for WhatsApp to say. Throws INVALID_NUMBER, with
 * `details.readings` where there are two.
 */
export function normalizePhone(input: string, defaultCountry: string): string {
  const read = readPhone(input, defaultCountry);
  if ('phone' in read) return read.phone;
  throw invalidNumber(read);
}

/**
 * As normalizePhone, with what was repaired, or with why it is none. `bare` says how digits alone are read. Throws
 * TypeError for what is no country.
 */
export function readPhone(
  input: string,
  defaultCountry: string,
  bare: BareReading = 'auto',
): ReadPhone | RefusedPhone {
  const key = `${defaultCountry} ${bare} ${input}`;
  const known = input.length <= MAX_REMEMBERED ? remembered.get(key) : undefined;
  if (known !== undefined) return known;
  const written = readWritten(input);
  const read =
    typeof written === 'string' ? refused(written) : interpret(written, toCountry(defaultCountry), bare);
  if (input.length <= MAX_REMEMBERED) remembered.set(key, read);
  return read;
}

/**
 * As normalizePhone, for a number that names what is kept already. Answers of the older documents spell numbers as E.164
 * digits without +; where `isKept` says that one is written so, it is meant, also where such digits are ambiguous.
 */
export async function normalizeKept(
  input: string,
  defaultCountry: string,
  isKept: (phone: string) => Promise<boolean>,
): Promise<string> {
  const read = readPhone(input, defaultCountry);
  if ('phone' in read) return read.phone;
  const digits = input.trim();
  if (read.readings.includes(digits) && (await isKept(digits))) return digits;
  throw invalidNumber(read);
}

/** The numbers that a text can be, with `+`, where it is refused for having several readings; empty for every other one. */
export function readingsIn(input: string, defaultCountry: string): string[] {
  const read = readPhone(input, defaultCountry);
  return 'problem' in read ? read.readings.map(formatE164) : [];
}

/**
 * The possible meanings of digits without `+`, 00 or 0: a number at home only, one with its country code only (of any country), or
 * either of two numbers. Null for every other spelling, and for what is no number. Throws TypeError for what is no country.
 */
export function kindOfBare(
  input: string,
  defaultCountry: string,
): 'home' | 'international' | 'either' | null {
  const written = readWritten(input);
  if (typeof written === 'string' || written.form !== 'bare' || written.digits.startsWith('0')) return null;
  const country = toCountry(defaultCountry);
  const international = validOf(readInternational(written.digits));
  const read = validOf(readNational(written.digits, country));
  const national = read !== null && isPlausible(written.digits, read, country) ? read : null;
  if (international === null) return national === null ? null : 'home';
  return national === null || national.digits === international.digits ? 'international' : 'either';
}

/** Of numbers without their 0, only a mobile is likely meant. */
function isPlausible(digits: string, national: Reading, country: CountryCode): boolean {
  return national.mobile || isWholeNational(national, country) || isComplete(digits, national, country);
}

const validOf = (reading: Reading | null) => (reading?.valid ? reading : null);

/** To look at a number costs more than to write it into the queue, and most are written to again. */
const remembered = new LRUCache<string, ReadPhone | RefusedPhone>({ max: 5_000 });
const MAX_REMEMBERED = 64;

function interpret(
  { digits, form, groups, repair }: Written,
  country: CountryCode,
  bare: BareReading,
): ReadPhone | RefusedPhone {
  if (form === 'jid') return isE164(digits) ? { phone: digits, repair } : refused('not_a_phone_jid');
  const read =
    form === 'plus'
      ? one(readForCertain(digits.replace(/^00/, '')))
      : digits.startsWith('00')
        ? readWithTwoZeros(digits, country)
        : digits.startsWith('0')
          ? readWithTrunk(digits, country)
          : readBare(digits, groups, country, bare);
  return 'phone' in read ? { phone: read.phone, repair: repair ?? read.repair } : read;
}

/** 00 is the way abroad almost everywhere; some carriers have a digit more (001, 008, 009), which is none of the number. */
function readWithTwoZeros(digits: string, country: CountryCode): ReadPhone | RefusedPhone {
  const usual = readForCertain(digits.slice(2));
  if (usual?.valid) return one(usual);
  const carrier = readDialledAbroad(digits, country);
  // The rarer reading has to fit without a digit left out.
  const fits = carrier?.valid === true && carrier.mobile && digits.endsWith(carrier.digits);
  return one(fits ? carrier : usual);
}

/** A 0 in front: national, unless it is how one dials abroad. */
function readWithTrunk(digits: string, country: CountryCode): ReadPhone | RefusedPhone {
  const national = readNational(digits, country);
  // 011 is North America's way abroad, and precedes numbers all over the world; 0 62 … is a 0 too many.
  const abroad = digits.startsWith('011') ? readInternational(digits.slice(3)) : null;
  const own = digits.startsWith(`0${getCountryCallingCode(country)}`)
    ? readInternational(digits.slice(1))
    : null;
  const readings = [readDialledAbroad(digits, country), national, abroad, own].filter((one) => one !== null);
  const valid = readings.filter((reading) => reading.valid);
  if (valid.length > 0) return oneOf(valid);
  return one(readings[0] ?? null);
}

/** Digits alone: an international number wins over a national one that lacks its 0. */
function readBare(
  digits: string,
  groups: readonly string[],
  country: CountryCode,
  bare: BareReading,
): ReadPhone | RefusedPhone {
  const abroad = readDialledAbroad(digits, country);
  if (abroad?.valid) return one(abroad);
  const international = readInternational(digits);
  const national = readNational(digits, country);
  // Asked for by few: it costs as much as a reading.
  const isWhole = () => national !== null && isWholeNational(national, country);
  if (bare === 'home') return readAtHome(digits, national, international, isWhole(), country);
  if (bare === 'international') return readWithCode(digits, national, international);
  if (international?.valid) {
    if (isLongLine(digits, international)) return refused('not_a_number');
    if (!national?.valid || national.digits === international.digits) return one(international);
    if (bare === 'strict' && isPlausible(digits, national, country)) return oneOf([national, international]);
    // Lines have no WhatsApp, as a rule: not for certain what is meant, and not what a mobile at home gives way to.
    const isLikely = international.mobile && !isNonGeographic(international);
    const whole = isWhole();
    if (!whole && !isComplete(digits, national, country)) {
      return national.mobile && !isLikely ? eitherOf(groups, national, international) : one(international);
    }
    if (national.mobile && !international.mobile) return atHome(digits, national, whole, country);
    return eitherOf(groups, national, international);
  }
  const whole = isWhole();
  if (national?.valid && whole) return one(national);
  const isOwn = digits.startsWith(getCountryCallingCode(country));
  if (national?.valid && national.mobile && !(isOwn && international)) {
    const russian = groups.length > 1 && groups[0] === '8' ? readInternational(`7${digits.slice(1)}`) : null;
    return russian?.valid ? oneOf([national, russian]) : atHome(digits, national, whole, country);
  }
  if (national?.valid) return ambiguous(digits, [national, international]);
  if (digits.length > MAX_UNKNOWN_DIGITS) return refused('not_a_number');
  if (international && !(whole && !isOwn)) return one(international);
  if (national === null) return refused('not_a_number');
  return whole && !international ? one(national) : ambiguous(digits, [national, international]);
}

/** Their sender has said that numbers without + are numbers at home. With home's own calling code they are, too. */
function readAtHome(
  digits: string,
  national: Reading | null,
  international: Reading | null,
  whole: boolean,
  country: CountryCode,
): ReadPhone | RefusedPhone {
  const own = digits.startsWith(getCountryCallingCode(country)) ? validOf(international) : null;
  const local = validOf(national);
  if (own !== null) return oneOf(local?.mobile ? [own, local] : [own]);
  if (local !== null) return atHome(digits, local, whole, country);
  return international?.valid ? ambiguous(digits, [international]) : refused('not_a_number');
}

/** Their sender has said that numbers without + have their country code. */
function readWithCode(
  digits: string,
  national: Reading | null,
  international: Reading | null,
): ReadPhone | RefusedPhone {
  if (international?.valid && !isLongLine(digits, international)) return one(international);
  return national?.valid ? ambiguous(digits, [national]) : refused('not_a_number');
}

const isLongLine = (digits: string, { mobile }: Reading) => digits.length > MAX_LINE_DIGITS && !mobile;

function atHome(written: string, national: Reading, whole: boolean, country: CountryCode): ReadPhone {
  const repair = whole || isComplete(written, national, country) ? null : 'leading_zero';
  return { phone: national.digits, repair };
}

/** With all digits of the number and more, the trunk prefix is there: an 8 in Russia, 15 in Argentina. */
function isComplete(written: string, national: Reading, country: CountryCode): boolean {
  return written.length > national.digits.length - getCountryCallingCode(country).length;
}

/** Both are plausible: how the digits are grouped may tell which is meant. */
function eitherOf(groups: readonly string[], national: Reading, international: Reading) {
  if (groups.length > 1) {
    const home = isGroupedAs(groups, national, 'NATIONAL');
    if (home !== isGroupedAs(groups, international, 'INTERNATIONAL'))
      return one(home ? national : international);
  }
  return oneOf([national, international]);
}

/** Never taken for one of them: the writer is told how each is spelled. */
function ambiguous(digits: string, readings: readonly (Reading | null)[]): RefusedPhone {
  const american = digits.length === 10 ? readInternational(`1${digits}`) : null;
  const all = [...readings, american?.valid ? american : null].flatMap((one) => (one ? [one.digits] : []));
  return { problem: 'ambiguous', readings: [...new Set(all)] };
}

function oneOf(readings: readonly Reading[]): ReadPhone | RefusedPhone {
  const all = [...new Set(readings.map(({ digits }) => digits))];
  const [phone] = all;
  return phone !== undefined && all.length === 1
    ? { phone, repair: null }
    : { problem: 'ambiguous', readings: all };
}

function one(reading: Reading | null): ReadPhone | RefusedPhone {
  if (reading === null) return refused('not_a_number');
  const inner = withoutDoubledCode(reading);
  return inner === null ? { phone: reading.digits, repair: null } : oneOf([reading, inner]);
}

function refused(problem: RefusedPhone['problem']): RefusedPhone {
  return { problem, readings: [] };
}

/** `+` and the digits. */
export function formatE164(digits: string): string {
  return `+${digits}`;
}

/** The JID of a group: takes `…@g.us` or the bare id. Throws INVALID_NUMBER. */
export function normalizeGroup(input: string): string {
  const [id = '', server, ...rest] = input.trim().split('@');
  if ((server !== undefined && server.toLowerCase() !== 'g.us') || rest.length > 0 || !GROUP_ID.test(id)) {
    throw new AppError('INVALID_NUMBER', 'This is not the id of a group (…@g.us).');
  }
  return `${id}@g.us`;
}

const USE_E164 = 'use the international form, as in +6281234567890.';
const TEXTS: Record<RefusedPhone['problem'], string> = {
  empty: `The number is empty: ${USE_E164}`,
  too_long: `This is too long for a phone number: ${USE_E164}`,
  digits_lost:
    'A spreadsheet has shortened this number (as in 8.12E+10) and its last digits are lost: write it again, in full.',
  letters: `A phone number has no letters: ${USE_E164}`,
  leftover: `There is more here than a phone number: ${USE_E164}`,
  two_numbers: 'Several numbers are here, or digits to dial after one: write one number alone.',
  lid: 'A LID (…@lid) is no phone number, and cannot be used here.',
  username:
    'WhatsApp usernames (@name) cannot be written to yet: give the phone number with + and country code, or the LID (…@lid) that is in a message of that person.',
  group: 'This is the id of a group, not a phone number.',
  not_a_phone_jid: `This is not the address of a phone (…@s.whatsapp.net): ${USE_E164}`,
  not_a_number: `This is not a phone number: ${USE_E164}`,
  ambiguous: 'This number may belong to another country: write it with + and its country code.',
};

function invalidNumber({ problem, readings }: RefusedPhone): AppError {
  const spellings = readings.map(formatE164);
  const choice = spellings.length > 1 ? `Write ${spellings.join(' or ')}.` : '';
  const message =
    choice === '' ? TEXTS[problem] : `This number can be read in ${spellings.length} ways. ${choice}`;
  const details = { reason: problem, ...(spellings.length > 0 ? { readings: spellings } : {}) };
  return new AppError('INVALID_NUMBER', message, { details });
}
