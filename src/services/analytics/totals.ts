/** Exact counts of large logs: what was counted before is remembered, and only what came since is read. */
import { and, count, type SQL, sql } from 'drizzle-orm';
import type { ReadDb } from '../../db/client.ts';
import { rawRows } from '../../db/ops.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { idAt } from '../../utils/ids.ts';
import type { Deps } from '../context.ts';
import type { LogSource } from './keyset.ts';

/** Rows that were deleted are noticed this late. */
const KEEP_MS = 10 * MINUTE_MS;
/** Rows older than this have been committed by whoever wrote them. */
const COMMITTED_AFTER_MS = MINUTE_MS;

export interface Counted {
  /** rows before `before`, epoch milliseconds */
  n: number;
  before: number;
  /** monotonic milliseconds */
  until: number;
}

type CountDeps = Pick<Deps, 'database' | 'clock' | 'statistics'>;

/**
 * How many rows `where` holds; `key` names the question. The first answer reads the whole index, later ones what is
 * new. Deleted rows count for up to ten minutes more.
 */
export async function countAll(
  { database, clock, statistics }: CountDeps,
  key: string,
  source: LogSource,
  where: SQL | undefined,
): Promise<number> {
  const now = clock.monotonic();
  const known = statistics.totals.get(key);
  const fresh = known !== undefined && known.until > now ? known : null;
  const before = clock.now() - COMMITTED_AFTER_MS;
  const rest = and(where, fresh === null ? undefined : isSince(source, fresh.before));
  const [older, recent] = await Promise.all([
    countRows(database.scan, source, and(rest, isBefore(source, before))),
    countRows(database.scan, source, and(where, isSince(source, Math.max(before, fresh?.before ?? 0)))),
  ]);
  const n = (fresh?.n ?? 0) + older;
  const until = fresh?.until ?? now + KEEP_MS;
  statistics.totals.set(key, { n, before: Math.max(before, fresh?.before ?? 0), until });
  return n + recent;
}

/** How many rows of a table there are. */
export async function countRows(
  scan: ReadDb,
  { table }: Pick<LogSource, 'table'>,
  where: SQL | undefined,
): Promise<number> {
  const condition = where === undefined ? sql`` : sql` where ${where}`;
  const [row] = await rawRows<{ n: number | string }>(
    scan,
    sql`select ${count()} as n from ${table}${condition}`,
  );
  return Number(row?.n ?? 0);
}

/** Ids are in the order of their time. */
function isBefore({ at, id }: LogSource, time: number): SQL {
  return at === null ? sql`${id} < ${idAt(time)}` : sql`${at} < ${time}`;
}

function isSince({ at, id }: LogSource, time: number): SQL {
  return at === null ? sql`${id} >= ${idAt(time)}` : sql`${at} >= ${time}`;
}
