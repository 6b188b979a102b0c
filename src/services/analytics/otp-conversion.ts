/** How many of a tenant's codes were typed in, by day and by country. */

import { and, count, desc, eq, gte, inArray, or, type SQL, sql } from 'drizzle-orm';
import type { ReadDb } from '../../db/client.ts';
import { OTP_STATUSES, otps } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { requireScope } from '../access.ts';
import { statisticsZoneOf } from '../auth/settings.ts';
import type { Ctx } from '../context.ts';
import { COUNTRY_CODES, quickCountryOf } from '../otp/country.ts';
import { type Scope, scopeOf } from './filter.ts';
import { localTime } from './local-time.ts';
import { percent } from './message-tally.ts';
import type { OtpStatus } from './otp-log.ts';
import type { OtpConversionQuery } from './schemas.ts';

export interface Conversion {
  total: number;
  verified: number;
  expired: number;
  failed: number;
  canceled: number;
  /** still open */
  pending: number;
  /** percent of those that ended and were not replaced; null while there are none */
  successRate: number | null;
}

export interface OtpConversion {
  period: {
    from: string;
    to: string;
    days: number;
    timeZone: string;
    /** false: there were more than 200,000 codes, and only the newest are counted */
    complete: boolean;
  };
  total: Conversion;
  /** every day of the period, oldest first */
  byDay: (Conversion & { date: string })[];
  /** the most first; null: a number of no country */
  byCountry: (Conversion & { country: string | null })[];
}

const MAX_ROWS = 200_000;

/**
 * The codes that were made in the last `days` days, up to half a minute old. Throws FORBIDDEN, SESSION_NOT_FOUND (a bound key).
 */
export async function readOtpConversion(ctx: Ctx, input: OtpConversionQuery): Promise<OtpConversion> {
  requireScope(ctx, 'read');
  const scope = scopeOf(ctx, input);
  const timeZone = await statisticsZoneOf(ctx, input.timeZone, scope.tenant);
  const key = JSON.stringify([scope.tenant, scope.sessionIds, input.days, timeZone]);
  return ctx.statistics.conversions.get(key, () => tally(ctx, scope, input.days, timeZone));
}

async function tally(ctx: Ctx, scope: Scope, days: number, timeZone: string): Promise<OtpConversion> {
  const zone = zoneClock(timeZone);
  const to = ctx.clock.now();
  // From the middle of a day, so that days of 23 and 25 hours lead to the right one.
  const middle = zone.startOfDay(to) + DAY_MS / 2;
  const dates = Array.from({ length: days }, (_, i) => zone.at(middle - (days - 1 - i) * DAY_MS).date);
  const from = zone.startOfDay(middle - (days - 1) * DAY_MS);
  const where = codesOf(ctx, scope, from);
  const { scan } = ctx.database;
  const complete = await isComplete(scan, where);
  const rows = newest(scan, where, complete);
  const [daily, regional] = await Promise.all([
    countByDay(scan, rows, localTime(rows.createdAt, zone, from, to)),
    countByRegion(scan, rows),
  ]);
  const total = newConversion();
  const byDay = new Map(dates.map((date) => [date, newConversion()]));
  for (const { localDay, status, n } of daily) {
    const day = byDay.get(new Date(localDay).toISOString().slice(0, 10));
    for (const one of [total, day]) if (one) add(one, status, n);
  }
  const byCountry = new Map<string | null, Conversion>();
  for (const { region, status, n } of regional) {
    const country = quickCountryOf(region);
    const ofCountry = byCountry.get(country) ?? newConversion();
    byCountry.set(country, ofCountry);
    add(ofCountry, status, n);
  }
  return {
    period: {
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      days,
      timeZone,
      complete,
    },
    total: rated(total),
    byDay: [...byDay].map(([date, one]) => ({ date, ...rated(one) })),
    byCountry: [...byCountry]
      .map(([country, one]) => ({ country, ...rated(one) }))
      .sort((a, b) => b.total - a.total || ((a.country ?? '') < (b.country ?? '') ? -1 : 1)),
  };
}

const newConversion = (): Conversion => ({
  total: 0,
  verified: 0,
  expired: 0,
  failed: 0,
  canceled: 0,
  pending: 0,
  successRate: null,
});

function add(one: Conversion, status: OtpStatus, n: number): void {
  one.total += n;
  one[status === 'sent' ? 'pending' : status] += n;
}

const rated = (one: Conversion): Conversion => ({
  ...one,
  successRate: percent(one.verified, one.verified + one.expired + one.failed),
});

function codesOf(ctx: Ctx, scope: Scope, from: number): SQL | undefined {
  const { userId, requestedSessionId, status, createdAt } = otps;
  const ofSession =
    scope.sessionIds === null
      ? undefined
      : // The index of a session goes by status.
        and(inArray(requestedSessionId, [...scope.sessionIds]), inArray(status, [...OTP_STATUSES]));
  return and(eq(userId, scope.tenant ?? ctx.actor.userId), ofSession, gte(createdAt, from));
}

type Rows = ReturnType<typeof newest>;

/** Without a limit the database need not make a table of them first. */
function newest(scan: ReadDb, where: SQL | undefined, complete: boolean) {
  const { id, phone, status, createdAt } = otps;
  const all = scan.select({ phone, status, createdAt }).from(otps).where(where).$dynamic();
  return (complete ? all : all.orderBy(desc(createdAt), desc(id)).limit(MAX_ROWS)).as('newest');
}

async function isComplete(scan: ReadDb, where: SQL | undefined): Promise<boolean> {
  const { id, createdAt } = otps;
  const more = await scan
    .select({ id })
    .from(otps)
    .where(where)
    .orderBy(desc(createdAt), desc(id))
    .limit(1)
    .offset(MAX_ROWS);
  return more.length === 0;
}

async function countByDay(
  scan: ReadDb,
  rows: Rows,
  local: SQL,
): Promise<{ localDay: number; status: OtpStatus; n: number }[]> {
  const found = await scan
    .select({
      localDay: sql<number>`${local} - ${local} % ${DAY_MS}`.as('local_day'),
      status: rows.status,
      n: count(),
    })
    .from(rows)
    .groupBy(sql`local_day`, rows.status);
  return found.map((row) => ({ ...row, localDay: Number(row.localDay), n: Number(row.n) }));
}

/** By the beginning of a number where that tells its country, else by the whole number. */
async function countByRegion(
  scan: ReadDb,
  rows: Rows,
): Promise<{ region: string; status: OtpStatus; n: number }[]> {
  const tells = [1, 2, 3].map((length) =>
    inArray(
      sql`substr(${rows.phone}, 1, ${length})`,
      COUNTRY_CODES.filter((code) => code.length === length),
    ),
  );
  const found = await scan
    .select({
      region:
        sql<string>`case when ${or(...tells)} then substr(${rows.phone}, 1, 3) else ${rows.phone} end`.as(
          'region',
        ),
      status: rows.status,
      n: count(),
    })
    .from(rows)
    .groupBy(sql`region`, rows.status);
  return found.map((row) => ({ ...row, n: Number(row.n) }));
}
