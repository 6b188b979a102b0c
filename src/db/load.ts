/** Putting a snapshot's rows into a database: as the driver's values, by the names of tables and columns. */
import { sql } from 'drizzle-orm';
import { inBatches } from './batches.ts';
import { rawRows } from './ops.ts';
import { runText } from './prepared.ts';
import { type Cell, quoteName, type TableShape } from './snapshot.ts';
import type { Database } from './types.ts';

/** Far below what both dialects take: 32,766 values, a packet of 16 MB. */
const MAX_VALUES = 5_000;
const MAX_BYTES = 1024 * 1024;
const MAX_ROWS = 500;

/** Inserts the rows, whose cells are in the order of `columns`, in batches that are atomic each. */
export async function loadRows(
  { db }: Pick<Database, 'db'>,
  { name, columns }: Pick<TableShape, 'name' | 'columns'>,
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  const head = `insert into ${quoteName(name)} (${columns.map(quoteName).join(', ')}) values `;
  const row = `(${columns.map(() => '?').join(', ')})`;
  for await (const batch of inBatches(rows, (at) => countFitting(rows, at, columns.length))) {
    const text = `${head}${row}${`, ${row}`.repeat(batch.length - 1)}`;
    await db.transaction((tx) => runText(tx, text, batch.flat()));
  }
}

/** How many rows from `from` on fit into one statement; at least one. */
function countFitting(rows: readonly (readonly Cell[])[], from: number, width: number): number {
  const most = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_VALUES / width)));
  let bytes = 0;
  let to = from;
  while (to < rows.length && to - from < most && (to === from || bytes < MAX_BYTES)) {
    for (const cell of rows[to] ?? []) {
      if (typeof cell === 'string') bytes += cell.length;
      else if (cell !== null && typeof cell === 'object') bytes += 2 * cell.length;
    }
    to += 1;
  }
  return to - from;
}

/** The names of a table's columns. */
export async function readColumns({ db, dialect }: Database, table: string): Promise<string[]> {
  const query =
    dialect === 'mysql'
      ? sql`select column_name as name from information_schema.columns
          where table_schema = database() and table_name = ${table}`
      : sql`select name from pragma_table_info(${table})`;
  return (await rawRows<{ name: string }>(db, query)).map(({ name }) => name);
}

/** Whether there is a row in it. */
export async function hasRows({ db }: Pick<Database, 'db'>, table: string): Promise<boolean> {
  return (await rawRows(db, sql`select 1 as one from ${sql.identifier(table)} limit 1`)).length > 0;
}
