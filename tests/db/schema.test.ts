import { readFileSync } from 'node:fs';
import { getTableName, is } from 'drizzle-orm';
import { MySqlTable } from 'drizzle-orm/mysql-core';
import { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import * as schema from '../../src/db/schema.ts';
import { openTestDatabase } from '../helpers/database.ts';

/** Safe because the kit types every table as MySQL's, whichever dialect built it. */
function isTable(value: unknown): value is MySqlTable {
  return is(value, MySqlTable) || is(value, SQLiteTable);
}

const tables: MySqlTable[] = Object.values<unknown>(schema).filter(isTable);

/** Null when every declared column is there to be read. */
async function readError(db: Db, table: MySqlTable): Promise<string | null> {
  try {
    await db.select().from(table).limit(1);
    return null;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return `${getTableName(table)}: ${String(cause)}`;
  }
}

test('the migrations make every table and column that is declared (else: npm run db:generate)', async () => {
  const { db, close } = await openTestDatabase();
  const problems = await Promise.all(tables.map((table) => readError(db, table)));
  expect(problems.filter((problem) => problem !== null)).toEqual([]);
  await close();
});

test('drizzle/README.md explains every table, and none that is gone', () => {
  const readme = readFileSync(new URL('../../drizzle/README.md', import.meta.url), 'utf8');
  const explained = [...readme.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name);
  expect(explained.sort()).toEqual(
    [...tables.map((table) => getTableName(table)), 'migration_lease', '__drizzle_migrations'].sort(),
  );
});
