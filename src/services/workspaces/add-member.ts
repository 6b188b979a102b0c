/** How a person who has an account becomes a member of a further workspace. */

import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { workspaceMembers } from '../../db/schema.ts';
import { setOwnKey } from '../api-keys.ts';
import { newApiKey } from '../auth/keys.ts';
import { type BoundSessions, toKept } from '../bound.ts';
import type { Deps } from '../context.ts';
import { type QuotaDeps, takeRoom } from '../quotas.ts';
import type { WorkspaceRole } from '../roles.ts';

export interface Joins {
  workspaceId: number;
  role: WorkspaceRole;
  sessions?: BoundSessions;
}

/**
 * Adds the person with an own key, in the caller's transaction, which has locked the workspace. False for a member, whose
 * role stays. Throws QUOTA_EXCEEDED when the workspace has no place left.
 */
export async function addMember(
  tx: Tx,
  deps: QuotaDeps & Pick<Deps, 'secrets' | 'credentials'>,
  joins: Joins,
  personId: number,
): Promise<boolean> {
  const { workspaceId, role, sessions = null } = joins;
  const member = and(eq(workspaceMembers.workspaceId, workspaceId), eq(workspaceMembers.userId, personId));
  const [before] = await tx.select({ role: workspaceMembers.role }).from(workspaceMembers).where(member);
  if (before) return false;
  await takeRoom(tx, deps, workspaceId, 'members');
  const now = deps.clock.now();
  const row = { workspaceId, role, ...toKept(sessions), userId: personId, createdAt: now, updatedAt: now };
  await tx.insert(workspaceMembers).values(row);
  const owner = { workspaceId, personId };
  await setOwnKey(tx, deps, { owner, key: newApiKey(), now, oldUntil: now });
  tx.afterCommitAsked(() => deps.credentials.forget(personId));
  return true;
}
