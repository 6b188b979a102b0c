/** A row that says: a restore has begun to fill this database and has not ended. No service starts on it. */
import { sql } from 'drizzle-orm';
import { StartError } from '../utils/errors.ts';
import { rawRows, rawRun } from './ops.ts';
import type { Database, Db } from './types.ts';

/** Row 1 is the lease of migrations. */
const ROW = 2;
const MAX_SOURCE = 80;

/** The table of the lease and of the mark: there before any migration is. */
export async function createLeaseTable(db: Db): Promise<void> {
  await rawRun(
    db,
    sql`create table if not exists migration_lease (id int primary key, owner varchar(40) not null,
      until_ms bigint not null, migration varchar(80) not null, statements_done int not null)`,
  );
}

/** Marks the database, and forgets how far a migration of its earlier tables had come. */
export async function markRestore({ db, now }: Database, source: string): Promise<void> {
  await createLeaseTable(db);
  const at = await now();
  // The table's character set is whatever the database has.
  const name = source.replaceAll(/[^ -~]/g, '?').slice(-MAX_SOURCE);
  await rawRun(db, sql`delete from migration_lease`);
  await rawRun(db, sql`insert into migration_lease values (${ROW}, 'restore', ${at}, ${name}, 0)`);
}

/** The source of an unfinished restore; null when there is none. The table of the lease must be there. */
export async function readRestoreMark({ db }: Pick<Database, 'db'>): Promise<string | null> {
  const rows = await rawRows<{ migration: string }>(
    db,
    sql`select migration from migration_lease where id = ${ROW}`,
  );
  return rows[0]?.migration ?? null;
}

/** The restore has ended well. */
export async function clearRestoreMark({ db }: Pick<Database, 'db'>): Promise<void> {
  await rawRun(db, sql`delete from migration_lease where id = ${ROW}`);
}

/** Throws StartError when a restore is unfinished. */
export async function refuseUnfinishedRestore(database: Pick<Database, 'db'>): Promise<void> {
  const source = await readRestoreMark(database);
  if (source !== null) throw new StartError(unfinished(source));
}

const unfinished = (source: string) =>
  `a restore of ${source} did not end, so this database holds only a part of it: run npm run restore again`;

/**
 * Why a database with these rows of `migration_lease` is not whole: a restore or a migration that did not end. Null
 * when it is. `applied` are the hashes of the migrations that did.
 */
export function readCutOff(
  lease: readonly Record<string, unknown>[],
  applied: ReadonlySet<string>,
): string | null {
  for (const row of lease) {
    if (Number(row.id) === ROW) return unfinished(String(row.migration));
    const migration = String(row.migration).replace(/^failed:/, '');
    if (migration !== '' && !applied.has(migration)) return 'a migration of this database is not finished';
  }
  return null;
}
