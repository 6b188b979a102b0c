/** Writing CSV (RFC 4180) that a spreadsheet opens without running anything in it. */

/** First characters at which a spreadsheet begins a formula (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r]/;
const PLAIN_NUMBER = /^[+-]?\d+(?:[.,]\d+)?$/;
const NEEDS_QUOTES = /[",\r\n]/;

/** Text that would be a formula gets an apostrophe in front; phone numbers and other numbers stay as they are. */
export function toSafeCell<V extends string | number | boolean | null>(value: V): V | string {
  if (typeof value !== 'string') return value;
  return FORMULA.test(value) && !PLAIN_NUMBER.test(value) ? `'${value}` : value;
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
