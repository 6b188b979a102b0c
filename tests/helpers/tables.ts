import type { DatabaseOptions } from '../../src/db/client.ts';
import { withSnapshot } from '../../src/db/snapshot.ts';
import { openConnection } from '../../src/db/sqlite-connection.ts';
import { onServer } from './mariadb.ts';

export type TableRow = Record<string, unknown>;

/** Rows of these tables by the names of their columns, read beside the process that serves the database. */
export function readTables(
  options: DatabaseOptions,
  names: readonly string[],
): Promise<Record<string, TableRow[]>> {
  return withSnapshot(options, async (snapshot) => {
    const found: Record<string, TableRow[]> = {};
    for (const name of names) {
      const table = snapshot.tables.find((one) => one.name === name);
      if (!table) throw new Error(`there is no table ${name}`);
      const rows = await snapshot.page(table, null, 100_000);
      found[name] = rows.map((row) => Object.fromEntries(table.columns.map((column, i) => [column, row[i]])));
    }
    return found;
  });
}

const BUSY_MS = 5_000;

/** How many rows these tables have, beside the process that serves the database: to read them all would slow that down. */
export async function countRows(
  options: DatabaseOptions,
  names: readonly string[],
): Promise<Record<string, number>> {
  const counts = `select ${names.map((name) => `(select count(*) from ${name})`).join(', ')}`;
  if (options.type === 'mysql')
    return numbersOf(names, Object.values((await onServer(options, [counts]))[0] ?? {}));
  const connection = openConnection(options.path, BUSY_MS);
  try {
    const { rows } = await connection.execute(counts);
    return numbersOf(names, Array.from(rows[0] ?? []));
  } finally {
    connection.close();
  }
}

const numbersOf = (names: readonly string[], values: readonly unknown[]) =>
  Object.fromEntries(names.map((name, at) => [name, Number(values[at])]));
