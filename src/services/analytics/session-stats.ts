/** Statistics of a session in the last days. */

import { and, count, eq, gte, inArray, sum } from 'drizzle-orm';
import { OTP_STATUSES, otps } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { requireScope } from '../access.ts';
import { statisticsZoneOf } from '../auth/settings.ts';
import type { Ctx } from '../context.ts';
import { findSession, type SessionRecord } from '../sessions/find.ts';
import { countMessages } from './message-counts.ts';
import { type MessageStatistics, percent } from './message-tally.ts';
import type { SessionStatsQuery } from './schemas.ts';
import { readUptime, type Uptime } from './uptime.ts';
import { type SessionState, stateOf } from './vocabulary.ts';

export interface SessionStats extends MessageStatistics {
  sessionId: string;
  /** E.164 digits */
  phoneNumber: string | null;
  name: string | null;
  status: SessionState;
  sessionStatus: SessionRecord['status'];
  period: {
    from: string;
    to: string;
    days: number;
    timeZone: string;
    /** false: there were more than 200,000 messages, and only the newest are counted */
    complete: boolean;
  };
  otp: {
    total: number;
    verified: number;
    expired: number;
    failed: number;
    canceled: number;
    pending: number;
    /** wrong codes that were typed */
    failedAttempts: number;
    successRate: number | null;
  };
  uptime: Uptime;
  timestamp: string;
}

/**
 * Statistics of the last `days` days, up to half a minute old. Throws SESSION_NOT_FOUND.
 */
export async function readSessionStats(
  ctx: Ctx,
  input: SessionStatsQuery & { sessionId: string },
): Promise<SessionStats> {
  requireScope(ctx, 'read');
  const session = await findSession(ctx, input);
  const timeZone = await statisticsZoneOf(ctx, input.timeZone, session.userId);
  const key = `${session.id}:${input.days}:${timeZone}`;
  return ctx.statistics.sessions.get(key, () => compute(ctx, session, input.days, timeZone));
}

async function compute(
  ctx: Ctx,
  session: SessionRecord,
  days: number,
  timeZone: string,
): Promise<SessionStats> {
  const zone = zoneClock(timeZone);
  const to = ctx.clock.now();
  // From the middle of a day, so that days of 23 and 25 hours lead to the right one.
  const from = zone.startOfDay(zone.startOfDay(to) + DAY_MS / 2 - (days - 1) * DAY_MS);
  const { statistics, complete } = await countMessages(ctx, session, { zone, from, to });
  return {
    sessionId: session.sessionId,
    phoneNumber: session.phoneNumber,
    name: session.name,
    status: stateOf(session.status),
    sessionStatus: session.status,
    period: {
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      days,
      timeZone,
      complete,
    },
    ...statistics,
    otp: await tallyOtps(ctx, session, from),
    uptime: await readUptime(ctx.db, session, { from, to }),
    timestamp: new Date(to).toISOString(),
  };
}

async function tallyOtps(ctx: Ctx, session: SessionRecord, from: number): Promise<SessionStats['otp']> {
  const { userId, requestedSessionId, status, attempts, createdAt } = otps;
  const rows = await ctx.database.scan
    .select({ status, n: count(), attempts: sum(attempts) })
    .from(otps)
    .where(
      and(
        eq(userId, session.userId),
        eq(requestedSessionId, session.sessionId),
        // Named, so that the index leads to the newest of each.
        inArray(status, [...OTP_STATUSES]),
        gte(createdAt, from),
      ),
    )
    .groupBy(status);
  const counts = { pending: 0, sent: 0, verified: 0, expired: 0, failed: 0, canceled: 0 };
  let failedAttempts = 0;
  for (const row of rows) {
    counts[row.status] = Number(row.n);
    failedAttempts += Number(row.attempts) - (row.status === 'verified' ? Number(row.n) : 0);
  }
  const { verified, expired, failed, canceled } = counts;
  const pending = counts.pending + counts.sent;
  const ended = verified + expired + failed;
  return {
    total: ended + canceled + pending,
    verified,
    expired,
    failed,
    canceled,
    pending,
    failedAttempts,
    successRate: percent(verified, ended),
  };
}
