/** The identities at OpenID providers that a person has linked to the own account. */
import { and, asc, eq } from 'drizzle-orm';
import { transact } from '../../db/ops.ts';
import { identities, users } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { requirePerson } from '../access.ts';
import { NO_PASSWORD } from '../auth/passwords.ts';
import { type Ctx, originOf } from '../context.ts';
import { findUser } from '../users.ts';
import { personalTenantOf } from '../workspaces/own.ts';
import { beginTrip } from './flow.ts';

export interface IdentityInfo {
  id: string;
  /** its name in the configuration */
  provider: string;
  /** as the provider said it last; empty when it said none */
  email: string;
  createdAt: string;
  lastUsedAt: string;
}

/** The caller's identities, the oldest first. Throws FORBIDDEN for a key. */
export async function listIdentities(ctx: Ctx): Promise<IdentityInfo[]> {
  requirePerson(ctx);
  const rows = await ctx.db
    .select()
    .from(identities)
    .where(eq(identities.userId, ctx.actor.personId))
    .orderBy(asc(identities.createdAt), asc(identities.id));
  return rows.map(({ id, provider, email, createdAt, lastUsedAt }) => ({
    id,
    provider,
    email,
    createdAt: new Date(createdAt).toISOString(),
    lastUsedAt: new Date(lastUsedAt).toISOString(),
  }));
}

/**
 * Takes an identity off the caller's account; nobody signs in with it any more, and what is signed in stays so. Throws
 * NOT_FOUND, also for that of somebody else, and CONFLICT for the last one of an account without a password.
 */
export async function unlinkIdentity(ctx: Ctx, input: { id: string }): Promise<void> {
  requirePerson(ctx);
  const { personId } = ctx.actor;
  await transact(ctx.db, async (tx) => {
    // Locked: two requests must not take off the last two.
    await tx.update(users).set({ updatedAt: ctx.clock.now() }).where(eq(users.id, personId));
    const mine = await tx.select().from(identities).where(eq(identities.userId, personId));
    const row = mine.find(({ id }) => id === input.id);
    if (!row) throw new AppError('NOT_FOUND', 'There is no such identity.');
    const { passwordHash } = await findUser(tx, personId);
    if (mine.length === 1 && passwordHash === NO_PASSWORD) {
      throw new AppError('CONFLICT', 'This is your only way to sign in: set a password first.');
    }
    await tx.delete(identities).where(and(eq(identities.id, row.id), eq(identities.userId, personId)));
    const userId = await personalTenantOf(tx, personId);
    const data = { provider: row.provider };
    const fact = { userId, event: 'auth.identity_unlinked' as const, subject: row.id };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
  });
}

/** Begins the linking of an identity to the caller's account; see `beginTrip`. Throws FORBIDDEN for a key. */
export async function beginLink(
  ctx: Ctx,
  input: { provider: string },
): Promise<{ url: string; sealed: string }> {
  requirePerson(ctx);
  const { personId } = ctx.actor;
  const { tokenVersion: version } = await findUser(ctx.db, personId);
  return beginTrip(ctx, { ...input, purpose: { kind: 'link', personId, version } });
}
