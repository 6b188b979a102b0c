/** The pool of connections to a MySQL server: bounded waits, settings on each connection, an end that drains. */
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import { DatabaseTimeoutError } from './errors.ts';
import { startTimer, stopTimer } from './turns.ts';
import type { DatabaseLoad, MysqlOptions } from './types.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_ACQUIRE_TIMEOUT_MS = 10_000;
/** Far above the lock wait of 10 s: a server that says nothing for so long is gone. */
export const QUERY_TIMEOUT_MS = 30_000;
/** As long as a transaction may take on SQLite. */
const DRAIN_TIMEOUT_MS = 10_000;
const QUEUE_LIMIT = 2_000;
const DEFAULT_CONNECTIONS = 10;

/** UTC, no gap locks between claimers, nothing cut off silently, whatever the server's defaults are. */
const SESSION_SETTINGS = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
    innodb_lock_wait_timeout = 10, time_zone = '+00:00'`,
];

export interface Connections {
  /**
   * Lends a connection to `fn`. Throws DatabaseTimeoutError when none is free in time. A connection whose state
   * is not known after an error is closed instead of used again.
   */
  use<R>(fn: (connection: PoolConnection) => Promise<R>): Promise<R>;
  load(): DatabaseLoad;
  /** Waits up to 10 s for what is running, then ends the pool. */
  close(): Promise<void>;
}

export function createConnections(options: MysqlOptions): Connections {
  const limit = options.connectionLimit ?? DEFAULT_CONNECTIONS;
  const pool = createPool({
    host: options.host,
    port: options.port,
    user: options.user,
    password: options.password,
    database: options.database,
    timezone: 'Z',
    charset: 'UTF8MB4_BIN',
    supportBigNumbers: true,
    connectionLimit: limit,
    maxIdle: limit,
    queueLimit: QUEUE_LIMIT,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    // Affected rows are matched rows, as on SQLite.
    flags: ['FOUND_ROWS'],
  });
  const acquireTimeoutMs = options.acquireTimeoutMs ?? DEFAULT_ACQUIRE_TIMEOUT_MS;
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  async function lend<R>(fn: (connection: PoolConnection) => Promise<R>): Promise<R> {
    const connection = await acquire(pool, acquireTimeoutMs);
    try {
      const result = await fn(connection);
      connection.release();
      return result;
    } catch (error) {
      if (isBroken(error)) connection.destroy();
      else connection.release();
      throw error;
    }
  }

  async function end(): Promise<void> {
    await within(Promise.allSettled(running), DRAIN_TIMEOUT_MS).catch(() => undefined);
    await pool.end();
  }

  return {
    async use(fn) {
      if (closing !== undefined) throw new DatabaseTimeoutError('the database is closing');
      const work = lend(fn);
      running.add(work);
      try {
        return await work;
      } finally {
        running.delete(work);
      }
    },
    load() {
      const used = Math.min(running.size, limit);
      return { used, waiting: running.size - used, limit };
    },
    close() {
      closing ??= end();
      return closing;
    },
  };
}

/** Rejects with DatabaseTimeoutError when `work` takes longer. */
async function within<R>(work: Promise<R>, timeoutMs: number): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const message = `no database connection was free for ${timeoutMs} ms`;
    timer = startTimer(() => reject(new DatabaseTimeoutError(message)), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    stopTimer(timer);
  }
}

/** mysql2 has no bound on the wait for a connection; one that comes too late goes back to the pool. */
async function acquire(pool: Pool, timeoutMs: number): Promise<PoolConnection> {
  const pending = pool.getConnection().then(prepare);
  try {
    return await within(pending, timeoutMs);
  } catch (error) {
    pending.then(
      (connection) => connection.release(),
      () => undefined,
    );
    throw error;
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
export function isBroken(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('fatal' in at && at.fatal === true) return true;
    if ('code' in at && at.code === 'PROTOCOL_SEQUENCE_TIMEOUT') return true;
  }
  return false;
}
