/**
 * The column kit: a table is declared once, `DB_TYPE` picks the dialect when this module loads.
 * Types are those of the MySQL dialect; the values that services see are the same in both.
 */
import * as my from 'drizzle-orm/mysql-core';
import * as lite from 'drizzle-orm/sqlite-core';
import { type DbType, readDbType } from './db-type.ts';

/** The dialect of every table of this process. Fixed at load, because tables are built at load. */
export const dbType: DbType = readDbType(process.env.DB_TYPE);
const onMysql = dbType === 'mysql';

/** Exact comparison, as SQLite's BINARY. */
const EXACT = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
const ASCII = 'CHARACTER SET ascii COLLATE ascii_bin';

interface ColumnDef<T, D> {
  mysql: string;
  sqlite: string;
  to(value: T): D;
  from(value: D): T;
}

/** One column type: its SQL type in each dialect and how a value goes in and comes out. */
function column<T, D extends string | number | Buffer>(def: ColumnDef<T, D>) {
  const codec = { toDriver: def.to, fromDriver: def.from };
  const forMysql = my.customType<{ data: T; driverData: D }>({ dataType: () => def.mysql, ...codec });
  const forSqlite = lite.customType<{ data: T; driverData: D }>({ dataType: () => def.sqlite, ...codec });
  return onMysql ? forMysql() : typedAsMysql<ReturnType<typeof forMysql>>(forSqlite());
}

/** Safe because both dialects' builders have the same methods as far as schema.ts uses them. */
function typedAsMysql<T>(builder: unknown): T {
  return builder as T;
}

/** SQLite's driver ends a text at NUL when it reads it back; none of our texts needs that character. */
function toText(value: string): string {
  return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
}

/**
 * A client may ask for anything as an id. MySQL refuses to compare an ASCII column with other characters and takes
 * `x ` for `x`; none of our ids and words holds a `?`, so what was asked for then equals none of them.
 */
function toAscii(value: string): string {
  return /[^!-~]/.test(value) ? value.replace(/[^!-~]/g, '?') : value;
}

function toWhole(value: number): number {
  if (!Number.isSafeInteger(value))
    throw new RangeError(`not a whole number that a column can hold: ${value}`);
  return value;
}

const unchanged = <T>(value: T): T => value;

/** Text up to n characters, indexable, compared exactly. SQLite does not check n: the API must. */
export const string = (n: number) =>
  column<string, string>({ mysql: `varchar(${n}) ${EXACT}`, sqlite: 'text', to: toText, from: unchanged });

/** An id made by us: 32 ASCII characters that sort by time. */
export const id = () =>
  column<string, string>({ mysql: `char(32) ${ASCII}`, sqlite: 'text', to: toAscii, from: unchanged });

/** Long text up to 16 MiB, never indexed (MySQL's own `text` stops at 64 KiB). */
export const text = () =>
  column<string, string>({ mysql: `mediumtext ${EXACT}`, sqlite: 'text', to: toText, from: unchanged });

/** A whole number of 32 bits. */
export const int = () =>
  column<number, number>({ mysql: 'int', sqlite: 'integer', to: toWhole, from: Number });

/** A whole number up to 2^53 - 1. */
export const bigint = () =>
  column<number, number>({ mysql: 'bigint', sqlite: 'integer', to: toWhole, from: Number });

export const boolean = () =>
  column<boolean, number>({
    mysql: 'tinyint',
    sqlite: 'integer',
    to: (value) => (value ? 1 : 0),
    from: (value) => Number(value) === 1,
  });

/** An instant: epoch milliseconds, UTC, as a number. No time zone anywhere. */
export const timestamp = () => bigint();

/** JSON kept as text in both (MySQL 8 would hand back objects, MariaDB strings). */
export const json = <T>() =>
  column<T, string>({
    mysql: `mediumtext ${EXACT}`,
    sqlite: 'text',
    to: (value) => JSON.stringify(value),
    from: (value) => JSON.parse(value) as T,
  });

/** A closed set of short words (up to 32 ASCII characters each). The type is closed, the column is not. */
export const oneOf = <const V extends readonly [string, ...string[]]>(..._values: V) =>
  column<V[number], string>({
    mysql: `varchar(32) ${ASCII}`,
    sqlite: 'text',
    to: toAscii,
    from: (value) => value as V[number],
  });

/** Bytes: up to n, or up to 16 MiB when n is missing. */
export const bytes = (n?: number) =>
  column<Buffer, Buffer>({
    mysql: n === undefined ? 'mediumblob' : `varbinary(${n})`,
    sqlite: 'blob',
    to: unchanged,
    from: (value) => Buffer.from(value),
  });

type Builders = Pick<typeof my, 'index' | 'uniqueIndex' | 'primaryKey'> & { table: typeof my.mysqlTable };

const builders: Builders = onMysql
  ? { table: my.mysqlTable, index: my.index, uniqueIndex: my.uniqueIndex, primaryKey: my.primaryKey }
  : typedAsMysql<Builders>({
      table: lite.sqliteTable,
      index: lite.index,
      uniqueIndex: lite.uniqueIndex,
      primaryKey: lite.primaryKey,
    });

export const { table, index, uniqueIndex, primaryKey } = builders;
