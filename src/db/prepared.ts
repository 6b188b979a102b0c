/** Queries that are built once and run with other values each time: building one costs as much as running it. */
import { type Placeholder, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { affected, isWrite } from './affected.ts';
import { inCleanContext, rootOf, viewOf } from './scope.ts';
import { type Db, isTx, type Match, type Tx, type Write } from './types.ts';

/**
 * A reading query, made with `.prepare()` and `sql.placeholder(…)` once for each database, and run on it or in one
 * of its transactions. Values of placeholders go to the driver as they are: numbers, strings, null.
 */
export function prepared<Q extends object>(build: (db: Db) => Q): (db: Db) => Q {
  const built = new WeakMap<Db, Q>();
  return (db) => {
    const root = rootOf(db);
    // Building through the database is allowed inside of its transactions, writing is not.
    const query = built.get(root) ?? inCleanContext(() => build(root));
    built.set(root, query);
    return isTx(db) ? boundTo(db, query) : query;
  };
}

/** The same for a write; what it gives is for `affected`. */
export function preparedWrite<V extends Record<string, unknown>>(
  build: (db: Db) => Write,
): (db: Db, values: V) => Promise<unknown> {
  const query = prepared((db) => asPreparable(build(db)).prepare());
  return (db, values) => query(db).execute(values);
}

/** Texts that are kept of one statement: of most there are as many as rows in a batch; 287 for 50 rows of `padded` sessions. */
export const MAX_TEXTS = 300;

/** `named(2, 'id')` is the placeholder of the value `id2`. */
export type Named = (at: number, name: string) => Placeholder;

/**
 * As `prepared`, for a query whose text depends on how many values it is about (`counts`): one is built for each. Values
 * are named with `valuesAt`.
 */
export function preparedFor<Q extends object>(
  build: (db: Db, named: Named, ...counts: number[]) => Q,
): (db: Db, ...counts: number[]) => Q {
  const built = new LRUCache<string, (db: Db) => Q>({ max: MAX_TEXTS });
  return (db, ...counts) => {
    const key = counts.join();
    const known = built.get(key) ?? prepared((root) => build(root, placeholderAt, ...counts));
    built.set(key, known);
    return known(db);
  };
}

/** The same for a write; what it gives is for `affected`. */
export function preparedWriteFor(
  build: (db: Db, named: Named, ...counts: number[]) => Write,
): (db: Db, counts: readonly number[], values: Record<string, unknown>) => Promise<unknown> {
  const query = preparedFor((db, named, ...counts) => asPreparable(build(db, named, ...counts)).prepare());
  return (db, counts, values) => query(db, ...counts).execute(values);
}

export const placeholderAt: Named = (at, name) => sql.placeholder(`${name}${at}`);

/** The values of rows under the names of their placeholders: `id0`, `id1`, … */
export function valuesAt(rows: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [at, row] of rows.entries()) {
    for (const name of Object.keys(row)) values[keyAt(name, at)] = row[name];
  }
  return values;
}

/** Keys of values by their names: a text that is made each time costs the engine a look-up where it becomes a key. */
const keys = new Map<string, string[]>();

function keyAt(name: string, at: number): string {
  const own = keys.get(name) ?? [];
  if (own.length === 0) keys.set(name, own);
  const key = own[at] ?? `${name}${at}`;
  own[at] = key;
  return key;
}

/**
 * The same values, the last one several times, up to the next power of two or `most`: so that a query with two counts has a few
 * hundred texts, not one for each pair. For lists only where a value that comes twice counts once (`in`, `or`, `case`).
 */
export function padded<T>(all: readonly T[], most: number): T[] {
  const last = all.at(-1);
  if (last === undefined) return [];
  const size = Math.max(all.length, Math.min(most, 2 ** Math.ceil(Math.log2(all.length))));
  return [...all, ...Array.from({ length: size - all.length }, () => last)];
}

/** The placeholders of `count` values of one name, in order. */
export function placeholders(named: Named, name: string, count: number): Placeholder[] {
  return Array.from({ length: count }, (_, at) => named(at, name));
}

/**
 * The transaction for writes whose answers nobody needs. Where a statement is a round trip such writes are kept back, in their order,
 * and go with the statement after them, at the latest with the commit (MariaDB); elsewhere, and in nested transactions, each
 * runs at once. What they did to how many rows is not told. One that fails undoes the transaction, whoever catches the error: it
 * may come from a later statement, or from the commit. Reads are answered as ever. `match`: how many rows each must match; its error is thrown where one
 * does not.
 */
export function unanswered(tx: Tx, match?: Match): Tx {
  const session = sessionOf(tx);
  const { client, tx: member } = session;
  if ('keep' in client) {
    const isNested = isNestedIn(tx);
    const keep: MysqlTransaction['keep'] = (options, values, how) =>
      client.keep(options, values, { match: how.match ?? match, isNested: how.isNested });
    const view: MysqlTransaction = {
      query: (options, values) => keep(options, values, { match, isNested }),
      keep,
      sendKept: () => client.sendKept(),
    };
    return viewOf(tx, Object.assign(Object.create(session), { client: view }));
  }
  if (match === undefined || member === undefined) return tx;
  const execute: SqliteClient['execute'] = async (statement) => {
    const result = await member.execute(statement);
    if (isWrite(statement.sql) && affected(result) !== match.rows) throw match.toError();
    return result;
  };
  return viewOf(tx, Object.assign(Object.create(session), { tx: { execute } }));
}

/** Sends what `unanswered` has kept back, before a statement whose error is caught. */
export async function sendKept(db: Db): Promise<void> {
  const { client } = sessionOf(db);
  if ('sendKept' in client) await client.sendKept();
}

/** Safe because drizzle counts in its transactions how deep they are. */
function isNestedIn(tx: Tx): boolean {
  return (tx as unknown as { nestedIndex: number }).nestedIndex > 0;
}

/** A statement that was not built by drizzle, with one `?` for each value. */
export function runText(db: Db, text: string, values: readonly unknown[]): Promise<unknown> {
  const { client, tx } = sessionOf(db);
  const on = tx ?? client;
  return 'execute' in on ? on.execute({ sql: text, args: values }) : on.query({ sql: text }, values);
}

interface SqliteClient {
  execute(statement: { sql: string; args: readonly unknown[] }): Promise<unknown>;
}
interface MysqlClient {
  query(options: { sql: string }, values: readonly unknown[]): Promise<unknown>;
}
/** The same in a transaction. */
interface MysqlTransaction extends MysqlClient {
  keep(
    options: { sql: string },
    values: readonly unknown[],
    how: { match: Match | undefined; isNested: boolean },
  ): Promise<unknown>;
  sendKept(): Promise<void>;
}
interface Session {
  client: SqliteClient | MysqlClient | MysqlTransaction;
  /** SQLite: the transaction that the session belongs to */
  tx?: SqliteClient | undefined;
}

/** Safe because every drizzle database and transaction has its session there; scope.ts wraps them in place. */
function sessionOf(db: Db): Session {
  return (db as unknown as { session: Session }).session;
}

/** Safe because drizzle's prepared queries of both dialects read their connection from these two at each run. */
function boundTo<Q extends object>(db: Db, query: Q): Q {
  const { client, tx } = sessionOf(db);
  return Object.assign(Object.create(query) as Q, { client, tx });
}

/** Safe because drizzle's builders of writes can all be prepared. */
function asPreparable(write: Write): {
  prepare(): { execute(values: Record<string, unknown>): Promise<unknown> };
} {
  return write as unknown as { prepare(): { execute(values: Record<string, unknown>): Promise<unknown> } };
}
