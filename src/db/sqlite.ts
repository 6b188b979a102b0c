import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Client } from '@libsql/client';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import { StartError } from '../utils/errors.ts';
import { withFileErrors } from '../utils/file-errors.ts';
import { createCheckpointer, LAST_RESORT_PAGES } from './checkpointer.ts';
import { SCAN_TIMEOUT_MS } from './errors.ts';
import { inTurn } from './event-loop.ts';
import { createGroupCommit, DEFAULT_LIMITS, type GroupCommit, type Writer } from './group-commit.ts';
import { assertOutsideTransaction, isInTransaction, wrapDatabase } from './scope.ts';
import { checkSqliteFile, explainSqliteError, quickCheck } from './sqlite-check.ts';
import { type Connection, openConnection, type Statement } from './sqlite-connection.ts';
import { lockDatabaseFile } from './sqlite-lock.ts';
import { shortenQueries } from './sqlite-queries.ts';
import { createSqliteScanner } from './sqlite-scan.ts';
import type { Database, ReadDb, SqliteOptions } from './types.ts';

/** Where the path comes from. */
const SETTING = 'DB_SQLITE_PATH';
/** For foreign programs that hold the file for a moment; while it lasts the event loop stands still. */
const BUSY_MS = 20;

/**
 * Opens the file for this process alone, with two connections: one writes (group-commit.ts), one reads and so
 * never sees what is not committed. The driver is synchronous: every statement holds the event loop while it runs.
 */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const path = resolve(options.path);
  const beside = options.beside === true;
  if (beside && !existsSync(path)) throw new StartError(`there is no database ${path}`);
  withFileErrors(dirname(path), SETTING, () => mkdirSync(dirname(path), { recursive: true, mode: 0o700 }));
  // Looked at before the lock leaves its traces.
  const served = existsSync(`${path}.pid`);
  const lock = beside ? null : await lockDatabaseFile(path).catch((error) => explained(error, path));
  const connections: Connection[] = [];
  try {
    const { unclean } = beside
      ? { unclean: false }
      : withFileErrors(path, SETTING, () =>
          checkSqliteFile(path, { served, refill: options.refill === true }),
        );
    // Created by us first, readable only by us: it holds credentials. WAL files inherit the mode.
    withFileErrors(path, SETTING, () => closeSync(openSync(path, 'a', 0o600)));
    const client = connect(path, connections);
    const prepare = () => prepareWriter(client, options.synchronous ?? 'NORMAL', beside);
    await prepare();
    if (unclean) await quickCheck(path, client);
    // Only now there is something in the file: one that is found empty beside this one has lost it.
    lock?.sign();
    const writer: Writer = {
      client,
      async reopen() {
        await client.reconnect();
        await prepare();
      },
    };
    const reader = connect(path, connections);
    await reader.execute('PRAGMA query_only = ON');
    const { scanTimeoutMs = SCAN_TIMEOUT_MS } = options;
    return createDatabase({ path, writer, reader, beside, scanTimeoutMs }, () => {
      for (const connection of connections) connection.close();
      lock?.release();
    });
  } catch (error) {
    for (const connection of connections) connection.close();
    lock?.release();
    throw explainSqliteError(error, path);
  }
}

/** The error of opening a file is for a person. */
function explained(error: unknown, path: string): never {
  throw explainSqliteError(error, path);
}

/**
 * SQLite's own 2 MiB do not hold the pages of the indexes that a few busy sessions write to: with 12,000 messages in the file
 * ten pages were read again for each new one, now two. Taken only as pages come.
 */
const WRITER_CACHE_KIB = 32_768;

/** Settings of a connection, not of the file: each new one needs them. */
async function prepareWriter(
  client: Connection,
  synchronous: 'NORMAL' | 'FULL',
  beside: boolean,
): Promise<void> {
  await client.execute('PRAGMA journal_mode = WAL');
  await client.execute(`PRAGMA synchronous = ${synchronous}`);
  await client.execute('PRAGMA secure_delete = ON');
  await client.execute('PRAGMA foreign_keys = ON');
  await client.execute(`PRAGMA cache_size = -${WRITER_CACHE_KIB}`);
  if (!beside) await client.execute(`PRAGMA wal_autocheckpoint = ${LAST_RESORT_PAGES}`);
}

function connect(path: string, connections: Connection[]): Connection {
  const connection = openConnection(path, BUSY_MS);
  connections.push(connection);
  return connection;
}

interface Opened {
  scanTimeoutMs: number;
  path: string;
  writer: Writer;
  reader: Connection;
  beside: boolean;
}

function createDatabase(opened: Opened, closeAll: () => void): Database {
  const { path, writer, reader, beside, scanTimeoutMs } = opened;
  // The checkpointer of a tool's is SQLite itself: it writes little.
  const checkpointer = beside ? null : createCheckpointer(path, (fn) => group.alone(fn));
  const group = createGroupCommit(writer, DEFAULT_LIMITS, checkpointer?.committed);
  shortenQueries();
  const base = drizzle(createRouter(group, reader), { casing: 'snake_case' });
  // Taken before it is replaced: wrapping happens in place.
  const transaction = base.transaction.bind(base);
  const db = wrapDatabase(base, (fn) => transaction(fn));
  const scanner = createSqliteScanner(path, { busyMs: BUSY_MS, timeoutMs: scanTimeoutMs });
  let closing: Promise<void> | undefined;
  return {
    db,
    scan: drizzle(asClient(scanner), { casing: 'snake_case' }) as unknown as ReadDb,
    dialect: 'sqlite',
    async ping() {
      await base.get(sql`select 1`);
    },
    async now() {
      const { rows } = await reader.execute(
        `SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) AS now`,
      );
      return Number(rows[0]?.[0]);
    },
    load: () => group.load(),
    async applySchema(statements) {
      assertOutsideTransaction();
      await group.alone((client) => client.migrate([...statements]));
    },
    close() {
      closing ??= group.drain().then(async () => {
        await scanner.close();
        await checkpointer?.stop();
        if (!beside) await tidyUp(writer.client);
        closeAll();
      });
      return closing;
    },
  };
}

/** The file alone is the whole database then: it can be copied. */
async function tidyUp(client: Connection): Promise<void> {
  await client.execute('PRAGMA optimize');
  await client.execute('PRAGMA wal_checkpoint(TRUNCATE)');
}

/** How long reads in a row may hold the event loop. */
const MAX_HOLD_MS = 20;
/** The same while somebody writes: every other writer waits for that one, which goes on between the reads. */
const BESIDE_WRITER_MS = 2;
const READS = /^\s*(select|explain)\b/i;

/** The client that drizzle sees: reads go to the reader, everything else through the group. */
function createRouter(group: GroupCommit, reader: Connection): Client {
  const readHoldMs = () => (group.isWriting() && !isInTransaction() ? BESIDE_WRITER_MS : MAX_HOLD_MS);
  return asClient({
    async execute(statement: Statement) {
      const text = typeof statement === 'string' ? statement : statement.sql;
      if (READS.test(text)) return inTurn(readHoldMs, () => reader.execute(statement));
      assertOutsideTransaction();
      return group.run(statement);
    },
    transaction: () => group.begin(),
  });
}

/** Safe because drizzle's libsql session calls nothing but these, and of a transaction only what a Member has. */
function asClient(router: { execute: unknown; transaction?: unknown }): Client {
  return router as Client;
}
