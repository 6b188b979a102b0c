/** The membership of a person in a workspace. */

import { and, asc, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { workspaceMembers, workspaces } from '../../db/schema.ts';
import { shownBound } from '../bound.ts';
import { effectiveRole, type WorkspaceRole } from '../roles.ts';
import type { UserInfo } from '../users.ts';

export interface MembershipInfo {
  /** of the workspace */
  id: number;
  name: string;
  role: WorkspaceRole;
  /** the sessions that the member sees; null: all */
  sessionIds: string[] | null;
  /** the first of them */
  sessionId: string | null;
  /** IANA name; null: that of the service */
  timezone: string | null;
  /** members without a second factor can only set one up */
  requireSecondFactor: boolean;
}

const COLUMNS = {
  id: workspaces.id,
  name: workspaces.name,
  role: workspaceMembers.role,
  sessionId: workspaceMembers.sessionId,
  sessionIds: workspaceMembers.sessionIds,
  timezone: workspaces.timeZone,
  requireSecondFactor: workspaces.requireSecondFactor,
};

/** Null for whoever is no member, and in a workspace that is disabled. */
export async function readMembership(
  db: Db,
  { workspaceId, personId }: { workspaceId: number; personId: number },
): Promise<MembershipInfo | null> {
  const [row] = await db
    .select(COLUMNS)
    .from(workspaceMembers)
    .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspaceId))
    .where(
      and(
        eq(workspaceMembers.workspaceId, workspaceId),
        eq(workspaceMembers.userId, personId),
        eq(workspaces.status, 'active'),
      ),
    );
  return row ? { ...row, ...shownBound(row) } : null;
}

/** The active workspaces of a person, the oldest first. */
export async function readMemberships(db: Db, personId: number): Promise<MembershipInfo[]> {
  const rows = await db
    .select(COLUMNS)
    .from(workspaceMembers)
    .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspaceId))
    .where(and(eq(workspaceMembers.userId, personId), eq(workspaces.status, 'active')))
    .orderBy(asc(workspaces.id))
    .limit(MAX_SHOWN);
  return rows.map((row) => ({ ...row, ...shownBound(row) }));
}

/** More than anybody belongs to. */
const MAX_SHOWN = 200;

/** The account as its member is told of it: in clients that know no workspaces a viewer is a read-only user. */
export function inWorkspace(
  user: UserInfo,
  workspace: MembershipInfo,
): UserInfo & { workspace: MembershipInfo } {
  const role = user.role === 'user' && workspace.role === 'viewer' ? 'readonly' : user.role;
  const here = { ...workspace, role: effectiveRole(user.role, workspace.role) };
  return { ...user, role, timezone: workspace.timezone, workspace: here };
}
