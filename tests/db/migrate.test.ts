import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { afterEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { migrationsFolder, readJournal } from '../../src/db/journal.ts';
import { dbType } from '../../src/db/kit.ts';
import { migrate } from '../../src/db/migrate.ts';
import { rawRows, rawRun } from '../../src/db/ops.ts';
import { dropEverything } from '../../src/db/reset.ts';
import { createLeaseTable } from '../../src/db/restore-mark.ts';
import { settings, usageCounts, users } from '../../src/db/schema.ts';
import { createEmptyDatabase } from '../helpers/database.ts';
import { start } from './processes/spawn.ts';

const migrations = fileURLToPath(new URL(`../../drizzle/${dbType}`, import.meta.url));
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function emptyDatabase() {
  const { options, remove } = await createEmptyDatabase();
  cleanups.push(remove);
  return options;
}

async function openEmpty(): Promise<Database> {
  const database = await openDatabase(await emptyDatabase());
  cleanups.push(() => database.close());
  return database;
}

/** A folder of migrations with these statements, one migration an entry. */
function folderOf(...steps: string[][]): string {
  const dir = mkdtempSync(join(tmpdir(), 'wahub-migrations-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(join(migrations, 'meta'), join(dir, 'meta'), { recursive: true });
  const entries = steps.map((statements, idx) => {
    const tag = `${String(idx).padStart(4, '0')}_step`;
    writeFileSync(join(dir, `${tag}.sql`), statements.join('--> statement-breakpoint\n'));
    return { idx, version: '5', when: 1_000 + idx, tag, breakpoints: true };
  });
  writeFileSync(
    join(dir, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: dbType, entries }),
  );
  return dir;
}

async function countApplied(database: Database): Promise<number> {
  const rows = await rawRows<{ n: unknown }>(
    database.db,
    sql`select count(*) as n from __drizzle_migrations`,
  );
  return Number(rows[0]?.n);
}

function countMigrations(): number {
  const journal: unknown = JSON.parse(readFileSync(join(migrations, 'meta', '_journal.json'), 'utf8'));
  if (typeof journal === 'object' && journal && 'entries' in journal && Array.isArray(journal.entries)) {
    return journal.entries.length;
  }
  throw new Error('no journal');
}

test('an empty database gets every table; migrating again changes nothing', async () => {
  const database = await openEmpty();
  await migrate(database);
  await database.db.insert(settings).values({ name: 'kept', value: 1, updatedAt: 1 });
  await migrate(database);
  expect(await database.db.select().from(settings)).toHaveLength(1);
  expect(await countApplied(database)).toBe(countMigrations());
});

test('of six processes that start at once none fails and each migration is applied once', async () => {
  const options = await emptyDatabase();
  const runs = Array.from({ length: 6 }, () => start('migrate', options));
  const outcomes = await Promise.all(runs.map((run) => run.ended));
  // SQLite serves one process: those that come while it is open are refused, with a reason.
  const failed = outcomes.filter((outcome) => outcome.code !== 0);
  const refused = failed.filter((outcome) => outcome.output.includes('is in use by another process'));
  expect(failed.map((outcome) => outcome.output)).toEqual(refused.map((outcome) => outcome.output));
  expect(failed.length).toBeLessThan(dbType === 'sqlite' ? 6 : 1);
  const database = await openDatabase(options);
  cleanups.push(() => database.close());
  expect(await countApplied(database)).toBe(countMigrations());
  expect(await database.db.select().from(users)).toEqual([]);
});

test('a populated previous version keeps its rows', async () => {
  const database = await openEmpty();
  const first = ['create table parts (id int primary key, name varchar(20) not null)'];
  await migrate(database, { dir: folderOf(first) });
  await rawRun(database.db, sql`insert into parts values (1, 'one'), (2, 'two')`);
  const second = [
    'alter table parts add column amount int not null default 7',
    'create index parts_ix on parts (name)',
  ];
  await migrate(database, { dir: folderOf(first, second) });
  expect(await rawRows(database.db, sql`select id, name, amount from parts order by id`)).toEqual([
    { id: 1, name: 'one', amount: 7 },
    { id: 2, name: 'two', amount: 7 },
  ]);
  expect(await countApplied(database)).toBe(2);
});

test('what was counted before there were slots stays as it was, and others can be counted beside it', async () => {
  const database = await openEmpty();
  const slots = readJournal(dbType, migrationsFolder(dbType)).find(({ tag }) => tag.endsWith('_usage_slots'));
  await migrate(database, { upTo: (slots?.when ?? 0) - 1 });
  await rawRun(
    database.db,
    sql`insert into usage_counts (user_id, period, session_id, kind, engine, category, count, warned_percent, warned_limit) values (7, '2026-01', '', '', '', '', 41, 80, 50), (7, '2026-01-31', 'main', 'text', 'baileys', 'message', 41, 0, null)`,
  );
  await migrate(database);
  const whole = { userId: 7, period: '2026-01', sessionId: '', kind: '', engine: '', category: '' };
  await database.db.insert(usageCounts).values({ ...whole, slot: 9, count: 1 });
  const rows = await database.db.select().from(usageCounts).orderBy(usageCounts.period, usageCounts.slot);
  expect(rows).toEqual([
    { ...whole, slot: 0, count: 41, warnedPercent: 80, warnedLimit: 50 },
    { ...whole, slot: 9, count: 1, warnedPercent: 0, warnedLimit: null },
    expect.objectContaining({ period: '2026-01-31', sessionId: 'main', kind: 'text', slot: 0, count: 41 }),
  ]);
  // A process of the release before names no slot.
  await expect(
    rawRun(
      database.db,
      sql`insert into usage_counts (user_id, period, session_id, kind, engine, category, count) values (7, '2026-01', '', '', '', '', 1)`,
    ),
  ).rejects.toThrow();
});

test('the audit of accounts has what was noted before, by whomever it was done', async () => {
  const database = await openEmpty();
  const audit = readJournal(dbType, migrationsFolder(dbType)).find(({ tag }) =>
    tag.endsWith('_audit_of_accounts'),
  );
  await migrate(database, { upTo: (audit?.when ?? 0) - 1 });
  const rows = [
    ['a', 7, 'auth.login', null, 7],
    ['b', 7, 'auth.reset_link_made', '12', 12],
    ['c', 7, 'auth.reset_link_made', 'nobody', null],
    ['d', 0, 'auth.login_failed', null, null],
    ['e', 7, 'api_key.created', '12', null],
  ] as const;
  for (const [id, userId, event, subject] of rows) {
    await rawRun(
      database.db,
      sql`insert into audit_entries (id, user_id, event, subject, actor_id, status, data, at) values (${id}, ${userId}, ${event}, ${subject}, 1, 'success', '{}', 1)`,
    );
  }
  await migrate(database);
  const found = await rawRows(
    database.db,
    sql`select id, person_id as person from audit_entries order by id`,
  );
  expect(found).toEqual(rows.map(([id, , , , person]) => ({ id, person })));
});

test('a migration that fails says so, and a corrected one goes on from there', async () => {
  const database = await openEmpty();
  const good = 'create table one (id int primary key)';
  const broken = folderOf([good, 'create table two nonsense']);
  await expect(migrate(database, { dir: broken })).rejects.toThrow();
  expect(await countApplied(database)).toBe(0);
  if (dbType === 'sqlite') {
    await expect(rawRows(database.db, sql`select * from one`)).rejects.toThrow();
  } else {
    await rawRun(database.db, sql`drop table one`);
  }
  await migrate(database, { dir: folderOf([good, 'create table two (id int primary key)']) });
  expect(await rawRows(database.db, sql`select * from two`)).toEqual([]);
});

test('dropping everything leaves an empty database that can be migrated again', async () => {
  const database = await openEmpty();
  await migrate(database);
  await database.db.insert(settings).values({ name: 'gone', value: 1, updatedAt: 1 });
  const dropped = await dropEverything(database);
  expect(dropped).toEqual(
    expect.arrayContaining(['settings', 'users', 'migration_lease', '__drizzle_migrations']),
  );
  await migrate(database);
  expect(await database.db.select().from(settings)).toEqual([]);
});

test('a database that a later release has migrated is refused in one line', async () => {
  const database = await openEmpty();
  const steps = [['create table one (id int primary key)'], ['create table two (id int primary key)']];
  await migrate(database, { dir: folderOf(...steps) });
  const refused = migrate(database, { dir: folderOf(...steps.slice(0, 1)) });
  await expect(refused).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(/^this database was migrated by a later release[^\n]*$/),
  });
});

test('a table of another program under the same name is an error, each time', async () => {
  const database = await openEmpty();
  await database.applySchema(['create table one (other int)']);
  const dir = folderOf(['create table one (id int primary key)']);
  for (let attempt = 0; attempt < 2; attempt++)
    await expect(migrate(database, { dir })).rejects.toThrow(/exists/);
});

/** As a process leaves it that died while it migrated. */
async function leaveLease(database: Database, leftMs: number): Promise<number> {
  const until = (await database.now()) + leftMs;
  await createLeaseTable(database.db);
  await rawRun(database.db, sql`insert into migration_lease values (1, 'dead', ${until}, '', 0)`);
  return until;
}

describe('the lease', () => {
  const lease = async (database: Database) =>
    (await rawRows<{ owner: string }>(database.db, sql`select owner from migration_lease`))[0]?.owner;

  test('of a process that died is taken over when it has run out, at once where nobody else can be', async () => {
    const database = await openEmpty();
    const until = await leaveLease(database, dbType === 'sqlite' ? 3_600_000 : 700);
    const lines: string[] = [];
    const dir = folderOf(['create table one (id int primary key)']);
    await migrate(database, { dir, logger: { info: (line) => lines.push(line) } });
    const told = expect.stringContaining('making or updating the tables');
    if (dbType === 'sqlite') expect(lines).toEqual([told]);
    else {
      expect(await database.now()).toBeGreaterThanOrEqual(until);
      expect(lines).toEqual([expect.stringContaining('waiting for another process that migrates'), told]);
    }
    // Nothing is due any more.
    await migrate(database, { dir, logger: { info: (line) => lines.push(line) } });
    expect(lines.filter((line) => line.startsWith('making'))).toHaveLength(1);
    expect(await rawRows(database.db, sql`select * from one`)).toEqual([]);
    expect(await lease(database)).toBe('');
  });

  test('longer than any lease can be, from a clock that was ahead, is not waited for', async () => {
    const database = await openEmpty();
    await leaveLease(database, 86_400_000);
    await migrate(database, { dir: folderOf(['create table one (id int primary key)']) });
    expect(await lease(database)).toBe('');
  });

  test('is not asked for when nothing is pending', async () => {
    const database = await openEmpty();
    const dir = folderOf(['create table one (id int primary key)']);
    await migrate(database, { dir });
    await rawRun(database.db, sql`delete from migration_lease`);
    await leaveLease(database, 25_000);
    await migrate(database, { dir });
    expect(await lease(database)).toBe('dead');
  });

  test('is given back when a migration failed', async () => {
    const database = await openEmpty();
    await migrate(database, { dir: folderOf(['nonsense']) }).catch(() => undefined);
    expect(await lease(database)).toBe('');
  });
});

// SQLite has no such state: there a migration is applied whole or not at all.
if (dbType === 'mysql') {
  describe('a migration that was cut off, on a database that commits each statement', () => {
    const statements = ['create table one (id int primary key)', 'create table two (id int primary key)'];

    /** As if the process had been killed after `done` statements were counted and one more had run. */
    async function cutOff(database: Database, dir: string, done: number) {
      const hash = readMigrationFiles({ migrationsFolder: dir })[0]?.hash;
      await leaveLease(database, -1);
      await rawRun(
        database.db,
        sql`update migration_lease set migration = ${hash}, statements_done = ${done}`,
      );
      await database.applySchema(statements.slice(0, done + 1));
    }

    test.each([0, 1])('goes on with statement %i, which has run already', async (done) => {
      const database = await openEmpty();
      const dir = folderOf(statements);
      await cutOff(database, dir, done);
      await migrate(database, { dir });
      expect(await rawRows(database.db, sql`select * from two`)).toEqual([]);
      expect(await countApplied(database)).toBe(1);
    });
  });
}

test('tables that were pushed are refused in one line, and nothing of them is changed', async () => {
  const database = await openEmpty();
  await migrate(database);
  // What db:push makes: the tables, and no list of migrations.
  await rawRun(database.db, sql`delete from __drizzle_migrations`);
  await rawRun(database.db, sql`update migration_lease set migration = '', statements_done = 0`);
  const refused = migrate(database);
  await expect(refused).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('db:push'),
  });
  expect(await database.db.select().from(users)).toEqual([]);
  await dropEverything(database);
  await migrate(database);
});
