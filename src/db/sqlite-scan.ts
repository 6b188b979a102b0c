/**
 * Reads of SQLite that look through many rows, beside the event loop: they run on threads of the driver, over
 * connections of their own that cannot write. Each sees what was committed before it began.
 */
import Driver from 'libsql/promise';
import { LRUCache } from 'lru-cache';
import { DatabaseTimeoutError } from './errors.ts';
import { monotonicMs, startTimer, stopTimer, yieldAfter } from './event-loop.ts';
import { createPlaces } from './places.ts';
import {
  asLibsqlError,
  bindings,
  MAX_CACHED_LENGTH,
  type Rows,
  type Statement,
} from './sqlite-connection.ts';

/** At the same time: one long read must not keep all others waiting, and the loop needs a processor too. */
const MAX_CONNECTIONS = 2;
/** Each takes seconds: more would not have their turn in time. */
const MAX_WAITING = 200;
const MAX_STATEMENTS = 100;
/** Rows are fetched by the loop. */
const FETCHED_AT_ONCE = 100;
const MAX_HOLD_MS = 10;

export interface ScanOptions {
  /** how long to wait for a foreign program that holds the file */
  busyMs: number;
  /** how long one read may take */
  timeoutMs: number;
}

export interface SqliteScanner {
  /** Runs one SELECT. Rejects with DatabaseTimeoutError when it takes too long. */
  execute(statement: Statement): Promise<Rows>;
  /** Ends what is running, then closes. May be called twice. */
  close(): Promise<void>;
}

/** Opens no connection before the first read. */
export function createSqliteScanner(path: string, options: ScanOptions): SqliteScanner {
  const places = createPlaces(MAX_CONNECTIONS, MAX_WAITING);
  const running = new Set<Promise<unknown>>();
  const all: ScanConnection[] = [];
  const idle: ScanConnection[] = [];
  let closed = false;

  async function run(statement: Statement): Promise<Rows> {
    if (closed) throw new DatabaseTimeoutError('the database is closing');
    const connection = idle.pop() ?? openScanConnection(path, options);
    if (!all.includes(connection)) all.push(connection);
    try {
      return await connection.execute(statement);
    } catch (error) {
      throw closed ? new DatabaseTimeoutError('the database is closing', { cause: error }) : error;
    } finally {
      idle.push(connection);
    }
  }

  async function runInPlace(statement: Statement): Promise<Rows> {
    const leave = await places.enter(options.timeoutMs);
    try {
      return await run(statement);
    } finally {
      leave();
    }
  }

  return {
    async execute(statement) {
      const work = runInPlace(statement);
      running.add(work);
      try {
        return await work;
      } finally {
        running.delete(work);
      }
    },
    async close() {
      closed = true;
      for (const connection of all) connection.interrupt();
      await Promise.allSettled(running);
      for (const connection of all.splice(0)) connection.close();
    },
  };
}

interface ScanConnection {
  /** One at a time: the driver would let a second one wait on the loop's own thread. */
  execute(statement: Statement): Promise<Rows>;
  interrupt(): void;
  close(): void;
}

interface Prepared {
  statement: DriverStatement;
  columns: string[];
}

/** The part of the driver's statement that is used here; its own types say `any`. */
interface DriverStatement {
  raw(on: boolean): unknown;
  columns(): { name: string }[];
  iterate(args: readonly unknown[]): Promise<Iterable<ArrayLike<unknown>>>;
}

function openScanConnection(path: string, { busyMs, timeoutMs }: ScanOptions): ScanConnection {
  const db = new Driver(path, { timeout: busyMs });
  const prepared = new LRUCache<string, Prepared>({ max: MAX_STATEMENTS });
  const ready = db.exec('PRAGMA query_only = ON');

  async function prepare(sql: string): Promise<Prepared> {
    const known = prepared.get(sql);
    if (known) return known;
    // The first step then makes the whole answer, on the driver's thread. Without it each step is one of the loop's.
    const statement: DriverStatement = await db.prepare(
      `with answer as materialized (${sql}) select * from answer`,
    );
    statement.raw(true);
    const made = { statement, columns: statement.columns().map(({ name }) => name) };
    if (sql.length <= MAX_CACHED_LENGTH) prepared.set(sql, made);
    return made;
  }

  async function fetch({ statement, columns }: Prepared, args: readonly unknown[]): Promise<Rows> {
    const rows: ArrayLike<unknown>[] = [];
    for (const row of await statement.iterate(args)) {
      rows.push(row);
      if (rows.length % FETCHED_AT_ONCE === 0) await yieldAfter(MAX_HOLD_MS);
    }
    return { columns, rows, rowsAffected: 0 };
  }

  return {
    async execute(input) {
      const sql = typeof input === 'string' ? input : input.sql;
      const args = typeof input === 'string' ? [] : bindings(input.args);
      const endsAtMs = monotonicMs() + timeoutMs;
      const timer = startTimer(() => db.interrupt(), timeoutMs);
      try {
        await ready;
        return await fetch(await prepare(sql), args);
      } catch (error) {
        // It may be left in the middle.
        prepared.delete(sql);
        if (monotonicMs() >= endsAtMs)
          throw new DatabaseTimeoutError('a read took too long', { cause: error });
        throw asLibsqlError(error);
      } finally {
        stopTimer(timer);
      }
    },
    interrupt: () => db.interrupt(),
    close() {
      prepared.clear();
      db.close();
    },
  };
}
