/**
 * Writes of a transaction whose answers nobody needs are kept back, and go with the statement after them, at the latest with the
 * commit, as one compound statement: a round trip each is most of what they cost. On MariaDB only; MySQL has no such statement
 * outside of procedures. The server ends it at the first error, so no commit follows one.
 */
import type { PoolConnection } from 'mysql2/promise';
import { isWrite } from './affected.ts';
import type { Match } from './types.ts';

/** A statement of a transaction that is kept back. */
export interface KeptWrite {
  sql: string;
  values: readonly unknown[];
  match: Match | undefined;
}

/** Bytes of all that is kept back: of larger ones the way is the smaller part. */
const MAX_BYTES = 128 * 1024;
/** Characters take so many bytes at most, written into a text; bytes take two. */
const MAX_CHARACTER_BYTES = 4;
/** What the protocol, or a number, adds to a value; less than that. */
const VALUE_BYTES = 24;
/** What the protocol adds to a statement; far less than that. */
const ENVELOPE_BYTES = 256;

const READ = /^[\s(]*select\b/i;
const PROBE = 'begin not atomic do 0; end';
const WHAT_IT_DID = 'select row_count() as affectedRows, last_insert_id() as insertId';

/** Of connections that take compound statements: the bytes of all that is kept back, and those of the longest statement. */
const able = new WeakMap<object, { keptBytes: number; maxBytes: number }>();

/** Asks the server, and what stands before it, whether compound statements are taken. `maxBytes`: of its longest statement. */
export async function letSendTogether(
  connection: PoolConnection,
  { maxBytes, timeoutMs }: { maxBytes: number; timeoutMs: number },
): Promise<void> {
  try {
    await connection.query({ sql: PROBE, timeout: timeoutMs });
  } catch (error) {
    const { fatal, code } = Object(error);
    if (fatal === true || code === 'PROTOCOL_SEQUENCE_TIMEOUT') throw error;
    return;
  }
  const keptBytes = Math.min(MAX_BYTES, maxBytes / 2 || MAX_BYTES);
  able.set(connection.connection, { keptBytes, maxBytes });
}

/** Whether a write can be kept back beside those that are. */
export function canKeep(connection: PoolConnection, kept: readonly KeptWrite[], write: KeptWrite): boolean {
  const limits = able.get(connection.connection);
  if (limits === undefined || !isWrite(write.sql)) return false;
  let bytes = bytesOf(write);
  for (const one of kept) bytes += bytesOf(one);
  return bytes <= limits.keptBytes;
}

/** At most: nothing is counted exactly. */
function bytesOf({ sql, values }: Pick<KeptWrite, 'sql' | 'values'>): number {
  let bytes = sql.length;
  for (const value of values) {
    bytes += VALUE_BYTES;
    if (typeof value === 'string') bytes += value.length * MAX_CHARACTER_BYTES;
    else if (Buffer.isBuffer(value)) bytes += value.length * 2;
  }
  return bytes;
}

/** One statement for several: `read` tells the answer to the last of them from the driver's. */
export interface Together {
  sql: string;
  values: unknown[];
  read(answer: unknown): unknown;
}

/**
 * What was kept back, with the statement that comes after it; null where that one has to be sent by itself. So has one that may be too
 * long beside the others: alone it may fit, and where it does not, it is refused alone.
 */
export function withNext(
  connection: PoolConnection,
  kept: readonly KeptWrite[],
  next: { sql: string; values: readonly unknown[] },
): Together | null {
  const isRead = READ.test(next.sql);
  if (!isRead && !isWrite(next.sql)) return null;
  const sql = compound(kept, isRead ? [next.sql] : [next.sql, WHAT_IT_DID]);
  const values = [...valuesOf(kept), ...next.values];
  const maxBytes = able.get(connection.connection)?.maxBytes ?? Number.NaN;
  if (bytesOf({ sql, values }) + ENVELOPE_BYTES > maxBytes) return null;
  return { sql, values, read: isRead ? readRows : readHeader };
}

/** What was kept back, alone or with the commit. */
export function keptAlone(kept: readonly KeptWrite[], { commit }: { commit: boolean }): Together {
  return {
    sql: compound(kept, commit ? ['commit'] : []),
    values: valuesOf(kept),
    read: (answer) => answer,
  };
}

/** Whether a statement is several. */
export const isCompound = (sql: string): boolean => sql.startsWith(BEGIN);

const BEGIN = 'begin not atomic ';
/** Before the place of the write among those that were kept. */
const MISMATCH = 'rows of kept write ';

/** A text that was put together, and those that go on where it ends. */
interface Made {
  text?: string;
  longer: Map<string | number, Made>;
}

/** Texts of compound statements that are kept, with those that they begin with. */
const MAX_MADE = 2_000;
let made: Made = { longer: new Map() };
let count = 0;

/** The same text is the same string each time: to compare long ones that were made apart costs as much as to make them. */
function compound(kept: readonly KeptWrite[], rest: readonly string[]): string {
  if (count > MAX_MADE) {
    made = { longer: new Map() };
    count = 0;
  }
  let at = made;
  for (const { sql, match } of kept) {
    at = after(at, sql);
    if (match) at = after(at, match.rows);
  }
  for (const sql of rest) at = after(at, sql);
  at.text ??= textOf(kept, rest);
  return at.text;
}

function after({ longer }: Made, part: string | number): Made {
  let next = longer.get(part);
  if (next === undefined) {
    next = { longer: new Map() };
    longer.set(part, next);
    count++;
  }
  return next;
}

function textOf(kept: readonly KeptWrite[], rest: readonly string[]): string {
  let text = BEGIN;
  for (const [at, { sql, match }] of kept.entries()) {
    text += `${sql}; `;
    if (match) {
      text += `if row_count() <> ${match.rows} then signal sqlstate '45000' set message_text = '${MISMATCH}${at}'; end if; `;
    }
  }
  for (const one of rest) text += `${one}; `;
  return `${text}end`;
}

const valuesOf = (kept: readonly KeptWrite[]) => kept.flatMap(({ values }) => [...values]);

/** The error of the write that did not match its rows; the error itself where it is another one. */
export function meaningOf(error: unknown, kept: readonly KeptWrite[]): unknown {
  const { sqlState, sqlMessage } = Object(error);
  if (sqlState !== '45000' || typeof sqlMessage !== 'string' || !sqlMessage.startsWith(MISMATCH))
    return error;
  const match = kept[Number(sqlMessage.slice(MISMATCH.length))]?.match;
  return match ? match.toError() : error;
}

/** Safe because the driver answers a compound statement with all of its results, and those of its rows come first. */
function readRows(answer: unknown): readonly [rows: unknown, fields: unknown] {
  const [results, fields] = answer as [readonly unknown[], readonly unknown[] | undefined];
  return [results[0], fields?.[0]];
}

function readHeader(answer: unknown): unknown {
  const [rows] = readRows(answer);
  const { affectedRows, insertId } = Object(Object(rows)[0]);
  return [{ affectedRows: Number(affectedRows), insertId: Number(insertId) }, undefined];
}
