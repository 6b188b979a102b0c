/** Updates that change two tables at once: MySQL has such statements, SQLite has not. */
import { type Column, fillPlaceholders, getTableColumns, is, SQL, sql } from 'drizzle-orm';
import { MySqlDialect, type MySqlTable } from 'drizzle-orm/mysql-core';
import { LRUCache } from 'lru-cache';
import { MAX_TEXTS, type Named, placeholderAt, runText } from './prepared.ts';
import type { Changes, Db } from './types.ts';

/** What is written to the rows of two tables that belong together. */
export interface UpdateOfTwo<A extends MySqlTable, B extends MySqlTable> {
  tables: readonly [A, B];
  /** which rows of the two belong together: by the primary key of the second */
  on: SQL;
  set: readonly [Changes<A>, Changes<B>];
  /** by the primary key of the first */
  where: SQL | undefined;
}

const dialect = new MySqlDialect({ casing: 'snake_case' });

/**
 * As `preparedWriteFor`, for an update of two tables: only where a statement is a round trip (MySQL). No change may look at a
 * column that another one of them sets: in which order they are made is not known.
 */
export function preparedUpdateOfTwo<A extends MySqlTable, B extends MySqlTable>(
  build: (named: Named, ...counts: number[]) => UpdateOfTwo<A, B>,
): (db: Db, counts: readonly number[], values: Record<string, unknown>) => Promise<unknown> {
  const built = new LRUCache<string, { sql: string; params: unknown[] }>({ max: MAX_TEXTS });
  return (db, counts, values) => {
    const key = counts.join();
    const query = built.get(key) ?? dialect.sqlToQuery(textOf(build(placeholderAt, ...counts)));
    built.set(key, query);
    return runText(db, query.sql, fillPlaceholders(query.params, values));
  };
}

function textOf<A extends MySqlTable, B extends MySqlTable>(update: UpdateOfTwo<A, B>): SQL {
  const { tables, on, set, where } = update;
  const changes = tables.flatMap((table, at) => changesOf(getTableColumns(table), set[at] ?? {}));
  // The rows of a small table are else looked through, and those that others have locked waited for.
  const [one, other] = tables.map((table) => sql`${table} force index (primary)`);
  return sql`update ${one} straight_join ${other} on ${on} set ${sql.join(changes, sql`, `)} where ${where}`;
}

const changesOf = (columns: Readonly<Record<string, Column>>, set: object): SQL[] =>
  Object.entries(set).map(([name, value]) => {
    const column = columns[name];
    return sql`${column} = ${is(value, SQL) ? value : sql.param(value, column)}`;
  });
