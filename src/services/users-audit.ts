/** What happened to a user's account. */
import { and, count, desc, eq, inArray, lt, or } from 'drizzle-orm';
import { activityLogs } from '../db/schema.ts';
import { AppError } from '../utils/errors.ts';
import type { Ctx } from './context.ts';
import { findUser, requireAdmin } from './users.ts';

export interface AuditEntry {
  id: string;
  event: string;
  subject: string | null;
  actorId: number | null;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  status: 'success' | 'failure';
  data: Record<string, unknown>;
  at: string;
}

/** What is audited: users, keys and sign-ins; what sessions do stands in the activity log. */
const AUDITED = [
  'auth.registered',
  'auth.login',
  'auth.login_failed',
  'auth.password_changed',
  'user.created',
  'user.updated',
  'user.disabled',
  'api_key.created',
  'api_key.regenerated',
  'api_key.revoked',
] as const;
/** Exact totals stop here: counting more would read the whole log for a number nobody needs. */
const COUNTED = 10_000;

/** What happened to a user's account, newest first. For admins who signed in. Throws NOT_FOUND. */
export async function auditUser(
  ctx: Ctx,
  input: { id: number; page: number; limit: number; cursor?: string | undefined },
): Promise<{ data: AuditEntry[]; totalItems: number | null; nextCursor: string | null }> {
  requireAdmin(ctx);
  await findUser(ctx.db, input.id);
  const whose = and(eq(activityLogs.userId, input.id), inArray(activityLogs.event, [...AUDITED]));
  const cursor = input.cursor === undefined ? null : parseCursor(input.cursor);
  const before =
    cursor === null
      ? undefined
      : or(
          lt(activityLogs.at, cursor.at),
          and(eq(activityLogs.at, cursor.at), lt(activityLogs.id, cursor.id)),
        );
  const rows = await ctx.db
    .select()
    .from(activityLogs)
    .where(and(whose, before))
    .orderBy(desc(activityLogs.at), desc(activityLogs.id))
    .limit(input.limit)
    .offset(cursor === null ? (input.page - 1) * input.limit : 0);
  const counted = ctx.db
    .select({ id: activityLogs.id })
    .from(activityLogs)
    .where(whose)
    .limit(COUNTED + 1);
  const [total] = await ctx.db.select({ n: count() }).from(counted.as('counted'));
  const n = Number(total?.n ?? 0);
  const last = rows.length === input.limit ? rows.at(-1) : undefined;
  return {
    data: rows.map(toAuditEntry),
    totalItems: n > COUNTED ? null : n,
    nextCursor: last ? `${last.at}.${last.id}` : null,
  };
}

function parseCursor(cursor: string): { at: number; id: string } {
  const [, at, id] = /^(\d{1,15})\.([0-9a-f]{32})$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) {
    throw new AppError('VALIDATION_FAILED', 'The cursor is not one of ours.', {
      details: { cursor: 'is not valid' },
    });
  }
  return { at: Number(at), id };
}

function toAuditEntry(row: typeof activityLogs.$inferSelect): AuditEntry {
  const { id, event, subject, actorId, ip, userAgent, requestId, status, data } = row;
  return {
    id,
    event,
    subject,
    actorId,
    ip,
    userAgent,
    requestId,
    // None of the audited events is pending.
    status: status === 'failure' ? 'failure' : 'success',
    data,
    at: new Date(row.at).toISOString(),
  };
}
