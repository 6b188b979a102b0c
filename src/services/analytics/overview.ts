/** A tenant's last hours and days at a glance: what was sent and came in, codes, what waits, what went wrong. */

import { and, count, desc, eq, gte, inArray, isNull, like, lt, min, sql } from 'drizzle-orm';
import { messageQueue, messages, whatsappAccounts } from '../../db/schema.ts';
import { DAY_MS, HOUR_MS } from '../../utils/durations.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { requireScope } from '../access.ts';
import { timeZoneOf } from '../auth/settings.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { isMessage } from './message-counts.ts';
import { percent } from './message-tally.ts';
import { listOtpLog, type OtpStatistics } from './otp-log.ts';

export const OVERVIEW_RANGES = ['24h', '7d', '30d'] as const;
export type OverviewRange = (typeof OVERVIEW_RANGES)[number];

export interface Bucket {
  /** epoch ms */
  from: number;
  to: number;
  /** hour of the day for 24 hours, else the date; in the zone of the service */
  label: string;
  counts: MessageCounts;
}

/** Messages by where they have come; each counts once. */
export interface MessageCounts {
  waiting: number;
  sent: number;
  delivered: number;
  read: number;
  failed: number;
  expired: number;
  canceled: number;
  received: number;
}

export interface Volume {
  range: OverviewRange;
  buckets: Bucket[];
  total: MessageCounts;
  /** percent of what WhatsApp took that reached the phone; null when nothing was sent */
  deliveryRate: number | null;
  otp: OtpStatistics;
  /** false: there were more than 200,000 messages, and only the newest are counted */
  complete: boolean;
}

const MAX_ROWS = 200_000;
/** A busy page asks every few seconds. */
const KEEP_MS = 15_000;
/** Spans older than this hardly change: a receipt may still come. */
const STABLE_AFTER_MS = 26 * HOUR_MS;
const KEEP_STABLE_MS = HOUR_MS;
/** More than 5,000 sessions of one tenant are looked at in the session list. */
const MAX_SESSIONS = 5_000;
const MAX_WAITING = 100_000;

export interface KeptCounts extends Counted {
  until: number;
}

interface Counted {
  counts: MessageCounts;
  /** posts to channels among those that were sent: WhatsApp tells of none whether it has reached a phone */
  posts: number;
}

/**
 * The caller's messages of the last 24 hours, 7 or 30 days in steps of an hour or a day, up to 15 s old.
 */
export async function readVolume(ctx: Ctx, input: { range: OverviewRange }): Promise<Volume> {
  requireScope(ctx, 'read');
  const spans = spansOf(ctx, input.range, await timeZoneOf(ctx, ctx.actor.userId));
  const buckets: Bucket[] = [];
  let left = MAX_ROWS;
  let posts = 0;
  // The newest first: when there are too many, the oldest are left out.
  for (const span of spans.reverse()) {
    const found = left > 0 ? await countSpan(ctx, span, left) : { counts: noCounts(), posts: 0 };
    left -= sumOf(found.counts);
    posts += found.posts;
    buckets.unshift({ ...span, counts: found.counts });
  }
  const total = buckets.reduce((sum, { counts }) => addCounts(sum, counts), noCounts());
  const reached = total.delivered + total.read;
  const { statistics } = await listOtpLog(ctx, { from: buckets[0]?.from, page: 1, limit: 1 });
  return {
    range: input.range,
    buckets,
    total,
    deliveryRate: percent(reached, reached + total.sent - posts),
    otp: statistics,
    complete: left > 0,
  };
}

interface Span {
  from: number;
  to: number;
  label: string;
}

function spansOf(ctx: Ctx, range: OverviewRange, timeZone: string): Span[] {
  const zone = zoneClock(timeZone);
  const now = ctx.clock.now();
  if (range === '24h') {
    const end = now - (now % HOUR_MS) + HOUR_MS;
    return Array.from({ length: 24 }, (_, i) => {
      const from = end - (24 - i) * HOUR_MS;
      return { from, to: from + HOUR_MS, label: `${String(zone.at(from).hour).padStart(2, '0')}:00` };
    });
  }
  const days = range === '7d' ? 7 : 30;
  const today = zone.startOfDay(now);
  // From the middle of a day, so that days of 23 and 25 hours lead to the right one.
  const starts = Array.from({ length: days + 1 }, (_, i) =>
    zone.startOfDay(today + DAY_MS / 2 - (days - 1 - i) * DAY_MS),
  );
  return starts.slice(0, -1).map((from, i) => ({
    from,
    to: starts[i + 1] ?? from + DAY_MS,
    label: zone.at(from).date.slice(5),
  }));
}

async function countSpan(ctx: Ctx, span: Span, atMost: number): Promise<Counted> {
  const cache = ctx.statistics.volumes;
  const key = `${ctx.actor.userId}:${span.from}:${span.to}:${ctx.actor.sessionIds?.join(',') ?? ''}`;
  const now = ctx.clock.now();
  const known = cache.get(key);
  if (known && known.until > now) return known;
  const counted = await countRows(ctx, span, atMost);
  const keepMs = span.to < now - STABLE_AFTER_MS ? KEEP_STABLE_MS : KEEP_MS;
  if (sumOf(counted.counts) < atMost) cache.set(key, { ...counted, until: now + keepMs });
  return counted;
}

/** The newest `atMost` of the span. */
async function countRows(ctx: Ctx, { from, to }: Span, atMost: number): Promise<Counted> {
  const { scan } = ctx.database;
  const { id, createdAt, direction, status, userId, peer } = messages;
  const bound = ctx.actor.sessionIds;
  const newest = scan
    .select({ direction, status, peer })
    .from(messages)
    .where(
      and(
        eq(userId, ctx.actor.userId),
        gte(createdAt, from),
        lt(createdAt, to),
        ofBound(bound, messages.sessionId),
        // What the owner sends from the phone is not ours to count.
        isNull(messages.source),
        isMessage(),
      ),
    )
    .orderBy(desc(createdAt), desc(id))
    .limit(atMost)
    .as('newest');
  const isPost = sql<number>`case when ${like(newest.peer, '%@newsletter')} then 1 else 0 end`;
  const groups = await scan
    .select({ direction: newest.direction, status: newest.status, post: isPost.as('post'), n: count() })
    .from(newest)
    .groupBy(newest.direction, newest.status, sql`post`);
  const counts = noCounts();
  let posts = 0;
  for (const { direction, status, post, n } of groups) {
    const place = direction === 'in' ? 'received' : placeOf(status);
    counts[place] += Number(n);
    if (place === 'sent' && Number(post) === 1) posts += Number(n);
  }
  return { counts, posts };
}

const PLACES: Record<string, Exclude<keyof MessageCounts, 'received'> | undefined> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  failed: 'failed',
  expired: 'expired',
  canceled: 'canceled',
};
const placeOf = (status: string) => PLACES[status] ?? 'waiting';

const noCounts = (): MessageCounts => ({
  waiting: 0,
  sent: 0,
  delivered: 0,
  read: 0,
  failed: 0,
  expired: 0,
  canceled: 0,
  received: 0,
});

function addCounts(a: MessageCounts, b: MessageCounts): MessageCounts {
  return {
    waiting: a.waiting + b.waiting,
    sent: a.sent + b.sent,
    delivered: a.delivered + b.delivered,
    read: a.read + b.read,
    failed: a.failed + b.failed,
    expired: a.expired + b.expired,
    canceled: a.canceled + b.canceled,
    received: a.received + b.received,
  };
}

const sumOf = (counts: MessageCounts): number => Object.values(counts).reduce((sum, n) => sum + n, 0);

export interface Backlog {
  /** messages that wait or are being sent; counted up to 100,000 */
  messages: number;
  /** how long the one that has been due for the longest waits; null when none is due */
  oldestDueMs: number | null;
}

/** Messages that wait in the queues of the caller's sessions. */
export async function readBacklog(ctx: Ctx): Promise<Backlog> {
  requireScope(ctx, 'read');
  const { userId, sessionIds } = ctx.actor;
  const own = await ctx.db
    .select({ id: whatsappAccounts.id })
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), ofBound(sessionIds, whatsappAccounts.sessionId)))
    .limit(MAX_SESSIONS);
  if (own.length === 0) return { messages: 0, oldestDueMs: null };
  const mine = inArray(
    messageQueue.accountId,
    own.map(({ id }) => id),
  );
  const { scan } = ctx.database;
  const waiting = scan
    .select({ availableAt: messageQueue.availableAt })
    .from(messageQueue)
    .where(mine)
    .limit(MAX_WAITING)
    .as('waiting');
  const now = ctx.clock.now();
  const [row] = await scan.select({ n: count(), oldest: min(waiting.availableAt) }).from(waiting);
  const oldest = row?.oldest == null ? null : Number(row.oldest);
  return {
    messages: Number(row?.n ?? 0),
    oldestDueMs: oldest === null || oldest > now ? null : now - oldest,
  };
}
