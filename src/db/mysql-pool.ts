/** The pool of connections to a MySQL server: shares, bounded waits, settings on each connection, an end that drains. */
import { createPool, type PoolConnection, type RowDataPacket } from 'mysql2/promise';
import type { HostAddress } from '../utils/host-list.ts';
import { DatabaseTimeoutError, isUnfit, isWriteRefused, UnfitServerError } from './errors.ts';
import { within } from './event-loop.ts';
import { createHosts, type Hosts } from './mysql-hosts.ts';
import { type Commits, commitSetting, keepConnections, noteCommits, watchEnd } from './mysql-kept.ts';
import { refuseTooLong } from './mysql-packet.ts';
import {
  IDLE_CONNECTION_MS,
  isGalera,
  isMariadb,
  isOn,
  isReadOnly,
  longestStatement,
  requireRowLocks,
  SHOW_READY,
  SHOW_VARIABLES,
  settingsFor,
} from './mysql-session.ts';
import { letPrepare, MAX_PREPARED } from './mysql-statements.ts';
import { letSendTogether } from './mysql-together.ts';
import { createPlaces } from './places.ts';
import { isInTransaction } from './scope.ts';
import type { DatabaseLoad, MysqlOptions } from './types.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_ACQUIRE_TIMEOUT_MS = 10_000;
/** Far above the lock wait of 10 s: a server that says nothing for this long is gone. */
export const QUERY_TIMEOUT_MS = 30_000;
/** As long as a transaction may take on SQLite. */
const DRAIN_TIMEOUT_MS = 10_000;
const QUEUE_LIMIT = 2_000;
const DEFAULT_CONNECTIONS = 10;

export interface Connections {
  /**
   * Lends a connection to `fn`. Throws DatabaseTimeoutError when none is free in time. A connection whose state
   * is not known after an error is closed instead of used again. `several`: a transaction begins with its first
   * statement, and `fn` commits it, or rolls it back.
   */
  use<R>(fn: (connection: PoolConnection) => Promise<R>, commits?: Commits): Promise<R>;
  load(): DatabaseLoad;
  /** Milliseconds since the server could not keep something last; Infinity: it never was so. */
  sinceWriteRefused(): number;
  /** Waits up to 10 s for what is running, then ends the pool. */
  close(): Promise<void>;
}

export function createConnections(options: MysqlOptions): Connections {
  const limit = options.connectionLimit ?? DEFAULT_CONNECTIONS;
  const others: readonly HostAddress[] = options.others ?? [];
  const hosts = createHosts([options, ...others], () => performance.now());
  const pool = createPool({
    stream: ({ config }: { config: { socketPath?: string } }) => hosts.connect(config),
    user: options.user,
    password: options.password,
    database: options.database,
    timezone: 'Z',
    charset: 'UTF8MB4_BIN',
    supportBigNumbers: true,
    dateStrings: true,
    connectionLimit: limit,
    // Below the limit, or mysql2 closes none for being idle.
    maxIdle: limit - 1,
    idleTimeout: IDLE_CONNECTION_MS,
    queueLimit: QUEUE_LIMIT,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Affected rows are matched rows, as on SQLite.
    flags: ['FOUND_ROWS'],
    // mysql2 sets places aside for all of them: half a megabyte a connection for its own 16,000. It takes a new
    // statement in before ours gives an old one up, so it needs more than ours.
    maxPreparedStatements: 2 * MAX_PREPARED,
    // A stack for each statement would take a twentieth of our time; drizzle's errors name the statement.
    trace: false,
  });
  const acquireTimeoutMs = options.acquireTimeoutMs ?? DEFAULT_ACQUIRE_TIMEOUT_MS;
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  let refusedAtMs = Number.NEGATIVE_INFINITY;

  const places = createPlaces(limit, QUEUE_LIMIT);
  const kept = keepConnections(IDLE_CONNECTION_MS);
  /** those in use, and those that are waited for */
  let lent = 0;

  async function lend<R>(fn: (connection: PoolConnection) => Promise<R>, commits: Commits): Promise<R> {
    const { connection, leave } = await acquire(commits);
    try {
      const setting = commitSetting(connection, commits);
      if (setting !== null) await connection.query({ sql: setting, timeout: QUERY_TIMEOUT_MS });
      noteCommits(connection, commits);
      const result = await fn(connection);
      giveBack(connection);
      return result;
    } catch (error) {
      if (isWriteRefused(error)) refusedAtMs = performance.now();
      if (isUnfit(error) && hosts.isCurrent(connection.config)) hosts.leave(hosts.current);
      if (isBroken(error) || isUnfit(error)) drop(connection);
      else giveBack(connection);
      throw error;
    } finally {
      leave();
    }
  }

  /** Kept for the next one, unless somebody waits for a connection. */
  function giveBack(connection: PoolConnection): void {
    lent -= 1;
    if (lent + kept.size < limit) kept.add(connection);
    else connection.release();
  }

  function drop(connection: PoolConnection): void {
    lent -= 1;
    connection.destroy();
  }

  async function acquire(commits: Commits): Promise<Lent> {
    const giveUpMs = performance.now() + acquireTimeoutMs;
    // Who has a connection already and needs another one waits for nobody's share: both would wait for ever.
    const leave = isInTransaction() ? () => undefined : await places.enter(acquireTimeoutMs);
    const connection = takeKept(commits);
    lent += 1;
    return { connection: connection ?? (await open(giveUpMs, leave)), leave };
  }

  /** mysql2 has no bound on the wait for a connection; one that comes too late is kept. */
  async function open(giveUpMs: number, leave: () => void): Promise<PoolConnection> {
    const pending = connectSomewhere();
    try {
      return await inTime(pending, giveUpMs - performance.now());
    } catch (error) {
      const endWaiting = () => {
        lent -= 1;
      };
      void pending.then(giveBack, endWaiting).finally(leave);
      throw error;
    }
  }

  /** One that was kept and commits so; any where mysql2 has none left. */
  function takeKept(commits: Commits): PoolConnection | undefined {
    const isLast = lent + kept.size >= limit;
    for (let connection = kept.take(commits, isLast); connection; connection = kept.take(commits, isLast)) {
      if (hosts.isCurrent(connection.config)) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /** A connection to the server in use; when that cannot be used, each of the others is tried once. */
  async function connectSomewhere(): Promise<PoolConnection> {
    for (let tried = 1; ; ) {
      const target = hosts.current;
      try {
        const connection = await pool.getConnection();
        if (hosts.isCurrent(connection.config)) return await prepare(connection, hosts, options);
        connection.destroy();
      } catch (error) {
        if (!isBroken(error) && !isUnfit(error)) throw error;
        hosts.leave(target);
        if (tried >= hosts.count) throw error;
        tried += 1;
      }
    }
  }

  async function end(): Promise<void> {
    await inTime(Promise.allSettled(running), DRAIN_TIMEOUT_MS).catch(() => undefined);
    kept.close();
    await pool.end();
  }

  return {
    async use(fn, commits = 'single') {
      if (closing !== undefined) throw new DatabaseTimeoutError('the database is closing');
      const work = lend(fn, commits);
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
    sinceWriteRefused: () => performance.now() - refusedAtMs,
    close() {
      closing ??= end();
      return closing;
    },
  };
}

interface Lent {
  connection: PoolConnection;
  leave(): void;
}

/** Rejects with DatabaseTimeoutError when `work` takes longer. `timeoutMs` may be over already. */
function inTime<R>(work: Promise<R>, timeoutMs: number): Promise<R> {
  const message = `no database connection was free for ${timeoutMs} ms`;
  return within(work, timeoutMs, () => new DatabaseTimeoutError(message));
}

const prepared = new WeakSet<object>();

/** Settings are made before the first use and checked: a connection without them is not used. */
async function prepare(
  connection: PoolConnection,
  hosts: Hosts,
  options: MysqlOptions,
): Promise<PoolConnection> {
  const underlying = connection.connection;
  if (prepared.has(underlying)) return connection;
  try {
    const server = await readPairs(connection, SHOW_VARIABLES);
    requireRowLocks(server);
    if (hosts.count > 1 && isReadOnly(server)) throw new UnfitServerError('the server is read-only');
    if (isGalera(server) && !isOn((await readPairs(connection, SHOW_READY)).get('wsrep_ready'))) {
      throw new UnfitServerError('the node is not part of its cluster at the moment');
    }
    for (const setting of settingsFor(server, options.idleTransactionSeconds)) {
      await connection.query({ sql: setting, timeout: QUERY_TIMEOUT_MS });
    }
    refuseTooLong(connection, longestStatement(server));
    watchEnd(connection);
    if (isMariadb(server)) {
      letPrepare(connection, server);
      await letSendTogether(connection, { maxBytes: longestStatement(server), timeoutMs: QUERY_TIMEOUT_MS });
    }
    prepared.add(underlying);
    hosts.worked(connection.config);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function readPairs(connection: PoolConnection, show: string): Promise<Map<string, string>> {
  const [rows] = await connection.query<RowDataPacket[]>({ sql: show, timeout: QUERY_TIMEOUT_MS });
  return new Map(rows.map((row) => [String(row.Variable_name), String(row.Value)]));
}

/** After these the state of the connection is unknown. */
export function isBroken(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('fatal' in at && at.fatal === true) return true;
    if ('code' in at && at.code === 'PROTOCOL_SEQUENCE_TIMEOUT') return true;
  }
  return false;
}
