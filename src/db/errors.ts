/** What a database error means. The drivers' errors arrive wrapped by drizzle, so the chain of causes is read. */

/** The shared transaction of several writers did not commit: nothing of any of them is in the database. */
export class GroupCommitError extends Error {
  override name = 'GroupCommitError';
}

/** The database did not answer, or gave no connection, within the time we wait. */
export class DatabaseTimeoutError extends Error {
  override name = 'DatabaseTimeoutError';
}

/** What may be known of one error in the chain. */
interface Fault {
  name: string;
  message: string;
  errno?: unknown;
  code?: unknown;
  extendedCode?: unknown;
  fatal?: unknown;
}

const MAX_CAUSES = 8;

function faultsOf(error: unknown): Fault[] {
  const faults: Fault[] = [];
  for (let at = error; at instanceof Error && faults.length < MAX_CAUSES; at = at.cause) faults.push(at);
  return faults;
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

/** Deadlock, lock wait timeout, Galera node not ready, record changed since last read. */
const RETRYABLE = new Set([1213, 1205, 1047, 1020]);

/** True when running the whole transaction again may well succeed, and nothing of it was kept. */
export function isRetryable(error: unknown): boolean {
  return some(
    error,
    (fault) =>
      hasErrno(fault, RETRYABLE) || fault.code === 'SQLITE_BUSY' || fault.name === 'GroupCommitError',
  );
}

/** Too many connections, shutting down, Galera node not ready, read-only (option, transaction, mode). */
const AWAY_NUMBERS = new Set([1040, 1053, 1047, 1203, 1290, 1792, 1836, 1927, 2002, 2003, 2006, 2013]);
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
      fault.name === 'GroupCommitError' ||
      hasErrno(fault, AWAY_NUMBERS) ||
      hasCode(fault, AWAY_CODES) ||
      AWAY_MESSAGES.test(fault.message),
  );
}
