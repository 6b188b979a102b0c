/** A row that says: a restore has begun to fill this database and has not ended. No service starts on it. */
import { sql } from 'drizzle-orm';
import { StartError } from '../utils/errors.ts';
import { rawRows, rawRun } from './ops.ts';
import type { Database, Db } from './types.ts';

/** Row 1 is the lease of migrations. */
const ROW = 2;

/** The table of the lease and of the mark: there before any migration is. */
export async function createLeaseTable(db: Db): Promise<void> {
  await rawRun(
    db,
    sql`create table if not exists migration_lease (id int primary key, owner varchar(40) not null,
      until_ms bigint not null, migration varchar(80) not null, statements_done int not null)`,
  );
}

/** What was being restored; null when no restore is unfinished. The table of the lease must be there. */
async function readRestoreMark({ db }: Pick<Database, 'db'>): Promise<string | null> {
  const rows = await rawRows<{ migration: string }>(
    db,
    sql`select migration from migration_lease where id = ${ROW}`,
  );
  return rows[0]?.migration ?? null;
}

/** Throws StartError when a restore is unfinished. */
export async function refuseUnfinishedRestore(database: Pick<Database, 'db'>): Promise<void> {
  const source = await readRestoreMark(database);
  if (source === null) return;
  throw new StartError(
    `a restore of ${source} did not end, so this database holds only a part of it: run npm run restore again`,
  );
}
