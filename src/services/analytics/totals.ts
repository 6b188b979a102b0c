/** Exact counts of large logs: index entries are skipped in pieces, and what was counted before is remembered. */
import { and, asc, count, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { rawRows } from '../../db/ops.ts';
import { turn } from '../../db/turns.ts';
import type { Deps } from '../context.ts';
import type { Cursor, LogSource } from './keyset.ts';

/** Some milliseconds of an index on both databases. */
const PIECE = 20_000;
/** Rows that were deleted are noticed this late. */
const KEEP_MS = 600_000;

export interface Counted {
  n: number;
  edge: Cursor;
  /** monotonic milliseconds */
  until: number;
}

type CountDeps = Pick<Deps, 'db' | 'clock' | 'statistics'>;

/**
 * How many rows `where` holds; `key` names the question. The first answer reads the whole index, later ones what is
 * new. Deleted rows count for up to ten minutes more.
 */
export async function countAll(
  deps: CountDeps,
  key: string,
  source: LogSource,
  where: SQL | undefined,
): Promise<number> {
  const cache = deps.statistics.totals;
  const now = deps.clock.monotonic();
  const known = cache.get(key);
  const fresh = known !== undefined && known.until > now ? known : null;
  const until = fresh?.until ?? now + KEEP_MS;
  const rest = await countRows(deps.db, source, where, {
    after: fresh?.edge ?? null,
    onPiece: (n, edge) => cache.set(key, { n: (fresh?.n ?? 0) + n, edge, until }),
  });
  return (fresh?.n ?? 0) + rest;
}

/** Counts in the order of the source; `onPiece` hears how many there were up to and with `edge`. */
export async function countRows(
  db: Db,
  source: LogSource,
  where: SQL | undefined,
  options: { after?: Cursor | null; onPiece?: (n: number, edge: Cursor) => void } = {},
): Promise<number> {
  let n = 0;
  let edge = options.after ?? null;
  for (;;) {
    const rest = and(where, edge === null ? undefined : isNewer(source, edge));
    const next = await findEdge(db, source, rest);
    if (next === null) return n + (await countRest(db, source, rest));
    n += PIECE;
    edge = next;
    options.onPiece?.(n, edge);
    await turn();
  }
}

/** The last row of the next whole piece; null when fewer are left. */
async function findEdge(
  db: Db,
  { table, at, id }: LogSource,
  where: SQL | undefined,
): Promise<Cursor | null> {
  const condition = where === undefined ? sql`` : sql` where ${where}`;
  const order = at === null ? asc(id) : sql`${at} asc, ${id} asc`;
  const [row] = await rawRows<{ id: string; at: number | string }>(
    db,
    sql`select ${id} as ${sql.identifier('id')}, ${at ?? sql`0`} as ${sql.identifier('at')}
      from ${table}${condition} order by ${order} limit 1 offset ${PIECE - 1}`,
  );
  return row ? { id: row.id, at: Number(row.at) } : null;
}

async function countRest(db: Db, { table }: LogSource, where: SQL | undefined): Promise<number> {
  const condition = where === undefined ? sql`` : sql` where ${where}`;
  const [row] = await rawRows<{ n: number | string }>(
    db,
    sql`select ${count()} as n from ${table}${condition}`,
  );
  return Number(row?.n ?? 0);
}

function isNewer({ at, id }: LogSource, edge: Cursor): SQL {
  if (at === null) return sql`${id} > ${edge.id}`;
  return sql`${at} >= ${edge.at} and (${at} > ${edge.at} or ${id} > ${edge.id})`;
}
