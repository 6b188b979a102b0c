/** Whose broadcasts: everything of this folder is reached through one of the tenant's sessions. */
import { requireScope, type Scope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { findSession, type SessionRecord, type SessionRef } from '../sessions/find.ts';

export interface BroadcastTenant {
  userId: number;
  session: SessionRecord;
}

/**
 * Checks the scope and finds the session of the path. Lists, templates and opt-outs belong to the tenant, so any of
 * its sessions leads to the same ones. Throws FORBIDDEN, SESSION_NOT_FOUND.
 */
export async function enterBroadcast(
  ctx: Ctx,
  ref: SessionRef,
  scope: Extract<Scope, 'read' | 'broadcast'>,
): Promise<BroadcastTenant> {
  requireScope(ctx, scope);
  const session = await findSession(ctx, ref);
  return { userId: session.userId, session };
}
