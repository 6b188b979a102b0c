/** Rows of values inside of a statement of SQLite, in few lengths, so that each text is prepared once. */

/** Up to so many rows each number has a list of its own; above, lists are multiples of `STEP`. */
const MAX_EXACT = 4;
const STEP = 8;

/** How many rows the list has in which so many are given. */
export const listLength = (count: number): number =>
  count <= MAX_EXACT ? count : STEP * Math.ceil(count / STEP);

/** The text of a list: its columns are `column1`, `column2`, … */
export function listText(length: number, width: number): string {
  const row = `(?${', ?'.repeat(width - 1)})`;
  return `(values ${row}${`, ${row}`.repeat(length - 1)})`;
}

/** The values of a list of `width` columns. Rows of nulls, which no row of a table has as its key, fill it up. */
export function listValues(rows: readonly (readonly unknown[])[], width: number): unknown[] {
  const values = rows.flat();
  for (let at = values.length; at < listLength(rows.length) * width; at++) values.push(null);
  return values;
}
