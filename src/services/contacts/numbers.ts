/** A number as it is in a file: what spreadsheets do to numbers is undone when it is certain, else refused. */
import { own } from '../../utils/own.ts';
import {
  type BareReading,
  formatE164,
  type ReadPhone,
  type RefusedPhone,
  readPhone,
} from '../../utils/phone.ts';

/** The repair of a number before it could be read. */
export type Repair = NonNullable<ReadPhone['repair']>;
/** Why a number was refused. */
export type NumberProblem =
  | 'empty_number'
  | 'digits_lost'
  | 'ambiguous_number'
  | 'several_numbers'
  | 'username'
  | 'invalid_number';

export type ReadNumber =
  | { phone: string; repair: Repair | null; problem?: undefined }
  | { problem: NumberProblem };

/** For a person, by code: these are in answers and in the file of errors. */
export const LINE_REASONS: Record<string, string> = {
  empty_number: 'the number is missing',
  digits_lost:
    'a spreadsheet has shortened the number (as in 8.12E+10) and its last digits are lost: format the column as text and type it again',
  ambiguous_number:
    'this may be a national number without its 0 or a foreign one: write it with + and country code',
  several_numbers:
    'several numbers are in one cell, or digits to dial after one: give each number a line of its own',
  username: 'this is a WhatsApp username (@name), which cannot be written to yet: give the phone number',
  invalid_number: 'this is not a phone number: write it with + and country code',
  too_many_columns:
    'the line has more columns than the first line: put quotes around values that hold the delimiter',
  value_too_long: 'a value is longer than 1000 characters (a link: 8192), or the name longer than 190',
  quote_open: 'the line opens a quote that is never closed',
  malformed: 'the line has a quote inside a value: put the value in quotes and double the inner ones',
  line_too_long: 'the line is longer than 262144 characters',
  duplicate: 'the number is in an earlier line of this file, which was taken',
  apostrophe: 'repaired: a leading apostrophe was removed',
  formula: 'repaired: it was written as a formula, ="…"',
  decimal: 'repaired: decimals were removed',
  exponent: 'repaired: it was written with an exponent that lost no digit',
  first_of_several: 'repaired: of several numbers the first that is one was taken',
  other_column: 'repaired: the number was taken from another column',
  thousands: 'repaired: the separators of thousands were removed',
  leading_zero: 'repaired: the leading 0 was missing',
};

const PROBLEMS: Partial<Record<RefusedPhone['problem'], NumberProblem>> = {
  empty: 'empty_number',
  digits_lost: 'digits_lost',
  ambiguous: 'ambiguous_number',
  two_numbers: 'several_numbers',
  username: 'username',
};

/**
 * The E.164 digits of a cell. A spreadsheet's exponent is undone only when every digit is still there; a lost leading
 * 0 only when what is left is a mobile number of the default country and, unless `bare` says that all of them are at
 * home, no number of another country.
 */
export function readNumber(cell: string, defaultCountry: string, bare: BareReading = 'auto'): ReadNumber {
  const read = readPhone(cell, defaultCountry, bare);
  return 'phone' in read ? read : { problem: PROBLEMS[read.problem] ?? 'invalid_number' };
}

/** The numbers that a refused cell can be, with +; empty when it was not refused for having several readings. */
export function readingsOf(code: string, cell: string, defaultCountry: string): string[] {
  if (code !== 'ambiguous_number') return [];
  const read = readPhone(cell, defaultCountry, 'strict');
  return 'problem' in read ? read.readings.map(formatE164) : [];
}

/** The words about a line, for a person; with the `readings` of a number that has several. */
export function reasonOf(code: string, readings: readonly string[]): string {
  if (readings.length > 1) {
    return `this can be read in ${readings.length} ways: write ${readings.join(' or ')}, or say in \`numbers\` what numbers without + are`;
  }
  return own(LINE_REASONS, code) ?? code;
}
