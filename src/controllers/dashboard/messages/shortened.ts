/** A content short enough to stand among fifty others on one page. Strangers choose how long what they write is. */
import { cutText } from '../../../utils/text.ts';

/** Characters of one text; about a screen of a phone. */
const MAX_LENGTH = 1_000;
/** Signs of marks in one text: two make a mark, and each mark is an element of the page. */
const MAX_SIGNS = 120;
/** Entries of all its lists together; fields of one form. */
const MAX_ENTRIES = 50;
/** Nothing that we read is nested deeper. */
const MAX_DEPTH = 8;
const SIGN = /[*_~`]/g;
/** Addresses lead nowhere when they are cut; no marks are read in them. */
const ADDRESS = /url$/i;
/** One line of a table. */
const MAX_LINE = 300;

interface Cut {
  any: boolean;
  /** entries of lists that may still come */
  entries: number;
}

/** The content with its long texts and lists cut, and whether anything was. The content itself when nothing was. */
export function shortened<T>(content: T): { content: T; isCut: boolean } {
  const cut: Cut = { any: false, entries: MAX_ENTRIES };
  const short = shortOf(content, cut, MAX_DEPTH);
  // Safe because only the length of texts and lists is another.
  return cut.any ? { content: short as T, isCut: true } : { content, isCut: false };
}

/** The beginning of a text that stands in a line of a table. */
export const lineOf = (text: string): string => cutText(text, MAX_LINE);

function shortOf(value: unknown, cut: Cut, depth: number): unknown {
  if (typeof value === 'string') return shortText(value, cut);
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  if (Array.isArray(value)) {
    const some = value.slice(0, cut.entries);
    cut.entries -= some.length;
    if (some.length < value.length) cut.any = true;
    return some.map((one) => shortOf(one, cut, depth - 1));
  }
  const all = Object.entries(value);
  if (all.length > MAX_ENTRIES) cut.any = true;
  return Object.fromEntries(
    all
      .slice(0, MAX_ENTRIES)
      .map(([name, one]) => [name, ADDRESS.test(name) ? one : shortOf(one, cut, depth - 1)]),
  );
}

function shortText(text: string, cut: Cut): string {
  const short = cutText(text, endOf(text));
  if (short !== text) cut.any = true;
  return short;
}

/** Where a text is cut: after so many characters, or after so many signs. */
function endOf(text: string): number {
  let signs = 0;
  for (const { index } of text.slice(0, MAX_LENGTH).matchAll(SIGN)) {
    signs += 1;
    if (signs > MAX_SIGNS) return index;
  }
  return MAX_LENGTH;
}
