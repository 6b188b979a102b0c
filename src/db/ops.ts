/** Everything that is not the same in the two dialects. Nothing outside of src/db may mention a dialect. */

import { and, asc, type Column, inArray, type Placeholder, type SQL, sql } from 'drizzle-orm';
import type { LibSQLDatabase } from 'drizzle-orm/libsql';
import type { MySqlColumn, MySqlTable } from 'drizzle-orm/mysql-core';
import type { MySql2Database } from 'drizzle-orm/mysql2';
import { affected } from './affected.ts';
import { createBatchSize, readBatches } from './batches.ts';
import { conflictPauseMs, isRetryable, isUniqueViolation } from './errors.ts';
import { monotonicMs, pause } from './event-loop.ts';
import { insertMany } from './insert.ts';
import { isAfter } from './keyset.ts';
import { dbType } from './kit.ts';
import { sendKept } from './prepared.ts';
import {
  type Changes,
  type Database,
  type Db,
  isTx,
  type NewRow,
  type ReadDb,
  type Tx,
  type Write,
} from './types.ts';

/** A second name for a table within one statement: both dialects write it alike. */
export { alias } from 'drizzle-orm/mysql-core';
export { affected } from './affected.ts';
export { changerOfSeveral } from './change-several.ts';
export { isRefusedValue, isRetryable, isUnavailable, isUniqueViolation } from './errors.ts';
export {
  added,
  type Guard,
  incoming,
  insertMany,
  MAX_GUARDED,
  upsert,
  upsertGuarded,
  upsertLocked,
  upsertSelected,
} from './insert.ts';
export {
  type Named,
  padded,
  placeholders,
  prepared,
  preparedFor,
  preparedWrite,
  preparedWriteFor,
  unanswered,
  valuesAt,
} from './prepared.ts';
export { raiser, raiserOfSeveral } from './raise.ts';
export { preparedUpdateOfTwo } from './update-of-two.ts';

const onMysql = dbType === 'mysql';

/**
 * True where a statement is a call inside the process: many prepared ones for single rows then cost less than one
 * for all of them, which is another text for every number of rows.
 */
export const statementsAreCheap = !onMysql;

/** Safe because client.ts opens nothing but the dialect of this process, and Db wraps drizzle's object in place. */
function asMysql(db: ReadDb): MySql2Database {
  return db as unknown as MySql2Database;
}
function asSqlite(db: ReadDb): LibSQLDatabase {
  return db as unknown as LibSQLDatabase;
}
/** drizzle's value types depend on the dialect; ours (NewRow, Changes) were checked where the caller wrote them. */
function checked<T>(value: unknown): T {
  return value as T;
}

/** Inserts; false when a unique key is taken already. Other errors are thrown (INSERT IGNORE would hide them). */
export async function tryInsert<T extends MySqlTable>(db: Db, table: T, values: NewRow<T>): Promise<boolean> {
  return unlessTaken(db, async () => {
    await db.insert(table).values(values);
  });
}

/** The same for several rows, as `insertMany`: when it is false, those of pieces before may be in. */
export async function tryInsertMany<T extends MySqlTable>(
  db: Db,
  table: T,
  rows: readonly NewRow<T>[],
): Promise<boolean> {
  return unlessTaken(db, () => insertMany(db, table, rows));
}

/** What was kept back is sent before: an error of it would undo the transaction. */
async function unlessTaken(db: Db, insert: () => Promise<void>): Promise<boolean> {
  await sendKept(db);
  try {
    await insert();
    return true;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}

/**
 * Runs a transaction, again when it lost to another (deadlock, lock wait, busy), up to `tries` times with a
 * growing, random pause. `fn` must be repeatable: everything it did is rolled back, its callbacks are dropped.
 * Given an open transaction it nests and leaves the repeating to the outer one.
 */
export async function transact<R>(
  on: Database | Db,
  fn: (tx: Tx) => Promise<R>,
  { tries = 5 }: { tries?: number } = {},
): Promise<R> {
  const db = 'db' in on ? on.db : on;
  if (isTx(db)) return db.transaction(fn);
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(fn);
    } catch (error) {
      if (attempt >= tries || !isRetryable(error)) throw error;
      await pause(conflictPauseMs(attempt));
    }
  }
}

/** A value for each row of one statement: that of the entry which names the row's `column`, null where none does. */
export function caseBy(
  column: Column,
  entries: readonly (readonly [string | Placeholder, string | number | null | Placeholder])[],
): SQL {
  const whens = entries.map(([name, value]) => sql`when ${name} then ${value}`);
  return sql`case ${column} ${sql.join(whens, sql` `)} end`;
}

/** The text under a name of a JSON column, its first `max` characters; null where there is none. */
export function jsonText(column: Column, name: string, max: number): SQL<string | null> {
  const value = sql`json_extract(${column}, ${`$.${name}`})`;
  return sql<string | null>`substr(${onMysql ? sql`json_unquote(${value})` : value}, 1, ${max})`;
}

/** Rows of a raw query (reports, health). Write SQL that both dialects accept; names are as the database has them. */
export async function rawRows<R>(db: ReadDb, query: SQL): Promise<R[]> {
  if (!onMysql) {
    // Not `all`: the rows of our connection are plain arrays.
    const { columns, rows } = await asSqlite(db).run(query);
    return rows.map((row) => checked<R>(Object.fromEntries(columns.map((name, at) => [name, row[at]]))));
  }
  const [rows] = await asMysql(db).execute(query);
  return checked<R[]>(rows);
}

/** Runs a raw write; how many rows it matched. */
export async function rawRun(db: Db, query: SQL): Promise<number> {
  return affected(onMysql ? await asMysql(db).execute(query) : await asSqlite(db).run(query));
}

/**
 * In a transaction: locks the selected rows, waits for those that another holds, and reads them as they are committed. On
 * SQLite the rows are ours already.
 */
export function locked<Q extends object>(query: Q): Q {
  return onMysql ? checked<{ for(strength: 'update'): Q }>(query).for('update') : query;
}

/**
 * In a transaction: locks the selected rows and passes over those another holds. On SQLite the rows are ours
 * already, because no other connection writes while a transaction is open. Outside of one the locks end with the statement: it
 * reads what can be changed at this moment, so that whoever changes the rows next does not wait for one that somebody keeps.
 */
export function skipLocked<Q extends object>(query: Q): Q {
  if (!onMysql) return query;
  return checked<{ for(strength: 'update', config: { skipLocked: true }): Q }>(query).for('update', {
    skipLocked: true,
  });
}

/** Inserts what a query selects, which has the columns of the table in their order. */
export function insertSelected<T extends MySqlTable>(db: Db, table: T, query: object): Write {
  return checked<{ select(query: object): Write }>(db.insert(table)).select(query);
}

/** Which rows to go through, and in pieces of how many. */
export interface Batches<T extends MySqlTable> {
  table: T;
  /** one unique column, usually the id: pieces are taken in its order, so that the walk ends */
  key: MySqlColumn;
  where: SQL | undefined;
  /**
   * columns of an index, after those that `where` fixes: pieces are taken in their order, so that each reads a short range of
   * that index, however long the table. None: in that of the key.
   */
  by?: readonly MySqlColumn[];
  /** what else must be true of a row; looked at in each piece only, which ends also where few rows fit */
  only?: SQL | undefined;
  /** at most; how many really, the time that they take decides */
  size?: number;
  /** looked at between pieces */
  signal?: AbortSignal;
  /** in the same transaction, before the rows: what belongs to those of these keys */
  along?: (tx: Tx, keys: unknown[]) => PromiseLike<unknown>;
}

/** Deletes in small statements with the event loop turning between them; how many rows went. */
export function deleteInBatches<T extends MySqlTable>(db: Db, batches: Batches<T>): Promise<number> {
  return walk(db, batches, (tx, condition) => tx.delete(batches.table).where(condition));
}

/** Updates in small statements with the event loop turning between them; how many rows matched. */
export function updateInBatches<T extends MySqlTable>(
  db: Db,
  batches: Batches<T>,
  set: Changes<T>,
): Promise<number> {
  return walk(db, batches, (tx, condition) => tx.update(batches.table).set(set).where(condition));
}

async function walk<T extends MySqlTable>(
  db: Db,
  { table, key, where, by = [], only, size = 500, signal, along }: Batches<T>,
  write: (tx: Tx, condition: SQL | undefined) => PromiseLike<unknown>,
): Promise<number> {
  const batchSize = createBatchSize(size);
  const order = [...by, key];
  const names = order.map((_, at) => `order${at}`);
  const place = Object.fromEntries(order.map((column, at) => [`order${at}`, column]));
  const fits = only === undefined ? sql<number>`1` : sql<number>`case when ${only} then 1 else 0 end`;
  let readMs = 0;
  const batches = readBatches<Record<string, unknown>>(
    batchSize,
    async (last, rows) => {
      const beganMs = monotonicMs();
      const found = await db
        .select({ ...place, key, fits })
        .from(checked<MySqlTable>(table))
        .where(and(where, isAfter(order, last && names.map((name) => last[name]))))
        .orderBy(...order.map((column) => asc(column)))
        .limit(rows);
      readMs = monotonicMs() - beganMs;
      return found;
    },
    signal,
  );
  let total = 0;
  for await (const found of batches) {
    const keys = found.filter((row) => Number(row.fits) === 1).map((row) => row.key);
    if (keys.length === 0) {
      batchSize.took(found.length, readMs);
      continue;
    }
    total += await transact(db, async (tx) => {
      // From here on others wait for it.
      const beganMs = monotonicMs();
      await along?.(tx, keys);
      const rows = affected(await write(tx, and(inArray(key, keys), where, only)));
      batchSize.took(keys.length, monotonicMs() - beganMs);
      return rows;
    });
  }
  return total;
}
