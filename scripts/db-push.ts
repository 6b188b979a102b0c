/**
 * `npm run db:push`: makes the tables as the schema says, without a migration, for a database one develops on.
 * SQLite: drizzle-kit compares the file with the schema. On a server it would not know its own columns again (it reads
 * types without their character set) and empty tables to change them, so there the schema that was pushed last is kept
 * in the database and compared. `-- --force` also drops tables and columns.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DrizzleMySQLSnapshotJSON } from 'drizzle-kit/api';
import { sql } from 'drizzle-orm';
import { StartError } from '../src/utils/errors.ts';
import { readDatabaseOptions } from './database-options.ts';

const options = readDatabaseOptions();
// Only now: the tables are built for DB_TYPE when these load, and .env may have named it.
const { openDatabase } = await import('../src/db/client.ts');
const { migrationsFolder, readJournal } = await import('../src/db/journal.ts');
const { rawRows, rawRun } = await import('../src/db/ops.ts');
const { readTableNames } = await import('../src/db/reset.ts');
type Database = Awaited<ReturnType<typeof openDatabase>>;

const KEPT_IN = 'pushed_schema';
/** Neither the schema's nor in anybody's way. */
const OURS = new Set([KEPT_IN, 'migration_lease']);
const STRANGE =
  'this database has tables that no earlier db:push has finished: drop them with npm run db:migrate -- --force, then push again';
const MIGRATED =
  'this database is kept by migrations: write one with npm run db:generate -- --name=…, then npm run db:migrate';

if (options.type === 'sqlite') process.exitCode = pushSqlite();
else {
  const database = await openDatabase(options);
  try {
    await pushToServer(database);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    await database.close();
  }
}

function pushSqlite(): number {
  const kit = fileURLToPath(new URL('../node_modules/drizzle-kit/bin.cjs', import.meta.url));
  return (
    spawnSync(process.execPath, [kit, 'push', ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1
  );
}

async function pushToServer(database: Database): Promise<void> {
  const { generateMySQLDrizzleJson, generateMySQLMigration } = await import('drizzle-kit/api');
  const wanted = await generateMySQLDrizzleJson(await import('../src/db/schema.ts'), undefined, 'snake_case');
  const empty = await generateMySQLDrizzleJson({});
  const { snapshot, isMigrated } = await readPresent(database, empty);
  const statements = await generateMySQLMigration(snapshot, wanted);
  if (statements.length === 0) return console.log('[i] No changes detected');
  if (isMigrated) throw new StartError(MIGRATED);
  const losing = statements.filter((statement) => /\bDROP (TABLE|COLUMN)\b/i.test(statement));
  if (losing.length > 0 && !process.argv.includes('--force')) {
    throw new StartError(`this would lose data; add -- --force to do it:\n${losing.join('\n')}`);
  }
  await database.applySchema(statements);
  await keep(database, wanted);
  console.log(`[✓] Changes applied: ${statements.length} statements`);
}

/** The schema as the database has it. Throws StartError when nothing tells. */
async function readPresent(
  database: Database,
  empty: DrizzleMySQLSnapshotJSON,
): Promise<{ snapshot: DrizzleMySQLSnapshotJSON; isMigrated: boolean }> {
  const names = await readTableNames(database);
  if (names.includes(KEPT_IN)) {
    const rows = await rawRows<{ snapshot: string }>(database.db, sql`select snapshot from pushed_schema`);
    const [row] = rows;
    if (row) return { snapshot: JSON.parse(row.snapshot), isMigrated: false };
  }
  if (names.every((name) => OURS.has(name))) return { snapshot: empty, isMigrated: false };
  if (!names.includes('__drizzle_migrations')) throw new StartError(STRANGE);
  return { snapshot: await readMigrated(database), isMigrated: true };
}

/** The snapshot that drizzle-kit wrote beside the newest migration that was applied. */
async function readMigrated({ db }: Database): Promise<DrizzleMySQLSnapshotJSON> {
  const rows = await rawRows<{ at: number | string | null }>(
    db,
    sql`select max(created_at) as at from __drizzle_migrations`,
  );
  const entry = readJournal('mysql').find(({ when }) => when === Number(rows[0]?.at));
  if (!entry) throw new StartError(STRANGE);
  const file = join(migrationsFolder('mysql'), 'meta', `${entry.tag.split('_', 1)[0]}_snapshot.json`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function keep({ db }: Database, snapshot: DrizzleMySQLSnapshotJSON): Promise<void> {
  await rawRun(
    db,
    sql`create table if not exists pushed_schema (id int primary key, snapshot longtext not null)`,
  );
  const text = JSON.stringify(snapshot);
  await rawRun(
    db,
    sql`insert into pushed_schema values (1, ${text}) on duplicate key update snapshot = ${text}`,
  );
}
