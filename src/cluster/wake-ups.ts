/** News about sessions, told to the processes that own them through the database. */
import { and, eq, inArray, isNotNull, lt, ne } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { incoming, upsert } from '../db/ops.ts';
import { wakeUps, whatsappAccounts } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';

/** Rows taken in one look; more are taken in the next. */
const TAKEN_AT_ONCE = 500;
/** Sessions named in one statement. */
const PIECE = 200;
/** Nobody reads what is older: its owner is gone, and everything is looked for without wake-ups, too. */
const KEEP_MS = 600_000;

export interface WakeUp {
  /** processes.id */
  owner: string;
  /** whatsapp_accounts.id */
  accountId: string;
}

/** Leaves the news; one that waits already is enough. `db` may be a transaction. */
export async function postWakeUps(db: Db, news: readonly WakeUp[], now: number): Promise<void> {
  const rows = news.map((entry) => ({ ...entry, createdAt: now }));
  const key = [wakeUps.owner, wakeUps.accountId];
  await upsert(db, wakeUps, rows, key, { createdAt: incoming(wakeUps.createdAt) });
}

/** The sessions about which there is news for `owner`. Removed first, so that what comes meanwhile is news again. */
export async function takeWakeUps(db: Db, owner: string): Promise<string[]> {
  const rows = await db
    .select({ accountId: wakeUps.accountId })
    .from(wakeUps)
    .where(eq(wakeUps.owner, owner))
    .limit(TAKEN_AT_ONCE);
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.accountId);
  await db.delete(wakeUps).where(and(eq(wakeUps.owner, owner), inArray(wakeUps.accountId, ids)));
  return ids;
}

/** Removes what nobody has read. */
export async function forgetWakeUps(db: Db, now: number): Promise<void> {
  await db.delete(wakeUps).where(lt(wakeUps.createdAt, now - KEEP_MS));
}

export interface WakeUpSender {
  /** Tells the session's owner if that is another process. One that is lost costs a few seconds: owners look, too. */
  send(accountId: string): void;
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
  const waiting = new Set<string>();
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const ids = [...waiting].slice(0, PIECE);
      for (const id of ids) waiting.delete(id);
      try {
        const owners = await readOtherOwners(deps.db, ids, deps.processId);
        if (owners.length > 0) await postWakeUps(deps.db, owners, deps.clock.now());
      } catch (error) {
        deps.logger.warn('wake-ups could not be sent', { count: ids.length, error: String(error) });
      }
    }
    running = null;
  }

  return {
    send(accountId) {
      if (deps.isMine(accountId)) return;
      waiting.add(accountId);
      running ??= run();
    },
    flush: async () => {
      await running;
    },
  };
}

async function readOtherOwners(db: Db, ids: readonly string[], me: string): Promise<WakeUp[]> {
  const { id, owner } = whatsappAccounts;
  const rows = await db
    .select({ accountId: id, owner })
    .from(whatsappAccounts)
    .where(and(inArray(id, [...ids]), isNotNull(owner), ne(owner, me)));
  return rows.flatMap((row) => (row.owner === null ? [] : [{ accountId: row.accountId, owner: row.owner }]));
}
