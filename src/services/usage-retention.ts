/** What workspaces used before: put together when it is over, and forgotten long after. */
import { and, asc, eq, gt, lt, ne } from 'drizzle-orm';
import { untilUsedUp } from '../db/batches.ts';
import type { Database, Db, Tx } from '../db/client.ts';
import { affected, skipLocked, transact } from '../db/ops.ts';
import { usageCounts } from '../db/schema.ts';
import { addRows, periodOf, SHARED_SLOT } from '../queue/usage.ts';

/** Rows of one transaction: some milliseconds on SQLite, where it holds the event loop. */
const SIZE = 100;

const { userId, period, sessionId, kind, engine, category, slot, count } = usageCounts;
const KEY = { userId, period, sessionId, kind, engine, category, slot };

type Key = Pick<typeof usageCounts.$inferSelect, keyof typeof KEY>;

/** Each by its key: a statement for many might read, and wait for, rows of others. How many went. */
async function deleteEach(tx: Tx, rows: readonly Key[]): Promise<number> {
  let gone = 0;
  for (const row of rows) {
    const isThis = and(
      eq(userId, row.userId),
      eq(period, row.period),
      eq(sessionId, row.sessionId),
      eq(kind, row.kind),
      eq(engine, row.engine),
      eq(category, row.category),
      eq(slot, row.slot),
    );
    gone += affected(await tx.delete(usageCounts).where(isThis));
  }
  return gone;
}

/**
 * Puts what each process has counted of the days and months that were over at `now`, epoch milliseconds, into the shared
 * slot: rows grow with the slots, and every start of a process may take another one. How many rows were put there.
 */
export async function foldUsage(
  database: Database,
  { now, signal }: { now: number; signal: AbortSignal },
): Promise<number> {
  let folded = 0;
  await untilUsedUp(SIZE, async () => {
    if (signal.aborted) return 0;
    const rows = await transact(database, (tx) => foldSome(tx, now));
    folded += rows;
    return rows;
  });
  return folded;
}

async function foldSome(tx: Tx, now: number): Promise<number> {
  const [day, month] = [periodOf('messagesPerDay', now), periodOf('messagesPerMonth', now)];
  // A row that somebody writes to, such as what is taken back of a day long ago, has time until the next night.
  const rows = await skipLocked(
    tx
      .select({ ...KEY, count })
      .from(usageCounts)
      .where(and(gt(slot, SHARED_SLOT), lt(period, day.name), ne(period, month.name)))
      .orderBy(asc(slot), asc(period))
      .limit(SIZE),
  );
  if (rows.length === 0) return 0;
  await addRows(
    tx,
    rows.map((row) => ({ ...row, slot: SHARED_SLOT })),
  );
  return deleteEach(tx, rows);
}

/**
 * Deletes the counts of the months that were over at `before`, epoch milliseconds: months whole, so that a month that is told
 * is told in full. How many rows went.
 */
export async function forgetUsage(
  db: Db,
  { before, signal }: { before: number; signal: AbortSignal },
): Promise<number> {
  // Days of a month come after the month itself, and before the next one.
  const month = periodOf('messagesPerMonth', before);
  let gone = 0;
  await untilUsedUp(SIZE, async () => {
    if (signal.aborted) return 0;
    const rows = await db
      .select(KEY)
      .from(usageCounts)
      .where(lt(period, month.name))
      .orderBy(asc(period))
      .limit(SIZE);
    if (rows.length > 0) gone += await transact(db, (tx) => deleteEach(tx, rows));
    return rows.length;
  });
  return gone;
}
