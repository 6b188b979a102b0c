/** Writing CSV (RFC 4180) that a spreadsheet opens without running anything in it. */

/** First characters at which a spreadsheet begins a formula (OWASP, CSV injection). */
const FORMULA = /^[ "]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
/** The same where a program with another separator, or one that does not mind our quotes, would begin a cell. */
const INNER_FORMULA = /([;|\t\r\n][ "]*)(?=[=@]|[+-](?!\d+(?:[.,]\d+)?(?:[;|\t\r\n]|$)))/g;
const INNER_APOSTROPHE = /([;|\t\r\n][ "]*)'(?=[=+\-@])/g;
const PLAIN_NUMBER = /^[+-]?\d+(?:[.,]\d+)?$/;
const NEEDS_QUOTES = /[",\r\n]/;

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

/** One value; null is empty. */
function csvCell(value: string | number | boolean | null): string {
  const safe = String(toSafeCell(value) ?? '');
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line with its line break. */
export function csvLine(values: readonly (string | number | boolean | null)[]): string {
  return `${values.map(csvCell).join(',')}\r\n`;
}
