/** Whose and which entries a log shows: filters as branches of the indexes. */

import { and, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { ACTIVITY_ACTIONS, ACTIVITY_STATUSES, activityLogs, whatsappAccounts } from '../../db/schema.ts';
import type { Action } from '../../events/table.ts';
import { AppError } from '../../utils/errors.ts';
import { idAt } from '../../utils/ids.ts';
import { requireSession, tenantOf } from '../access.ts';
import type { BoundSessions } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { PageInput, TenantInput } from '../fields.ts';
import type { LogSource } from './keyset.ts';
import type { ActivityQuery } from './schemas.ts';
import { fromLogStatus } from './vocabulary.ts';

/** Which entries; `from`, inclusive, and `to`, exclusive, in epoch milliseconds. */
export type ActivityFilter = Omit<ActivityInput, keyof PageInput>;

/** What `GET` takes, and several actions at once. */
export interface ActivityInput extends Omit<ActivityQuery, 'action'> {
  action?: Action | readonly Action[] | undefined;
}

/** Whose log: null is everybody's. Whoever is bound to sessions sees those only. */
export interface Scope {
  tenant: number | null;
  /** null: all */
  sessionIds: BoundSessions;
}

export const activitySource: LogSource = {
  table: activityLogs,
  at: activityLogs.at,
  id: activityLogs.id,
};

/** Of everybody's log without a filter: by the primary key, whose time is that of the row. */
const allSource: LogSource = { ...activitySource, at: null };

/** Tenants that may have a session of one name before an admin has to say whose is meant. */
export const MAX_TENANTS = 50;

/** Throws FORBIDDEN for somebody else's, SESSION_NOT_FOUND for a session that the key is not bound to. */
export function scopeOf(ctx: Ctx, asked: TenantInput & { sessionId?: string | undefined }): Scope {
  const tenant = tenantOf(ctx, asked);
  if (asked.sessionId !== undefined) requireSession(ctx, asked.sessionId);
  const sessionIds = asked.sessionId === undefined ? ctx.actor.sessionIds : [asked.sessionId];
  return { tenant, sessionIds };
}

/**
 * The branches of a filter over the activity log, and by which columns they are in order. Throws VALIDATION_FAILED where an admin has
 * to say whose session is meant.
 */
export async function activityBranches(
  db: Db,
  scope: Scope,
  filter: ActivityFilter,
): Promise<{ source: LogSource; branches: (SQL | undefined)[] }> {
  const whose = await tenantConditions(db, scope);
  const kinds = kindConditions(filter);
  const [only] = whose;
  if (whose.length === 1 && only === undefined && kinds.length === 1 && kinds[0] === undefined) {
    return { source: allSource, branches: [withinIds(filter)] };
  }
  const window = and(
    filter.from === undefined ? undefined : gte(activityLogs.at, filter.from),
    filter.to === undefined ? undefined : lt(activityLogs.at, filter.to),
  );
  return {
    source: activitySource,
    branches: whose.flatMap((tenant) => kinds.map((kind) => and(tenant, kind, window))),
  };
}

async function tenantConditions(db: Db, { tenant, sessionIds }: Scope): Promise<(SQL | undefined)[]> {
  const { userId, sessionId: name } = activityLogs;
  if (sessionIds === null) return [tenant === null ? undefined : eq(userId, tenant)];
  const tenants = tenant === null ? await tenantsWith(db, sessionIds) : [tenant];
  // Each session is a branch: the index has them in order one by one.
  return tenants.flatMap((id) => sessionIds.map((one) => and(eq(userId, id), eq(name, one))));
}

async function tenantsWith(db: Db, sessionIds: readonly string[]): Promise<number[]> {
  const rows = await db
    .select({ userId: whatsappAccounts.userId })
    .from(whatsappAccounts)
    .where(inArray(whatsappAccounts.sessionId, [...sessionIds]))
    .limit(MAX_TENANTS + 1);
  requireFew(rows);
  return rows.map((row) => row.userId);
}

/** Throws VALIDATION_FAILED where sessions of too many workspaces have a name. */
export function requireFew(sessions: readonly unknown[]): void {
  if (sessions.length <= MAX_TENANTS) return;
  const reason = `is the name of sessions in more than ${MAX_TENANTS} workspaces: say which one with userId`;
  throw new AppError('VALIDATION_FAILED', `Not valid: sessionId ${reason}.`, {
    details: { sessionId: reason },
  });
}

/** One of action and status alone: every value of the other is a branch. */
function kindConditions({ action, status }: ActivityFilter): (SQL | undefined)[] {
  if (action === undefined && status === undefined) return [undefined];
  const actions = action === undefined ? ACTIVITY_ACTIONS : [action].flat();
  const statuses = status === undefined ? ACTIVITY_STATUSES : [fromLogStatus(status)];
  return actions.flatMap((a) =>
    statuses.map((s) => and(eq(activityLogs.action, a), eq(activityLogs.status, s))),
  );
}

function withinIds({ from, to }: Pick<ActivityQuery, 'from' | 'to'>): SQL | undefined {
  return and(
    from === undefined ? undefined : gte(activityLogs.id, idAt(from)),
    to === undefined ? undefined : lt(activityLogs.id, idAt(to)),
  );
}
