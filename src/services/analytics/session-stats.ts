/** What a session did in the last days. */

import { and, desc, eq, gte, lt, lte, or, type SQL } from 'drizzle-orm';
import { messages, OTP_STATUSES, otps } from '../../db/schema.ts';
import { turn } from '../../db/turns.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { type ZoneClock, zoneClock } from '../../utils/time-zone.ts';
import { requireScope } from '../access.ts';
import { statisticsZoneOf } from '../auth/settings.ts';
import type { Ctx } from '../context.ts';
import { findSession, type SessionRecord } from '../sessions/find.ts';
import { createTally, type MessageStatistics, percent } from './message-tally.ts';
import { readUptime, type Uptime } from './uptime.ts';
import { type SessionState, stateOf } from './vocabulary.ts';

export interface SessionStatsInput {
  sessionId: string;
  userId?: number | undefined;
  /** whole local days, today included */
  days: number;
  timeZone?: string | undefined;
}

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

/** Rows read in one go: some milliseconds. */
const PIECE = 1_000;
const MAX_ROWS = 200_000;

/**
 * Statistics of the last `days` days, up to half a minute old. Reads in pieces, so nothing else waits for it.
 * Throws SESSION_NOT_FOUND.
 */
export async function readSessionStats(ctx: Ctx, input: SessionStatsInput): Promise<SessionStats> {
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
  const { statistics, complete } = await tallyMessages(ctx, session, zone, from);
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

async function tallyMessages(
  ctx: Ctx,
  session: SessionRecord,
  zone: ZoneClock,
  from: number,
): Promise<{ statistics: MessageStatistics; complete: boolean }> {
  const tally = createTally(zone);
  const { id, direction, type, status, phone, peer, errorCode, queuedAt, sentAt, createdAt } = messages;
  const where = and(eq(messages.accountId, session.id), gte(createdAt, from));
  const complete = await readPieces(
    (last) =>
      ctx.db
        .select({ id, direction, type, status, phone, peer, errorCode, queuedAt, sentAt, createdAt })
        .from(messages)
        .where(and(where, isOlder(messages, last)))
        .orderBy(desc(createdAt), desc(id))
        .limit(PIECE),
    (row) => tally.add(row),
  );
  return { statistics: tally.result(), complete };
}

async function tallyOtps(ctx: Ctx, session: SessionRecord, from: number): Promise<SessionStats['otp']> {
  const counts = { pending: 0, sent: 0, verified: 0, expired: 0, failed: 0, canceled: 0 };
  let failedAttempts = 0;
  const { id, attempts, createdAt } = otps;
  for (const status of OTP_STATUSES) {
    const where = and(
      eq(otps.userId, session.userId),
      eq(otps.requestedSessionId, session.sessionId),
      eq(otps.status, status),
      gte(createdAt, from),
    );
    await readPieces(
      (last) =>
        ctx.db
          .select({ id, attempts, createdAt })
          .from(otps)
          .where(and(where, isOlder(otps, last)))
          .orderBy(desc(createdAt), desc(id))
          .limit(PIECE),
      (row) => {
        counts[status]++;
        failedAttempts += row.attempts - (status === 'verified' ? 1 : 0);
      },
    );
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

interface Placed {
  createdAt: number;
  id: string;
}

/** Newest first, with turns of the event loop in between. False when there were too many. */
async function readPieces<R extends Placed>(
  read: (last: Placed | null) => PromiseLike<R[]>,
  use: (row: R) => void,
): Promise<boolean> {
  let last: Placed | null = null;
  for (let done = 0; done < MAX_ROWS; done += PIECE) {
    const rows: R[] = await read(last);
    for (const row of rows) use(row);
    if (rows.length < PIECE) return true;
    last = rows.at(-1) ?? null;
    await turn();
  }
  return false;
}

/** The first condition bounds the index; an `or` by itself would be read from the newest row on. */
function isOlder(table: typeof messages | typeof otps, last: Placed | null): SQL | undefined {
  if (last === null) return undefined;
  return and(
    lte(table.createdAt, last.createdAt),
    or(lt(table.createdAt, last.createdAt), lt(table.id, last.id)),
  );
}
