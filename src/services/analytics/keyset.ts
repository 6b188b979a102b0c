/**
 * Pages of logs, newest first. A filter is a list of branches that cannot overlap, each of which one index gives in
 * order; a page is merged from the head of every branch, so it costs the same in a log of any length.
 */

import { and, type SQL, sql } from 'drizzle-orm';
import { inBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { type Cursor, encodeCursor, isOlder, type Keyset, parseCursor } from '../../db/keyset.ts';
import { rawRows } from '../../db/ops.ts';
import type { DbTable, ReadDb } from '../../db/types.ts';
import { AppError } from '../../utils/errors.ts';
import type { PageInput } from '../fields.ts';

/** A table, or a part of one under its own name, that is read newest first. */
export interface LogSource extends Keyset {
  table: DbTable | SQL;
}

export interface FoundPage {
  ids: string[];
  /** null: there are more than are counted, or a cursor was given, with which nothing is counted */
  totalItems: number | null;
  nextCursor: string | null;
}

/** Exact totals stop here, and so do pages by number: further on only the cursor leads. */
export const MAX_COUNTED = 10_000;
/** Branches of one statement: SQLite takes 500 at most, and each is a search of its own. */
const MERGED_AT_ONCE = 100;
/** Of many branches, most of which hold little, so many are counted in one statement. */
const COUNTED_AT_ONCE = 10;
/** Rows of all branches that one page is merged from: with many of them only the first pages are found by number. */
const MAX_MERGED = 200_000;

/**
 * Which rows a page holds. Throws VALIDATION_FAILED for a foreign cursor, for pages beyond the first 10,000, and for those which too
 * many rows of too many branches would have to be merged for.
 */
export async function findPage(
  db: Db,
  source: LogSource,
  branches: readonly (SQL | undefined)[],
  input: PageInput,
): Promise<FoundPage> {
  const cursor = parseCursor(input.cursor);
  const offset = cursor ? 0 : (input.page - 1) * input.limit;
  const reach = Math.min(MAX_COUNTED, Math.floor(MAX_MERGED / Math.max(1, branches.length)));
  if (offset + input.limit > reach) throw tooFar(reach);
  const rows = await findRows(db, source, branches, { cursor, offset, limit: input.limit + 1 });
  const shown = rows.slice(0, input.limit);
  const last = shown.at(-1);
  return {
    ids: shown.map((row) => row.id),
    totalItems: cursor ? null : await countUpTo(db, source, branches, MAX_COUNTED),
    nextCursor: rows.length > shown.length && last ? encodeCursor(last) : null,
  };
}

interface Part {
  cursor: Cursor | null;
  offset: number;
  limit: number;
}

/** Ids and times of the rows after `cursor`, newest first. */
export async function findRows(
  db: ReadDb,
  source: LogSource,
  branches: readonly (SQL | undefined)[],
  { cursor, offset, limit }: Part,
): Promise<Cursor[]> {
  if (branches.length <= MERGED_AT_ONCE) return mergeRows(db, source, branches, { cursor, offset, limit });
  const found: Cursor[] = [];
  for await (const some of inBatches(branches, MERGED_AT_ONCE)) {
    found.push(...(await mergeRows(db, source, some, { cursor, offset: 0, limit: offset + limit })));
  }
  return found.sort(newestFirst(source)).slice(offset, offset + limit);
}

/** Orders rows as the source is ordered. */
export const newestFirst =
  ({ at }: LogSource) =>
  (a: Cursor, b: Cursor): number =>
    (at === null ? 0 : b.at - a.at) || (a.id < b.id ? 1 : -1);

async function mergeRows(
  db: ReadDb,
  source: LogSource,
  branches: readonly (SQL | undefined)[],
  { cursor, offset, limit }: Part,
): Promise<Cursor[]> {
  if (branches.length === 0) return [];
  const after = isOlder(source, cursor);
  const heads = branches.map((branch, i) => {
    const head = headOf(source, and(branch, after), offset + limit);
    return sql`select * from (${head}) as ${sql.identifier(`b${i}`)}`;
  });
  const rows = await rawRows<{ id: string; at: number | string }>(
    db,
    sql`select * from (${sql.join(heads, sql` union all `)}) as found order by ${AT} desc, ${ID} desc
      limit ${limit} offset ${offset}`,
  );
  return rows.map(({ id, at }) => ({ id, at: Number(at) }));
}

const AT = sql.identifier('at');
const ID = sql.identifier('id');

function headOf({ table, at, id }: LogSource, where: SQL | undefined, limit: number): SQL {
  const condition = where === undefined ? sql`` : sql` where ${where}`;
  const order = at === null ? sql`${id} desc` : sql`${at} desc, ${id} desc`;
  return sql`select ${id} as ${ID}, ${at ?? sql`0`} as ${AT} from ${table}${condition} order by ${order} limit ${limit}`;
}

/** How many rows the branches hold together; null when there are more than `atMost`. */
export async function countUpTo(
  db: Db,
  { table }: Pick<LogSource, 'table'>,
  branches: readonly (SQL | undefined)[],
  atMost: number,
): Promise<number | null> {
  let total = 0;
  // Of few each alone: the first that holds enough ends it.
  const size = branches.length <= MERGED_AT_ONCE ? 1 : COUNTED_AT_ONCE;
  for await (const some of inBatches(branches, size)) {
    const parts = some.map((branch, i) => {
      const condition = branch === undefined ? sql`` : sql` where ${branch}`;
      const part = sql`select 1 as one from ${table}${condition} limit ${atMost + 1 - total}`;
      return sql`select * from (${part}) as ${sql.identifier(`c${i}`)}`;
    });
    const [row] = await rawRows<{ n: number | string }>(
      db,
      sql`select count(*) as n from (${sql.join(parts, sql` union all `)}) as counted`,
    );
    total += Number(row?.n ?? 0);
    if (total > atMost) return null;
  }
  return total;
}

function tooFar(reach: number): AppError {
  const way = 'go on with cursor, or narrow by session, action, from and to';
  const reason = `leads beyond the first ${reach} entries, which is as far as pages of this filter go: ${way}`;
  return new AppError('VALIDATION_FAILED', 'Not valid: page.', { details: { page: reason } });
}
