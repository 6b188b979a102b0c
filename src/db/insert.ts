/** Inserts without drizzle's builder: its time grows with every value, and most of what we write are rows. */

import { type Column, getTableColumns, getTableName, is, SQL, sql } from 'drizzle-orm';
import type { MySqlColumn, MySqlTable } from 'drizzle-orm/mysql-core';
import { LRUCache } from 'lru-cache';
import { fieldsOf } from '../utils/own.ts';
import { affected } from './affected.ts';
import { columnName } from './column-name.ts';
import { isStatementTooLong } from './errors.ts';
import { dbType } from './kit.ts';
import { runText } from './prepared.ts';
import { type Changes, type Db, isTx, type NewRow, type Tx, type Write } from './types.ts';
import { listLength, listText, listValues } from './value-list.ts';

const onMysql = dbType === 'mysql';
const quote = (name: string) => (onMysql ? `\`${name}\`` : `"${name}"`);
const nameOf = (column: Column) => quote(columnName(column));

/**
 * Rows of one statement in a transaction of SQLite: few sizes, so that each is prepared once. On MySQL, where a
 * statement is a round trip, all rows share one, and so they do where they would not be atomic otherwise.
 */
const SQLITE_SIZES = [64, 32, 16, 8, 4, 3, 2, 1];

/**
 * Inserts any number of rows in pieces: SQLite stops at 32,766 parameters, MySQL at its packet size. Not atomic
 * unless `db` is a transaction.
 */
export async function insertMany<T extends MySqlTable>(
  db: Db,
  table: T,
  rows: readonly NewRow<T>[],
  size = 500,
): Promise<void> {
  const plan = planOf(table);
  if (rows.some((row) => hasExpression(plan, row))) {
    for (let at = 0; at < rows.length; at += size) await db.insert(table).values(rows.slice(at, at + size));
    return;
  }
  await writeRows(db, plan, rows, size, '');
}

/** Inside the `set` of an upsert: the value that the insert would have given this column. */
export function incoming<T = unknown>(column: Column): SQL<T> {
  const name = sql.identifier(columnName(column));
  const made = onMysql ? sql<T>`values(${name})` : sql<T>`excluded.${name}`;
  incomingOf.set(made, onMysql ? `values(${nameOf(column)})` : `excluded.${nameOf(column)}`);
  return made;
}

/** Inside the `set` of an upsert: what the row has, and what the insert would have given it, together. */
export function added(column: Column): SQL<number> {
  const more = incoming<number>(column);
  const made = sql<number>`${column} + ${more}`;
  incomingOf.set(made, `${ownName(column)} + ${incomingOf.get(more)}`);
  return made;
}

/** With its table: SQLite takes a bare name in an upsert for that of the row too, MySQL has two of them. */
const ownName = (column: Column) => `${quote(getTableName(column.table))}.${nameOf(column)}`;

/** The text of each expression that `incoming` and `added` made. */
const incomingOf = new WeakMap<object, string>();

/**
 * Inserts; a row whose `keyColumns` (all of one unique key) are taken gets `set` instead. MySQL looks at every
 * unique key of the table, so use it only where no other one can clash. What it did to how many rows is not told.
 */
export async function upsert<T extends MySqlTable>(
  db: Db,
  table: T,
  values: NewRow<T> | NewRow<T>[],
  keyColumns: MySqlColumn[],
  set: Changes<T>,
): Promise<void> {
  const rows = Array.isArray(values) ? values : [values];
  if (rows.length === 0) return;
  const plan = planOf(table);
  const suffix = rows.some((row) => hasExpression(plan, row)) ? null : conflictText(plan, keyColumns, set);
  if (suffix !== null) return writeRows(db, plan, rows, rows.length, suffix);
  await onConflict(db.insert(table).values(rows), keyColumns, set);
}

/** The same for what a query selects, which has the columns of the table in their order and a condition. */
export function upsertSelected<T extends MySqlTable>(
  db: Db,
  table: T,
  query: object,
  keyColumns: MySqlColumn[],
  set: Changes<T>,
): Write {
  const insert = checked<{ select(query: object): object }>(db.insert(table)).select(query);
  return onConflict(insert, keyColumns, set);
}

function onConflict<T extends MySqlTable>(insert: object, target: MySqlColumn[], set: Changes<T>): Write {
  if (onMysql) {
    return checked<{ onDuplicateKeyUpdate(config: { set: Changes<T> }): Write }>(insert).onDuplicateKeyUpdate(
      {
        set,
      },
    );
  }
  return checked<{
    onConflictDoUpdate(config: { target: MySqlColumn[]; set: Changes<T> }): Write;
  }>(insert).onConflictDoUpdate({ target, set });
}

/** Columns of one row, with the values that it must have. */
export type Guard = readonly (readonly [MySqlColumn, string | number])[];

/**
 * As `upsert` (`set` of `incoming` and `added` alone), in one statement that also takes the lock of the row which has the
 * values of `guard`, in another table, until the transaction ends: false, and nothing is written, where there is no such row or
 * somebody else has locked it.
 */
export async function upsertLocked<T extends MySqlTable>(
  tx: Tx,
  table: T,
  rows: readonly NewRow<T>[],
  keyColumns: MySqlColumn[],
  { set, guard }: { set: Changes<T>; guard: Guard },
): Promise<boolean> {
  const plan = planOf(table);
  const suffix = conflictText(plan, keyColumns, set);
  if (suffix === null) throw new TypeError('this needs drizzle');
  const key = `locked ${rows.length} ${guard.map(([column]) => ownName(column)).join()}${suffix}`;
  const text = plan.texts.get(key) ?? lockedText(plan, rows.length, guard, suffix);
  plan.texts.set(key, text);
  const values = valuesOf(plan.columns, rows);
  const result = await runText(tx, text, [...values, ...guard.map(([, value]) => value)]);
  return affected(result) > 0;
}

function lockedText(plan: Plan, n: number, guard: Guard, suffix: string): string {
  const [first] = guard;
  if (first === undefined) throw new TypeError('there is no guard');
  const names = plan.columns.map(({ text }) => text);
  const one = `select ${names.map((name) => `? as ${name}`).join(', ')}`;
  const more = ` union all select ${names.map(() => '?').join(', ')}`.repeat(n - 1);
  const where = guard.map(([column]) => `g.${nameOf(column)} = ?`).join(' and ');
  const taken = names.map((name) => `v.${name}`).join(', ');
  const guarded = quote(getTableName(first[0].table));
  const lock = onMysql ? ' for update skip locked' : '';
  return `insert into ${plan.table} (${names.join(', ')}) select ${taken} from ${guarded} g join (${one}${more}) v where ${where}${lock}${suffix}`;
}

/** Rows of one statement of `upsertGuarded`. */
export const MAX_GUARDED = 64;

/**
 * As `upsertLocked`, on SQLite, where nobody else writes meanwhile, for at most `MAX_GUARDED` rows: each has a guard of its own, of
 * the same columns, and is written only where there is a row with those values. Resolves with how many were written.
 */
export async function upsertGuarded<T extends MySqlTable>(
  tx: Tx,
  table: T,
  rows: readonly NewRow<T>[],
  keyColumns: MySqlColumn[],
  { set, guards }: { set: Changes<T>; guards: readonly Guard[] },
): Promise<number> {
  const plan = planOf(table);
  const suffix = conflictText(plan, keyColumns, set);
  const [guard = []] = guards;
  const [first] = guard;
  if (suffix === null || first === undefined) throw new TypeError('this needs drizzle, or has no guard');
  const length = listLength(rows.length);
  const key = `guarded ${length}${suffix}`;
  const text = plan.texts.get(key) ?? guardedText(plan, guard, length) + suffix;
  plan.texts.set(key, text);
  const given = rows.map((row, at) => [
    ...valuesOf(plan.columns, [row]),
    ...(guards[at] ?? []).map(([, value]) => value),
  ]);
  return affected(await runText(tx, text, listValues(given, plan.columns.length + guard.length)));
}

function guardedText({ table, columns }: Plan, guard: Guard, length: number): string {
  const [first] = guard;
  const list = listText(length, columns.length + guard.length);
  const names = columns.map(({ text }) => text).join(', ');
  const given = columns.map((_, at) => `v.column${at + 1}`).join(', ');
  const where = guard.map(([column], at) => `g.${nameOf(column)} = v.column${columns.length + at + 1}`);
  const held = `select 1 from ${first ? quote(getTableName(first[0].table)) : ''} g where ${where.join(' and ')}`;
  return `insert into ${table} (${names}) select ${given} from ${list} v where exists (${held})`;
}

/** drizzle's value types depend on the dialect; ours (NewRow, Changes) were checked where the caller wrote them. */
function checked<T>(value: unknown): T {
  return value as T;
}

interface Plan {
  table: string;
  columns: PlannedColumn[];
  /** texts that come again and again, by columns, number of rows and what follows them */
  texts: LRUCache<string, string>;
  /** the same of plain inserts and upserts, by what follows the rows */
  bySuffix: Map<string, LRUCache<string, string>>;
}

/** Of one table. */
const MAX_TEXTS = 300;
/** Rows of a text that is kept, on MySQL, where all rows share a statement. */
const MAX_KEPT_ROWS = 100;

interface PlannedColumn {
  /** its place in the table */
  at: number;
  key: string;
  text: string;
  column: Column;
  /** drizzle computes the value where the row has none */
  isComputed: boolean;
  /** the value of a row that has none, as the driver takes it */
  missing: unknown;
}

const plans = new WeakMap<MySqlTable, Plan>();

function planOf(table: MySqlTable): Plan {
  const known = plans.get(table);
  if (known) return known;
  const columns = Object.entries(getTableColumns(table)).map(([key, column], at) => ({
    at,
    key,
    text: nameOf(column),
    column,
    isComputed: is(column.default, SQL),
    missing: missingOf(column),
  }));
  const texts = new LRUCache<string, string>({ max: MAX_TEXTS });
  const made = { table: quote(getTableName(table)), columns, texts, bySuffix: new Map() };
  plans.set(table, made);
  return made;
}

/** As drizzle does it: what is missing is the column's default, or null. None of our columns has a function for it. */
function missingOf(column: Column): unknown {
  if (column.defaultFn !== undefined) throw new TypeError(`${column.name} has a default that is a function`);
  const { default: value = null } = column;
  return value === null || is(value, SQL) ? null : column.mapToDriverValue(value);
}

/** Expressions are left to drizzle. */
function hasExpression({ columns }: Plan, row: object): boolean {
  const fields = fieldsOf(row);
  for (const { key, isComputed } of columns) {
    const value = fields[key];
    if (value === undefined ? isComputed : typeof value === 'object' && value !== null && is(value, SQL))
      return true;
  }
  return false;
}

/** Without those that are null in all rows, as they are where nothing is said of them. */
function givenColumns({ columns }: Plan, rows: readonly object[]): PlannedColumn[] {
  return columns.filter(
    ({ key, column, missing }) =>
      column.notNull || missing !== null || rows.some((row) => (fieldsOf(row)[key] ?? null) !== null),
  );
}

/** The values of the rows, as the driver takes them. */
function valuesOf(columns: readonly PlannedColumn[], rows: readonly object[]): unknown[] {
  const values: unknown[] = [];
  for (const row of rows) {
    const fields = fieldsOf(row);
    for (const { key, column, missing } of columns) {
      const value = fields[key];
      if (value === undefined) values.push(missing);
      else values.push(value === null ? null : column.mapToDriverValue(value));
    }
  }
  return values;
}

async function writeRows(
  db: Db,
  plan: Plan,
  rows: readonly object[],
  size: number,
  suffix: string,
): Promise<void> {
  const sizes = onMysql || !isTx(db) ? [] : SQLITE_SIZES;
  const columns = suffix === '' ? givenColumns(plan, rows) : plan.columns;
  for (let at = 0; at < rows.length; ) {
    const left = Math.min(size, rows.length - at);
    const n = sizes.find((many) => many <= left) ?? left;
    await writeTogether(db, plan, columns, rows.slice(at, at + n), suffix);
    at += n;
  }
}

/** In one statement, or in halves where the server takes none so long. */
async function writeTogether(
  db: Db,
  plan: Plan,
  columns: readonly PlannedColumn[],
  rows: readonly object[],
  suffix: string,
): Promise<void> {
  const isUsual = onMysql ? rows.length <= MAX_KEPT_ROWS : SQLITE_SIZES.includes(rows.length);
  const text = (isUsual ? keptText : textOf)(plan, columns, rows.length, suffix);
  try {
    await runText(db, text, valuesOf(columns, rows));
  } catch (error) {
    if (rows.length === 1 || !isStatementTooLong(error)) throw error;
    const half = Math.ceil(rows.length / 2);
    await writeTogether(db, plan, columns, rows.slice(0, half), suffix);
    await writeTogether(db, plan, columns, rows.slice(half), suffix);
  }
}

function textOf(plan: Plan, columns: readonly PlannedColumn[], n: number, suffix: string): string {
  const row = `(${columns.map(() => '?').join(', ')})`;
  const names = columns.map(({ text }) => text).join(', ');
  return `insert into ${plan.table} (${names}) values ${row}${`, ${row}`.repeat(n - 1)}${suffix}`;
}

/** The same text is the same string each time: to compare long ones that were made apart costs as much as to make them. */
function keptText(plan: Plan, columns: readonly PlannedColumn[], n: number, suffix: string): string {
  const texts = textsWith(plan, suffix);
  const key = columns === plan.columns ? String(n) : `${columns.map(({ at }) => at).join()} ${n}`;
  const known = texts.get(key) ?? textOf(plan, columns, n, suffix);
  texts.set(key, known);
  return known;
}

/** Our own code has few suffixes, and each is one string: found by itself, it is not made a part of a longer key each time. */
function textsWith(plan: Plan, suffix: string): LRUCache<string, string> {
  const texts = plan.bySuffix.get(suffix) ?? new LRUCache<string, string>({ max: MAX_TEXTS });
  plan.bySuffix.set(suffix, texts);
  return texts;
}

/** What follows the rows of an upsert, by its `set`: most are made once. */
const conflicts = new WeakMap<object, { keyColumns: readonly MySqlColumn[]; text: string | null }>();

/** The text that follows the rows of an upsert; null when it needs drizzle. */
function conflictText(plan: Plan, keyColumns: readonly MySqlColumn[], set: object): string | null {
  const known = conflicts.get(set);
  const isSame = known?.keyColumns.length === keyColumns.length;
  if (isSame && keyColumns.every((column, at) => column === known.keyColumns[at])) return known.text;
  const text = makeConflictText(plan, keyColumns, set);
  conflicts.set(set, { keyColumns, text });
  return text;
}

function makeConflictText(plan: Plan, keyColumns: readonly MySqlColumn[], set: object): string | null {
  const changes: string[] = [];
  for (const [key, value] of Object.entries(set)) {
    const name = plan.columns.find((column) => column.key === key)?.text;
    const text = typeof value === 'object' && value !== null ? incomingOf.get(value) : undefined;
    if (name === undefined || text === undefined) return null;
    changes.push(`${name} = ${text}`);
  }
  if (changes.length === 0) return null;
  const keys = keyColumns.map(nameOf).join(', ');
  return onMysql
    ? ` on duplicate key update ${changes.join(', ')}`
    : ` on conflict (${keys}) do update set ${changes.join(', ')}`;
}
