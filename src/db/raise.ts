/** Numbers that are taken from a counter in a row. */
import { getTableName } from 'drizzle-orm';
import type { MySqlColumn } from 'drizzle-orm/mysql-core';
import { columnName } from './column-name.ts';
import { dbType } from './kit.ts';
import { runText } from './prepared.ts';
import type { Db } from './types.ts';

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

function insertedId(result: unknown): number | null {
  const header: unknown = Array.isArray(result) ? result[0] : result;
  const { affectedRows, insertId } = Object(header);
  return affectedRows === 0 ? null : Number(insertId);
}

function firstValue(result: unknown): number | null {
  const [row] = Object(result).rows;
  return row === undefined ? null : Number(row[0]);
}
