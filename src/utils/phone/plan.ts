/** The meaning of digits by the numbering plans of the world (libphonenumber's full metadata). */
import {
  type CountryCode,
  getCountryCallingCode,
  getExampleNumber,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/mobile/examples';
import { isFormer, twinOf } from './former.ts';

/** One way to read digits. */
export interface Reading {
  /** E.164 digits */
  digits: string;
  /** the plan knows the number, or knew it when the account was made */
  valid: boolean;
  /** people have it with them; also where a plan does not tell mobiles from lines */
  mobile: boolean;
}

/** ITU-T E.164 allows 15 digits; no country has numbers of fewer than 5 with its code. */
const E164_DIGITS = /^[1-9]\d{4,14}$/;

/** True for digits that may be a number, by their count. */
export function isE164(digits: string): boolean {
  return E164_DIGITS.test(digits);
}

/**
 * Digits that begin with a country's calling code; a trunk prefix behind it (`62 0812…`) is left out. Null when no
 * number of that country has as many.
 */
export function readInternational(digits: string): Reading | null {
  if (!isE164(digits) && !/^[1-9]\d{15}$/.test(digits)) return null;
  // WhatsApp's spelling comes back to its account as it is, whatever the plan says today.
  if (twinOf(digits) !== null && isFormer(digits)) return { digits, valid: true, mobile: true };
  const number = parse(`+${digits}`);
  if (!number?.isPossible()) return null;
  const reading = toReading(number, digits);
  // A trunk prefix is left out only where a plan knows the number without it.
  return reading === null || reading.valid || reading.digits === digits ? reading : null;
}

/** Digits behind a plus or 00: also of a length that their plan has given up. */
export function readForCertain(digits: string): Reading | null {
  const reading = readInternational(digits);
  return reading ?? (isFormer(digits) ? { digits, valid: false, mobile: true } : null);
}

/**
 * Digits as they are dialled inside the country, with or without its trunk prefix. Null for what has no such length,
 * and where the trunk prefix would become a part of a number that the plan does not know.
 */
export function readNational(digits: string, country: CountryCode): Reading | null {
  const number = parse(digits, country);
  if (!number?.isPossible() || number.countryCallingCode !== getCountryCallingCode(country)) return null;
  const reading = toReading(number, digits);
  const keepsTrunk = /^0/.test(number.nationalNumber) || /^\+11/.test(number.number);
  return keepsTrunk && reading?.valid === false ? null : reading;
}

/** Carriers' ways to dial abroad that libphonenumber does not know. */
const CARRIER_PREFIXES: Partial<Record<CountryCode, readonly string[]>> = { ID: ['001', '007'] };

/**
 * Digits behind the country's own way to dial abroad (011, 0011, 010, 8~10, …), also where the number is one of that
 * country; null for what begins otherwise.
 */
export function readDialledAbroad(digits: string, country: CountryCode): Reading | null {
  const carrier = CARRIER_PREFIXES[country]?.find((prefix) => digits.startsWith(prefix));
  if (carrier !== undefined) return readInternational(digits.slice(carrier.length));
  const number = parse(digits, country);
  if (!number?.isPossible()) return null;
  const isOwn = number.countryCallingCode === getCountryCallingCode(country);
  const written = number.number.slice(1);
  if (isOwn && (digits.length === written.length || !digits.endsWith(written))) return null;
  return toReading(number, digits);
}

/** Calling codes of no country: satellite phones and the like, which must not be guessed. */
const NON_GEOGRAPHIC = /^(?:8(?:00|08|70|78|8[1238])|979)/;

/** True for numbers that belong to no country. */
export function isNonGeographic({ digits }: Reading): boolean {
  return NON_GEOGRAPHIC.test(digits);
}

/** The rest when a calling code was written twice (`+62 62 812…`); null when that is no number either. */
export function withoutDoubledCode({ digits, valid }: Reading): Reading | null {
  if (valid) return null;
  const code = parse(`+${digits}`)?.countryCallingCode ?? '';
  if (code === '' || !digits.startsWith(`${code}${code}`)) return null;
  const inner = readInternational(digits.slice(code.length));
  return inner?.valid ? inner : null;
}

/** True where people write the digits as they are: no 0 or 8 comes before them in the national spelling. */
export function isWholeNational({ digits, valid }: Reading, country: CountryCode): boolean {
  return valid ? isWhole(parse(`+${digits}`)) : isExampleWhole(country);
}

const wholeExamples = new Map<CountryCode, boolean>();

function isExampleWhole(country: CountryCode): boolean {
  const known = wholeExamples.get(country) ?? isWhole(getExampleNumber(country, examples));
  wholeExamples.set(country, known);
  return known;
}

function isWhole(number: PhoneNumber | undefined): boolean {
  return number?.formatNational().replace(/\D/g, '') === number?.nationalNumber;
}

/** True when the digits are parted as this number's are at home, or for the world. */
export function isGroupedAs(
  groups: readonly string[],
  { digits }: Reading,
  where: 'NATIONAL' | 'INTERNATIONAL',
): boolean {
  return parse(`+${digits}`)?.format(where).match(/\d+/g)?.join(' ') === groups.join(' ');
}

/** Null when digits of the number would not be those that were written. */
function toReading(number: PhoneNumber, written: string): Reading | null {
  const digits = number.number.slice(1);
  if (!isE164(digits)) return null;
  if (!written.endsWith(number.nationalNumber) && !isArgentineMobile(digits, written)) return null;
  const type = number.getType();
  // The library looks for the type to tell whether a number is valid: that is most of what a reading costs.
  const valid = type !== undefined || number.isValid();
  return {
    digits,
    valid,
    mobile: type === 'MOBILE' || type === 'FIXED_LINE_OR_MOBILE',
  };
}

/** 011 15-2345-6789 at home is +54 9 11 2345-6789 for the world. */
function isArgentineMobile(digits: string, written: string): boolean {
  if (!/^549\d{10}$/.test(digits)) return false;
  const national = digits.slice(3);
  return [2, 3, 4].some((size) => written.endsWith(`${national.slice(0, size)}15${national.slice(size)}`));
}

/** The same digits are looked at in several ways one after the other, and parsing is most of what that costs. */
interface Parsed {
  text: string;
  country: CountryCode | undefined;
  number: PhoneNumber | undefined;
}

/** The last ones, newest first: as dialled at home, and as of the world. */
let parsed: readonly Parsed[] = [];

function parse(text: string, country?: CountryCode): PhoneNumber | undefined {
  const known = parsed.find((one) => one.text === text && one.country === country);
  if (known) return known.number;
  const number = parsePhoneNumberFromString(
    text,
    country ? { defaultCountry: country, extract: false } : { extract: false },
  );
  parsed = [{ text, country, number }, ...parsed.slice(0, 1)];
  return number;
}

/** Safe because the configuration lets nothing else pass. Throws TypeError. */
export function toCountry(name: string): CountryCode {
  if (!isSupportedCountry(name)) throw new TypeError(`${name} is not a country code (ISO 3166 alpha-2)`);
  return name;
}
