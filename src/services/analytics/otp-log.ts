/** The log of one-time passwords: what became of each, never the code. */

import { and, eq, gte, inArray, lt, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { rawRows } from '../../db/ops.ts';
import { messages, OTP_STATUSES, otps } from '../../db/schema.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { findSubscriber } from '../../whatsapp/subscribers.ts';
import { requireScope } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { PageInput } from '../fields.ts';
import type { WaitingFor } from '../messages/schemas.ts';
import { headlinesOf } from '../messages/waiting-for.ts';
import { type Scope, scopeOf } from './filter.ts';
import { countUpTo, findPage, type LogSource, MAX_COUNTED } from './keyset.ts';
import type { LogPage } from './logs.ts';
import type { OtpLogQuery } from './schemas.ts';

export type OtpStatus = (typeof OTP_STATUSES)[number];

export type OtpFilter = Omit<OtpLogQuery, keyof PageInput>;

export interface OtpEntry {
  id: string;
  otpId: string;
  userId: number;
  sessionId: string;
  /** E.164 digits */
  phoneNumber: string;
  status: OtpStatus;
  reason: string | null;
  messageId: string;
  /** of its newest message, where that failed */
  errorCode: string | null;
  expiresAt: string;
  sentAt: string | null;
  verifiedAt: string | null;
  endedAt: string | null;
  attempts: number;
  maxAttempts: number;
  companyName: string | null;
  ipAddress: string | null;
  userAgent: string | null;
  createdAt: string;
  updatedAt: string;
}

/** Counted up to 10,000 each; null: there are more. */
export type OtpStatistics = Record<OtpStatus | 'total', number | null> & {
  /** percent of those that ended; null while there are none, or more than are counted */
  successRate: number | null;
};

const tableSource: LogSource = { table: otps, at: otps.createdAt, id: otps.id };

/** For an admin who looks at everybody's: the newest, because no index is made for that. */
const newestSource: LogSource = {
  ...tableSource,
  table: sql`(select ${otps.id}, ${otps.createdAt}, ${otps.status}, ${otps.phone}, ${otps.requestedSessionId}
    from ${otps} order by ${otps.id} desc limit ${MAX_COUNTED}) as ${sql.identifier('otps')}`,
};

/**
 * The OTPs of a tenant, newest first, and how many are in each state. `all`: of the newest 10,000 of everybody.
 * Throws FORBIDDEN, SESSION_NOT_FOUND (a bound key), INVALID_NUMBER, VALIDATION_FAILED.
 */
export async function listOtpLog(
  ctx: Ctx,
  input: OtpLogQuery,
): Promise<LogPage<OtpEntry> & { statistics: OtpStatistics }> {
  const { rows, ...found } = await findOtps(ctx, input);
  return { ...found, logs: rows.map(toEntry) };
}

export interface OtpLogWithReasons extends LogPage<OtpEntry> {
  statistics: OtpStatistics;
  /** for each code what its message waits for longest; null where it waits for nothing, or is of a session out of reach */
  reasons: (WaitingFor[number] | null)[];
}

/** The same, with the reasons for which codes wait. Throws as `listOtpLog`. */
export async function listOtpLogWithReasons(ctx: Ctx, input: OtpLogQuery): Promise<OtpLogWithReasons> {
  const { rows, ...found } = await findOtps(ctx, input);
  const ids = rows.flatMap(({ otp }) => (otp.status === 'pending' ? [otp.messageRowId] : []));
  const waiting =
    ids.length === 0
      ? []
      : await ctx.db
          .select()
          .from(messages)
          .where(and(inArray(messages.id, ids), ofBound(ctx.actor.sessionIds, messages.sessionId)));
  const headlines = await headlinesOf(ctx, waiting);
  const byId = new Map(waiting.map(({ id }, i) => [id, headlines[i] ?? null]));
  const reasons = rows.map(({ otp }) => byId.get(otp.messageRowId) ?? null);
  return { ...found, logs: rows.map(toEntry), reasons };
}

interface FoundOtps extends Omit<LogPage<OtpEntry>, 'logs'> {
  statistics: OtpStatistics;
  rows: OtpWithError[];
}

async function findOtps(ctx: Ctx, input: OtpLogQuery): Promise<FoundOtps> {
  requireScope(ctx, 'read');
  const scope = scopeOf(ctx, input);
  await ctx.signals.writeTold(scope.tenant);
  const source = scope.tenant === null ? newestSource : tableSource;
  const conditions = otpConditions(scope, input, await readSpellings(ctx, scope, input));
  const branches = otpBranches(scope, input, conditions);
  const { ids, totalItems, nextCursor } = await findPage(ctx.db, source, branches, input);
  const rows = await readWithErrors(ctx.db, ids);
  const place = new Map(ids.map((id, i) => [id, i]));
  rows.sort((a, b) => (place.get(a.otp.id) ?? 0) - (place.get(b.otp.id) ?? 0));
  const counts = await (scope.tenant === null ? countNewest : countEach)(ctx, conditions, input.status);
  const statistics = toStatistics(counts);
  return { rows, totalItems, nextCursor, statistics };
}

interface OtpWithError {
  otp: typeof otps.$inferSelect;
  errorCode: string | null;
}

/** The codes with the errors of their newest messages, in no order. */
export async function readWithErrors(db: Db, ids: readonly string[]): Promise<OtpWithError[]> {
  if (ids.length === 0) return [];
  return db
    .select({ otp: otps, errorCode: messages.errorCode })
    .from(otps)
    .leftJoin(messages, eq(messages.id, otps.messageRowId))
    .where(inArray(otps.id, [...ids]));
}

/** Every spelling that is known of the subscriber that is asked for; null: of everybody. */
export async function readSpellings(
  ctx: Ctx,
  { tenant }: Scope,
  { phoneNumber }: OtpFilter,
): Promise<readonly string[] | null> {
  if (phoneNumber === undefined) return null;
  const phone = normalizePhone(phoneNumber, ctx.config.defaultCountry);
  return (await findSubscriber(ctx.db, tenant ?? ctx.actor.userId, phone)).spellings;
}

/** Everything but the status. `phones`: E.164 digits, null for all. */
export function otpConditions(
  { tenant, sessionIds }: Scope,
  filter: OtpFilter,
  phones: readonly string[] | null = null,
): SQL | undefined {
  return and(
    tenant === null ? undefined : eq(otps.userId, tenant),
    ofBound(sessionIds, otps.requestedSessionId),
    phones === null ? undefined : inArray(otps.phone, [...phones]),
    filter.from === undefined ? undefined : gte(otps.createdAt, filter.from),
    filter.to === undefined ? undefined : lt(otps.createdAt, filter.to),
  );
}

/** A phone has few OTPs and an index of its own; the index of a session goes by status. */
export function otpBranches(
  { sessionIds }: Scope,
  { status, phoneNumber }: OtpFilter,
  conditions: SQL | undefined,
): (SQL | undefined)[] {
  if (status !== undefined) return [and(conditions, eq(otps.status, status))];
  if (sessionIds === null || phoneNumber !== undefined) return [conditions];
  return OTP_STATUSES.map((each) => and(conditions, eq(otps.status, each)));
}

type StatusCounts = Map<OtpStatus, number | null>;

async function countEach(
  ctx: Ctx,
  conditions: SQL | undefined,
  only: OtpStatus | undefined,
): Promise<StatusCounts> {
  const counts: StatusCounts = new Map();
  for (const status of OTP_STATUSES) {
    const where = and(conditions, eq(otps.status, status));
    const skip = only !== undefined && only !== status;
    counts.set(status, skip ? 0 : await countUpTo(ctx.db, tableSource, [where], MAX_COUNTED));
  }
  return counts;
}

/** All states in one go over the newest: each by itself would look for those again. */
async function countNewest(
  ctx: Ctx,
  conditions: SQL | undefined,
  only: OtpStatus | undefined,
): Promise<StatusCounts> {
  const where = and(conditions, only === undefined ? undefined : eq(otps.status, only));
  const rows = await rawRows<{ status: OtpStatus; n: number | string }>(
    ctx.db,
    sql`select ${otps.status} as status, count(*) as n from ${newestSource.table}
      ${where === undefined ? sql`` : sql`where ${where}`} group by ${otps.status}`,
  );
  const found = new Map(rows.map(({ status, n }) => [status, Number(n)]));
  return new Map(OTP_STATUSES.map((status) => [status, found.get(status) ?? 0]));
}

function toStatistics(counts: StatusCounts): OtpStatistics {
  const of = (status: OtpStatus) => counts.get(status) ?? null;
  const ended = sum([of('verified'), of('expired'), of('failed')]);
  const verified = of('verified');
  return {
    total: sum(OTP_STATUSES.map(of)),
    pending: of('pending'),
    sent: of('sent'),
    verified,
    expired: of('expired'),
    failed: of('failed'),
    canceled: of('canceled'),
    successRate:
      ended === null || ended === 0 || verified === null ? null : Math.round((1000 * verified) / ended) / 10,
  };
}

function sum(counts: readonly (number | null)[]): number | null {
  let total = 0;
  for (const count of counts) {
    if (count === null) return null;
    total += count;
  }
  return total;
}

export function toEntry({ otp: row, errorCode }: OtpWithError): OtpEntry {
  return {
    id: row.id,
    otpId: row.id,
    userId: row.userId,
    sessionId: row.requestedSessionId,
    phoneNumber: row.phone,
    status: row.status,
    reason: row.reason,
    messageId: row.messageId,
    errorCode,
    expiresAt: iso(row.expiresAt),
    sentAt: row.sentAt === null ? null : iso(row.sentAt),
    verifiedAt: row.verifiedAt === null ? null : iso(row.verifiedAt),
    endedAt: row.endedAt === null ? null : iso(row.endedAt),
    attempts: row.attempts,
    maxAttempts: row.maxAttempts,
    companyName: row.companyName,
    ipAddress: row.ip,
    userAgent: row.userAgent,
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  };
}

const iso = (at: number) => new Date(at).toISOString();
