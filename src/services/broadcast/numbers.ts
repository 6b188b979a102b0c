/** A number as it stands in a file: what spreadsheets do to numbers is undone when it is certain, else refused. */
import { getCountryCallingCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { normalizePhone } from '../../utils/phone.ts';

/** What was done to a number before it could be read. */
export type Repair = 'apostrophe' | 'formula' | 'decimal' | 'exponent' | 'leading_zero';
/** Why a number was refused. */
export type NumberProblem = 'empty_number' | 'digits_lost' | 'ambiguous_number' | 'invalid_number';

export type ReadNumber =
  | { phone: string; repair: Repair | null; problem?: undefined }
  | { problem: NumberProblem };

/** For a person, by code: these stand in answers and in the file of errors. */
export const LINE_REASONS: Record<string, string> = {
  empty_number: 'the number is missing',
  digits_lost:
    'a spreadsheet has shortened the number (as in 8.12E+10) and its last digits are lost: format the column as text and type it again',
  ambiguous_number:
    'this may be a national number without its 0 or a foreign one: write it with + and country code',
  invalid_number: 'this is not a phone number',
  too_many_columns:
    'the line has more columns than the first line: put quotes around values that hold the delimiter',
  value_too_long: 'a value is longer than 1000 characters, or the name longer than 190',
  duplicate: 'the number stands in an earlier line of this file, which was taken',
  apostrophe: 'repaired: a leading apostrophe was removed',
  formula: 'repaired: it was written as a formula, ="…"',
  decimal: 'repaired: decimals were removed',
  exponent: 'repaired: it was written with an exponent that lost no digit',
  leading_zero: 'repaired: the leading 0 was missing',
};

/**
 * The E.164 digits of a cell. A spreadsheet's exponent is undone only when every digit is still there; a lost leading
 * 0 only when what is left is a mobile number of the default country.
 */
export function readNumber(cell: string, defaultCountry: string): ReadNumber {
  const trimmed = cell.trim();
  if (trimmed === '') return { problem: 'empty_number' };
  const clean = undoSpreadsheet(trimmed);
  if (clean === null) return { problem: 'digits_lost' };
  const phone = normalize(clean.text, defaultCountry);
  if (phone === null) return { problem: 'invalid_number' };
  if (clean.repair !== null || !lacksZero(clean.text, phone, defaultCountry))
    return { phone, repair: clean.repair };
  return isMobile(phone) ? { phone, repair: 'leading_zero' } : { problem: 'ambiguous_number' };
}

/** Null when digits are lost. */
function undoSpreadsheet(cell: string): { text: string; repair: Repair | null } | null {
  if (/^\+?\d+$/.test(cell)) return { text: cell, repair: null };
  const formula = /^="(.*)"$/.exec(cell);
  if (formula?.[1] !== undefined) return repaired(formula[1], 'formula');
  if (/^['’`]/.test(cell)) return repaired(cell.slice(1), 'apostrophe');
  const decimal = /^(\+?\d{6,})[.,]0+$/.exec(cell);
  if (decimal?.[1] !== undefined) return { text: decimal[1], repair: 'decimal' };
  const exponent = /^\+?(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})$/.exec(cell);
  if (!exponent) return { text: cell, repair: null };
  const [, first = '', rest = '', power = ''] = exponent;
  // Zeros at the end are not written, so fewer digits than the power asks for may have been rounded away.
  const digits = Number(power);
  if (rest.length < digits || /[1-9]/.test(rest.slice(digits))) return null;
  return { text: `${first}${rest.slice(0, digits)}`, repair: 'exponent' };
}

function repaired(text: string, repair: Repair): { text: string; repair: Repair } | null {
  const inner = undoSpreadsheet(text.trim());
  return inner === null ? null : { text: inner.text, repair };
}

/** As normalizePhone, which takes bare digits that begin with the country's own code as international at once. */
function normalize(text: string, country: string): string | null {
  const own = isSupportedCountry(country) ? getCountryCallingCode(country) : null;
  if (own !== null && text.startsWith(own) && /^\d+$/.test(text)) {
    const phone = tryNormalize(`+${text}`, country);
    if (phone !== null) return phone;
  }
  return tryNormalize(text, country);
}

function tryNormalize(text: string, country: string): string | null {
  try {
    return normalizePhone(text, country);
  } catch {
    return null;
  }
}

/** Bare digits that were read as a national number without its trunk 0. */
function lacksZero(text: string, phone: string, country: string): boolean {
  if (!/^[1-9]\d+$/.test(text) || !isSupportedCountry(country)) return false;
  return phone === `${getCountryCallingCode(country)}${text}`;
}

function isMobile(phone: string): boolean {
  const type = parsePhoneNumberFromString(`+${phone}`)?.getType();
  return type === 'MOBILE' || type === 'FIXED_LINE_OR_MOBILE';
}
