/**
 * What a workspace has sent, counted in the transaction that accepts the messages: both are there or neither. A message
 * counts once, when it is accepted, whatever becomes of it. Days and months are those of UTC.
 */
import { and, eq, inArray, type SQL, sum } from 'drizzle-orm';
import type { Database, Db, Tx } from '../db/client.ts';
import { added, unanswered, upsert } from '../db/ops.ts';
import { type USAGE_CATEGORIES, usageCounts } from '../db/schema.ts';
import { type Fact, record } from '../events/record.ts';
import { countEach } from '../utils/count-each.ts';
import { AppError } from '../utils/errors.ts';
import { type Limits, limitOf } from './allowances.ts';
import type { QueueDeps } from './deps.ts';

/** The part of a message that says how it is counted. */
export interface Countable {
  userId: number;
  sessionId: string;
  type: string;
  campaignId?: string | null | undefined;
  /** false: the service repeats by itself what is counted already */
  counts?: boolean;
}

/** The limits of messages; each is counted in periods of its own. */
export const PERIOD_LIMITS = ['messagesPerDay', 'messagesPerMonth'] as const;
export type PeriodLimit = (typeof PERIOD_LIMITS)[number];

/** The parts of a limit, in percent, at which a workspace is warned. */
export const WARNINGS = [80, 100] as const;

export interface Period {
  /** `2026-01-31` or `2026-01` */
  name: string;
  /** epoch milliseconds */
  until: number;
}

/** The day or the month in UTC that holds `now`. */
export function periodOf(limit: PeriodLimit, now: number): Period {
  const at = new Date(now);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  return limit === 'messagesPerDay'
    ? { name: dayOf(now), until: Date.UTC(year, month, at.getUTCDate() + 1) }
    : { name: dayOf(now).slice(0, 7), until: Date.UTC(year, month + 1) };
}

const dayOf = (now: number) => new Date(now).toISOString().slice(0, 10);

/** One limit of a workspace, and how much of it is used. */
interface UsedLimit {
  limit: PeriodLimit;
  max: number;
  period: Period;
  used: number;
}

/** The same, locked, with the warnings that were given. */
export interface Used extends UsedLimit {
  warnedPercent: number;
  /** the limit that was warned of; null: as it is */
  warnedLimit: number | null;
}

/** The limits of messages that were set for a workspace, or for all. */
function limitsFor(deps: Pick<UsageDeps, 'config'>, limits: Limits): { limit: PeriodLimit; max: number }[] {
  return PERIOD_LIMITS.flatMap((limit) => {
    const max = limitOf(deps.config, limits, limit);
    return max === null ? [] : [{ limit, max }];
  });
}

export type UsageDeps = Pick<QueueDeps, 'config' | 'clock' | 'stream' | 'allowances' | 'usageSlot'>;

/** Where workspaces are counted that have limits, and where what all slots have counted comes together when it is over. */
export const SHARED_SLOT = 0;

/**
 * Where a process counts what workspaces without limits send: a process that stands still in the middle of a transaction then
 * keeps no other one waiting for its rows. The end of an id is random: of two processes one in 256 counts in the other's slot,
 * and takes turns with it. SQLite serves one process, which needs no other slot.
 */
export function usageSlotOf({ dialect }: Pick<Database, 'dialect'>, processId: string): number {
  return dialect === 'sqlite' ? SHARED_SLOT : 1 + Number.parseInt(processId.slice(-2), 16);
}

/** Whether the messages of a workspace have limits, as far as this process knows: at most a second late. */
export async function hasMessageLimits(
  deps: Pick<UsageDeps, 'config' | 'allowances'>,
  userId: number,
): Promise<boolean> {
  return limitsFor(deps, await deps.allowances.of(userId)).length > 0;
}

/** How much may still be accepted, until the transaction ends. */
export interface MessageRoom {
  /** Takes the place of one message. Throws QUOTA_EXCEEDED. */
  take(message: Countable): void;
  /** when the messages count, epoch milliseconds */
  readonly at: number;
  /** Of those whose limits were looked at. */
  readonly used: ReadonlyMap<number, Used[]>;
}

/**
 * Looks what the workspaces of these messages may still send. Where there is a limit their rows are locked until the
 * transaction ends, so that all processes take turns; everybody else costs nothing.
 */
export async function openMessageRoom(
  tx: Tx,
  deps: UsageDeps,
  all: readonly Countable[],
  now: number,
): Promise<MessageRoom> {
  const used = new Map<number, Used[]>();
  for (const userId of usersOf(all)) {
    const limits = limitsFor(deps, await deps.allowances.of(userId, tx));
    if (limits.length === 0) continue;
    const found = limits.map((one) => ({
      ...one,
      period: periodOf(one.limit, now),
      used: 0,
      warnedPercent: 0,
      warnedLimit: null,
    }));
    used.set(userId, found);
  }
  if (used.size > 0) await lockTotals(tx, used);
  const taken = new Map<number, number>();
  return {
    at: now,
    used,
    take(message) {
      const { userId, counts = true } = message;
      if (!counts) return;
      const before = taken.get(userId) ?? 0;
      const full = used.get(userId)?.find((one) => one.used + before >= one.max);
      if (full) throw messagesExceeded({ ...full, used: full.used + before }, now);
      taken.set(userId, before + 1);
    },
  };
}

/** In a fixed order, so that two transactions cannot wait for each other in a circle. */
const usersOf = (all: readonly Countable[]) =>
  [...new Set(all.map(({ userId }) => userId))].sort((a, b) => a - b);

async function lockTotals(tx: Tx, used: ReadonlyMap<number, Used[]>): Promise<void> {
  const wanted = [...used].flatMap(([userId, all]) =>
    all.map(({ period }) => ({ ...WHOLE, userId, period: period.name, slot: SHARED_SLOT, count: 0 })),
  );
  // The write comes first: it is what makes others wait, and the reading after it sees what they have committed.
  await addRows(tx, wanted);
  for (const [userId, all] of used) {
    const totals = await readTotals(tx, userId, all);
    for (const row of await readWarned(tx, userId, all)) {
      const one = all.find(({ period }) => period.name === row.period);
      if (one) Object.assign(one, { ...row, period: one.period, used: totals.get(row.period) ?? 0 });
    }
  }
}

/** What was counted in these periods, in all slots together. */
async function readTotals(
  db: Db,
  userId: number,
  all: readonly { period: Period }[],
): Promise<Map<string, number>> {
  const { period, count } = usageCounts;
  const rows = await db
    .select({ period, n: sum(count) })
    .from(usageCounts)
    .where(areTotals(userId, all))
    .groupBy(period);
  return new Map(rows.map((row) => [row.period, Number(row.n ?? 0)]));
}

function readWarned(db: Db, userId: number, all: readonly { period: Period }[]) {
  const { period, warnedPercent, warnedLimit } = usageCounts;
  return db
    .select({ period, warnedPercent, warnedLimit })
    .from(usageCounts)
    .where(and(areTotals(userId, all), eq(usageCounts.slot, SHARED_SLOT)));
}

function areTotals(userId: number, all: readonly { period: Period }[]): SQL | undefined {
  const names = all.map((one) => one.period.name);
  const { period, sessionId } = usageCounts;
  return and(eq(usageCounts.userId, userId), inArray(period, names), eq(sessionId, ''), isWhole());
}

/** What a workspace has used of this day and this month, with its limits. Nothing is locked. */
export async function readMessageUse(
  db: Db,
  deps: Pick<UsageDeps, 'config' | 'clock' | 'allowances'>,
  userId: number,
): Promise<Map<PeriodLimit, { used: number; max: number | null; until: number }>> {
  const now = deps.clock.now();
  const limits = await deps.allowances.of(userId, db);
  const periods = PERIOD_LIMITS.map((limit) => ({ limit, period: periodOf(limit, now) }));
  const rows = await readTotals(db, userId, periods);
  return new Map(
    periods.map(({ limit, period: { name, until } }) => [
      limit,
      { used: rows.get(name) ?? 0, max: limitOf(deps.config, limits, limit), until },
    ]),
  );
}

/** The limits of a workspace with what is used of them. Nothing is locked, and nothing read where there is no limit. */
async function readLimited(db: Db, deps: UsageDeps, userId: number, now: number): Promise<UsedLimit[]> {
  const limits = limitsFor(deps, await deps.allowances.of(userId, db));
  if (limits.length === 0) return [];
  const all = limits.map((one) => ({ ...one, period: periodOf(one.limit, now) }));
  const used = await readTotals(db, userId, all);
  return all.map((one) => ({ ...one, used: used.get(one.period.name) ?? 0 }));
}

/**
 * How many messages a workspace may still queue, and which limit ends first when there are none; `left` is infinite, and
 * nothing is read, where there is no limit.
 */
export async function messagesLeft(
  db: Db,
  deps: UsageDeps,
  userId: number,
): Promise<{ left: number; limit: PeriodLimit | null; until: number | null }> {
  const none = { left: Number.POSITIVE_INFINITY, limit: null, until: null };
  const limited = await readLimited(db, deps, userId, deps.clock.now());
  const all = limited.map(({ limit, max, used, period: { until } }) => ({
    left: Math.max(0, max - used),
    limit,
    until,
  }));
  // Of several that are used up the one that lasts longest counts.
  all.sort((a, b) => a.left - b.left || b.until - a.until);
  return all[0] ?? none;
}

/**
 * Throws QUOTA_EXCEEDED where a workspace has no message left. It locks nothing and promises nothing: call it before work
 * that would be in vain.
 */
export async function refuseWhenUsed(db: Db, deps: UsageDeps, userId: number): Promise<void> {
  const allowed = deps.allowances.of(userId, db);
  const limits = allowed instanceof Promise ? await allowed : allowed;
  if (limitsFor(deps, limits).length === 0) return;
  const now = deps.clock.now();
  const full = (await readLimited(db, deps, userId, now)).find(({ used, max }) => used >= max);
  if (full) throw messagesExceeded(full, now);
}

/** QUOTA_EXCEEDED with which limit, how much of it is used, and when there is more. */
function messagesExceeded({ limit, max, used, period }: UsedLimit, now: number): AppError {
  const until = new Date(period.until).toISOString();
  const span = limit === 'messagesPerDay' ? 'today' : 'this month';
  return new AppError(
    'QUOTA_EXCEEDED',
    `All ${max} messages of ${span} are used: there are more from ${until} on, or ask the administrator for a higher limit.`,
    {
      details: { quota: limit, limit: max, used, requested: 1, until },
      retryAfterSeconds: Math.ceil((period.until - now) / 1000),
    },
  );
}

/** Counts accepted messages, and warns the workspaces whose limits are nearly or wholly used. */
export async function countMessages(
  tx: Tx,
  deps: UsageDeps,
  messages: readonly Countable[],
  room: MessageRoom,
): Promise<void> {
  const counted = messages.filter(({ counts = true }) => counts);
  if (counted.length === 0) return;
  const [day, { engine }] = [dayOf(room.at), deps.config];
  const slotOf = (userId: number) => (room.used.has(userId) ? SHARED_SLOT : deps.usageSlot);
  const all: Counted[] = [];
  let last: Counted | undefined;
  for (const one of counted) {
    const { userId, sessionId, type: kind } = one;
    const category = categoryOf(one);
    // Those of a moment are mostly of one session and one kind.
    if (
      last?.userId === userId &&
      last.sessionId === sessionId &&
      last.kind === kind &&
      last.category === category
    ) {
      last.count++;
      continue;
    }
    last = { userId, sessionId, day, kind, engine, category, count: 1 };
    all.push(last);
  }
  await addUsage(unanswered(tx), all, slotOf);
  const byUser = countEach(counted.map(({ userId }) => userId));
  const facts = [...room.used].flatMap(([userId, limits]) =>
    limits.flatMap((one) => warningsOf(userId, { ...one, used: one.used + (byUser.get(userId) ?? 0) })),
  );
  for (const { fact, percent, max, period } of facts) {
    await tx
      .update(usageCounts)
      .set({ warnedPercent: percent, warnedLimit: max })
      .where(
        and(
          eq(usageCounts.userId, fact.userId),
          eq(usageCounts.period, period),
          isWhole(),
          eq(usageCounts.slot, SHARED_SLOT),
        ),
      );
  }
  await record(
    tx,
    deps,
    facts.map(({ fact }) => fact),
  );
}

/** What was counted for a message that may be taken back. */
export interface TakenBack {
  userId: number;
  sessionId: string;
  createdAt: number;
  /** what `countedAs` said when it was counted; null: it never was */
  countedAs: string | null;
}

/** The type and the engine that a message of a campaign is counted under, to be kept with it: both may change later. */
export function countedAs({ config }: Pick<UsageDeps, 'config'>, { type }: Pick<Countable, 'type'>): string {
  return `${type} ${config.engine}`;
}

/**
 * Takes back what was counted for messages of campaigns that are gone as if they had never been, such as those put off until
 * morning: that and nothing else, whatever they have become since.
 */
export async function uncountMessages(
  tx: Tx,
  { usageSlot }: Pick<UsageDeps, 'usageSlot'>,
  all: readonly TakenBack[],
): Promise<void> {
  const counted = all.flatMap((one): Counted[] => {
    if (one.countedAs === null) return [];
    const [kind = '', engine = ''] = one.countedAs.split(' ');
    const { userId, sessionId, createdAt } = one;
    return [{ userId, sessionId, day: dayOf(createdAt), kind, engine, category: 'campaign', count: -1 }];
  });
  await addUsage(tx, counted, () => usageSlot);
}

interface Counted {
  userId: number;
  sessionId: string;
  day: string;
  kind: string;
  engine: string;
  category: (typeof USAGE_CATEGORIES)[number];
  /** how many of them; less than 0: they are taken back */
  count: number;
}

/** In one statement, however many they are: it is what others of these workspaces wait for. */
async function addUsage(tx: Tx, all: readonly Counted[], slotOf: (userId: number) => number): Promise<void> {
  const rows = new Map<string, Row>();
  const add = (key: string, by: number, make: () => Row) => {
    const row = rows.get(key) ?? make();
    row.count += by;
    rows.set(key, row);
  };
  for (const one of all) {
    const { userId, day, sessionId, kind, engine, category, count } = one;
    const slot = slotOf(userId);
    for (const period of [day.slice(0, 7), day]) {
      add(`${userId} ${period}`, count, () => ({ ...WHOLE, userId, period, slot, count: 0 }));
    }
    // The name of a session, which may hold anything, comes last.
    add(`${userId} ${day} ${kind} ${engine} ${category} ${sessionId}`, count, () => ({
      ...{ userId, period: day, sessionId, kind, engine, category, slot },
      count: 0,
    }));
  }
  await addRows(tx, [...rows.values()]);
}

/** A row of a whole day or month. */
const WHOLE = { sessionId: '', kind: '', engine: '', category: '' } as const;

/** The condition that a row is that of a whole day or month. */
export const isWhole = () => eq(usageCounts.kind, '');

type Row = Omit<typeof usageCounts.$inferInsert, 'warnedPercent' | 'warnedLimit'>;

/**
 * Adds these counts to the rows that are there, or makes them. In a fixed order, so that two transactions cannot wait for each
 * other in a circle.
 */
export async function addRows(tx: Tx, rows: readonly Row[]): Promise<void> {
  const { userId, period, sessionId, kind, engine, category, slot } = usageCounts;
  const placed = rows.map((row) => ({
    row,
    place: JSON.stringify([row.userId, row.period, row.sessionId, row.kind, row.category]),
  }));
  const sorted = placed.sort((a, b) => (a.place < b.place ? -1 : 1)).map(({ row }) => row);
  const key = [userId, period, sessionId, kind, engine, category, slot];
  await upsert(tx, usageCounts, sorted, key, ONE_MORE);
}

const ONE_MORE = { count: added(usageCounts.count) };

function categoryOf({ type, campaignId }: Countable): (typeof USAGE_CATEGORIES)[number] {
  if (type === 'otp') return 'otp';
  return campaignId ? 'campaign' : 'message';
}

/** The warnings that are due and were not given of this limit in this period yet. */
function warningsOf(userId: number, one: Used): Warning[] {
  const { limit, max, used, period, warnedPercent, warnedLimit } = one;
  const warned = warnedLimit === null || warnedLimit === max ? warnedPercent : 0;
  return dueWarnings(used, max)
    .filter((percent) => percent > warned)
    .map((percent) => {
      const fact = usageWarning(userId, { limit, max, used, percent, until: period.until });
      return { fact, percent, max, period: period.name };
    });
}

interface Warning {
  fact: Fact;
  percent: number;
  max: number;
  period: string;
}

/** 80 and 100, those of them that so much use has reached. */
export function dueWarnings(used: number, max: number): (typeof WARNINGS)[number][] {
  return WARNINGS.filter((percent) => used > 0 && used * 100 >= max * percent);
}

/** The fact that a workspace has used so much of a limit. `until`: when it begins again, epoch milliseconds. */
export function usageWarning(
  userId: number,
  facts: { limit: string; max: number; used: number; percent: number; until: number | null },
): Fact {
  const { limit: quota, max: limit, used, percent, until } = facts;
  const ends = until === null ? null : new Date(until).toISOString();
  return {
    userId,
    event: 'usage.warning',
    subject: quota,
    data: { quota, percent, used, limit, until: ends },
  };
}
