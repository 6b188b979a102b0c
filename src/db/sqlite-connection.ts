/**
 * One connection to a SQLite file. @libsql/client prepares every statement again, which takes longer than running
 * it; here each text is prepared once. Everything is synchronous underneath: a statement holds the event loop.
 */
import { type InValue, LibsqlError } from '@libsql/client';
import Driver from 'libsql';
import { LRUCache } from 'lru-cache';

/** A statement as drizzle hands it over. */
export type Statement = string | { sql: string; args?: readonly unknown[] | Record<string, unknown> };

/** Rows are in the order of `columns`; a write has none. */
export interface Rows {
  columns: string[];
  rows: ArrayLike<unknown>[];
  rowsAffected: number;
}

/** An open transaction. Ends with `commit`, or by itself when SQLite gives up (a full disk, an I/O error). */
export interface OpenTransaction {
  readonly closed: boolean;
  execute(statement: Statement): Promise<Rows>;
  /** Runs statements without values, such as SAVEPOINT. */
  executeMultiple(statements: string): Promise<void>;
  /** Rejects after a rollback when SQLite refuses. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Errors are LibsqlErrors, with SQLite's code (`SQLITE_BUSY`) and extended code (`SQLITE_CONSTRAINT_UNIQUE`). */
export interface Connection {
  execute(statement: Statement): Promise<Rows>;
  executeMultiple(statements: string): Promise<void>;
  /** BEGIN IMMEDIATE: waits no longer than the connection's own timeout. */
  transaction(mode: 'write'): Promise<OpenTransaction>;
  /** All statements in one transaction, with foreign keys off as rebuilding a table needs it. */
  migrate(statements: string[]): Promise<unknown>;
  /** Replaces the connection underneath; its settings are gone. */
  reconnect(): Promise<void>;
  close(): void;
}

/** Statements that a process uses all the time, and some of the many lengths that lists have. */
const MAX_STATEMENTS = 300;
/** Longer ones (inserts of hundreds of rows) would fill the memory and seldom come twice. */
export const MAX_CACHED_LENGTH = 20_000;

/** `busyMs`: how long a statement may stop the event loop for a foreign program that holds the file. */
export function openConnection(path: string, busyMs: number): Connection {
  let session = openSession(path, busyMs);
  const usable = () => {
    if (!session.isOpen()) throw new LibsqlError('The client is closed', 'CLIENT_CLOSED');
    return session;
  };
  return {
    execute: async (statement) => usable().execute(statement),
    executeMultiple: async (statements) => usable().exec(statements),
    transaction: async () => beginTransaction(usable()),
    async migrate(statements) {
      const current = usable();
      current.exec('PRAGMA foreign_keys = OFF');
      const transaction = beginTransaction(current);
      try {
        for (const statement of statements) current.exec(statement);
        await transaction.commit();
      } finally {
        current.rollback();
        current.exec('PRAGMA foreign_keys = ON');
        current.forgetStatements();
      }
    },
    async reconnect() {
      session.close();
      session = openSession(path, busyMs);
    },
    close: () => session.close(),
  };
}

function beginTransaction(session: Session): OpenTransaction {
  session.exec('BEGIN IMMEDIATE');
  let over = false;
  // Only a statement that fails can end it, and asking the driver costs as much as a small statement.
  let hasFailed = false;
  const closed = () => over || !session.isOpen() || (hasFailed && !session.inTransaction());
  const attempt = <R>(work: () => R): R => {
    try {
      return work();
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  const check = () => {
    // Statements after SQLite's own rollback would run, and stay, one by one.
    if (closed()) throw new LibsqlError('The transaction is closed', 'TRANSACTION_CLOSED');
  };
  return {
    get closed() {
      return closed();
    },
    async execute(statement) {
      check();
      return attempt(() => session.execute(statement));
    },
    async executeMultiple(statements) {
      check();
      attempt(() => session.exec(statements));
    },
    async commit() {
      check();
      over = true;
      try {
        session.exec('COMMIT');
      } finally {
        session.rollback();
      }
    },
    async rollback() {
      check();
      over = true;
      session.rollback();
    },
  };
}

type Session = ReturnType<typeof openSession>;

function openSession(path: string, busyMs: number) {
  const db = new Driver(path, { timeout: busyMs });
  const prepared = new LRUCache<string, Prepared>({ max: MAX_STATEMENTS });
  // Asking a closed database whether it is in a transaction ends the process.
  let open = true;
  const inTransaction = () => open && db.inTransaction;

  function prepare(sql: string): Prepared {
    const known = prepared.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    const columns = statement.reader ? statement.columns().map((column) => column.name) : null;
    if (columns) statement.raw(true);
    const made = { statement, columns };
    if (sql.length <= MAX_CACHED_LENGTH) prepared.set(sql, made);
    return made;
  }

  return {
    isOpen: () => open,
    inTransaction,
    execute(input: Statement): Rows {
      const sql = typeof input === 'string' ? input : input.sql;
      const args = typeof input === 'string' ? [] : bindings(input.args);
      try {
        const { statement, columns } = prepare(sql);
        if (columns) return { columns, rows: asRows(statement.all(args)), rowsAffected: 0 };
        return { columns: [], rows: [], rowsAffected: statement.run(args).changes };
      } catch (error) {
        // It may be left in the middle.
        prepared.delete(sql);
        throw asLibsqlError(error);
      }
    },
    exec(statements: string): void {
      try {
        db.exec(statements);
      } catch (error) {
        throw asLibsqlError(error);
      }
    },
    /** Their columns may be others now. */
    forgetStatements: () => prepared.clear(),
    rollback(): void {
      if (inTransaction()) db.exec('ROLLBACK');
    },
    close(): void {
      if (!open) return;
      open = false;
      prepared.clear();
      db.close();
    },
  };
}

interface Prepared {
  statement: ReturnType<InstanceType<typeof Driver>['prepare']>;
  /** null: it writes and gives no rows */
  columns: string[] | null;
}

/** Values as the driver takes them. */
export function bindings(args: readonly unknown[] | Record<string, unknown> = []): InValue[] {
  if (!Array.isArray(args)) throw new TypeError('values are bound by their place');
  return args.map(toBinding);
}

/** The value as the driver takes it: it stops the process at a boolean. */
function toBinding(value: unknown): InValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'string' || typeof value === 'bigint' || value === null) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`a value of this kind cannot be bound: ${typeof value}`);
}

/** Safe because in raw mode every row is an array. */
function asRows(rows: unknown[]): ArrayLike<unknown>[] {
  return rows as ArrayLike<unknown>[];
}

/** Errors as @libsql/client makes them of the driver's. */
export function asLibsqlError(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return error;
  const [code = error.code] = /^SQLITE_[A-Z]+/.exec(error.code) ?? [];
  const rawCode = 'rawCode' in error && typeof error.rawCode === 'number' ? error.rawCode : undefined;
  return new LibsqlError(error.message, code, error.code, rawCode, error);
}
