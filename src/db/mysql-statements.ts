/**
 * Statements that come again and again are prepared on their connection: the server reads such a text once, and gets values
 * alone from then on. On MariaDB only, which looks at the types of the values each time, as if they stood in the text.
 */
import { LRUCache } from 'lru-cache';
import type { PoolConnection, QueryOptions } from 'mysql2/promise';
import { TransactionLostError } from './errors.ts';
import { within } from './event-loop.ts';
import { type Again, type FirstRun, prepareAndRun } from './mysql-execute.ts';
import { longestStatement, preparedShare, type ServerVariables } from './mysql-session.ts';
import { isCompound } from './mysql-together.ts';

/** A text is prepared when it has come so often: before, preparing it costs more than it saves. */
const TIMES = 8;
/** So often on a connection where another one must go for it: of texts that come in turn few are prepared, and stay. */
const TIMES_FOR_PLACE = 20;
/** Texts that are counted, of all connections and of each; those of batches of all sizes are some hundreds. */
const MAX_TEXTS = 500;
/** Characters of a text, and values of it: larger ones are rare, and the server keeps a place for each value. */
const MAX_CHARACTERS = 16_000;
const MAX_VALUES = 400;
/** Bytes of a text with its values: of more than that the reading is the smaller part. */
const MAX_BYTES = 64 * 1024;
/** What the protocol adds to a value, or a number takes; less than that. */
const VALUE_BYTES = 16;
/** A character of a string takes so many bytes in UTF-8 at most. */
const MAX_CHARACTER_BYTES = 3;
/** Statements that one connection keeps, where its share of the server's is larger. */
export const MAX_PREPARED = 150;

/** ER_MAX_PREPARED_STMT_COUNT_REACHED */
const TOO_MANY = 1461;
/** Of the text itself, which is never prepared then: ER_UNSUPPORTED_PS, ER_PARSE_ERROR. */
const NOT_PREPARABLE: ReadonlySet<unknown> = new Set([1295, 1064]);
/** ER_UNKNOWN_STMT_HANDLER (the server behind a proxy is another one) */
const UNKNOWN = 1243;
/** That, and ER_NEED_REPREPARE. */
const GONE: ReadonlySet<unknown> = new Set([UNKNOWN, 1615]);

const PREPARABLE = /^[\s(]*(select|insert|update|delete|begin not atomic)\b/i;

/** What is known of a connection that may prepare. */
interface Kept {
  /** the texts that it has prepared */
  prepared: LRUCache<string, Prepared>;
  /** how often other texts have come since all places are taken */
  times: LRUCache<string, number>;
  maxBytes: number;
  /** false: the server keeps no more of anybody */
  hasRoom: boolean;
}

interface Prepared {
  /** the form of its rows; mysql2 keeps a statement of each form */
  rowsAsArray: boolean;
  run: Again;
}

const able = new WeakMap<object, Kept>();

/** How often texts have come, on whichever connection. */
const seen = new LRUCache<string, number>({ max: MAX_TEXTS });

/** Lets statements be prepared on a connection to MariaDB: as many as are its share. */
export function letPrepare(connection: PoolConnection, server: ServerVariables): void {
  const max = Math.min(MAX_PREPARED, preparedShare(server));
  if (!(max >= 1)) return;
  const prepared = new LRUCache<string, Prepared>({
    max,
    dispose({ rowsAsArray }, sql, reason) {
      if (reason === 'evict') connection.unprepare({ sql, rowsAsArray });
    },
  });
  const times = new LRUCache<string, number>({ max: MAX_TEXTS });
  const maxBytes = Math.min(MAX_BYTES, longestStatement(server));
  able.set(connection.connection, { prepared, times, maxBytes, hasRoom: true });
}

type StatementOptions = QueryOptions & { rowsAsArray: boolean; timeout: number };

/**
 * Runs a statement on its connection, prepared where that pays off. `timeout` of the options bounds each of its answers. `hasBegun`: in
 * a transaction that has run something. Throws TransactionLostError when the server is another one since then.
 */
export async function runStatement(
  connection: PoolConnection,
  options: StatementOptions,
  values: unknown[] = [],
  hasBegun = false,
): Promise<unknown> {
  const kept = able.get(connection.connection);
  if (kept === undefined || !paysOff(kept, options, values) || !fits(kept, options.sql, values)) {
    return connection.query(options, values);
  }
  const { sql, rowsAsArray } = options;
  const known = kept.prepared.get(sql);
  let first: FirstRun | undefined;
  try {
    if (known !== undefined) return await known.run(options, values);
    first = prepareAndRun(connection, options, values);
    const result = await bounded(first.answer, options.timeout);
    const run = first.again();
    kept.times.delete(sql);
    if (run !== null) kept.prepared.set(sql, { rowsAsArray, run });
    return result;
  } catch (error) {
    const { errno, fatal } = Object(error);
    if (fatal === true) throw error;
    if (first !== undefined || GONE.has(errno)) {
      seen.delete(sql);
      kept.times.delete(sql);
      kept.prepared.delete(sql);
      connection.unprepare(options);
    }
    if (errno === TOO_MANY) kept.hasRoom = false;
    // Any other error may have undone the transaction: the text would begin another one.
    const isRefused = first?.again() === null && NOT_PREPARABLE.has(errno);
    // It is not prepared again by anybody.
    if (isRefused) seen.set(sql, Number.NEGATIVE_INFINITY);
    if (errno === UNKNOWN && hasBegun) {
      throw new TransactionLostError('the server is another one', { cause: error });
    }
    if (isRefused || errno === TOO_MANY || isUnknown(errno, sql)) return connection.query(options, values);
    throw error;
  }
}

/** Whether nothing has run, because the statement is none any more. Of a compound one a part may have, when another has changed. */
function isUnknown(errno: unknown, sql: string): boolean {
  return isCompound(sql) ? errno === UNKNOWN : GONE.has(errno);
}

/** Whether the text is prepared, in the same form, or has come so often that it should be. */
function paysOff(
  { prepared, times, hasRoom }: Kept,
  { sql, rowsAsArray }: StatementOptions,
  values: readonly unknown[],
): boolean {
  const known = prepared.get(sql);
  if (known !== undefined) return known.rowsAsArray === rowsAsArray;
  if (!hasRoom || values.length > MAX_VALUES || sql.length > MAX_CHARACTERS) return false;
  const isFull = prepared.size >= prepared.max;
  const counts = isFull ? times : seen;
  const count = (counts.get(sql) ?? 0) + 1;
  counts.set(sql, count);
  return count > (isFull ? TIMES_FOR_PLACE : TIMES) && PREPARABLE.test(sql);
}

/** Whether the values mean the same beside the text, and are short enough with it. Longer ones are refused as a text. */
function fits({ maxBytes }: Kept, text: string, values: readonly unknown[]): boolean {
  let atMost = text.length;
  for (const value of values) {
    if (!isPlain(value)) return false;
    atMost += VALUE_BYTES;
    if (typeof value === 'string') atMost += value.length * MAX_CHARACTER_BYTES;
    else if (Buffer.isBuffer(value)) atMost += value.length;
  }
  // Mostly so: to count the bytes of each value costs more than all of this.
  return atMost <= maxBytes || bytesOf(text, values) <= maxBytes;
}

function bytesOf(text: string, values: readonly unknown[]): number {
  let bytes = text.length;
  for (const value of values) {
    bytes += VALUE_BYTES;
    if (typeof value === 'string') bytes += Buffer.byteLength(value);
    else if (Buffer.isBuffer(value)) bytes += value.length;
  }
  return bytes;
}

/** What means the same inside of a text and beside it. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Buffer.isBuffer(value);
}

/** mysql2 has no bound on the preparing itself. A connection that does not answer is as good as gone. */
function bounded<R>(running: Promise<R>, timeoutMs: number): Promise<R> {
  return within(running, timeoutMs, () =>
    Object.assign(new Error(`a statement was not prepared in ${timeoutMs} ms`), {
      code: 'PROTOCOL_SEQUENCE_TIMEOUT',
      fatal: true,
    }),
  );
}
