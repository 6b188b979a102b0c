/**
 * The rows of a database as they were at one moment, read page by page beside the service that goes on writing. What
 * is read are the values of the driver, so that it is the same for both dialects and for every release's columns.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { StartError } from '../utils/errors.ts';
import type { DbType } from './db-type.ts';
import { yieldToEventLoop } from './event-loop.ts';
import { createConnections, QUERY_TIMEOUT_MS } from './mysql-pool.ts';
import { openConnection } from './sqlite-connection.ts';
import type { DatabaseOptions, MysqlOptions } from './types.ts';

/** A value that a column can hold in either dialect. */
export type Cell = string | number | null | Buffer;

export interface TableShape {
  name: string;
  columns: readonly string[];
  /** the columns of the primary key, in its order */
  key: readonly string[];
}

export interface Snapshot {
  readonly dialect: DbType;
  /** when it was taken, by the database's clock */
  readonly takenAt: number;
  /** every table there is */
  readonly tables: readonly TableShape[];
  /** The rows after `last` (null: from the beginning) in the order of the key, at most `limit`. */
  page(table: TableShape, last: readonly Cell[] | null, limit: number): Promise<Cell[][]>;
}

/** Longer than anybody needs to write down one page. */
const IDLE_SECONDS = 3600;
/** For foreign programs that hold the file; a tool may wait. */
const BUSY_MS = 5_000;

/**
 * Runs `fn` on a snapshot. SQLite needs no lock for it: a reader blocks no writer, but the write-ahead log
 * grows until it ends. Throws StartError when there is no such database.
 */
export function withSnapshot<R>(
  options: DatabaseOptions,
  fn: (snapshot: Snapshot) => Promise<R>,
): Promise<R> {
  return options.type === 'sqlite' ? onSqlite(resolve(options.path), fn) : onMysql(options, fn);
}

/** One statement; rows as arrays. */
type Query = (text: string, values?: readonly Cell[]) => Promise<Cell[][]>;

async function onSqlite<R>(path: string, fn: (snapshot: Snapshot) => Promise<R>): Promise<R> {
  if (!existsSync(path)) throw new StartError(`there is no database ${path}`);
  const connection = openConnection(path, BUSY_MS);
  try {
    await connection.executeMultiple('PRAGMA query_only = ON; BEGIN');
    const query: Query = async (text, values = []) => {
      await yieldToEventLoop();
      const { rows } = await connection.execute({ sql: text, args: values });
      return rows.map((row) => Array.from(row, toCell));
    };
    // The first read is what takes the snapshot.
    const takenAt = await readNumber(query, `select cast(round(unixepoch('subsec') * 1000) as integer)`);
    const tables = await readShapes(query, SQLITE_COLUMNS);
    return await fn({
      dialect: 'sqlite',
      takenAt,
      tables,
      page: (table, last, limit) => readPage(query, table, last, { limit, after: afterRow }),
    });
  } finally {
    connection.close();
  }
}

async function onMysql<R>(options: MysqlOptions, fn: (snapshot: Snapshot) => Promise<R>): Promise<R> {
  const connections = createConnections({
    ...options,
    connectionLimit: 2,
    idleTransactionSeconds: IDLE_SECONDS,
  });
  try {
    return await connections.use(async (connection) => {
      const query: Query = async (text, values = []) => {
        const statement = { sql: text, rowsAsArray: true, timeout: QUERY_TIMEOUT_MS };
        const [rows] = await connection.query(statement, [...values]);
        return Array.isArray(rows) ? rows.map((row) => Array.from(asList(row), toCell)) : [];
      };
      await query(`set session wait_timeout = ${IDLE_SECONDS}`);
      await query('set transaction isolation level repeatable read');
      await query('start transaction with consistent snapshot, read only');
      const takenAt = await readNumber(query, 'select cast(unix_timestamp(now(3)) * 1000 as unsigned)');
      const tables = await readShapes(query, MYSQL_COLUMNS);
      try {
        return await fn({
          dialect: 'mysql',
          takenAt,
          tables,
          page: (table, last, limit) => readPage(query, table, last, { limit, after: afterColumns }),
        });
      } finally {
        await query('rollback').catch(() => connection.destroy());
      }
    });
  } finally {
    await connections.close();
  }
}

/** Safe because `rowsAsArray` makes every row an array. */
function asList(row: unknown): unknown[] {
  return row as unknown[];
}

function toCell(value: unknown): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  throw new TypeError(`a column holds a value of a type that none of our columns has: ${typeof value}`);
}

async function readNumber(query: Query, text: string): Promise<number> {
  return Number((await query(text))[0]?.[0]);
}

/** Table, column and its place in the primary key (0: not in it), in the order of the columns. */
const SQLITE_COLUMNS = `select m.name, c.name, c.pk from sqlite_master m join pragma_table_info(m.name) c
  where m.type = 'table' and m.name not like 'sqlite_%' order by m.name, c.cid`;
const MYSQL_COLUMNS = `select c.table_name, c.column_name, coalesce(s.seq_in_index, 0)
  from information_schema.columns c
  join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
    and t.table_type = 'BASE TABLE'
  left join information_schema.statistics s on s.table_schema = c.table_schema and s.table_name = c.table_name
    and s.column_name = c.column_name and s.index_name = 'PRIMARY'
  where c.table_schema = database() order by c.table_name, c.ordinal_position`;

async function readShapes(query: Query, text: string): Promise<TableShape[]> {
  const columns = new Map<string, { name: string; place: number }[]>();
  for (const [table, column, place] of await query(text)) {
    const known = columns.get(String(table)) ?? [];
    known.push({ name: String(column), place: Number(place) });
    columns.set(String(table), known);
  }
  return [...columns].map(([name, all]) => ({
    name,
    columns: all.map((column) => column.name),
    key: all
      .filter(({ place }) => place > 0)
      .sort((a, b) => a.place - b.place)
      .map((column) => column.name),
  }));
}

/** Names of our tables and columns need it: `key` is a word of SQL. Both dialects take backticks. */
export const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

interface Paging {
  limit: number;
  /** the condition for what comes after a key, and its values */
  after(key: readonly string[], values: readonly Cell[]): { text: string; values: Cell[] };
}

async function readPage(
  query: Query,
  { name, columns, key }: TableShape,
  last: readonly Cell[] | null,
  { limit, after }: Paging,
): Promise<Cell[][]> {
  if (key.length === 0) throw new StartError(`the table ${name} has no primary key`);
  const names = key.map(quoteName);
  const lastKey = last && key.map((column) => last[columns.indexOf(column)] ?? null);
  const where = lastKey && after(names, lastKey);
  return query(
    `select ${columns.map(quoteName).join(', ')} from ${quoteName(name)}${where ? ` where ${where.text}` : ''}
      order by ${names.join(', ')} limit ${limit}`,
    where?.values,
  );
}

/** SQLite finds its place in the index by a comparison of rows … */
const afterRow: Paging['after'] = (key, values) => ({
  text: `(${key.join(', ')}) > (${key.map(() => '?').join(', ')})`,
  values: [...values],
});

/** … MySQL only by one of columns: (a > ?) or (a = ? and b > ?) … */
const afterColumns: Paging['after'] = (key, values) => {
  const steps = key.map((column, at) => ({
    text: [...key.slice(0, at).map((before) => `${before} = ?`), `${column} > ?`].join(' and '),
    values: values.slice(0, at + 1),
  }));
  return {
    text: steps.map(({ text }) => `(${text})`).join(' or '),
    values: steps.flatMap((step) => [...step.values]),
  };
};
