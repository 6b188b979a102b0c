/** How a workspace begins: with its owner. */
import { and, asc, eq, isNull } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { transact, tryInsert } from '../../db/ops.ts';
import { users, workspaceMembers, workspaces } from '../../db/schema.ts';
import type { Clock } from '../../utils/clock.ts';

export interface NewWorkspace {
  /** of the counter of user ids; a person's own workspace has the person's number */
  id: number;
  name: string;
  ownerId: number;
  /** epoch milliseconds */
  now: number;
}

/** Adds an active workspace with its owner, in the caller's transaction. */
export async function insertWorkspace(tx: Tx, { id, name, ownerId, now }: NewWorkspace): Promise<void> {
  const times = { createdAt: now, updatedAt: now };
  await tx.insert(workspaces).values({ id, name, status: 'active', ...times });
  await tx.insert(workspaceMembers).values({ workspaceId: id, userId: ownerId, role: 'owner', ...times });
}

/**
 * Makes the workspace of a person who has none because a process of the release before made them. Nothing happens for
 * everybody else: whoever was made for another workspace, or has left the own one, gets no new one.
 */
export async function ensureOwnWorkspace(
  { db, clock }: { db: Db; clock: Clock },
  personId: number,
): Promise<void> {
  const [row] = await db
    .select({
      name: users.name,
      status: users.status,
      linksFrom: users.linksFrom,
      timeZone: users.timeZone,
    })
    .from(users)
    .leftJoin(workspaces, eq(workspaces.id, users.id))
    .where(and(eq(users.id, personId), isNull(users.workspaceId), isNull(workspaces.id)));
  if (!row) return;
  const now = clock.now();
  const times = { createdAt: now, updatedAt: now };
  await transact(db, async (tx) => {
    // Another process may see the same.
    if (!(await tryInsert(tx, workspaces, { ...row, id: personId, ...times }))) return;
    await tx
      .insert(workspaceMembers)
      .values({ workspaceId: personId, userId: personId, role: 'owner', ...times });
  });
}

/**
 * Where a sign-in of the person leads: to the workspace that was chosen last, else to the own one, else to the first one;
 * the person's number for whoever belongs to none.
 */
export async function firstWorkspaceOf(db: Db, personId: number): Promise<number> {
  const rows = await db
    .select({ id: workspaces.id, chosen: users.workspaceId })
    .from(workspaceMembers)
    .innerJoin(
      workspaces,
      and(eq(workspaces.id, workspaceMembers.workspaceId), eq(workspaces.status, 'active')),
    )
    .innerJoin(users, eq(users.id, workspaceMembers.userId))
    .where(eq(workspaceMembers.userId, personId))
    .orderBy(asc(workspaces.id));
  const ids = rows.map(({ id }) => id);
  const wanted = [rows[0]?.chosen ?? personId, personId].find((id) => ids.includes(id));
  return wanted ?? ids[0] ?? personId;
}

/**
 * Where a fact about a person's account, such as a sign-in, is told: to the person, and in the log of the own workspace.
 * Nobody's log (0) for a person who has left it, for it belongs to others now.
 */
export async function accountOf(db: Db, personId: number): Promise<{ userId: number; personId: number }> {
  return { userId: await personalTenantOf(db, personId), personId };
}

async function personalTenantOf(db: Db, personId: number): Promise<number> {
  const [row] = await db
    .select({ member: workspaceMembers.userId })
    .from(workspaces)
    .leftJoin(
      workspaceMembers,
      and(eq(workspaceMembers.workspaceId, workspaces.id), eq(workspaceMembers.userId, personId)),
    )
    .where(eq(workspaces.id, personId));
  return row && row.member === null ? 0 : personId;
}
