/** Logs as CSV, written as they are read: a log of any length takes the memory of one piece. */

import { and, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import type { Cursor } from '../../db/keyset.ts';
import { activityLogs, messages, otps, whatsappAccounts } from '../../db/schema.ts';
import { csvLines } from '../../utils/csv.ts';
import { idAt } from '../../utils/ids.ts';
import { formatE164 } from '../../utils/phone.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { toEntries } from './activity-view.ts';
import { activityBranches, MAX_TENANTS, requireFew, type Scope, scopeOf } from './filter.ts';
import { findRows, type LogSource } from './keyset.ts';
import {
  type OtpFilter,
  otpBranches,
  otpConditions,
  readSpellings,
  readWithErrors,
  toEntry,
} from './otp-log.ts';
import type { ExportQuery } from './schemas.ts';

type ExportInput = Omit<ExportQuery, 'format'> & { otp?: CodeFilter };
/** Which login codes. */
type CodeFilter = Pick<OtpFilter, 'status' | 'phoneNumber'>;

type Cell = string | number | null;
type Line = Record<string, Cell>;

/** One kind of log: its columns, what is in it, and the lines of some of its rows. */
interface Exported {
  columns: readonly string[];
  source: LogSource;
  branches: readonly (SQL | undefined)[];
  lines(ids: string[]): Promise<(Line & { id: string })[]>;
}

/** Rows of one piece: some milliseconds of work, some 10 KB of text. */
const BATCH_SIZE = 100;
/**
 * The text of the file, piece by piece, newest entry first; never a code or the content of a message. Cells that a
 * spreadsheet would take for a formula begin with `'`. Throws as the logs do before the first piece is asked for.
 */
export async function exportLog(ctx: Ctx, input: ExportInput): Promise<AsyncGenerator<string>> {
  requireScope(ctx, 'read');
  const scope = scopeOf(ctx, input);
  await ctx.signals.writeTold(scope.tenant);
  if (input.log === 'activity') await ctx.requestRecorder.flush();
  return write(ctx, await openLog(ctx, scope, input));
}

async function* write(ctx: Ctx, log: Exported): AsyncGenerator<string> {
  yield csvLines([log.columns]);
  const batches = readBatches<Cursor>(BATCH_SIZE, (cursor) =>
    findRows(ctx.db, log.source, log.branches, { cursor, offset: 0, limit: BATCH_SIZE }),
  );
  for await (const found of batches) {
    const lines = new Map((await log.lines(found.map((row) => row.id))).map((line) => [line.id, line]));
    const known = found.flatMap((row) => lines.get(row.id) ?? []);
    yield csvLines(known.map((line) => log.columns.map((name) => line[name] ?? null)));
    await ctx.loopShare.turn(ctx.actor.userId);
  }
}

function openLog(ctx: Ctx, scope: Scope, input: ExportInput): Promise<Exported> {
  if (input.log === 'activity') return openActivity(ctx, scope, input);
  return input.log === 'otp' ? openOtps(ctx, scope, input) : openMessages(ctx, scope, input);
}

async function openActivity(ctx: Ctx, scope: Scope, input: ExportInput): Promise<Exported> {
  return {
    ...(await activityBranches(ctx.db, scope, input)),
    columns: ACTIVITY_COLUMNS,
    async lines(ids) {
      const rows = await ctx.db.select().from(activityLogs).where(inArray(activityLogs.id, ids));
      const entries = await toEntries(ctx, rows);
      return entries.map((entry) => ({
        ...entry,
        phoneNumber: plus(entry.phoneNumber),
        details: JSON.stringify(entry.details),
        requestData: entry.requestData && JSON.stringify(entry.requestData),
        responseData: entry.responseData && JSON.stringify(entry.responseData),
      }));
    },
  };
}

const ACTIVITY_COLUMNS = [
  'createdAt',
  'id',
  'userId',
  'sessionId',
  'action',
  'event',
  'status',
  'messageType',
  'phoneNumber',
  'messageId',
  'duration',
  'errorMessage',
  'ipAddress',
  'userAgent',
  'requestId',
  'details',
  'requestData',
  'responseData',
] as const;

async function openOtps(ctx: Ctx, scope: Scope, input: ExportInput): Promise<Exported> {
  const filter: OtpFilter = { from: input.from, to: input.to, ...input.otp };
  const everybody = scope.tenant === null;
  const conditions = otpConditions(scope, filter, await readSpellings(ctx, scope, filter));
  return {
    columns: OTP_COLUMNS,
    source: { table: otps, at: everybody ? null : otps.createdAt, id: otps.id },
    branches:
      everybody && filter.status === undefined ? [conditions] : otpBranches(scope, filter, conditions),
    async lines(ids) {
      const rows = await readWithErrors(ctx.db, ids);
      return rows.map((row) => ({ ...toEntry(row), phoneNumber: plus(row.otp.phone) }));
    },
  };
}

const OTP_COLUMNS = [
  'createdAt',
  'otpId',
  'userId',
  'sessionId',
  'phoneNumber',
  'status',
  'reason',
  'messageId',
  'attempts',
  'maxAttempts',
  'companyName',
  'ipAddress',
  'userAgent',
  'expiresAt',
  'sentAt',
  'verifiedAt',
  'endedAt',
  'errorCode',
] as const;

async function openMessages(ctx: Ctx, scope: Scope, input: ExportInput): Promise<Exported> {
  const { id, createdAt, userId, accountId } = messages;
  const accounts = scope.sessionIds === null ? null : await readAccounts(ctx, scope.tenant, scope.sessionIds);
  // Everybody's are in order by the primary key alone.
  const byId = scope.tenant === null && accounts === null;
  const by = byId ? id : createdAt;
  const bound = (at: number) => (byId ? idAt(at) : at);
  const window = and(
    input.from === undefined ? undefined : gte(by, bound(input.from)),
    input.to === undefined ? undefined : lt(by, bound(input.to)),
  );
  const whose = scope.tenant === null ? undefined : eq(userId, scope.tenant);
  return {
    columns: MESSAGE_COLUMNS,
    source: { table: messages, at: byId ? null : createdAt, id },
    branches: accounts
      ? accounts.map((account) => and(eq(accountId, account), window))
      : [and(whose, window)],
    async lines(ids) {
      const rows = await ctx.db.select().from(messages).where(inArray(id, ids));
      return rows.map(toMessageLine);
    },
  };
}

/** The sessions of these names: no more than a member may be bound to, or workspaces that an admin's filter takes. */
async function readAccounts(
  ctx: Ctx,
  tenant: number | null,
  sessionIds: readonly string[],
): Promise<string[]> {
  const rows = await ctx.db
    .select({ id: whatsappAccounts.id })
    .from(whatsappAccounts)
    .where(
      and(
        tenant === null ? undefined : eq(whatsappAccounts.userId, tenant),
        inArray(whatsappAccounts.sessionId, [...sessionIds]),
      ),
    )
    .limit(MAX_TENANTS + 1);
  requireFew(rows);
  return rows.map((row) => row.id);
}

const MESSAGE_COLUMNS = [
  'createdAt',
  'messageId',
  'userId',
  'sessionId',
  'direction',
  'phoneNumber',
  'chat',
  'type',
  'status',
  'attempts',
  'errorCode',
  'errorMessage',
  'queuedAt',
  'sentAt',
  'deliveredAt',
  'readAt',
  'failedAt',
] as const;

function toMessageLine(row: typeof messages.$inferSelect): Line & { id: string } {
  const { id, messageId, userId, sessionId, direction, type, status, attempts, errorCode, errorMessage } =
    row;
  return {
    id,
    messageId,
    userId,
    sessionId,
    direction,
    type,
    status,
    attempts,
    errorCode,
    errorMessage,
    phoneNumber: plus(row.phone),
    chat: row.peer,
    createdAt: new Date(row.createdAt).toISOString(),
    queuedAt: iso(row.queuedAt),
    sentAt: iso(row.sentAt),
    deliveredAt: iso(row.deliveredAt),
    readAt: iso(row.readAt),
    failedAt: iso(row.failedAt),
  };
}

const plus = (phone: string | null) => (phone === null ? null : formatE164(phone));
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
