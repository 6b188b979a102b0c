/** The activity log and the error log. */
import { inArray } from 'drizzle-orm';
import { activityLogs } from '../../db/schema.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { type ActivityEntry, toEntries } from './activity-view.ts';
import { activityBranches, scopeOf } from './filter.ts';
import { findPage } from './keyset.ts';
import type { ActivityQuery } from './schemas.ts';

export interface LogPage<T> {
  logs: T[];
  totalItems: number | null;
  nextCursor: string | null;
}

/**
 * The log of what happened, newest first: facts and calls of the API, also those of this moment. Any filter costs the same in
 * a log of any length. Throws FORBIDDEN (somebody else's), SESSION_NOT_FOUND (a bound key), VALIDATION_FAILED.
 */
export async function listActivity(ctx: Ctx, input: ActivityQuery): Promise<LogPage<ActivityEntry>> {
  requireScope(ctx, 'read');
  const scope = scopeOf(ctx, input);
  await ctx.requestRecorder.flush();
  const { source, branches } = await activityBranches(ctx.db, scope, input);
  const { ids, totalItems, nextCursor } = await findPage(ctx.db, source, branches, input);
  const rows =
    ids.length === 0 ? [] : await ctx.db.select().from(activityLogs).where(inArray(activityLogs.id, ids));
  const place = new Map(ids.map((id, i) => [id, i]));
  rows.sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0));
  return { logs: await toEntries(ctx, rows), totalItems, nextCursor };
}

/** The log of errors, newest first: the entries with status `error`. Throws as `listActivity`. */
export function listErrors(ctx: Ctx, input: Omit<ActivityQuery, 'status'>): Promise<LogPage<ActivityEntry>> {
  return listActivity(ctx, { ...input, status: 'error' });
}
