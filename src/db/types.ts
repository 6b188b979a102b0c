import type { SQL } from 'drizzle-orm';
import type { MySqlColumn, MySqlTable } from 'drizzle-orm/mysql-core';
import type { MySql2Database } from 'drizzle-orm/mysql2';
import type { DbType } from './db-type.ts';

/** A table and a column of either dialect: the kit types them as MySQL's. */
export type DbTable = MySqlTable;
export type DbColumn = MySqlColumn;

type Insert<T extends MySqlTable> = T['$inferInsert'];
type OrSql<T> = { [K in keyof T]: T[K] | SQL };

/** A row to insert; a value may be an SQL expression. */
export type NewRow<T extends MySqlTable> = OrSql<Insert<T>>;
/** The columns an update sets; a value may be an SQL expression. */
export type Changes<T extends MySqlTable> = Partial<OrSql<Insert<T>>>;
/** A write that runs when awaited; ops.affected() reads its result. */
export type Write = PromiseLike<unknown>;

/**
 * The part of drizzle that is the same in both dialects. What differs (upsert, affected rows, raw SQL,
 * locking) is reached through ops.ts. A write through it inside one of its transactions throws.
 */
export interface Db extends Pick<MySql2Database, 'select' | 'selectDistinct'> {
  insert<T extends MySqlTable>(table: T): { values(rows: NewRow<T> | NewRow<T>[]): Write };
  update<T extends MySqlTable>(
    table: T,
  ): { set(changes: Changes<T>): Write & { where(condition: SQL | undefined): Write } };
  delete<T extends MySqlTable>(table: T): Write & { where(condition: SQL | undefined): Write };
  /** All or nothing: commits when `fn` resolves, rolls back when it rejects. Not retried; see ops.transact. */
  transaction<R>(fn: (tx: Tx) => Promise<R>): Promise<R>;
}

/** An open transaction. Its `transaction` nests by a savepoint. Usable only until the transaction ends. */
export interface Tx extends Db {
  /**
   * Runs `fn` after the commit and before `transaction` resolves, in the order given, outside of every async
   * context. Never runs when the transaction, or the nested one it was given to, is rolled back.
   */
  afterCommit(fn: () => void): void;
  /**
   * The same for what makes others look again: a cache that forgets, a line that reads its session. It runs as well where the
   * commit was asked for and has failed, because then nobody knows whether it is done: `isCommitted` is false there, and
   * `transaction` rejects.
   */
  afterCommitAsked(fn: (isCommitted: boolean) => void): void;
  /**
   * Runs `work` inside the transaction, when everything else of it has been done, with all items that were given for it: for rows
   * that are to be locked last. Items of a nested transaction that is rolled back are not among them.
   */
  atEnd<T>(work: AtEnd<T>, items: readonly T[]): void;
}

/** How many rows a write has to match, and the error of its transaction where it does not. */
export interface Match {
  rows: number;
  toError(): Error;
}

/** What a transaction does last. It adds nothing more to be done at its end. */
export type AtEnd<T> = (tx: Tx, items: readonly T[]) => Promise<void>;

/** A client that only reads. */
export type ReadDb = Pick<Db, 'select' | 'selectDistinct'>;

export const isTx = (db: Db): db is Tx => 'afterCommit' in db;

/** How busy the database connections are. */
export interface DatabaseLoad {
  /** connections (SQLite: its one writer) at work */
  used: number;
  /** callers that wait for one */
  waiting: number;
  limit: number;
}

export interface Database {
  db: Db;
  /**
   * For reads that look through many rows: they do not hold the event loop (SQLite), run a few at a time, and end with
   * DatabaseTimeoutError (503) after 20 s. Each sees what was committed before it began; none belongs to a transaction.
   * Answers are fetched by the event loop: some thousand rows at most.
   */
  scan: ReadDb;
  dialect: DbType;
  load(): DatabaseLoad;
  /**
   * Milliseconds since a write was refused because nothing can be kept (disk full, read-only, quota), whatever table it
   * was for: a full table may take small changes and no new rows. Absent where one write tells it for all.
   */
  sinceWriteRefused?(): number;
  /** Rejects when the database cannot be used. */
  ping(): Promise<void>;
  /** The database's clock, epoch milliseconds. */
  now(): Promise<number>;
  /**
   * DDL on one connection without a time limit. SQLite: all or nothing, foreign keys not enforced meanwhile.
   * MySQL: one after the other, each committed at once.
   */
  applySchema(statements: readonly string[]): Promise<void>;
  /** Lets running writes finish, then closes. May be called twice. */
  close(): Promise<void>;
}

export interface SqliteOptions {
  type: 'sqlite';
  path: string;
  /** FULL also survives a power cut of the last moment, at about a quarter of the speed. */
  synchronous?: 'NORMAL' | 'FULL';
  /** For tools that write a little while the service runs: without its lock, and nothing is tidied up at the end. */
  beside?: boolean;
  /** how long a read of `scan` may take */
  scanTimeoutMs?: number;
  /** The caller replaces all that is in it, so an empty file where a service was is no reason to stop. */
  refill?: boolean;
}

export interface MysqlOptions {
  type: 'mysql';
  host: string;
  port: number;
  /** path of the UNIX socket of a server on this machine, instead of host and port */
  socketPath?: string | undefined;
  user: string;
  password: string;
  database: string;
  connectionLimit?: number;
  /** more servers with the same data (nodes of a cluster): used, in their order, while the first cannot be */
  others?: readonly { host: string; port: number }[];
  /** how long a caller waits for a free connection before the database counts as unavailable */
  acquireTimeoutMs?: number;
  /** how long a read of `scan` may take */
  scanTimeoutMs?: number;
  /** how long a transaction may say nothing before the server ends it, where it can (MariaDB) */
  idleTransactionSeconds?: number;
}

export type DatabaseOptions = SqliteOptions | MysqlOptions;
