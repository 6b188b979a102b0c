import { sql } from 'drizzle-orm';
import { MySqlDialect } from 'drizzle-orm/mysql-core';
import { MySql2Database, MySql2Session, MySql2Transaction } from 'drizzle-orm/mysql2';
import { createPool, type Pool, type PoolConnection, type QueryOptions } from 'mysql2/promise';
import { DatabaseTimeoutError } from './errors.ts';
import { assertOutsideTransaction, wrapDatabase } from './scope.ts';
import type { Database, MysqlOptions } from './types.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** How long a caller waits for a free connection. */
const ACQUIRE_TIMEOUT_MS = 10_000;
/** Far above the lock wait of 10 s: a server that says nothing for so long is gone. */
const QUERY_TIMEOUT_MS = 30_000;
const QUEUE_LIMIT = 2_000;
const DEFAULT_CONNECTIONS = 10;

/** UTC, no gap locks between claimers, nothing cut off silently, whatever the server's defaults are. */
const SESSION_SETTINGS = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
    innodb_lock_wait_timeout = 10, time_zone = '+00:00'`,
];

/** Opens a pool and proves by one query that the server can be used. */
export async function openMysql(options: MysqlOptions): Promise<Database> {
  const pool = createPool({
    host: options.host,
    port: options.port,
    user: options.user,
    password: options.password,
    database: options.database,
    timezone: 'Z',
    charset: 'UTF8MB4_BIN',
    supportBigNumbers: true,
    connectionLimit: options.connectionLimit ?? DEFAULT_CONNECTIONS,
    maxIdle: options.connectionLimit ?? DEFAULT_CONNECTIONS,
    queueLimit: QUEUE_LIMIT,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    // Affected rows are matched rows, as on SQLite.
    flags: ['FOUND_ROWS'],
  });
  try {
    const database = createDatabase(pool);
    await database.ping();
    return database;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** We do not use drizzle's relational queries. */
type NoSchema = Record<string, never>;

function createDatabase(pool: Pool): Database {
  const dialect = new MySqlDialect({ casing: 'snake_case' });
  const sessionOn = (client: Pool | PoolConnection) =>
    new MySql2Session<NoSchema, NoSchema>(client, dialect, undefined, { mode: 'default' });
  const base = new MySql2Database(dialect, sessionOn(asPool(createRouter(pool))), undefined, 'default');
  const db = wrapDatabase(base, (fn) =>
    inTransaction(pool, (connection) =>
      fn(new MySql2Transaction(dialect, sessionOn(connection), undefined, 0, 'default')),
    ),
  );
  let closing: Promise<void> | undefined;
  return {
    db,
    dialect: 'mysql',
    async ping() {
      await base.execute(sql`select 1`);
    },
    async now() {
      const query = {
        sql: 'select cast(unix_timestamp(now(3)) * 1000 as unsigned) as now',
        rowsAsArray: true,
      };
      const [rows] = await withConnection(pool, (connection) => connection.query(query));
      return Number(Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0][0] : Number.NaN);
    },
    async applySchema(statements) {
      assertOutsideTransaction();
      await withConnection(pool, async (connection) => {
        for (const statement of statements) await connection.query(statement);
      });
    },
    close() {
      closing ??= pool.end();
      return closing;
    },
  };
}

/** Safe because drizzle's session calls nothing but `query` outside of its own transactions, which we run. */
function asPool(router: { query: unknown }): Pool {
  return router as Pool;
}

const READS = /^\s*\(*\s*(select|explain|show)\b/i;

/** What drizzle sees as its client outside of transactions. */
function createRouter(pool: Pool) {
  return {
    async query(options: QueryOptions, params?: unknown[]) {
      if (!READS.test(options.sql)) assertOutsideTransaction();
      return withConnection(pool, (connection) =>
        connection.query({ ...options, timeout: QUERY_TIMEOUT_MS }, params),
      );
    },
  };
}

async function withConnection<R>(pool: Pool, fn: (connection: PoolConnection) => Promise<R>): Promise<R> {
  const connection = await acquire(pool);
  try {
    const result = await fn(connection);
    connection.release();
    return result;
  } catch (error) {
    giveBack(connection, error);
    throw error;
  }
}

/**
 * drizzle's own runner loses the connection when BEGIN fails and hides the first error behind that of the
 * rollback; here a connection whose state is not known is closed instead of reused.
 */
async function inTransaction<R>(pool: Pool, fn: (connection: PoolConnection) => Promise<R>): Promise<R> {
  const connection = await acquire(pool);
  const state = { open: true };
  const query = (statement: string) => connection.query({ sql: statement, timeout: QUERY_TIMEOUT_MS });
  try {
    await query('begin');
    const result = await fn(asConnection(guardConnection(connection, state)));
    state.open = false;
    await query('commit');
    connection.release();
    return result;
  } catch (error) {
    state.open = false;
    if (isBroken(error)) connection.destroy();
    else {
      await query('rollback').then(
        () => connection.release(),
        () => connection.destroy(),
      );
    }
    throw error;
  }
}

/** Refuses what comes after the end: the connection may be in another caller's transaction by then. */
function guardConnection(connection: PoolConnection, state: { open: boolean }) {
  return {
    async query(options: QueryOptions, params?: unknown[]) {
      if (!state.open) throw new Error('the transaction is over: its tx cannot be used any more');
      return connection.query({ ...options, timeout: QUERY_TIMEOUT_MS }, params);
    },
  };
}

/** Safe because drizzle's session calls nothing but `query` on the connection of a transaction. */
function asConnection(guarded: { query: unknown }): PoolConnection {
  return guarded as PoolConnection;
}

/** mysql2 has no bound on the wait for a connection; one that comes too late goes back to the pool. */
async function acquire(pool: Pool): Promise<PoolConnection> {
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  const pending = pool.getConnection().then(prepare);
  pending.then(
    (connection) => late && connection.release(),
    () => undefined,
  );
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(new DatabaseTimeoutError(`no database connection was free for ${ACQUIRE_TIMEOUT_MS} ms`));
    }, ACQUIRE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([pending, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

const prepared = new WeakSet<object>();

/** Settings are made before the first use and checked: a connection without them is not used. */
async function prepare(connection: PoolConnection): Promise<PoolConnection> {
  const underlying = connection.connection;
  if (prepared.has(underlying)) return connection;
  try {
    for (const setting of SESSION_SETTINGS) {
      await connection.query({ sql: setting, timeout: QUERY_TIMEOUT_MS });
    }
    prepared.add(underlying);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** After these nobody knows what the connection is doing. */
function isBroken(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('fatal' in at && at.fatal === true) return true;
    if ('code' in at && at.code === 'PROTOCOL_SEQUENCE_TIMEOUT') return true;
  }
  return false;
}

function giveBack(connection: PoolConnection, error: unknown): void {
  if (isBroken(error)) connection.destroy();
  else connection.release();
}
