/** How late messages left, and whether a session sent more in a minute than it may: read from the history. */
import { and, asc, eq, gt, gte } from 'drizzle-orm';
import type { Db } from '../../src/db/client.ts';
import { messages, sendAttempts } from '../../src/db/schema.ts';
import { quantile } from '../measure/quantile.ts';

export interface Lateness {
  sent: number;
  /** queued and not sent (yet) */
  unsent: number;
  /** milliseconds from the commit of a message to its acknowledgement */
  sinceCommit: Spread;
  /** and from the moment that the limit of its session let it go, where that was later */
  sinceAllowed: Spread;
  /** the most attempts that a session made in any 60 seconds */
  mostInMinute: number;
}

interface Spread {
  p50: number;
  p99: number;
  max: number;
}

const BATCH_SIZE = 2_000;
const MINUTE_MS = 60_000;

/** Of the messages that were queued since then, epoch milliseconds, by sessions that may send so many a minute. */
export async function readLateness(db: Db, since: number, perMinute: number): Promise<Lateness> {
  const sent = new Map<string, Sent[]>();
  let unsent = 0;
  const { id, accountId, queuedAt, sendingAt, sentAt, direction } = messages;
  await inPieces(
    (after) =>
      db
        .select({ id, accountId, queuedAt, sendingAt, sentAt })
        .from(messages)
        .where(and(gt(id, after), eq(direction, 'out'), gte(queuedAt, since)))
        .orderBy(asc(id))
        .limit(BATCH_SIZE),
    ({ accountId: session, queuedAt: queued, sendingAt: sending, sentAt: at }) => {
      if (at === null || queued === null || sending === null) {
        unsent++;
        return;
      }
      const own = sent.get(session) ?? [];
      sent.set(session, own);
      own.push({ queued, sending, at });
    },
  );
  const all = [...sent.values()];
  return {
    sent: all.flat().length,
    unsent,
    sinceCommit: spreadOf(all.flatMap((own) => own.map(({ queued, at }) => at - queued))),
    sinceAllowed: spreadOf(all.flatMap((own) => sinceAllowed(own, perMinute))),
    mostInMinute: await readMostInMinute(db, since),
  };
}

/** Epoch milliseconds of one message. */
interface Sent {
  queued: number;
  sending: number;
  at: number;
}

/** Of one session. A message that left late makes the one behind it by a whole limit wait as long: that is the limit's work. */
function sinceAllowed(own: readonly Sent[], perMinute: number): number[] {
  const sorted = own.toSorted((a, b) => a.sending - b.sending);
  return sorted.map(({ queued, at }, n) => {
    const before = sorted[n - perMinute];
    return at - Math.max(queued, before === undefined ? 0 : before.sending + MINUTE_MS);
  });
}

function spreadOf(times: readonly number[]): Spread {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1) };
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
