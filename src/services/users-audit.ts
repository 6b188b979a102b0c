/** The audit of a user's account. */

import { and, count, desc, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import { type Cursor, encodeCursor, isOlder, type Keyset, parseCursor } from '../db/keyset.ts';
import { activityLogs } from '../db/schema.ts';
import type { Ctx } from './context.ts';
import type { PageInput, UserIdParams } from './fields.ts';
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

/** The audited events: users, keys, sign-ins, and links that come or go; what sessions do is in the activity log. */
const AUDITED = [
  'auth.registered',
  'auth.login',
  'auth.login_failed',
  'auth.password_changed',
  'auth.signed_out_everywhere',
  'auth.under_attack',
  'auth.identity_linked',
  'auth.identity_unlinked',
  'auth.sign_in_ended',
  'auth.second_factor_added',
  'auth.second_factor_removed',
  'auth.second_factor_failed',
  'auth.second_factors_cleared',
  'auth.recovery_codes_made',
  'auth.recovery_code_used',
  'auth.reset_link_made',
  'auth.password_reset',
  'user.created',
  'user.updated',
  'user.disabled',
  'api_key.created',
  'api_key.regenerated',
  'api_key.revoked',
  'session.imported',
  'session.exported',
] as const;
/**
 * Facts that one page looks through: between those of an account lie the calls that a busy client makes, and none of
 * them has a session.
 */
const LOOKED_THROUGH = 20_000;

const FACTS: Keyset = { at: activityLogs.at, id: activityLogs.id };

/**
 * The events of a user's account, newest first. A page may be short, even empty, and have a next one all the same;
 * `totalItems` is null when there is more to look through than for one page. For admins who signed in. Throws NOT_FOUND.
 */
export async function auditUser(
  ctx: Ctx,
  input: UserIdParams & PageInput,
): Promise<{ data: AuditEntry[]; totalItems: number | null; nextCursor: string | null }> {
  requireAdmin(ctx);
  await findUser(ctx.db, input.id);
  const cursor = parseCursor(input.cursor);
  const recent = recentFacts(ctx, input.id, cursor);
  const found = await ctx.db
    .select({ id: recent.id, at: recent.at })
    .from(recent)
    .where(inArray(recent.event, [...AUDITED]))
    .orderBy(desc(recent.at), desc(recent.id))
    .limit(input.limit)
    .offset(cursor === null ? (input.page - 1) * input.limit : 0);
  const ids = found.map(({ id }) => id);
  const rows = await ctx.db
    .select()
    .from(activityLogs)
    .where(inArray(activityLogs.id, ids))
    .orderBy(desc(activityLogs.at), desc(activityLogs.id));
  const next = found.length === input.limit ? found.at(-1) : await lastLookedAt(ctx, input.id, cursor);
  return {
    data: rows.map(toAuditEntry),
    totalItems: await countAudited(ctx, input.id),
    nextCursor: next ? encodeCursor(next) : null,
  };
}

/** The facts without a session of a user, from `before` on, as many as one page looks through. */
function recentFacts(ctx: Ctx, userId: number, before: Cursor | null) {
  const { id, at, event } = activityLogs;
  return ctx.db
    .select({ id, at, event })
    .from(activityLogs)
    .where(isWithoutSession(userId, before))
    .orderBy(desc(at), desc(id))
    .limit(LOOKED_THROUGH)
    .as('recent');
}

function isWithoutSession(userId: number, before: Cursor | null): SQL | undefined {
  return and(eq(activityLogs.userId, userId), isNull(activityLogs.sessionId), isOlder(FACTS, before));
}

/** Where the next page begins when this one has looked through all it may. */
async function lastLookedAt(ctx: Ctx, userId: number, before: Cursor | null): Promise<Cursor | undefined> {
  const { id, at } = activityLogs;
  const [last] = await ctx.db
    .select({ id, at })
    .from(activityLogs)
    .where(isWithoutSession(userId, before))
    .orderBy(desc(at), desc(id))
    .limit(1)
    .offset(LOOKED_THROUGH - 1);
  return last;
}

async function countAudited(ctx: Ctx, userId: number): Promise<number | null> {
  const recent = recentFacts(ctx, userId, null);
  const audited = sql`sum(case when ${inArray(recent.event, [...AUDITED])} then 1 else 0 end)`;
  const [row] = await ctx.db.select({ all: count(), audited }).from(recent);
  return Number(row?.all ?? 0) === LOOKED_THROUGH ? null : Number(row?.audited ?? 0);
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
