/** Lists sessions and reads the state of one. */

import { and, asc, count, eq } from 'drizzle-orm';
import { whatsappAccounts } from '../../db/schema.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { requireScope, tenantOf } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { findSession, hasLinked, type SessionRef } from './find.ts';
import type { ListSessionsQuery, SessionOutput, SessionStatusOutput } from './schemas.ts';
import { toSession, toSessionStatus } from './view.ts';

const accounts = whatsappAccounts;
/** Without `limit` all are listed, as older clients expect; no user has more than this. */
const MAX_LISTED = 10_000;

export interface SessionList {
  data: SessionOutput[];
  pagination: { page: number; limit: number; totalItems: number; totalPages: number };
}

/** The caller's sessions, oldest first; an admin may ask for another user's or for all. */
export async function listSessions(ctx: Ctx, input: ListSessionsQuery = {}): Promise<SessionList> {
  requireScope(ctx, 'read');
  const tenant = tenantOf(ctx, input);
  const { sessionIds } = ctx.actor;
  const where = and(
    tenant === null ? undefined : eq(accounts.userId, tenant),
    ofBound(sessionIds, accounts.sessionId),
  );
  const [total] = await ctx.db.select({ n: count() }).from(accounts).where(where);
  const totalItems = total?.n ?? 0;
  const limit = input.limit ?? MAX_LISTED;
  const page = input.page ?? 1;
  const rows = await ctx.db
    .select()
    .from(accounts)
    .where(where)
    .orderBy(asc(accounts.createdAt), asc(accounts.id))
    .limit(limit)
    .offset((page - 1) * limit);
  return {
    data: rows.map((row) => toSession(row, ctx.clock.now())),
    pagination: { page, limit, totalItems, totalPages: Math.ceil(totalItems / limit) },
  };
}

/** Everything that is known of one session. Throws SESSION_NOT_FOUND. */
export async function getSessionStatus(ctx: Ctx, ref: SessionRef): Promise<SessionStatusOutput> {
  requireScope(ctx, 'read');
  return toSessionStatus(ctx, await findSession(ctx, ref));
}

/** Whether this phone is linked to an active session of the caller's own. Throws INVALID_NUMBER. */
export async function checkPhone(
  ctx: Ctx,
  input: { phoneNumber: string },
): Promise<{ hasActiveSession: boolean }> {
  requireScope(ctx, 'read');
  const phone = normalizePhone(input.phoneNumber, ctx.config.defaultCountry);
  const { userId, sessionIds } = ctx.actor;
  const [row] = await ctx.db
    .select({ id: accounts.id })
    .from(accounts)
    .where(and(hasLinked(userId, phone), ofBound(sessionIds, accounts.sessionId)));
  return { hasActiveSession: row !== undefined };
}
