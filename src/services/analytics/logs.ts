/** The activity log and the error log. */
import { inArray } from 'drizzle-orm';
import { ACTIVITY_ACTIONS, activityLogs } from '../../db/schema.ts';
import type { Action } from '../../events/table.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { type ActivityEntry, toEntries } from './activity-view.ts';
import { type ActivityInput, activityBranches, scopeOf } from './filter.ts';
import { findPage } from './keyset.ts';

export interface LogPage<T> {
  logs: T[];
  totalItems: number | null;
  nextCursor: string | null;
}

/**
 * The log of what happened, newest first: facts and calls of the API, also those of this moment. Any filter costs the same in
 * a log of any length. Throws FORBIDDEN (somebody else's), SESSION_NOT_FOUND (a bound key), VALIDATION_FAILED.
 */
export async function listActivity(ctx: Ctx, input: ActivityInput): Promise<LogPage<ActivityEntry>> {
  requireScope(ctx, 'read');
  const scope = scopeOf(ctx, input);
  await ctx.signals.writeTold(scope.tenant);
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
export function listErrors(ctx: Ctx, input: Omit<ActivityInput, 'status'>): Promise<LogPage<ActivityEntry>> {
  return listActivity(ctx, { ...input, status: 'error' });
}

/** Calls of the API and what they set off: wrong codes are among them, in any number. */
const CALLS: readonly Action[] = ['api_call'];
const FACTS: readonly Action[] = ACTIVITY_ACTIONS.filter((action) => !CALLS.includes(action));
const PAGE_SIZE = 100;
/** Entries that are looked at of each kind: some 200 ms of reading in pieces, and half an hour of somebody who guesses codes. */
const MAX_LOOKED_AT = 5_000;

export interface WantedErrors {
  /** newest first */
  entries: ActivityEntry[];
  /** there may be older ones behind so many that are not wanted that no more were read */
  isCut: boolean;
}

/** The newest `count` errors that are wanted, however many others lie between. Throws as `listActivity`. */
export async function findErrors(
  ctx: Ctx,
  { count, isWanted }: { count: number; isWanted(entry: ActivityEntry): boolean },
): Promise<WantedErrors> {
  const parts = await Promise.all([CALLS, FACTS].map((kind) => wantedOf(ctx, kind, count, isWanted)));
  const found = parts
    .flatMap(({ entries }) => entries)
    .sort((a, b) => (placeInTime(a) < placeInTime(b) ? 1 : -1));
  return { entries: found.slice(0, count), isCut: parts.some(({ isCut }) => isCut) };
}

const placeInTime = ({ createdAt, id }: ActivityEntry): string => `${createdAt} ${id}`;

async function wantedOf(
  ctx: Ctx,
  action: readonly Action[],
  count: number,
  isWanted: (entry: ActivityEntry) => boolean,
): Promise<WantedErrors> {
  const entries: ActivityEntry[] = [];
  let cursor: string | undefined;
  for (let read = 0; read < MAX_LOOKED_AT; read += PAGE_SIZE) {
    const { logs, nextCursor } = await listErrors(ctx, { action, page: 1, limit: PAGE_SIZE, cursor });
    entries.push(...logs.filter(isWanted));
    if (entries.length >= count || nextCursor === null) return { entries, isCut: false };
    cursor = nextCursor;
  }
  return { entries, isCut: true };
}
