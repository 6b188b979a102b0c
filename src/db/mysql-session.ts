/** The settings of each connection before its first use, by what its server knows. */

import { StartError } from '../utils/errors.ts';

/** Far below a lease: a process that stands still in the middle of a transaction must not keep its rows locked. */
const IDLE_TRANSACTION_SECONDS = 8;
/** MySQL has no such bound, but closes connections that say nothing; the pool closes idle ones before that. */
export const IDLE_CONNECTION_MS = 15_000;
const WAIT_SECONDS = 25;
/** Longer than the bound of idle transactions, so that whoever waits for one gets its rows. */
const LOCK_WAIT_SECONDS = 10;
/**
 * Reads (1), updates and deletes (2), inserts (4) first take in what was committed through other nodes (wsrep_sync_wait). A
 * transaction does so in its first statement, whichever that is: no BEGIN stands before it.
 */
const SYNC_WAIT = 7;

/** The values that `SHOW SESSION VARIABLES` gives of the variables that matter here; a server leaves out those it does not know. */
export type ServerVariables = ReadonlyMap<string, string>;

const NAMES = [
  'idle_transaction_timeout',
  'wsrep_on',
  'wsrep_sync_wait',
  'read_only',
  'tidb_current_ts',
  'max_allowed_packet',
  'max_prepared_stmt_count',
  'max_connections',
];
export const SHOW_VARIABLES = `SHOW SESSION VARIABLES WHERE Variable_name IN ('${NAMES.join("', '")}')`;
/** Only where `isGalera`. */
export const SHOW_READY = "SHOW STATUS WHERE Variable_name = 'wsrep_ready'";

/** Only MariaDB has this variable. */
export const isMariadb = (server: ServerVariables): boolean => server.has('idle_transaction_timeout');
export const isGalera = (server: ServerVariables): boolean => isOn(server.get('wsrep_on'));
/** A secondary of a cluster with one primary. */
export const isReadOnly = (server: ServerVariables): boolean => isOn(server.get('read_only'));
/**
 * Throws a StartError for a server whose `FOR UPDATE SKIP LOCKED` locks nothing and says nothing of it, as TiDB's: claims and
 * take-over rest on these locks.
 */
export function requireRowLocks(server: ServerVariables): void {
  if (!server.has('tidb_current_ts')) return;
  throw new StartError(
    'the database is TiDB, which takes no lock for FOR UPDATE SKIP LOCKED: use MariaDB or MySQL (docs/sizing.md)',
  );
}
/** Bytes of the longest statement that the server takes; NaN where it does not say. */
export const longestStatement = (server: ServerVariables): number => Number(server.get('max_allowed_packet'));
/** Prepared statements that a connection may keep when all that the server takes keep as many; NaN where it does not say. */
export const preparedShare = (server: ServerVariables): number =>
  Math.floor(Number(server.get('max_prepared_stmt_count')) / Number(server.get('max_connections')));
export const isOn = (value: string | undefined): boolean => value === 'ON' || value === '1';

/** Statements that commit by themselves, UTC, no gap locks between claimers, nothing cut off silently, no lock for ever, whatever the server's defaults are. */
export function settingsFor(
  server: ServerVariables,
  idleTransactionSeconds = IDLE_TRANSACTION_SECONDS,
): string[] {
  const values = [
    'autocommit = 1',
    `sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`,
    `innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
    `time_zone = '+00:00'`,
  ];
  if (isMariadb(server)) {
    values.push(`idle_transaction_timeout = ${idleTransactionSeconds}`);
    values.push(`idle_write_transaction_timeout = ${idleTransactionSeconds}`);
  } else {
    values.push(`wait_timeout = ${WAIT_SECONDS}`);
  }
  if (isGalera(server)) {
    values.push(`wsrep_sync_wait = ${Number(server.get('wsrep_sync_wait') ?? 0) | SYNC_WAIT}`);
  }
  return ['SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', `SET SESSION ${values.join(', ')}`];
}
