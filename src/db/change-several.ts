/** Several rows of a table changed in one statement, each to values of its own: for SQLite alone. */
import { getTableName } from 'drizzle-orm';
import type { MySqlColumn } from 'drizzle-orm/mysql-core';
import { affected } from './affected.ts';
import { columnName } from './column-name.ts';
import { runText } from './prepared.ts';
import type { Db } from './types.ts';
import { listLength, listText, listValues } from './value-list.ts';

/** A value as the driver takes it. */
type Value = string | number | null;

/** The columns of a change, all of one table. */
export interface ChangedColumns {
  /** the unique one that names a row */
  key: MySqlColumn;
  /** a row that has another value in one of them than it was seen with is left as it is */
  seen: MySqlColumn | readonly MySqlColumn[];
  /** of which each row gets a value of its own */
  own: readonly MySqlColumn[];
  /** of which all rows get the same value */
  shared: readonly MySqlColumn[];
}

/** Rows of one statement. */
const MAX_CHANGED = 64;
/** Fewer are changed one by one: a list of so few costs more than it saves. */
const MIN_CHANGED = 3;

/**
 * Makes what changes rows: `rows` has the values of `key`, `seen` and `own` of each, `shared` those of all. Values go to the driver as
 * they are. Resolves with how many rows were changed. Not atomic unless `db` is a transaction.
 */
export function changerOfSeveral({ key, seen, own, shared }: ChangedColumns): Changer {
  const table = `"${getTableName(key.table)}"`;
  const name = (column: MySqlColumn) => `"${columnName(column)}"`;
  const named = [key, seen].flat();
  const textFor = (from: string, value: (at: number) => string): string => {
    const same = shared.map((column) => `${name(column)} = ?`);
    const set = [...same, ...own.map((column, at) => `${name(column)} = ${value(at + named.length)}`)].join(
      ', ',
    );
    const where = named.map((column, at) => `${table}.${name(column)} = ${value(at)}`).join(' and ');
    return `update ${table} set ${set}${from} where ${where}`;
  };
  const width = own.length + named.length;
  const single = textFor('', () => '?');
  // The same text is the same string each time: see `keptText` in insert.ts.
  const texts = new Map<number, string>();
  const textOf = (length: number): string => {
    const text =
      texts.get(length) ?? textFor(` from ${listText(length, width)} v`, (at) => `v.column${at + 1}`);
    texts.set(length, text);
    return text;
  };
  return async (db, rows, all) => {
    let changed = 0;
    for (let at = 0; at < rows.length; at += MAX_CHANGED) {
      const some = rows.slice(at, at + MAX_CHANGED);
      if (some.length < MIN_CHANGED) {
        for (const row of some) {
          const values = [...all, ...row.slice(named.length), ...row.slice(0, named.length)];
          changed += affected(await runText(db, single, values));
        }
        continue;
      }
      const text = textOf(listLength(some.length));
      changed += affected(await runText(db, text, [...all, ...listValues(some, width)]));
    }
    return changed;
  };
}

type Changer = (db: Db, rows: readonly (readonly Value[])[], shared: readonly Value[]) => Promise<number>;
