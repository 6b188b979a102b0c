/** How late messages left, and whether a session sent more in a minute than it may: read from the history. */
import { and, asc, eq, gt, gte } from 'drizzle-orm';
import type { Db } from '../../src/db/client.ts';
import { messages, sendAttempts } from '../../src/db/schema.ts';

export interface Lateness {
  sent: number;
  /** queued and not sent (yet) */
  unsent: number;
  /** milliseconds from the commit of a message to its acknowledgement */
  p50: number;
  p99: number;
  max: number;
  /** the most attempts that a session made in any 60 seconds */
  mostInMinute: number;
}

const BATCH_SIZE = 2_000;
const MINUTE_MS = 60_000;

/** Of the messages that were queued since then, epoch milliseconds. */
export async function readLateness(db: Db, since: number): Promise<Lateness> {
  const late: number[] = [];
  let unsent = 0;
  const { id, queuedAt, sentAt, direction } = messages;
  await inPieces(
    (after) =>
      db
        .select({ id, queuedAt, sentAt })
        .from(messages)
        .where(and(gt(id, after), eq(direction, 'out'), gte(queuedAt, since)))
        .orderBy(asc(id))
        .limit(BATCH_SIZE),
    (row) => {
      if (row.sentAt === null || row.queuedAt === null) unsent++;
      else late.push(row.sentAt - row.queuedAt);
    },
  );
  late.sort((a, b) => a - b);
  const part = (share: number) =>
    late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? Number.NaN;
  return {
    sent: late.length,
    unsent,
    p50: part(0.5),
    p99: part(0.99),
    max: part(1),
    mostInMinute: await readMostInMinute(db, since),
  };
}

async function readMostInMinute(db: Db, since: number): Promise<number> {
  const times = new Map<string, number[]>();
  const { id, accountId, at } = sendAttempts;
  await inPieces(
    (after) =>
      db
        .select({ id, accountId, at })
        .from(sendAttempts)
        .where(and(gt(id, after), gte(at, since)))
        .orderBy(asc(id))
        .limit(BATCH_SIZE),
    (row) => {
      const own = times.get(row.accountId) ?? [];
      times.set(row.accountId, own);
      own.push(row.at);
    },
  );
  return Math.max(0, ...[...times.values()].map(mostWithinMinute));
}

function mostWithinMinute(times: number[]): number {
  const sorted = times.sort((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [to, at] of sorted.entries()) {
    while ((sorted[from] ?? at) <= at - MINUTE_MS) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** All rows in the order of their ids. */
async function inPieces<R extends { id: string }>(
  read: (after: string) => PromiseLike<R[]>,
  take: (row: R) => void,
): Promise<void> {
  for (let after = ''; ; ) {
    const rows = await read(after);
    for (const row of rows) take(row);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}
