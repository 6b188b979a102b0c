import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import { between } from '../utils/backoff.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { StartError } from '../utils/errors.ts';
import type { Logger } from '../utils/logger.ts';
import { migrationsFolder, positionOf, readJournal } from './journal.ts';
import { isUniqueViolation, rawRows, rawRun } from './ops.ts';
import { readTableNames } from './reset.ts';
import { createLeaseTable, refuseUnfinishedRestore } from './restore-mark.ts';
import type { Database, Db } from './types.ts';

const LEASE_MS = 30_000;
/** Another process may be migrating a large table. */
const MAX_WAIT_MS = 15 * MINUTE_MS;
/** drizzle-kit's own table, so that its commands see what was applied. */
const APPLIED = sql.identifier('__drizzle_migrations');

export interface MigrateOptions {
  /** other migrations than the service's own */
  dir?: string;
  /** `when` of the last migration that is to be applied */
  upTo?: number;
  /** the caller is the restore that has marked the database */
  restoring?: boolean;
  /** hears of migrations before they run, and of a wait for another process */
  logger?: Pick<Logger, 'info'>;
}

/**
 * Brings the database to the newest migration. Any number of processes may call it at once: one migrates under a
 * lease row, the others wait (GET_LOCK would be local to one node of a Galera cluster). Nothing is leased when nothing
 * is pending. A migration that was cut off on MySQL goes on with the statement it stopped at. Throws when a statement
 * fails or the lease is lost, and StartError for a database that a restore has left half full or that a later release
 * has migrated.
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<void> {
  const { upTo = Number.POSITIVE_INFINITY } = options;
  const known = readMigrationFiles({ migrationsFolder: options.dir ?? migrationsFolder(database.dialect) });
  const migrations = known.filter(({ folderMillis }) => folderMillis <= upTo);
  const readPending = async () => {
    const last = await readLastApplied(database);
    refuseLaterRelease(known, last);
    return migrations.filter((migration) => migration.folderMillis > last);
  };
  await createLeaseTable(database.db);
  if (!options.restoring) await refuseUnfinishedRestore(database);
  if ((await readPending()).length === 0) return;
  const lease = await takeLease(database, options.logger);
  const timer = setInterval(() => {
    lease.renew().catch(() => undefined);
  }, LEASE_MS / 3);
  try {
    // Another process may have migrated while this one waited.
    const pending = await readPending();
    if (pending[0] === known[0] && pending[0]) await refusePushed(database, pending[0].hash);
    if (pending.length > 0) {
      options.logger?.info('making or updating the tables of the database, which can take a minute', {
        migrations: pending.length,
      });
    }
    if (database.dialect === 'sqlite') await applyAtOnce(database, pending);
    else for (const migration of pending) await applyStepwise(database, migration, lease);
  } finally {
    clearInterval(timer);
    await lease.release();
  }
}

const LATER_RELEASE =
  'this database was migrated by a later release, which this one does not know: start that release again, or restore the backup from before the upgrade (docs/backup.md)';

function refuseLaterRelease(known: readonly MigrationMeta[], last: number): void {
  const newest = known.at(-1)?.folderMillis ?? 0;
  if (known.length > 0 && last > newest) throw new StartError(LATER_RELEASE);
}

/**
 * Throws StartError unless the database is exactly at this release's newest migration: for tools that work beside the
 * service and must not migrate under it.
 */
export async function requireMigrated(database: Database): Promise<void> {
  const names = await readTableNames(database);
  if (!names.includes('__drizzle_migrations')) throw new StartError('this database is empty');
  await refuseUnfinishedRestore(database);
  const { state } = positionOf(readJournal(database.dialect), await readLastApplied(database));
  if (state === 'unknown') throw new StartError(LATER_RELEASE);
  if (state !== 'newest') {
    throw new StartError(
      'this database is of an earlier release: start the service or run npm run db:migrate',
    );
  }
}

/** Tables that no migration has made, and none has begun to make, are those of `npm run db:push`. */
async function refusePushed(database: Database, firstHash: string): Promise<void> {
  if (!(await readTableNames(database)).includes('whatsapp_accounts')) return;
  const { cutOff, done } = await readProgress(database.db, firstHash);
  if (cutOff || done > 0) return;
  throw new StartError(
    'this database has its tables from db:push, which keeps no list of migrations, so it cannot be brought up to date: run npm run db:migrate -- --force, which empties it first (all its data is lost)',
  );
}

interface Lease {
  owner: string;
  /** Throws when another process has taken over. */
  renew(): Promise<void>;
  release(): Promise<void>;
}

/** A person who waits wants to know why. */
const SAY_EVERY_MS = 10_000;

async function takeLease(database: Database, logger: MigrateOptions['logger']): Promise<Lease> {
  const { db, now } = database;
  const owner = randomUUID();
  try {
    await rawRun(db, sql`insert into migration_lease values (1, '', 0, '', 0)`);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
  }
  await waitForLease(database, owner, logger);
  const whereMine = sql`where id = 1 and owner = ${owner}`;
  return {
    owner,
    async renew() {
      const until = (await now()) + LEASE_MS;
      if ((await rawRun(db, sql`update migration_lease set until_ms = ${until} ${whereMine}`)) !== 1) {
        throw new Error('the migration lease was lost to another process');
      }
    },
    async release() {
      await rawRun(db, sql`update migration_lease set owner = '', until_ms = 0 ${whereMine}`);
    },
  };
}

/** Resolves when the lease is this owner's. Throws StartError after 15 minutes. */
async function waitForLease(
  { db, dialect, now }: Database,
  owner: string,
  logger: MigrateOptions['logger'],
): Promise<void> {
  const startedAt = performance.now();
  let nextSayingMs = 0;
  for (;;) {
    const at = await now();
    // On SQLite we hold the lock of the file, so a lease is a dead process's. On a server, a lease that ends later than
    // any lease can was written under a clock that was ahead.
    const free =
      dialect === 'sqlite' ? sql`1 = 1` : sql`(until_ms < ${at} or until_ms > ${at + 2 * LEASE_MS})`;
    const taken = await rawRun(
      db,
      sql`update migration_lease set owner = ${owner}, until_ms = ${at + LEASE_MS}
        where id = 1 and (owner = ${owner} or ${free})`,
    );
    if (taken === 1) return;
    const waitedMs = performance.now() - startedAt;
    if (waitedMs >= nextSayingMs) {
      const until = await readLeaseEnd(db);
      logger?.info(
        'waiting for another process that migrates the database, or for the end of its lease if it died',
        {
          leaseEndsInSeconds: Math.max(0, Math.ceil((until - at) / 1000)),
        },
      );
      nextSayingMs = waitedMs + SAY_EVERY_MS;
    }
    if (waitedMs > MAX_WAIT_MS) {
      throw new StartError('another process has been migrating the database for 15 minutes: look at its log');
    }
    await delay(between(100, 300, Math.random()));
  }
}

async function readLeaseEnd(db: Db): Promise<number> {
  const [row] = await rawRows<{ until_ms: unknown }>(
    db,
    sql`select until_ms from migration_lease where id = 1`,
  );
  return Number(row?.until_ms ?? 0);
}

/** Epoch milliseconds of the newest applied migration, 0 when there is none. */
async function readLastApplied(database: Database): Promise<number> {
  const create =
    database.dialect === 'sqlite'
      ? sql`create table if not exists ${APPLIED} (id integer primary key, hash text not null, created_at numeric)`
      : sql`create table if not exists ${APPLIED} (id serial primary key, hash text not null, created_at bigint)`;
  await rawRun(database.db, create);
  const [row] = await rawRows<{ last: number | string | null }>(
    database.db,
    sql`select max(created_at) as last from ${APPLIED}`,
  );
  return Number(row?.last ?? 0);
}

/** SQLite: DDL is transactional, so all pending migrations are applied or none. */
async function applyAtOnce(database: Database, pending: readonly MigrationMeta[]): Promise<void> {
  if (pending.length === 0) return;
  await database.applySchema(
    pending.flatMap((migration) => [
      ...migration.sql,
      // A hex hash and a whole number from our own journal: nothing to escape.
      `insert into "__drizzle_migrations" (hash, created_at) values ('${migration.hash}', ${migration.folderMillis})`,
    ]),
  );
}

/** Table, column, index or constraint exists already; nothing there to drop. */
const DONE_BEFORE = new Set([1050, 1060, 1061, 1091, 1826]);

/** MySQL: every statement commits by itself, so the lease row counts them. */
async function applyStepwise(
  { db, applySchema }: Database,
  migration: MigrationMeta,
  lease: Lease,
): Promise<void> {
  const { hash, folderMillis } = migration;
  const { done, cutOff } = await readProgress(db, hash);
  for (const [at, statement] of migration.sql.entries()) {
    if (at < done) continue;
    await lease.renew();
    await saveProgress(db, hash, at, lease);
    try {
      await applySchema([statement]);
    } catch (error) {
      // The process before this one may have been killed between this statement and its count.
      if (!(cutOff && at === done && isDoneBefore(error))) {
        await saveProgress(db, FAILED + hash, at, lease);
        throw error;
      }
    }
  }
  const record = sql`insert into ${APPLIED} (hash, created_at) values (${hash}, ${folderMillis})`;
  await rawRun(db, record);
}

function isDoneBefore(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && DONE_BEFORE.has(Number(error.errno));
}

/** Marks a migration that stopped at an error: its statement did not run, so "exists already" is a real conflict. */
const FAILED = 'failed:';

async function readProgress(db: Db, hash: string): Promise<{ done: number; cutOff: boolean }> {
  const [row] = await rawRows<{ migration: string; statements_done: number }>(
    db,
    sql`select migration, statements_done from migration_lease where id = 1`,
  );
  const cutOff = row?.migration === hash;
  const known = cutOff || row?.migration === FAILED + hash;
  return { done: known ? Number(row?.statements_done) : 0, cutOff };
}

async function saveProgress(db: Db, migration: string, done: number, lease: Lease): Promise<void> {
  const saved = await rawRun(
    db,
    sql`update migration_lease set migration = ${migration}, statements_done = ${done}
      where id = 1 and owner = ${lease.owner}`,
  );
  if (saved !== 1) throw new Error('the migration lease was lost to another process');
}
