/** Real databases for tests: fast to get, empty, migrated, gone at the end. */
import { createHash, randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Database, type DatabaseOptions, type MysqlOptions, openDatabase } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { migrate } from '../../src/db/migrate.ts';
import {
  createDatabaseStatement,
  mysqlOptions,
  onServer,
  testDatabasePrefix,
  withServer,
} from './mariadb.ts';

export interface TestDatabase extends Database {
  /** what opens the same database once more, for tests of several processes (MySQL) or of a restart */
  options: DatabaseOptions;
}

/** A fresh, migrated, empty database of the engine that `DB_TYPE` names. `close()` gives it back. */
export function openTestDatabase(): Promise<TestDatabase> {
  return dbType === 'mysql' ? openMysqlTest() : openSqliteTest();
}

/** An empty database without any table, for tests of migrations. `remove()` when everything on it is closed. */
export async function createEmptyDatabase(): Promise<{ options: DatabaseOptions; remove(): Promise<void> }> {
  if (dbType === 'sqlite') {
    const dir = mkdtempSync(join(tmpdir(), 'wahub-test-'));
    return {
      options: { type: 'sqlite', path: join(dir, 'wahub.db') },
      remove: async () => rmSync(dir, { recursive: true, force: true }),
    };
  }
  const options = await createMysqlDatabase();
  return {
    options,
    remove: async () => {
      await onServer({ ...options, database: '' }, [`DROP DATABASE IF EXISTS \`${options.database}\``]);
    },
  };
}

/**
 * The same with all tables, for a service that is started on it: its start migrates nothing. `remove()` when everything on it is
 * closed.
 */
export async function createMigratedDatabase(): Promise<{
  options: DatabaseOptions;
  remove(): Promise<void>;
}> {
  if (dbType === 'mysql') {
    const options = await takeMigrated();
    return {
      options,
      async remove() {
        // A process that was killed may still be at work there. Such a database is left to the end of the run.
        if (!(await isLeft(options))) return;
        await emptyTables(options);
        migrated.push(options);
      },
    };
  }
  const template = await sqliteTemplate();
  const made = await createEmptyDatabase();
  if (made.options.type !== 'sqlite') throw new Error('the engine changed while the tests ran');
  copyFileSync(template, made.options.path);
  return made;
}

async function openSqliteTest(): Promise<TestDatabase> {
  const { options, remove } = await createMigratedDatabase();
  const database = await openDatabase(options);
  const close = database.close;
  return Object.assign(database, {
    options,
    async close() {
      await close();
      await remove();
    },
  });
}

/** A migrated file, made once for these migrations and shared by every test process. */
async function sqliteTemplate(): Promise<string> {
  const folder = join(tmpdir(), `wahub-test-templates-${process.getuid?.() ?? 0}`);
  const template = join(folder, `${hashOfMigrations()}.db`);
  if (existsSync(template)) return template;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { options, remove } = await createEmptyDatabase();
  if (options.type !== 'sqlite') throw new Error('the engine changed while the tests ran');
  const database = await openDatabase(options);
  await migrate(database);
  // Closing folds the write-ahead log into the file; the rename makes it appear whole.
  await database.close();
  const made = join(folder, `${process.pid}-${randomBytes(4).toString('hex')}.db`);
  copyFileSync(options.path, made);
  renameSync(made, template);
  await remove();
  return template;
}

function hashOfMigrations(): string {
  const dir = new URL(`../../drizzle/${dbType}/`, import.meta.url);
  const hash = createHash('sha256');
  // The journal, too: its times are what a database knows its migrations by.
  for (const name of [
    ...readdirSync(dir).filter((file) => file.endsWith('.sql')),
    'meta/_journal.json',
  ].sort()) {
    hash.update(name).update(readFileSync(new URL(name, dir)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Migrated databases of this process, to be emptied and used again: another copy costs more than that. */
const migrated: MysqlOptions[] = [];
/** Those of them that this test file has opened and does not use at the moment. */
const free: { database: Database; options: MysqlOptions }[] = [];

/** Closes what the test file has opened; called after each one. */
export async function closeTestDatabases(): Promise<void> {
  for (const { database, options } of free.splice(0)) {
    await database.close();
    migrated.push(options);
  }
}

async function createMysqlDatabase() {
  const name = `${testDatabasePrefix(process.ppid)}${randomBytes(5).toString('hex')}`;
  const options = mysqlOptions(name);
  await onServer({ ...options, database: '' }, [createDatabaseStatement(name)]);
  return options;
}

async function openMysqlTest(): Promise<TestDatabase> {
  const entry = free.pop() ?? (await newMysqlTest());
  const { database, options } = entry;
  return {
    ...database,
    options,
    async close() {
      await emptyTables(options);
      free.push(entry);
    },
  };
}

async function newMysqlTest() {
  const options = await takeMigrated();
  return { database: await openDatabase(options), options };
}

/** One that is empty and numbers its rows from 1 on. */
async function takeMigrated(): Promise<MysqlOptions> {
  const used = migrated.pop();
  if (used === undefined) return copyTemplate();
  await resetNumbers(used);
  return used;
}

const namesOf = (rows: readonly object[]) => rows.map((row) => String(Object.values(row)[0]));

/** The same tables with the same rows as in the template: no migration makes a key that leads to another table. */
async function copyTemplate(): Promise<MysqlOptions> {
  template ??= mysqlTemplate();
  const { name, tables } = await template;
  const options = await createMysqlDatabase();
  const copies = tables.flatMap((table) => [
    `CREATE TABLE \`${table}\` LIKE \`${name}\`.\`${table}\``,
    ...(KEPT.has(table) ? [`INSERT INTO \`${table}\` SELECT * FROM \`${name}\`.\`${table}\``] : []),
  ]);
  await onServer(options, copies);
  return options;
}

let template: Promise<{ name: string; tables: string[] }> | undefined;

/** A migrated database of the server, made once for these migrations: copying it takes a tenth of the time. */
async function mysqlTemplate(): Promise<{ name: string; tables: string[] }> {
  const options = mysqlOptions(`wahub_template_${hashOfMigrations()}`);
  const name = options.database;
  await onServer({ ...options, database: '' }, [createDatabaseStatement(name)]);
  const database = await openDatabase(options);
  await migrate(database);
  await database.close();
  return { name, tables: namesOf(await onServer(options, ['SHOW TABLES'])) };
}

function emptyTables(options: MysqlOptions): Promise<void> {
  return withServer(options, async (query) => {
    const ours = namesOf(await query('SHOW TABLES')).filter((name) => !KEPT.has(name));
    const deletes = ours.map((name) => `DELETE FROM \`${name}\`;`).join('');
    await query(`SET foreign_key_checks = 0; START TRANSACTION; ${deletes} COMMIT`);
  });
}

const LEFT_WITHIN_MS = 5_000;
const LOOK_MS = 20;

/** Waits until the server has no connection to the database any more; false: it still has one after 5 s. */
async function isLeft(options: MysqlOptions): Promise<boolean> {
  const connected = `SELECT id FROM information_schema.processlist WHERE db = '${options.database}'`;
  const endsAt = performance.now() + LEFT_WITHIN_MS;
  for (;;) {
    const rows = await onServer({ ...options, database: '' }, [connected]);
    if (rows.length === 0) return true;
    if (performance.now() >= endsAt) return false;
    await setTimeout(LOOK_MS);
  }
}

/** Rows that are numbered begin with 1 again, as in a new database. */
function resetNumbers(options: MysqlOptions): Promise<void> {
  const numbered = `SELECT table_name FROM information_schema.tables WHERE table_schema = '${options.database}' AND auto_increment > 1`;
  return withServer(options, async (query) => {
    for (const name of namesOf(await query(numbered))) {
      await query(`ALTER TABLE \`${name}\` AUTO_INCREMENT = 1`);
    }
  });
}
const KEPT = new Set(['__drizzle_migrations', 'migration_lease']);
