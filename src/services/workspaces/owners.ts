/** A workspace without an active owner stops, and goes on when it has one again. */
import { and, eq, exists, inArray, ne, notExists } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { updateInBatches } from '../../db/ops.ts';
import { users, workspaceMembers, workspaces } from '../../db/schema.ts';

/**
 * Call in the transaction that changed a person's status: stops the workspaces whose last active owner that was, and lets
 * go on those that have one again. Their ids, for the caches of credentials.
 */
export async function stopOrResumeWorkspacesOf(tx: Tx, personId: number, now: number): Promise<number[]> {
  const owned = await tx
    .select({ id: workspaceMembers.workspaceId })
    .from(workspaceMembers)
    .where(and(eq(workspaceMembers.userId, personId), eq(workspaceMembers.role, 'owner')));
  const ids = owned.map(({ id }) => id);
  if (ids.length === 0) return [];
  const alive = await tx
    .selectDistinct({ id: workspaceMembers.workspaceId })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(and(inArray(workspaceMembers.workspaceId, ids), eq(workspaceMembers.role, 'owner')));
  const living = new Set(alive.map(({ id }) => id));
  for (const id of ids) {
    const status = living.has(id) ? ('active' as const) : ('disabled' as const);
    await tx
      .update(workspaces)
      .set({ status, updatedAt: now })
      .where(and(eq(workspaces.id, id), ne(workspaces.status, status)));
  }
  return ids;
}

/**
 * Stops and lets go on what has another status than its owners say: a process of the release before disables and enables
 * people, and knows no workspaces. How many were changed.
 */
export async function settleAllOwners(db: Db, now: number, signal: AbortSignal): Promise<number> {
  const owner = db
    .select({ id: users.id })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(and(eq(workspaceMembers.workspaceId, workspaces.id), eq(workspaceMembers.role, 'owner')));
  const { id: key, status } = workspaces;
  const stops = { table: workspaces, key, where: and(eq(status, 'active'), notExists(owner)), signal };
  const goesOn = { table: workspaces, key, where: and(eq(status, 'disabled'), exists(owner)), signal };
  return (
    (await updateInBatches(db, stops, { status: 'disabled', updatedAt: now })) +
    (await updateInBatches(db, goesOn, { status: 'active', updatedAt: now }))
  );
}
