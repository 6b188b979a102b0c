/** Deleting what is old, in batches that delay no other work. */
import { and, asc, gt, lt, lte, type SQL } from 'drizzle-orm';
import { inRanges } from '../db/batches.ts';
import type { Db } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import type { DbColumn, DbTable } from '../db/types.ts';

export interface OldRows<T extends DbTable> {
  table: T;
  /** an indexed column that grows with time: a time, or an id made by us; after the columns that `where` fixes */
  by: DbColumn;
  /** rows below it go */
  before: number | string;
  /** what else must be true of them */
  where?: SQL | undefined;
  /** rows of one statement */
  size?: number;
  /** looked at between pieces */
  signal?: AbortSignal | undefined;
}

/** Some milliseconds on SQLite, where a statement holds the event loop. */
const SIZE = 200;

/**
 * Deletes in the order of `by`, each statement a short range of its index; how many rows went. Rows of the very same
 * time go together, whatever `size` says.
 */
export async function deleteOld<T extends DbTable>(db: Db, rows: OldRows<T>): Promise<number> {
  const { table, by, before, where, size = SIZE, signal } = rows;
  let total = 0;
  const isAfter = (edge: unknown) => (edge === null ? undefined : gt(by, edge));
  const ranges = inRanges<unknown>(async (after) => {
    const [edge] = await db
      .select({ by })
      .from<DbTable>(table)
      .where(and(where, isAfter(after), lt(by, before)))
      .orderBy(asc(by))
      .limit(1)
      .offset(size - 1);
    return edge?.by ?? null;
  }, signal);
  for await (const { after, upTo } of ranges) {
    const end = upTo === null ? lt(by, before) : lte(by, upTo);
    total += affected(await db.delete(table).where(and(where, isAfter(after), end)));
  }
  return total;
}
