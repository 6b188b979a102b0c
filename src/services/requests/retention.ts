/** Forgetting API calls: what is old, and what is more than a tenant's share. */
import { and, count, desc, eq, exists, gt } from 'drizzle-orm';
import { apiRequestBodies, apiRequests, workspaces } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { idAt } from '../../utils/ids.ts';
import type { Deps } from '../context.ts';
import { deleteOld } from '../retention.ts';

/** Calls of one tenant that are kept at most: a program that asks without end must not fill the database. */
export const MAX_CALLS = 100_000;

type RetentionDeps = Pick<Deps, 'db' | 'database' | 'clock' | 'config'>;

/** Deletes calls and bodies that are past their days, and bodies that are not wanted; how many rows. For the housekeeper. */
export async function deleteOldRequests(deps: RetentionDeps, signal: AbortSignal): Promise<number> {
  const { db, database, clock, config } = deps;
  const edge = (days: number) => idAt(clock.now() - days * DAY_MS);
  const { requests, requestBodies } = config.retentionDays;
  const bodies = { table: apiRequestBodies, by: apiRequestBodies.id, before: edge(requestBodies), signal };
  const calls = { table: apiRequests, by: apiRequests.id, before: edge(requests), signal };
  let deleted = (await deleteOld(db, bodies)) + (await deleteOld(db, calls));
  // Other processes may have written some after the setting was changed.
  const unwanted = await database.scan
    .selectDistinct({ userId: apiRequestBodies.userId })
    .from(apiRequestBodies)
    .innerJoin(workspaces, eq(workspaces.id, apiRequestBodies.userId))
    .where(eq(workspaces.requestBodies, false));
  for (const { userId } of unwanted) deleted += await deleteBodies(deps, userId, signal);
  return deleted;
}

/** Deletes all bodies of a tenant that wants none; how many. Those of a tenant that wants them again meanwhile stay. */
export async function deleteBodies(
  { db, clock }: Pick<RetentionDeps, 'db' | 'clock'>,
  userId: number,
  signal: AbortSignal,
): Promise<number> {
  const { id, userId: owner } = apiRequestBodies;
  const isRefused = exists(
    db
      .select({ id: workspaces.id })
      .from(workspaces)
      .where(and(eq(workspaces.id, userId), eq(workspaces.requestBodies, false))),
  );
  // The clock of another process may be ahead.
  const before = idAt(clock.now() + DAY_MS);
  return deleteOld(db, {
    table: apiRequestBodies,
    by: id,
    before,
    where: and(eq(owner, userId), isRefused),
    signal,
  });
}

/** Deletes the oldest calls of tenants that have more than their share; how many rows. For the housekeeper. */
export async function deleteSurplusRequests(
  { db, database }: RetentionDeps,
  signal: AbortSignal,
  most = MAX_CALLS,
): Promise<number> {
  const { userId, id } = apiRequests;
  const over = await database.scan
    .select({ userId })
    .from(apiRequests)
    .groupBy(userId)
    .having(gt(count(), most));
  let deleted = 0;
  for (const tenant of over) {
    if (signal.aborted) break;
    const [edge] = await db
      .select({ id })
      .from(apiRequests)
      .where(eq(userId, tenant.userId))
      .orderBy(desc(id))
      .limit(1)
      .offset(most - 1);
    if (!edge) continue;
    const before = edge.id;
    const bodies = {
      table: apiRequestBodies,
      by: apiRequestBodies.id,
      where: eq(apiRequestBodies.userId, tenant.userId),
    };
    deleted += await deleteOld(db, { ...bodies, before, signal });
    const where = eq(userId, tenant.userId);
    deleted += await deleteOld(db, { table: apiRequests, by: id, before, where, signal });
  }
  return deleted;
}
