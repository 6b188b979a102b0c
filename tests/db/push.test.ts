/** `npm run db:push`, as one uses it while developing. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { settings, users } from '../../src/db/schema.ts';
import type { DatabaseOptions } from '../../src/db/types.ts';
import { createEmptyDatabase } from '../helpers/database.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The environment by which the scripts find this database. */
function envOf(options: DatabaseOptions): Record<string, string> {
  if (options.type === 'sqlite') return { DB_TYPE: 'sqlite', DB_SQLITE_PATH: options.path };
  return {
    DB_TYPE: 'mysql',
    DB_HOST: options.host,
    DB_PORT: String(options.port),
    DB_USER: options.user,
    DB_PASSWORD: options.password,
    DB_NAME: options.database,
  };
}

async function push(options: DatabaseOptions): Promise<string> {
  const env = { ...process.env, ...envOf(options) };
  const args = [tsx, 'scripts/db-push.ts'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
  return stdout + stderr;
}

test('makes the tables, and a second time finds nothing to change', { timeout: 120_000 }, async () => {
  const { options, remove } = await createEmptyDatabase();
  cleanups.push(remove);
  expect(await push(options)).toContain('Changes applied');
  const database = await openDatabase(options);
  cleanups.push(() => database.close());
  expect(await database.db.select().from(users)).toEqual([]);
  const kept = { name: 'kept', value: 'through the second push', updatedAt: 1 };
  await database.db.insert(settings).values(kept);
  expect(await push(options)).toContain('No changes detected');
  expect(await database.db.select().from(settings)).toEqual([kept]);
});

test('finds nothing to change in a migrated database either', { timeout: 120_000 }, async () => {
  const { options, remove } = await createEmptyDatabase();
  cleanups.push(remove);
  const database = await openDatabase(options);
  await migrate(database);
  await database.close();
  expect(await push(options)).toContain('No changes detected');
});
