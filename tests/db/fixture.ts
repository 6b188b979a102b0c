/** Tables of the conformance suite: one of every column type, and counters to fight over. */
import { getTableColumns, getTableName, sql } from 'drizzle-orm';
import { CasingCache } from 'drizzle-orm/casing';
import type { MySqlTable } from 'drizzle-orm/mysql-core';
import { afterAll, afterEach } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import {
  bigint,
  boolean,
  bytes,
  id,
  int,
  json,
  oneOf,
  string,
  table,
  text,
  timestamp,
} from '../../src/db/kit.ts';
import { rawRun } from '../../src/db/ops.ts';
import { createEmptyDatabase } from '../helpers/database.ts';

export const samples = table('t_samples', {
  id: id().primaryKey(),
  shortText: string(64),
  longText: text(),
  small: int(),
  large: bigint(),
  flag: boolean(),
  at: timestamp(),
  data: json<unknown>(),
  kind: oneOf('first', 'second'),
  raw: bytes(),
  digest: bytes(32),
});

export const tallies = table('t_tallies', {
  name: string(64).primaryKey(),
  label: string(64).unique(),
  value: bigint().notNull().default(0),
  /** set by a default of the column type */
  active: boolean().notNull().default(true),
});

/** The DDL that drizzle-kit would generate, without its folders and files. */
function createStatement(of: MySqlTable): string {
  const casing = new CasingCache('snake_case');
  const columns = Object.values(getTableColumns(of)).map((column) => {
    const parts = [`\`${casing.getColumnCasing(column)}\``, column.getSQLType()];
    if (column.notNull) parts.push('not null');
    if (column.primary) parts.push('primary key');
    if (column.isUnique) parts.push('unique');
    if (typeof column.default === 'number') parts.push(`default ${column.default}`);
    if (typeof column.default === 'boolean') parts.push(`default ${column.default ? 1 : 0}`);
    return parts.join(' ');
  });
  return `create table \`${getTableName(of)}\` (${columns.join(', ')})`;
}

/** One database for the test file, opened by the first call; the tables are emptied after each test. */
export function useFixture(): () => Promise<Database> {
  let opening: Promise<{ database: Database; remove(): Promise<void> }> | undefined;
  async function open() {
    const { options, remove } = await createEmptyDatabase();
    const database = await openDatabase(options);
    await database.applySchema([createStatement(samples), createStatement(tallies)]);
    return { database, remove };
  }
  afterEach(async () => {
    if (!opening) return;
    const { database } = await opening;
    for (const name of [samples, tallies]) await rawRun(database.db, sql`delete from ${name}`);
  });
  afterAll(async () => {
    if (!opening) return;
    const { database, remove } = await opening;
    await database.close();
    await remove();
  });
  return async () => {
    opening ??= open();
    return (await opening).database;
  };
}
