/** How many rows there are, without looking at more of them than matters. */
import { count, type SQL, sql } from 'drizzle-orm';
import type { MySqlTable } from 'drizzle-orm/mysql-core';
import type { ReadDb } from './types.ts';

/** How many rows of a table fulfil the condition, up to `atMost`: no more are looked for. */
export async function countRows(
  db: ReadDb,
  table: MySqlTable,
  where: SQL | undefined,
  atMost: number,
): Promise<number> {
  const rows = db
    .select({ one: sql<number>`1`.as('one') })
    .from(table)
    .where(where)
    .limit(atMost)
    .as('counted');
  const [row] = await db.select({ n: count() }).from(rows);
  return Number(row?.n ?? 0);
}
