/** Who may change a workspace's people, keys and invitations. Such changes of one workspace wait for each other. */

import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { users, workspaceMembers, workspaces } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { requirePermission, requireWholeTenant } from '../access.ts';
import { readBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { effectiveRole, type Permission, roleMay, type WorkspaceRole } from '../roles.ts';

/** Throws FORBIDDEN unless the caller manages members of the whole workspace. */
export function requireTeam(ctx: Pick<Ctx, 'actor'>): void {
  requirePermission(ctx, 'members');
  requireWholeTenant(ctx);
}

/** Throws FORBIDDEN unless the caller may make, change or remove somebody of that role. */
export function requireRank(ctx: Pick<Ctx, 'actor'>, ...roles: WorkspaceRole[]): void {
  if (roles.includes('owner')) requirePermission(ctx, 'ownership');
}

/** Makes the changes of a workspace's members wait for each other, until the transaction ends. */
export async function lockWorkspace(tx: Tx, id: number, now: number): Promise<void> {
  await tx.update(workspaces).set({ updatedAt: now }).where(eq(workspaces.id, id));
}

/** What a person is in a workspace now. */
interface Standing {
  serviceRole: Ctx['actor']['role'];
  role: WorkspaceRole;
  sessionId: string | null;
  sessionIds: readonly string[] | null;
}

/** Null for whoever is no member, or cannot sign in. */
async function readStanding(tx: Tx, workspaceId: number, personId: number): Promise<Standing | null> {
  const [row] = await tx
    .select({
      serviceRole: users.role,
      role: workspaceMembers.role,
      sessionId: workspaceMembers.sessionId,
      sessionIds: workspaceMembers.sessionIds,
    })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(and(eq(workspaceMembers.workspaceId, workspaceId), eq(workspaceMembers.userId, personId)));
  return row ? { ...row, role: effectiveRole(row.serviceRole, row.role) } : null;
}

/**
 * Call it first in a transaction: locks the workspace, and gives the caller as they are in it now, for further checks. What
 * a request knew when it came may be over: another one may have changed or removed the caller meanwhile. Throws FORBIDDEN
 * unless the caller still has the permission, `members` for the whole workspace.
 */
export async function enterTeam(tx: Tx, ctx: Ctx, permission: Permission): Promise<Pick<Ctx, 'actor'>> {
  const { userId: workspaceId, personId } = ctx.actor;
  await lockWorkspace(tx, workspaceId, ctx.clock.now());
  const standing = await readStanding(tx, workspaceId, personId);
  if (standing === null) {
    throw new AppError('FORBIDDEN', 'You do not belong to this workspace any more.');
  }
  const { serviceRole, role } = standing;
  const sessionIds = readBound(standing);
  const caller = { actor: { ...ctx.actor, role: serviceRole, workspaceRole: role, sessionIds } };
  if (permission === 'members') requireTeam(caller);
  else requirePermission(caller, permission);
  return caller;
}

/**
 * Whether that person (`by`) may manage somebody of that role now: an invitation or a link of theirs holds so long. Call
 * it after `lockWorkspace`.
 */
export async function mayStillManage(
  tx: Tx,
  { workspaceId, by, role }: { workspaceId: number; by: number; role: WorkspaceRole },
): Promise<boolean> {
  const manager = await readStanding(tx, workspaceId, by);
  return manager !== null && mayInviteAs(manager, role);
}

/** Whether an active member invites somebody of that role. */
export function mayInviteAs({ serviceRole, role: own, sessionId }: Standing, role: WorkspaceRole): boolean {
  const inService = effectiveRole(serviceRole, own);
  if (sessionId !== null || !roleMay(inService, 'members')) return false;
  return role !== 'owner' || roleMay(inService, 'ownership');
}
