import { sql } from 'drizzle-orm';
import { MySqlDialect } from 'drizzle-orm/mysql-core';
import { MySql2Database, MySql2Session, MySql2Transaction } from 'drizzle-orm/mysql2';
import type { Pool, PoolConnection, QueryOptions } from 'mysql2/promise';
import { affected, isWrite } from './affected.ts';
import {
  conflictPauseMs,
  DatabaseTimeoutError,
  isConflict,
  isConnectionLost,
  SCAN_TIMEOUT_MS,
  TransactionLostError,
  undoesTransaction,
} from './errors.ts';
import { pause } from './event-loop.ts';
import { discard } from './mysql-kept.ts';
import { type Connections, createConnections, isBroken, QUERY_TIMEOUT_MS } from './mysql-pool.ts';
import { shortenQueries } from './mysql-queries.ts';
import { runStatement } from './mysql-statements.ts';
import { canKeep, type KeptWrite, keptAlone, meaningOf, withNext } from './mysql-together.ts';
import { createPlaces } from './places.ts';
import { assertOutsideTransaction, wrapDatabase } from './scope.ts';
import type { Database, Match, MysqlOptions } from './types.ts';

/** Opens a pool and proves by one query that the server can be used. */
export async function openMysql(options: MysqlOptions): Promise<Database> {
  const database = createDatabase(createConnections(options), options.scanTimeoutMs ?? SCAN_TIMEOUT_MS);
  try {
    await database.ping();
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** We do not use drizzle's relational queries. */
type NoSchema = Record<string, never>;

/** A long read must leave connections to the others. */
const MAX_SCANS = 4;
/** Each takes seconds: more would not have their turn in time. */
const MAX_WAITING_SCANS = 200;

function createDatabase(connections: Connections, scanTimeoutMs: number): Database {
  shortenQueries();
  const dialect = new MySqlDialect({ casing: 'snake_case' });
  const sessionOn = (client: Pool | PoolConnection) =>
    new MySql2Session<NoSchema, NoSchema>(client, dialect, undefined, { mode: 'default' });
  const session = sessionOn(asPool(createRouter(connections)));
  const base = new MySql2Database(dialect, session, undefined, 'default');
  const db = wrapDatabase(base, (fn) =>
    connections.use(
      (connection) =>
        inTransaction(connection, (guarded) =>
          fn(new MySql2Transaction(dialect, sessionOn(guarded), undefined, 0, 'default')),
        ),
      'several',
    ),
  );
  const scanSession = sessionOn(asPool(createScanRouter(connections, scanTimeoutMs)));
  return {
    db,
    scan: new MySql2Database(dialect, scanSession, undefined, 'default'),
    dialect: 'mysql',
    async ping() {
      await base.execute(sql`select 1`);
    },
    async now() {
      const query = { sql: 'select cast(unix_timestamp(now(3)) * 1000 as unsigned)', rowsAsArray: true };
      const [rows] = await connections.use((connection) =>
        connection.query({ ...query, timeout: QUERY_TIMEOUT_MS }),
      );
      return Number(Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0][0] : Number.NaN);
    },
    async applySchema(statements) {
      assertOutsideTransaction();
      await connections.use(async (connection) => {
        for (const statement of statements) await connection.query(statement);
      });
    },
    load: () => connections.load(),
    sinceWriteRefused: () => connections.sinceWriteRefused(),
    close: () => connections.close(),
  };
}

/** Safe because drizzle's session calls nothing but `query` outside of its own transactions, which we run. */
function asPool(router: { query: unknown }): Pool {
  return router as Pool;
}

/**
 * The statement as the driver gets it. Not drizzle's function for each value, which is there for dates: the pool gives these as
 * text itself (`dateStrings`), and a row with a function is read at half the speed.
 */
function bounded({ sql, rowsAsArray = false }: QueryOptions) {
  return { sql, rowsAsArray, timeout: QUERY_TIMEOUT_MS };
}

const READ = /^[\s(]*select\b/i;
const READS = /^[\s(]*(select|explain|show)\b/i;

/** Attempts of a single statement that loses to another one, as all but one of those that race on a Galera cluster do. */
const TRIES = 4;

/** What drizzle sees as its client outside of transactions. */
function createRouter(connections: Connections) {
  const once = (options: QueryOptions, params?: unknown[]) =>
    connections.use((connection) => runStatement(connection, bounded(options), params));
  return {
    async query(options: QueryOptions, params?: unknown[]) {
      if (!READS.test(options.sql)) assertOutsideTransaction();
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(options, params);
        } catch (error) {
          if (attempt >= TRIES || !isConflict(error)) throw error;
          await pause(conflictPauseMs(attempt));
        }
      }
    },
  };
}

/** What MariaDB and MySQL say of a statement that they ended themselves. */
const STATEMENT_TIMEOUTS: ReadonlySet<unknown> = new Set([1969, 3024]);

/**
 * What drizzle sees as its client for reads that look through many rows. The server ends those that take too long: MariaDB
 * runs what is in its own kind of comment, MySQL reads the hint. A client that merely stops listening would leave it
 * at work.
 */
function createScanRouter(connections: Connections, timeoutMs: number) {
  const places = createPlaces(MAX_SCANS, MAX_WAITING_SCANS);
  const bound = `/*M!100101 SET STATEMENT max_statement_time=${timeoutMs / 1000} FOR */ `;
  const hint = ` /*+ MAX_EXECUTION_TIME(${timeoutMs}) */`;
  return {
    async query(options: QueryOptions, params?: unknown[]) {
      const [select] = READ.exec(options.sql) ?? [];
      if (select === undefined) throw new Error('only reads can be scans');
      const sql = bound + select + hint + options.sql.slice(select.length);
      const leave = await places.enter(timeoutMs);
      try {
        return await connections.use((connection) => connection.query(bounded({ ...options, sql }), params));
      } catch (error) {
        if (!STATEMENT_TIMEOUTS.has(Object(error).errno)) throw error;
        throw new DatabaseTimeoutError('a read took too long', { cause: error });
      } finally {
        leave();
      }
    },
  };
}

/**
 * Not drizzle's own runner: that asks for a BEGIN, which this connection does not need, and hides the first error behind that of
 * the rollback. A transaction that cannot be rolled back ends with its connection.
 */
async function inTransaction<R>(
  connection: PoolConnection,
  fn: (guarded: PoolConnection) => Promise<R>,
): Promise<R> {
  const state: TransactionState = { open: true, hasBegun: false, kept: [] };
  try {
    const result = await fn(asConnection(guardConnection(connection, state)));
    // Whoever caught it may think that the rest is there: it is not.
    if (state.undone !== undefined) throw state.undone;
    state.open = false;
    await commit(connection, state);
    return result;
  } catch (error) {
    const wasOpen = state.open;
    state.open = false;
    if (!isBroken(error)) await runPlain(connection, 'rollback').catch(() => discard(connection));
    else if (wasOpen && isConnectionLost(error)) throw new TransactionLostError('cut off', { cause: error });
    // drizzle has wrapped what the caller is to know.
    throw state.mismatch !== undefined && Object(error).cause === state.mismatch ? state.mismatch : error;
  }
}

const runPlain = (connection: PoolConnection, sql: string) =>
  connection.query({ sql, timeout: QUERY_TIMEOUT_MS });

async function commit(connection: PoolConnection, state: TransactionState): Promise<void> {
  const { kept } = state;
  if (kept.length === 0) {
    await runPlain(connection, 'commit');
    return;
  }
  const { sql, values } = keptAlone(kept, { commit: true });
  try {
    await runInTransaction(connection, state, bounded({ sql }), values);
  } catch (error) {
    throw meaningOf(error, kept);
  }
}

/** As `runStatement`. */
function runInTransaction(
  connection: PoolConnection,
  state: TransactionState,
  options: ReturnType<typeof bounded>,
  values?: unknown[],
): Promise<unknown> {
  const { hasBegun } = state;
  state.hasBegun = true;
  return runStatement(connection, options, values, hasBegun);
}

interface TransactionState {
  open: boolean;
  /** something of it was sent */
  hasBegun: boolean;
  /** writes that wait for the next statement */
  kept: KeptWrite[];
  /** the error with which the server has undone it, or after which nobody knows */
  undone?: unknown;
  /** that of a write that did not match its rows */
  mismatch?: unknown;
}

/** A connection in a transaction. */
interface Guarded {
  query(options: QueryOptions, params?: unknown[]): Promise<unknown>;
  /** See `unanswered` of prepared.ts. What is no write is sent and answered. */
  keep(options: QueryOptions, params: unknown[], how: Keeping): Promise<unknown>;
  /** Sends what was kept back. */
  sendKept(): Promise<void>;
}

interface Keeping {
  match: Match | undefined;
  /** in a nested transaction, which may be undone alone: it is sent at once */
  isNested: boolean;
}

/** What is answered to a write that is kept back. */
const UNTOLD = [{}];

/**
 * Refuses what comes after the end: the connection may be in another caller's transaction by then. After an error that undid the
 * transaction the next statement would begin another one, which would be committed alone: each fails with that error
 * instead. Among them is drizzle's way back to a savepoint, whose own failure would hide it. So does each after an error of what
 * was kept back: nobody who could have caught it has asked for that.
 */
function guardConnection(connection: PoolConnection, state: TransactionState): Guarded {
  function check(): void {
    if (!state.open) throw new Error('the transaction is over: its tx cannot be used any more');
    if (state.undone !== undefined) throw state.undone;
  }

  async function run(options: QueryOptions, params?: unknown[]): Promise<unknown> {
    try {
      return await runInTransaction(connection, state, bounded(options), params);
    } catch (error) {
      if (undoesTransaction(error) || isBroken(error)) state.undone ??= error;
      throw error;
    }
  }

  /** Sends what was kept back, with the statement that comes next where there is one, and answers that. */
  async function runKept(next?: QueryOptions, params: unknown[] = []): Promise<unknown> {
    const kept = state.kept.splice(0);
    const together = next ? withNext(connection, kept, { sql: next.sql, values: params }) : null;
    const { sql, values, read } = together ?? keptAlone(kept, { commit: false });
    const rowsAsArray = together !== null && next?.rowsAsArray === true;
    let answer: unknown;
    try {
      answer = await runInTransaction(connection, state, bounded({ sql, rowsAsArray }), values);
    } catch (error) {
      const meaning = meaningOf(error, kept);
      if (meaning !== error) state.mismatch ??= meaning;
      state.undone ??= meaning;
      throw meaning;
    }
    return together === null && next ? run(next, params) : read(answer);
  }

  async function query(options: QueryOptions, params?: unknown[]): Promise<unknown> {
    check();
    return state.kept.length === 0 ? run(options, params) : runKept(options, params);
  }

  async function sendKept(): Promise<void> {
    check();
    if (state.kept.length > 0) await runKept();
  }

  async function keep(options: QueryOptions, params: unknown[], how: Keeping): Promise<unknown> {
    if (!isWrite(options.sql)) return query(options, params);
    check();
    const { match, isNested } = how;
    const write = { sql: options.sql, values: params, match };
    if (isNested || !canKeep(connection, [], write)) {
      const result = await query(options, params);
      if (match && affected(result) !== match.rows) {
        state.mismatch = match.toError();
        state.undone = state.mismatch;
        throw state.mismatch;
      }
      return UNTOLD;
    }
    if (!canKeep(connection, state.kept, write)) await runKept();
    state.kept.push(write);
    return UNTOLD;
  }

  return { query, keep, sendKept };
}

/** Safe because drizzle's session calls nothing but `query` on the connection of a transaction. */
function asConnection(guarded: Guarded): PoolConnection {
  return guarded as unknown as PoolConnection;
}
