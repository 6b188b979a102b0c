/** Numbers that are taken from a counter in a row. */
import { getTableName } from 'drizzle-orm';
import type { MySqlColumn } from 'drizzle-orm/mysql-core';
import { columnName } from './column-name.ts';
import { dbType } from './kit.ts';
import { runText } from './prepared.ts';
import type { Db } from './types.ts';
import { listLength, listText, listValues } from './value-list.ts';

const onMysql = dbType === 'mysql';

/**
 * Makes what raises `counter` in the row that has these values in `columns`, of which one is unique, and tells its new value, in
 * one statement: null when there is no such row. All columns are of one table.
 */
export function raiser(
  counter: MySqlColumn,
  ...columns: MySqlColumn[]
): (db: Db, row: readonly (string | number)[], by: number) => Promise<number | null> {
  const [table, value] = [getTableName(counter.table), columnName(counter)];
  const where = columns.map((column) => `${columnName(column)} = ?`).join(' and ');
  // What last_insert_id was given is part of the answer to the statement itself.
  const text = onMysql
    ? `update ${table} set ${value} = last_insert_id(${value} + ?) where ${where}`
    : `update ${table} set ${value} = ${value} + ? where ${where} returning ${value}`;
  return async (db, row, by) => {
    const result = await runText(db, text, [by, ...row]);
    return onMysql ? insertedId(result) : firstValue(result);
  };
}

/** Rows of one statement of `raiserOfSeveral`. */
const MAX_RAISED = 64;

/**
 * The same for several rows, each by its own number, in one statement that tells their new values: for SQLite alone. `key` is the
 * unique column that names them; those that are not there are not among the answers.
 */
export function raiserOfSeveral(
  counter: MySqlColumn,
  key: MySqlColumn,
): (db: Db, by: ReadonlyMap<string, number>) => Promise<Map<string, number>> {
  const [table, value, name] = [getTableName(counter.table), columnName(counter), columnName(key)];
  const texts = new Map<number, string>();
  const textOf = (length: number): string => {
    const text =
      texts.get(length) ??
      `update ${table} set ${value} = ${value} + v.column2 from ${listText(length, 2)} v where ${name} = v.column1 returning ${name}, ${value}`;
    texts.set(length, text);
    return text;
  };
  return async (db, by) => {
    const all = [...by];
    const raised = new Map<string, number>();
    for (let at = 0; at < all.length; at += MAX_RAISED) {
      const some = all.slice(at, at + MAX_RAISED);
      const text = textOf(listLength(some.length));
      for (const [id, now] of rowsOf(await runText(db, text, listValues(some, 2)))) {
        raised.set(String(id), Number(now));
      }
    }
    return raised;
  };
}

/** Safe because SQLite answers `returning` with rows in the order of the columns. */
function rowsOf(result: unknown): readonly (readonly [unknown, unknown])[] {
  return Object(result).rows;
}

function insertedId(result: unknown): number | null {
  const header: unknown = Array.isArray(result) ? result[0] : result;
  const { affectedRows, insertId } = Object(header);
  return affectedRows === 0 ? null : Number(insertId);
}

function firstValue(result: unknown): number | null {
  const [row] = Object(result).rows;
  return row === undefined ? null : Number(row[0]);
}
