/** Searching among kept numbers, which are E.164 digits, for one as people write it, or for a part of one. */

import { type Column, inArray, or, type SQL } from 'drizzle-orm';
import { contains } from '../db/search.ts';
import { toPlainText } from '../utils/phone/characters.ts';
import { withTwins } from '../utils/phone/former.ts';
import { MAX_WRITTEN } from '../utils/phone/written.ts';
import { readPhone } from '../utils/phone.ts';

export interface SearchedNumber {
  /** digits of a part of a number, without the 0, 00 or + that it is dialled with; null: the text holds something else */
  part: string | null;
  /** E.164 digits of the whole number that it is, or of each that it may be, with their other spellings */
  whole: string[];
}

/** A number, or a part of one, grouped as people do. */
const GROUPED = /^[+(]?[\d\s().\-/]{1,64}$/;

/**
 * The 0 before a number at home, or the 00 before one with its country code. Zeros before fewer digits are digits of the part:
 * a number may end in 0029. No E.164 number has fewer than 7 digits; the 4 are a number's last group, as people write it.
 */
const DIALLED = /^0(?=[1-9]\d{3})|^00(?=[1-9]\d{6})/;

/** What a text means where numbers are searched: the forms that sending takes, and parts of them. */
export function toSearchedNumber(text: string, defaultCountry: string): SearchedNumber {
  if (text.length > MAX_WRITTEN) return { part: null, whole: [] };
  const plain = toPlainText(text);
  const digits = GROUPED.test(plain) ? plain.replace(/\D/g, '').replace(DIALLED, '') : '';
  const read = readPhone(text, defaultCountry);
  const whole = withTwins('phone' in read ? [read.phone] : read.readings);
  return { part: digits === '' ? null : digits, whole };
}

/** True for rows whose column of E.164 digits holds that number. */
export function holdsNumber(column: Column, { part, whole }: SearchedNumber): SQL | undefined {
  return or(
    part === null ? undefined : contains([column], part),
    whole.length === 0 ? undefined : inArray(column, whole),
  );
}
