/** A session by the name its owner gave it. */
import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { requireSession, sessionNotFound, tenantOf } from '../access.ts';
import type { Ctx } from '../context.ts';

export type SessionRecord = typeof whatsappAccounts.$inferSelect;

/** Whose session: an admin may name another user. */
export interface SessionRef {
  sessionId: string;
  userId?: number | undefined;
}

/**
 * The caller's session (an admin's: of the user it names). Throws SESSION_NOT_FOUND, also for what belongs to
 * somebody else or is outside of what the key is bound to. It checks no scope: the verb does.
 */
export async function findSession(
  ctx: Pick<Ctx, 'actor' | 'db'>,
  { sessionId, userId }: SessionRef,
): Promise<SessionRecord> {
  requireSession(ctx, sessionId);
  const tenant = tenantOf(ctx, { userId }) ?? ctx.actor.userId;
  const row = await readSession(ctx.db, tenant, sessionId);
  if (!row) throw sessionNotFound(sessionId);
  return row;
}

/** Null when that user has no such session. */
export async function readSession(db: Db, userId: number, sessionId: string): Promise<SessionRecord | null> {
  const [row] = await db
    .select()
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), eq(whatsappAccounts.sessionId, sessionId)));
  return row ?? null;
}
