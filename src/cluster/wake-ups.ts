/** News about sessions, told to the processes that own them through the database. */
import { and, eq, inArray, isNotNull, lt, ne, type SQLWrapper, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import {
  caseBy,
  incoming,
  type Named,
  padded,
  placeholders,
  prepared,
  preparedFor,
  preparedWriteFor,
  skipLocked,
  statementsAreCheap,
  upsert,
  upsertSelected,
  valuesAt,
} from '../db/ops.ts';
import { wakeUps, whatsappAccounts } from '../db/schema.ts';
import { jitteredBackoffMs } from '../utils/backoff.ts';
import type { Clock } from '../utils/clock.ts';
import type { Logger } from '../utils/logger.ts';
import { createWaiter } from '../utils/waiter.ts';

/** Rows taken in one look; more are taken in the next. */
const TAKEN_AT_ONCE = 500;
/** Sessions named in one statement. */
const BATCH_SIZE = 200;
/** Rows that were heard are removed together: so often, or when there are so many. */
const REMOVE_EVERY_MS = 1_000;
const REMOVE_FROM = 100;
/**
 * From here on a value stands for several priorities: this one, and a bit for each of them. An earlier release takes it for news of
 * everything.
 */
export const SEVERAL = 256;
/** Older wake-ups are not read: their owner is gone, and everything is looked for without wake-ups, too. */
const KEEP_MS = 600_000;
/** News that cannot be written is tried again some seconds long: then those who look find what it was about. */
const SEND_TRIES = 5;
const SEND_PAUSE = { firstMs: 200, maxMs: 2_000 };

/** News of a session. */
export interface SessionNews {
  /** whatsapp_accounts.id */
  accountId: string;
  /**
   * a message of this priority was queued, and that is all, or some of the several that `prioritiesIn` tells; null: anything may
   * have happened
   */
  priority: number | null;
}

/** The priorities that the value of a wake-up stands for. */
export function prioritiesIn(value: number): number[] {
  if (value < SEVERAL) return [value];
  return Array.from({ length: Math.log2(SEVERAL) }, (_, at) => at).filter((at) => (value & (1 << at)) !== 0);
}

const bitsOf = (value: number) => (value < SEVERAL ? SEVERAL | (1 << value) : value);

/** The value of both; null where one of them is about everything. */
function together(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return null;
  return one === other ? one : bitsOf(one) | bitsOf(other);
}

export interface WakeUp extends SessionNews {
  /** processes.id */
  owner: string;
}

/** News that waits. */
interface Waiting extends SessionNews {
  /** another one whenever there is more news of the session */
  createdAt: number;
}

const KEY = [wakeUps.owner, wakeUps.accountId];

/**
 * What news makes of a row that waits already: `together` of both values. Its time grows with each, so that whoever has heard of it
 * sees that there is more.
 */
function merged() {
  const { priority, createdAt } = wakeUps;
  const at = incoming(createdAt);
  const bits = (value: SQLWrapper) =>
    sql`case when ${value} < ${sql.raw(String(SEVERAL))} then ${sql.raw(String(SEVERAL))} | (1 << ${value}) else ${value} end`;
  const isSame = sql`${priority} = ${incoming(priority)}`;
  return {
    priority: sql`case when ${isSame} then ${priority} else (${bits(priority)}) | (${bits(incoming(priority))}) end`,
    createdAt: sql`case when ${createdAt} < ${at} then ${at} else ${createdAt} + 1 end`,
  };
}

/**
 * Leaves the news; one that waits already is enough, and two become one about what both are about. At most one
 * for each session and owner. `db` may be a transaction.
 */
export async function postWakeUps(db: Db, news: readonly WakeUp[], now: number): Promise<void> {
  const rows = news.map((entry) => ({ ...entry, createdAt: now }));
  await upsert(db, wakeUps, rows, KEY, merged());
}

/** The same for the owners that the rows of the sessions name, but for `me`. */
async function postToOwners(db: Db, me: string, all: readonly SessionNews[], now: number): Promise<void> {
  const news = padded(all, BATCH_SIZE);
  await tellOwners(db, [news.length], { ...valuesAt(news.map((one) => ({ ...one }))), me0: me, now0: now });
}

const tellOwners = preparedWriteFor((db, named, count) => {
  const { id, owner } = whatsappAccounts;
  const query = db
    .select({
      owner,
      accountId: id,
      priority: caseBy(id, pairs(named, 'priority', count)),
      createdAt: sql`${named(0, 'now')}`,
    })
    .from(whatsappAccounts)
    .where(
      and(inArray(id, placeholders(named, 'accountId', count)), isNotNull(owner), ne(owner, named(0, 'me'))),
    );
  return upsertSelected(db, wakeUps, query, KEY, merged());
});

const pairs = (named: Named, value: string, count: number) =>
  Array.from({ length: count }, (_, at) => [named(at, 'accountId'), named(at, value)] as const);

const waitingFor = prepared((db) =>
  db
    .select({ accountId: wakeUps.accountId, priority: wakeUps.priority, createdAt: wakeUps.createdAt })
    .from(wakeUps)
    .where(eq(wakeUps.owner, sql.placeholder('owner')))
    .limit(TAKEN_AT_ONCE)
    .prepare(),
);

/** Those that nobody has locked. */
const freeNews = preparedFor((db, named, count) => {
  const { owner, accountId } = wakeUps;
  const ids = placeholders(named, 'accountId', count);
  const isOurs = and(eq(owner, named(0, 'owner')), inArray(accountId, ids));
  return skipLocked(db.select({ accountId }).from(wakeUps).where(isOurs)).prepare();
});

/** Those of this news whose rows somebody keeps locked: who waited for one would hear of nothing else meanwhile. */
async function lockedOf(
  db: Db,
  owner: string,
  news: readonly Pick<Waiting, 'accountId'>[],
): Promise<Set<string>> {
  if (statementsAreCheap) return new Set();
  const asked = padded(news, BATCH_SIZE);
  const rows = await freeNews(db, asked.length).execute({ ...valuesAt(asked), owner0: owner });
  const free = new Set(rows.map(({ accountId }) => accountId));
  const left = news.filter(({ accountId }) => !free.has(accountId)).map(({ accountId }) => accountId);
  if (left.length === 0) return new Set();
  const { accountId } = wakeUps;
  const there = await db
    .select({ accountId })
    .from(wakeUps)
    .where(and(eq(wakeUps.owner, owner), inArray(accountId, left)));
  return new Set(there.map((row) => row.accountId));
}

const removeHeard = preparedWriteFor((db, named, count) => {
  const { owner, accountId, createdAt } = wakeUps;
  const isHeard = eq(createdAt, caseBy(accountId, pairs(named, 'createdAt', count)));
  const ids = placeholders(named, 'accountId', count);
  return db.delete(wakeUps).where(and(eq(owner, named(0, 'owner')), inArray(accountId, ids), isHeard));
});

export interface NewsReader {
  /** What has come since the last look. */
  look(): Promise<SessionNews[]>;
  /** Removes what was heard, when it is time. A row that has become news once more since it was read stays. */
  tidy(): Promise<void>;
}

/** Reads the news for `owner`. Rows are removed some time after they were heard: one statement for many. */
export function createNewsReader(deps: {
  db: Db;
  clock: Pick<Clock, 'monotonic'>;
  owner: string;
}): NewsReader {
  const { db, clock, owner } = deps;
  const heard = new Map<string, number>();
  let firstMs = 0;
  /** a row that was heard would make more of what comes than it is */
  let isInTheWay = false;
  return {
    async look() {
      const rows: Waiting[] = await waitingFor(db).execute({ owner });
      const fresh = rows.filter(({ accountId, createdAt }) => heard.get(accountId) !== createdAt);
      if (heard.size === 0) firstMs = clock.monotonic();
      for (const { accountId, createdAt } of fresh) heard.set(accountId, createdAt);
      isInTheWay ||= fresh.some(({ priority }) => priority === null || priority >= SEVERAL);
      return fresh.map(({ accountId, priority }) => ({ accountId, priority }));
    },
    async tidy() {
      const isTime = heard.size >= REMOVE_FROM || clock.monotonic() - firstMs >= REMOVE_EVERY_MS;
      if (heard.size === 0 || !(isTime || isInTheWay)) return;
      const all = [...heard].map(([accountId, createdAt]) => ({ accountId, createdAt }));
      for (let at = 0; at < all.length; at += BATCH_SIZE) {
        const some = all.slice(at, at + BATCH_SIZE);
        const locked = await lockedOf(db, owner, some);
        const free = some.filter(({ accountId }) => !locked.has(accountId));
        if (free.length === 0) continue;
        const rows = padded(free, BATCH_SIZE);
        await removeHeard(db, [rows.length], { ...valuesAt(rows), owner0: owner });
        for (const { accountId } of free) heard.delete(accountId);
      }
      firstMs = clock.monotonic();
      isInTheWay = false;
    },
  };
}

/** Removes what was not read. */
export async function forgetWakeUps(db: Db, now: number): Promise<void> {
  await db.delete(wakeUps).where(lt(wakeUps.createdAt, now - KEEP_MS));
}

export interface WakeUpSender {
  /** Tells the session's owner if that is another process. One that is lost costs some seconds: owners look, too. */
  send(news: SessionNews): void;
  /** Resolves when what was sent before is written or given up: what fails from now on is not tried again. */
  flush(): Promise<void>;
}

/** Sends for the sessions that `isMine` does not know. Those of the same moment share a write. */
export function createWakeUpSender(deps: {
  db: Db;
  clock: Clock;
  logger: Logger;
  processId: string;
  isMine(accountId: string): boolean;
}): WakeUpSender {
  const { db, clock, logger, processId } = deps;
  const waiting = new Map<string, number | null>();
  const waiter = createWaiter(clock);
  let running: Promise<void> | null = null;
  let flushing = 0;

  function put({ accountId, priority }: SessionNews): void {
    const before = waiting.get(accountId);
    waiting.set(accountId, before === undefined ? priority : together(before, priority));
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (waiting.size > 0) {
      const news = [...waiting]
        .slice(0, BATCH_SIZE)
        .map(([accountId, priority]) => ({ accountId, priority }));
      for (const { accountId } of news) waiting.delete(accountId);
      try {
        await postToOwners(db, processId, news, clock.now());
        failures = 0;
      } catch (error) {
        failures++;
        const goesOn = failures < SEND_TRIES && flushing === 0;
        const text = goesOn ? 'wake-ups are sent again' : 'wake-ups could not be sent';
        logger.warn(text, { count: news.length, error: String(error) });
        if (!goesOn) continue;
        for (const one of news) put(one);
        await waiter.wait(jitteredBackoffMs(SEND_PAUSE, failures, Math.random()));
      }
    }
    running = null;
  }

  return {
    send(news) {
      if (deps.isMine(news.accountId)) return;
      put(news);
      running ??= run();
    },
    async flush() {
      flushing++;
      waiter.wake();
      await running;
      flushing--;
    },
  };
}
