/** Whose broadcasts: the API reaches everything of this folder through one of the tenant's sessions. */
import { onlySession, requireScope, tenantOf } from '../access.ts';
import type { Ctx } from '../context.ts';
import type { Scope } from '../roles.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';

export interface BroadcastTenant {
  userId: number;
  session: SessionRecord;
}

/** The session is missing where a surface names none: what belongs to the tenant is reached without one. */
export interface BroadcastRef {
  sessionId?: string | undefined;
  userId?: number | undefined;
}

type BroadcastScope = Extract<Scope, 'read' | 'broadcast'>;

/**
 * Checks the scope and finds the session of the path. Lists, templates and opt-outs belong to the tenant, so any of
 * its sessions leads to the same ones, and so does none. Throws FORBIDDEN, SESSION_NOT_FOUND.
 */
export async function enterBroadcast(
  ctx: Ctx,
  ref: SessionRef,
  scope: BroadcastScope,
): Promise<BroadcastTenant>;
export async function enterBroadcast(
  ctx: Ctx,
  ref: BroadcastRef,
  scope: BroadcastScope,
): Promise<{ userId: number; session: SessionRecord | null }>;
export async function enterBroadcast(
  ctx: Ctx,
  ref: BroadcastRef,
  scope: BroadcastScope,
): Promise<{ userId: number; session: SessionRecord | null }> {
  requireScope(ctx, scope);
  // A key that is bound to a session sees what that session leads to.
  const sessionId = ref.sessionId ?? onlySession(ctx);
  if (sessionId === undefined) return { userId: tenantOf(ctx, ref) ?? ctx.actor.userId, session: null };
  const session = await findSession(ctx, { ...ref, sessionId });
  return { userId: session.userId, session };
}
