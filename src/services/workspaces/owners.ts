/** A workspace without an active owner stops, and goes on when it has one again. */
import { and, eq, exists, inArray, ne, notExists, or, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { updateInBatches } from '../../db/ops.ts';
import { users, workspaceMembers, workspaces } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';

/** Whose ownership counts: whoever is read-only in the service may do nothing in any workspace. */
const MAY_OWN = and(eq(users.status, 'active'), ne(users.role, 'readonly'));

/** The members of a workspace of which all this is true. */
const membersWho = (db: Db | Tx, ...all: (SQL | undefined)[]) =>
  db
    .select({ id: users.id })
    .from(workspaceMembers)
    .innerJoin(users, eq(users.id, workspaceMembers.userId))
    .where(and(eq(workspaceMembers.workspaceId, workspaces.id), ...all));

const IS_OWNER = eq(workspaceMembers.role, 'owner');
const SIGNS_IN = eq(users.status, 'active');

/**
 * That a workspace has an owner who can do something, or that nobody in it can and an owner reads: one that people have alone who
 * became read-only stays as it is.
 */
const isStanding = (db: Db | Tx) =>
  or(
    exists(membersWho(db, IS_OWNER, MAY_OWN)),
    and(exists(membersWho(db, IS_OWNER, SIGNS_IN)), notExists(membersWho(db, MAY_OWN))),
  );

/** Why the person cannot become the owner of a workspace: they do not sign in, or can only read; null where they can. */
export async function readOwnerRefusal(tx: Tx, personId: number): Promise<string | null> {
  const [person] = await tx
    .select({ status: users.status, role: users.role })
    .from(users)
    .where(eq(users.id, personId));
  if (person?.status !== 'active') return 'This member cannot sign in.';
  return person.role === 'readonly' ? 'This member can only read.' : null;
}

/**
 * Call it after `lockWorkspace`. Throws CONFLICT where the workspace has no other owner who signs in and may do what an
 * owner does.
 */
export async function keepOneOwner(
  tx: Tx,
  without: Pick<typeof workspaceMembers.$inferSelect, 'workspaceId' | 'userId'>,
): Promise<void> {
  const others = await tx
    .select({ id: users.id })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), MAY_OWN))
    .where(
      and(
        eq(workspaceMembers.workspaceId, without.workspaceId),
        eq(workspaceMembers.role, 'owner'),
        ne(workspaceMembers.userId, without.userId),
      ),
    )
    .limit(1);
  if (others.length > 0) return;
  throw new AppError('CONFLICT', 'A workspace must have an owner: make another member an owner first.');
}

/**
 * Call it before a person becomes read-only in the service; it locks the workspaces that the person owns. Throws CONFLICT
 * where other members of one would be left without an owner. One that the person has alone becomes read-only with them.
 */
export async function keepOwnersOfTeams(tx: Tx, personId: number, now: number): Promise<void> {
  const owned = await tx
    .select({ id: workspaceMembers.workspaceId })
    .from(workspaceMembers)
    .where(and(eq(workspaceMembers.userId, personId), eq(workspaceMembers.role, 'owner')));
  const ids = owned.map(({ id }) => id);
  if (ids.length === 0) return;
  await tx.update(workspaces).set({ updatedAt: now }).where(inArray(workspaces.id, ids));
  const teams = await tx
    .selectDistinct({ id: workspaceMembers.workspaceId })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(and(inArray(workspaceMembers.workspaceId, ids), ne(workspaceMembers.userId, personId)));
  for (const { id } of teams) await keepOneOwner(tx, { workspaceId: id, userId: personId });
}

/**
 * Call in the transaction that changed a person's status or role: stops the workspaces whose last owner that was who could do
 * something, and lets go on those that have one again. Their ids, for the caches of credentials.
 */
export async function stopOrResumeWorkspacesOf(tx: Tx, personId: number, now: number): Promise<number[]> {
  const owned = await tx
    .select({ id: workspaceMembers.workspaceId })
    .from(workspaceMembers)
    .where(and(eq(workspaceMembers.userId, personId), eq(workspaceMembers.role, 'owner')));
  const ids = owned.map(({ id }) => id);
  if (ids.length === 0) return [];
  const alive = await tx
    .select({ id: workspaces.id })
    .from(workspaces)
    .where(and(inArray(workspaces.id, ids), isStanding(tx)));
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
 * people, and knows no workspaces. One that still works, though its owners can only read, is not stopped by this: nobody has
 * just disabled somebody there. How many were changed.
 */
export async function settleAllOwners(db: Db, now: number, signal: AbortSignal): Promise<number> {
  const owner = membersWho(db, IS_OWNER, SIGNS_IN);
  const { id: key, status } = workspaces;
  const stops = { table: workspaces, key, where: and(eq(status, 'active'), notExists(owner)), signal };
  const goesOn = { table: workspaces, key, where: and(eq(status, 'disabled'), isStanding(db)), signal };
  return (
    (await updateInBatches(db, stops, { status: 'disabled', updatedAt: now })) +
    (await updateInBatches(db, goesOn, { status: 'active', updatedAt: now }))
  );
}
