/** How many of a tenant's codes were typed in, by day and by country. */

import { and, desc, eq, gte, lt, lte, or, type SQL } from 'drizzle-orm';
import { OTP_STATUSES, otps } from '../../db/schema.ts';
import { turn } from '../../db/turns.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { requireScope } from '../access.ts';
import { statisticsZoneOf } from '../auth/settings.ts';
import type { Ctx } from '../context.ts';
import { quickCountryOf } from '../otp/country.ts';
import { type Scope, scopeOf, type TenantInput } from './filter.ts';
import { percent } from './message-tally.ts';
import type { OtpStatus } from './otp-log.ts';

export interface OtpConversionInput extends Pick<TenantInput, 'userId'> {
  sessionId?: string | undefined;
  /** whole local days, today included */
  days: number;
  timeZone?: string | undefined;
}

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

/** Rows read in one go: some milliseconds. */
const PIECE = 1_000;
const MAX_ROWS = 200_000;

/**
 * The codes that were made in the last `days` days, up to half a minute old. Reads in pieces, so nothing else waits
 * for it. Throws FORBIDDEN, SESSION_NOT_FOUND (a bound key).
 */
export async function readOtpConversion(ctx: Ctx, input: OtpConversionInput): Promise<OtpConversion> {
  requireScope(ctx, 'read');
  const scope = scopeOf(ctx, input);
  const timeZone = await statisticsZoneOf(ctx, input.timeZone, scope.tenant);
  const key = JSON.stringify([scope.tenant, scope.sessionId ?? null, input.days, timeZone]);
  return ctx.statistics.conversions.get(key, () => tally(ctx, scope, input.days, timeZone));
}

async function tally(ctx: Ctx, scope: Scope, days: number, timeZone: string): Promise<OtpConversion> {
  const zone = zoneClock(timeZone);
  const to = ctx.clock.now();
  // From the middle of a day, so that days of 23 and 25 hours lead to the right one.
  const middle = zone.startOfDay(to) + DAY_MS / 2;
  const dates = Array.from({ length: days }, (_, i) => zone.at(middle - (days - 1 - i) * DAY_MS).date);
  const from = zone.startOfDay(middle - (days - 1) * DAY_MS);
  const total = newConversion();
  const byDay = new Map(dates.map((date) => [date, newConversion()]));
  const byCountry = new Map<string | null, Conversion>();
  const complete = await readRows(ctx, scope, from, ({ phone, status, createdAt }) => {
    const country = quickCountryOf(phone);
    const ofCountry = byCountry.get(country) ?? newConversion();
    byCountry.set(country, ofCountry);
    for (const one of [total, byDay.get(zone.at(createdAt).date), ofCountry]) if (one) add(one, status);
  });
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

function add(one: Conversion, status: OtpStatus): void {
  one.total++;
  one[status === 'sent' ? 'pending' : status]++;
}

const rated = (one: Conversion): Conversion => ({
  ...one,
  successRate: percent(one.verified, one.verified + one.expired + one.failed),
});

type Row = Pick<typeof otps.$inferSelect, 'id' | 'phone' | 'status' | 'createdAt'>;

/** Newest first, with turns of the event loop in between. False when there were too many. */
async function readRows(ctx: Ctx, scope: Scope, from: number, use: (row: Row) => void): Promise<boolean> {
  const tenant = and(eq(otps.userId, scope.tenant ?? ctx.actor.userId), gte(otps.createdAt, from));
  // The index of a session goes by status.
  const branches =
    scope.sessionId === undefined
      ? [tenant]
      : OTP_STATUSES.map((each) =>
          and(tenant, eq(otps.requestedSessionId, scope.sessionId ?? ''), eq(otps.status, each)),
        );
  let room = MAX_ROWS;
  for (const branch of branches) {
    let last: Row | null = null;
    for (;;) {
      if (room <= 0) return false;
      const rows: Row[] = await readPiece(ctx, branch, last);
      for (const row of rows) use(row);
      room -= rows.length;
      if (rows.length < PIECE) break;
      last = rows.at(-1) ?? null;
      await turn();
    }
  }
  return true;
}

function readPiece(ctx: Ctx, where: SQL | undefined, last: Row | null): Promise<Row[]> {
  const { id, phone, status, createdAt } = otps;
  return ctx.db
    .select({ id, phone, status, createdAt })
    .from(otps)
    .where(and(where, isOlder(last)))
    .orderBy(desc(createdAt), desc(id))
    .limit(PIECE);
}

/** The first condition bounds the index; an `or` by itself would be read from the newest row on. */
function isOlder(last: Row | null): SQL | undefined {
  if (last === null) return undefined;
  return and(
    lte(otps.createdAt, last.createdAt),
    or(lt(otps.createdAt, last.createdAt), lt(otps.id, last.id)),
  );
}
