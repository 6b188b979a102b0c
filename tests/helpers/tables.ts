import type { DatabaseOptions } from '../../src/db/client.ts';
import { withSnapshot } from '../../src/db/snapshot.ts';
import { openConnection } from '../../src/db/sqlite-connection.ts';
import { connectTo } from './mariadb.ts';

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

export interface RowCounter {
  count(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

/**
 * Counts the rows of these tables beside the process that serves the database: to read them all would slow that down. On a server
 * over one connection; a file is let go of each time, so that whoever opens it next has to put it in order.
 */
export async function openRowCounter(
  options: DatabaseOptions,
  names: readonly string[],
): Promise<RowCounter> {
  const counts = `select ${names.map((name) => `(select count(*) from ${name})`).join(', ')}`;
  if (options.type === 'mysql') {
    const server = await connectTo(options);
    return {
      count: async () => numbersOf(names, Object.values((await server.query(counts))[0] ?? {})),
      close: () => server.end(),
    };
  }
  return {
    async count() {
      const connection = openConnection(options.path, BUSY_MS);
      try {
        return numbersOf(names, Array.from((await connection.execute(counts)).rows[0] ?? []));
      } finally {
        connection.close();
      }
    },
    close: async () => undefined,
  };
}

const numbersOf = (names: readonly string[], values: readonly unknown[]) =>
  Object.fromEntries(names.map((name, at) => [name, Number(values[at])]));
