/** The meaning of a database error. The drivers' errors arrive wrapped by drizzle, so the chain of causes is read. */
import { backoffMs, between } from '../utils/backoff.ts';

/** The shared transaction of several writers did not commit: nothing of any of them is in the database. */
export class GroupCommitError extends Error {
  override name = 'GroupCommitError';
}

/** A read that looks through many rows ends after that: no caller waits that long, and others need the way. */
export const SCAN_TIMEOUT_MS = 20_000;

/** The database did not answer, or gave no connection, within the time we wait. */
export class DatabaseTimeoutError extends Error {
  override name = 'DatabaseTimeoutError';
}

/** The server answers, but not for us: a node outside of its cluster, a secondary. */
export class UnfitServerError extends Error {
  override name = 'UnfitServerError';
}

/** The connection of a transaction, or its server, was lost before its commit was done: nothing of it was kept. */
export class TransactionLostError extends Error {
  override name = 'TransactionLostError';
}

/** The facts that may be known of one error in the chain. */
interface Fault {
  name: string;
  message: string;
  errno?: unknown;
  code?: unknown;
  extendedCode?: unknown;
  fatal?: unknown;
}

/**
 * The words of an error for those who wait for what failed. Of a database's own there are none: they hold statements and their
 * values.
 */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isOfDatabase = ('query' in error && 'params' in error) || 'sqlMessage' in error;
  return isOfDatabase ? 'the database could not be used' : error.message;
}

const MAX_CAUSES = 8;

function faultsOf(error: unknown): Fault[] {
  const faults: Fault[] = [];
  for (let at = error; at instanceof Error && faults.length < MAX_CAUSES; at = at.cause) faults.push(at);
  return faults;
}

/**
 * The number and the code by which a driver says what is wrong, from the first error in the chain that has a code; `errorCode` is
 * the name of the innermost error where none has. They may be logged as they are.
 */
export function reasonOf(error: unknown): { errno: number | null; errorCode: string } {
  const faults = faultsOf(error);
  const told = faults.find(({ code }) => typeof code === 'string') ?? faults.at(-1);
  return {
    errno: typeof told?.errno === 'number' ? told.errno : null,
    errorCode: typeof told?.code === 'string' ? told.code : (told?.name ?? 'Error'),
  };
}

const some = (error: unknown, test: (fault: Fault) => boolean) => faultsOf(error).some(test);

const hasErrno = (fault: Fault, numbers: ReadonlySet<number>) =>
  typeof fault.errno === 'number' && numbers.has(fault.errno);
const hasCode = (fault: Fault, codes: ReadonlySet<string>) =>
  typeof fault.code === 'string' && codes.has(fault.code);

const UNIQUE = new Set([
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  'SQLITE_CONSTRAINT_ROWID',
]);

/** True when a unique or primary key was already taken. */
export function isUniqueViolation(error: unknown): boolean {
  return some(
    error,
    (fault) =>
      fault.errno === 1062 || (typeof fault.extendedCode === 'string' && UNIQUE.has(fault.extendedCode)),
  );
}

/** Deadlock, lock wait timeout, Galera node not ready, record changed since last read, prepared for a table that has changed. */
const RETRYABLE = new Set([1213, 1205, 1047, 1020, 1615]);

/** The same without the lock wait timeout, which has taken long already. */
const CONFLICTS = new Set([1213, 1047, 1020]);

/** True when a single statement lost to another one at once: running it again may well succeed. */
export function isConflict(error: unknown): boolean {
  return some(error, (fault) => hasErrno(fault, CONFLICTS));
}

/** True when running the whole transaction again may well succeed, and nothing of it was kept. */
export function isRetryable(error: unknown): boolean {
  return some(
    error,
    (fault) =>
      hasErrno(fault, RETRYABLE) ||
      fault.code === 'SQLITE_BUSY' ||
      fault.name === 'GroupCommitError' ||
      fault.name === 'TransactionLostError',
  );
}

/**
 * What MySQL and MariaDB undo a whole transaction for, with its savepoints: deadlock, record changed since last read, no lock
 * memory, Galera node not ready. A lock wait timeout does so where `innodb_rollback_on_timeout` is set, and is taken so
 * everywhere. A savepoint that is gone tells of any other cause.
 */
const UNDOING = new Set([1213, 1020, 1206, 1047, 1205, 1305]);

/** True when nothing may be left of the transaction whose statement failed so, though its connection works. */
export function undoesTransaction(error: unknown): boolean {
  return some(error, (fault) => hasErrno(fault, UNDOING) || fault.name === 'TransactionLostError');
}

/** Galera node not ready, shutting down, read-only (option, mode). */
const UNFIT = new Set([1047, 1053, 1290, 1836]);

/** True when another server of the same cluster may well do what this one refuses. */
export function isUnfit(error: unknown): boolean {
  return some(error, (fault) => hasErrno(fault, UNFIT) || fault.name === 'UnfitServerError');
}

/** True when the connection is gone; false for an answer that took too long: the server may still be at it. */
export function isConnectionLost(error: unknown): boolean {
  return some(error, (fault) => fault.fatal === true && fault.code !== 'PROTOCOL_SEQUENCE_TIMEOUT');
}

/** Numbers of MySQL and MariaDB that speak about the server or the connection, whatever was asked of it. */
const AWAY_NUMBERS = new Set([
  // Too many connections (of all, of this user), out of memory or threads, host blocked.
  1040, 1203, 1037, 1038, 1041, 1135, 1129,
  // Shutting down, Galera node not ready, connection killed or cut off.
  1053, 1047, 1927, 2002, 2003, 2006, 2013, 4031,
  // Read-only: option, transaction, mode, tablespace.
  1290, 1792, 1836, 1036,
  // Nothing can be written: file error (3, 20, 1026), disk full, table full, storage engine, no lock memory.
  3, 20, 1021, 1026, 1030, 1114, 1206,
  // Quotas: of queries an hour, and hosts that take the right to write away from a database that is too large.
  1226,
  1142, 3170, 3675,
  // Damaged tables and indexes; InnoDB in its recovery mode.
  1034, 1035, 1194, 1195, 1712, 1812, 1877, 1881,
  // Group replication cannot commit.
  3100, 3101,
]);
const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'SQLITE_BUSY',
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_READONLY',
  'SQLITE_CANTOPEN',
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_NOMEM',
  'CLIENT_CLOSED',
]);
/** mysql2 gives these no code. */
const AWAY_MESSAGES =
  /^(Pool is closed|Queue limit reached|Can't add new command when connection is in closed)/;

/** True when the database cannot be used at the moment, whatever was asked of it: the API answers 503. */
export function isUnavailable(error: unknown): boolean {
  return some(
    error,
    (fault) =>
      fault.fatal === true ||
      fault.name === 'DatabaseTimeoutError' ||
      fault.name === 'UnfitServerError' ||
      fault.name === 'TransactionLostError' ||
      fault.name === 'GroupCommitError' ||
      hasErrno(fault, AWAY_NUMBERS) ||
      hasCode(fault, AWAY_CODES) ||
      AWAY_MESSAGES.test(fault.message),
  );
}

const TOO_LONG = 1153;
/**
 * Null where none may be, out of range, cut off, of another kind, characters that are none, too long; a row, or a statement, that
 * is too long; a condition of the table that is not met (4025, 3819), JSON that is none, or too deep.
 */
const VALUE_NUMBERS = new Set([
  1048,
  1264,
  1265,
  1292,
  1300,
  1366,
  1406,
  1118,
  TOO_LONG,
  4025,
  3819,
  3140,
  3141,
  3157,
]);
const VALUE_CODES = new Set(['SQLITE_TOOBIG', 'SQLITE_MISMATCH']);

/** True when a value was refused for what it is: it is refused again however often it is written. */
export function isRefusedValue(error: unknown): boolean {
  return some(
    error,
    (fault) =>
      hasErrno(fault, VALUE_NUMBERS) ||
      hasCode(fault, VALUE_CODES) ||
      fault.extendedCode === 'SQLITE_CONSTRAINT_NOTNULL',
  );
}

/** True when a statement is longer than the server takes, so that fewer rows at once may do. */
export function isStatementTooLong(error: unknown): boolean {
  return some(error, (fault) => fault.errno === TOO_LONG);
}

/** Of `AWAY_NUMBERS`: read-only, nothing can be written, quotas, damaged tables. */
const WRITE_REFUSED = new Set([
  3, 20, 1021, 1026, 1030, 1036, 1114, 1142, 1226, 1290, 1792, 1836, 3170, 3675, 1034, 1035, 1194, 1195, 1712,
  1877,
]);

/** True when a MySQL server that answers could not keep what it was given. */
export function isWriteRefused(error: unknown): boolean {
  return some(error, (fault) => hasErrno(fault, WRITE_REFUSED));
}

const CONFLICT_PAUSE = { firstMs: 40, maxMs: 1_000 };

/** Milliseconds before a statement or transaction that lost to another one is tried again: any time up to a growing one. */
export function conflictPauseMs(failures: number): number {
  return between(0, backoffMs(CONFLICT_PAUSE, failures), Math.random());
}
