/** The newest messages of a session, counted by the database. */
import { and, avg, count, desc, eq, gte, inArray, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm';
import type { ReadDb } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import type { ZoneClock } from '../../utils/time-zone.ts';
import type { Ctx } from '../context.ts';
import { localTime } from './local-time.ts';
import { ACKNOWLEDGED, type MessageStatistics, summarize, TOP } from './message-tally.ts';

const MAX_ROWS = 200_000;
const PERCENTILES = [50, 90, 95, 99, 100];

interface Period {
  zone: ZoneClock;
  from: number;
  to: number;
}

/** The messages of a session since `from`; false: there were more than 200,000, and only the newest are counted. */
export async function countMessages(
  ctx: Ctx,
  session: { id: string },
  period: Period,
): Promise<{ statistics: MessageStatistics; complete: boolean }> {
  const { scan } = ctx.database;
  const where = and(eq(messages.accountId, session.id), gte(messages.createdAt, period.from));
  const complete = await isComplete(scan, where);
  const rows = newest(scan, where, complete);
  const [groups, topNumbers, responseTime] = await Promise.all([
    readGroups(scan, rows, period),
    readTopNumbers(scan, rows),
    readResponseTime(scan, rows),
  ]);
  return { statistics: summarize({ groups, topNumbers, responseTime }), complete };
}

/** Whether a row counts: the head of an album is none of its messages. */
export const isMessage = (): SQL => ne(messages.type, 'album');

type Rows = ReturnType<typeof newest>;

/** Without a limit the database need not make a table of them first. */
function newest(scan: ReadDb, where: SQL | undefined, complete: boolean) {
  const { direction, type, status, phone, peer, errorCode, queuedAt, sentAt, createdAt } = messages;
  const all = scan
    .select({ direction, type, status, phone, peer, errorCode, queuedAt, sentAt, createdAt })
    .from(messages)
    // What the owner sends from the phone is not ours to count.
    .where(and(where, isNull(messages.source), isMessage()))
    .$dynamic();
  return (complete ? all : all.orderBy(desc(createdAt), desc(messages.id)).limit(MAX_ROWS)).as('newest');
}

async function isComplete(scan: ReadDb, where: SQL | undefined): Promise<boolean> {
  const more = await scan
    .select({ createdAt: messages.createdAt })
    .from(messages)
    .where(where)
    .orderBy(desc(messages.createdAt), desc(messages.id))
    .limit(1)
    .offset(MAX_ROWS);
  return more.length === 0;
}

async function readGroups(scan: ReadDb, rows: Rows, { zone, from, to }: Period) {
  const { direction, type, status, createdAt } = rows;
  const local = localTime(createdAt, zone, from, to);
  const errorCode = sql<
    string | null
  >`case when ${inArray(status, ['failed', 'expired'])} then ${rows.errorCode} end`;
  const groups = await scan
    .select({
      localHour: sql<number>`${local} - ${local} % ${HOUR_MS}`.as('local_hour'),
      direction,
      type,
      status,
      errorCode: errorCode.as('failure'),
      n: count(),
    })
    .from(rows)
    .groupBy(sql`local_hour`, direction, type, status, sql`failure`);
  return groups.map((group) => ({ ...group, localHour: Number(group.localHour), n: Number(group.n) }));
}

async function readTopNumbers(scan: ReadDb, rows: Rows): Promise<MessageStatistics['topNumbers']> {
  const found = await scan
    .select({ number: sql<string>`coalesce(${rows.phone}, ${rows.peer})`.as('number'), n: count() })
    .from(rows)
    .groupBy(sql`number`)
    .orderBy(desc(count()), sql`number`)
    .limit(TOP);
  return found.map(({ number, n }) => ({ phoneNumber: number, messages: Number(n) }));
}

/** From the queue to the acknowledgement. Percentiles are by nearest rank. */
async function readResponseTime(scan: ReadDb, rows: Rows): Promise<MessageStatistics['responseTime']> {
  const times = tookOf(scan, rows);
  const [all] = await scan.select({ n: count(), average: avg(times.took) }).from(times);
  const n = Number(all?.n ?? 0);
  const placeOf = (percent: number) => Math.max(1, Math.ceil((percent / 100) * n));
  const places = [...new Set(PERCENTILES.map(placeOf))];
  const ranked = scan
    .select({
      took: times.took,
      place: sql<number>`row_number() over (order by ${times.took})`.as('place'),
    })
    .from(times)
    .as('ranked');
  const found = n === 0 ? [] : await scan.select().from(ranked).where(inArray(ranked.place, places));
  const byPlace = new Map(found.map(({ place, took }) => [Number(place), Number(took)]));
  const at = (percent: number) => byPlace.get(placeOf(percent)) ?? null;
  return {
    count: n,
    averageMs: n === 0 ? null : Math.round(Number(all?.average)),
    p50Ms: at(50),
    p90Ms: at(90),
    p95Ms: at(95),
    p99Ms: at(99),
    maxMs: at(100),
  };
}

/** How long each of the messages took that WhatsApp acknowledged. */
function tookOf(scan: ReadDb, rows: Rows) {
  const { direction, status, queuedAt, sentAt } = rows;
  const took = sql<number>`case when ${sentAt} > ${queuedAt} then ${sentAt} - ${queuedAt} else 0 end`;
  const wasSent = and(eq(direction, 'out'), inArray(status, [...ACKNOWLEDGED]));
  return scan
    .select({ took: took.as('took') })
    .from(rows)
    .where(and(wasSent, isNotNull(queuedAt), isNotNull(sentAt)))
    .as('times');
}
