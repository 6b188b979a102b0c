import type { DatabaseOptions } from '../../src/db/client.ts';
import { withSnapshot } from '../../src/db/snapshot.ts';

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
