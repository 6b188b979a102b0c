/** Writing CSV (RFC 4180) that a spreadsheet opens without running anything in it. */
import { stringify } from 'csv-stringify/sync';

/** First characters at which a spreadsheet begins a formula (OWASP, CSV injection). */
const FORMULA = /^[ "]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
/** The same where a program with another separator, or one that does not mind our quotes, would begin a cell. */
const INNER_FORMULA = /([;|\t\r\n][ "]*)(?=[=@]|[+-](?!\d+(?:[.,]\d+)?(?:[;|\t\r\n]|$)))/g;
const INNER_APOSTROPHE = /([;|\t\r\n][ "]*)'(?=[=+\-@])/g;
const PLAIN_NUMBER = /^[+-]?\d+(?:[.,]\d+)?$/;

/**
 * Text that would be a formula gets an apostrophe in front, also in the middle of a text, behind what other programs take
 * for a separator; phone numbers (`+6281…`) and other numbers stay as they are.
 */
export function toSafeCell<V extends string | number | boolean | null>(value: V): V | string {
  if (typeof value !== 'string') return value;
  if (PLAIN_NUMBER.test(value)) return value;
  const inner = value.replace(INNER_FORMULA, "$1'");
  return FORMULA.test(inner) ? `'${inner}` : inner;
}

/** Takes the apostrophes of `toSafeCell` back. */
export function fromSafeCell(text: string): string {
  const inner = text.replace(INNER_APOSTROPHE, '$1');
  return inner.startsWith("'") && FORMULA.test(inner.slice(1)) ? inner.slice(1) : inner;
}

export type Cell = string | number | boolean | null;

/** Also a line break of one character alone: a reader may take it for the end of the line. */
const NEEDS_QUOTES = /[",\r\n]/;

/** The lines of these rows, each with its line break; null is an empty cell. */
export function csvLines(rows: readonly (readonly Cell[])[]): string {
  return stringify(
    rows.map((row) => row.map(toSafeCell)),
    { record_delimiter: '\r\n', quoted_match: NEEDS_QUOTES, cast: { boolean: String } },
  );
}
