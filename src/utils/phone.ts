/** Phone numbers in any usual spelling -> E.164 digits, and what WhatsApp calls their owners. */
import {
  type CountryCode,
  getCountryCallingCode,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { LRUCache } from 'lru-cache';
import { AppError } from './errors.ts';

/** ITU-T E.164 allows 15 digits; no country has numbers of fewer than 5 with its code. */
const E164_DIGITS = /^[1-9]\d{4,14}$/;
/** WhatsApp's group ids: 18 or so digits, or the creator's number and a time for old groups. */
const GROUP_ID = /^\d{5,20}(?:-\d{5,15})?$/;
const MAX_LENGTH = 64;

/**
 * E.164 digits without `+` of a number in any usual spelling: `08123456789`, `+62 812-3456-789`, `628…`,
 * `628…@s.whatsapp.net`, `628…:12@s.whatsapp.net`. National spellings take `defaultCountry` (ISO 3166 alpha-2).
 * Whatever has a possible length passes: whether it exists is for WhatsApp to say. Throws INVALID_NUMBER.
 * Give it what a person wrote, not digits that it made: bare digits may also be read as a national number.
 */
export function normalizePhone(input: string, defaultCountry: string): string {
  const key = `${defaultCountry} ${input}`;
  const known = normalized.get(key);
  if (known !== undefined) return known;
  const digits = normalize(input, defaultCountry);
  if (input.length <= MAX_LENGTH) normalized.set(key, digits);
  return digits;
}

/** To look at a number costs more than to write it into the queue, and most are written to again. */
const normalized = new LRUCache<string, string>({ max: 5_000 });

function normalize(input: string, defaultCountry: string): string {
  const text = input.trim();
  if (text === '' || text.length > MAX_LENGTH) throw invalidNumber();
  if (text.includes('@')) return fromJid(text);
  const country = toCountry(defaultCountry);
  const digits = text.replace(/\D/g, '');
  if (text.startsWith('+') || text.startsWith('00')) {
    return digitsOf(parse(`+${digits.replace(/^00/, '')}`)) ?? fail();
  }
  const national = parse(text, country);
  if (text.startsWith('0') || text.startsWith('(0')) return digitsOf(national) ?? fail();
  const international = parse(`+${digits}`);
  // Digits alone are ambiguous: one's own country code wins, then a number that exists at home.
  if (international?.isPossible() && international.countryCallingCode === getCountryCallingCode(country)) {
    return digitsOf(international) ?? fail();
  }
  if (national?.isValid()) return digitsOf(national) ?? fail();
  return digitsOf(international) ?? digitsOf(national) ?? fail();
}

/** `+` and the digits. */
export function formatE164(digits: string): string {
  return `+${digits}`;
}

/** The JID of a group: takes `…@g.us` or the bare id. Throws INVALID_NUMBER. */
export function normalizeGroup(input: string): string {
  const [id = '', server, ...rest] = input.trim().split('@');
  if ((server !== undefined && server !== 'g.us') || rest.length > 0 || !GROUP_ID.test(id)) {
    throw new AppError('INVALID_NUMBER', 'This is not the id of a group (…@g.us).');
  }
  return `${id}@g.us`;
}

function fromJid(jid: string): string {
  const match = /^(\d+)(?:[.:_]\d+)*@(?:s\.whatsapp\.net|c\.us)$/.exec(jid);
  const digits = match?.[1];
  if (digits === undefined || !E164_DIGITS.test(digits)) throw invalidNumber();
  return digits;
}

function parse(text: string, country?: CountryCode): PhoneNumber | undefined {
  return parsePhoneNumberFromString(
    text,
    country ? { defaultCountry: country, extract: false } : { extract: false },
  );
}

function digitsOf(number: PhoneNumber | undefined): string | undefined {
  if (!number?.isPossible()) return undefined;
  const digits = number.number.slice(1);
  return E164_DIGITS.test(digits) ? digits : undefined;
}

function toCountry(name: string): CountryCode {
  if (!isSupportedCountry(name)) throw new TypeError(`${name} is not a country code (ISO 3166 alpha-2)`);
  return name;
}

function fail(): never {
  throw invalidNumber();
}

function invalidNumber(): AppError {
  return new AppError(
    'INVALID_NUMBER',
    'This is not a phone number: use the international form, as in +6281234567890.',
  );
}
