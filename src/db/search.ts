/** Searching by a part of a text, the same in both dialects. */
import { type Column, or, type SQL, sql } from 'drizzle-orm';

/** True for rows in which one of the columns holds `text`, in any case (SQLite knows the case of ASCII only). */
export function contains(columns: readonly Column[], text: string): SQL | undefined {
  // A backslash would be an escape in MySQL's string literals, but not in SQLite's.
  const pattern = `%${text.replace(/[|%_]/g, '|$&')}%`;
  return or(...columns.map((column) => sql`lower(${column}) like lower(${pattern}) escape '|'`));
}
