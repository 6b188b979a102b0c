import { sql } from 'drizzle-orm';
import { rawRows } from './ops.ts';
import type { Database } from './types.ts';

/** Drops every table, those of other programs in the same database included. Nothing can be brought back. */
export async function dropEverything(database: Database): Promise<string[]> {
  const names = await readTableNames(database);
  await dropTables(database, names);
  return names;
}

/** Drops these tables, which must all be there. */
export async function dropTables(database: Database, names: readonly string[]): Promise<void> {
  const quoted = names.map((name) => `\`${name.replaceAll('`', '``')}\``);
  const drops = quoted.map((name) => `drop table ${name}`);
  // On MySQL a setting of the one connection that runs them; SQLite does not enforce foreign keys meanwhile.
  const fence = (value: 0 | 1) => (database.dialect === 'mysql' ? [`set foreign_key_checks = ${value}`] : []);
  await database.applySchema([...fence(0), ...drops, ...fence(1)]);
}

/** The names of all tables, whoever made them. */
export async function readTableNames({ db, dialect }: Pick<Database, 'db' | 'dialect'>): Promise<string[]> {
  const query =
    dialect === 'mysql'
      ? sql`select table_name as name from information_schema.tables where table_schema = database()
          and table_type = 'BASE TABLE'`
      : sql`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`;
  const rows = await rawRows<{ name: string }>(db, query);
  return rows.map((row) => row.name);
}
