/** News about sessions, told to the processes that own them through the database. */
import { and, eq, inArray, isNotNull, lt, ne, or, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { incoming, upsert } from '../db/ops.ts';
import { wakeUps, whatsappAccounts } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';

/** Rows taken in one look; more are taken in the next. */
const TAKEN_AT_ONCE = 500;
/** Sessions named in one statement. */
const BATCH_SIZE = 200;
/** Older wake-ups are not read: their owner is gone, and everything is looked for without wake-ups, too. */
const KEEP_MS = 600_000;

/** News of a session. */
export interface SessionNews {
  /** whatsapp_accounts.id */
  accountId: string;
  /** a message of this priority was queued, and that is all; null: anything may have happened */
  priority: number | null;
}

export interface WakeUp extends SessionNews {
  /** processes.id */
  owner: string;
}

/**
 * Leaves the news; one that waits already is enough, and two that differ become one about everything. At most one
 * for each session and owner. `db` may be a transaction.
 */
export async function postWakeUps(db: Db, news: readonly WakeUp[], now: number): Promise<void> {
  const rows = news.map((entry) => ({ ...entry, createdAt: now }));
  const key = [wakeUps.owner, wakeUps.accountId];
  const { priority, createdAt } = wakeUps;
  await upsert(db, wakeUps, rows, key, {
    priority: sql`case when ${priority} = ${incoming(priority)} then ${priority} else null end`,
    createdAt: incoming(createdAt),
  });
}

/** The news for `owner`. Removed first, so that what comes meanwhile is news again. */
export async function takeWakeUps(db: Db, owner: string): Promise<SessionNews[]> {
  const { accountId, priority } = wakeUps;
  const news = await db
    .select({ accountId, priority })
    .from(wakeUps)
    .where(eq(wakeUps.owner, owner))
    .limit(TAKEN_AT_ONCE);
  if (news.length === 0) return [];
  const priorities = [...new Set(news.map((entry) => entry.priority))];
  const taken = or(...priorities.map((one) => isTaken(news, one)));
  await db.delete(wakeUps).where(and(eq(wakeUps.owner, owner), taken));
  return news;
}

/** A row that has become news about everything since it was read stays: the reader knows of a message only. */
function isTaken(news: readonly SessionNews[], priority: number | null): SQL | undefined {
  const ids = news.filter((entry) => entry.priority === priority).map((entry) => entry.accountId);
  const same = priority === null ? undefined : eq(wakeUps.priority, priority);
  return and(inArray(wakeUps.accountId, ids), same);
}

/** Removes what was not read. */
export async function forgetWakeUps(db: Db, now: number): Promise<void> {
  await db.delete(wakeUps).where(lt(wakeUps.createdAt, now - KEEP_MS));
}

export interface WakeUpSender {
  /** Tells the session's owner if that is another process. One that is lost costs a few seconds: owners look, too. */
  send(news: SessionNews): void;
  /** Resolves when what was sent before is written or given up. */
  flush(): Promise<void>;
}

/** Sends for the sessions that `isMine` does not know. Those of the same moment share a look and a write. */
export function createWakeUpSender(deps: {
  db: Db;
  clock: Clock;
  logger: Logger;
  processId: string;
  isMine(accountId: string): boolean;
}): WakeUpSender {
  const waiting = new Map<string, number | null>();
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const news = [...waiting]
        .slice(0, BATCH_SIZE)
        .map(([accountId, priority]) => ({ accountId, priority }));
      for (const { accountId } of news) waiting.delete(accountId);
      try {
        const wakes = await addressed(deps.db, news, deps.processId);
        if (wakes.length > 0) await postWakeUps(deps.db, wakes, deps.clock.now());
      } catch (error) {
        deps.logger.warn('wake-ups could not be sent', { count: news.length, error: String(error) });
      }
    }
    running = null;
  }

  return {
    send({ accountId, priority }) {
      if (deps.isMine(accountId)) return;
      const isSame = !waiting.has(accountId) || waiting.get(accountId) === priority;
      waiting.set(accountId, isSame ? priority : null);
      running ??= run();
    },
    flush: async () => {
      await running;
    },
  };
}

/** The news of sessions that another process than `me` has, with that process. */
async function addressed(db: Db, news: readonly SessionNews[], me: string): Promise<WakeUp[]> {
  const { id, owner } = whatsappAccounts;
  const ids = news.map((entry) => entry.accountId);
  const rows = await db
    .select({ id, owner })
    .from(whatsappAccounts)
    .where(and(inArray(id, ids), isNotNull(owner), ne(owner, me)));
  const owners = new Map(rows.map((row) => [row.id, row.owner]));
  return news.flatMap((entry) => {
    const found = owners.get(entry.accountId);
    return found ? [{ ...entry, owner: found }] : [];
  });
}
