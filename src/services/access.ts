/** Who may do what. Every verb asks here first, so that no surface can forget it. */
import { AppError } from '../utils/errors.ts';
import type { Ctx, Role } from './context.ts';

/** What an extra API key can be allowed. `*` is everything a key may do. */
export const SCOPES = [
  '*',
  'read',
  'messages:write',
  'sessions:write',
  'otp',
  'broadcast',
  'webhooks',
  'media:write',
  'analytics:write',
] as const;
export type Scope = Exclude<(typeof SCOPES)[number], '*'>;

/**
 * Throws FORBIDDEN unless the credential has the scope. Every scope but `read` also needs a role that may
 * change something.
 */
export function requireScope(ctx: Pick<Ctx, 'actor'>, scope: Scope): void {
  if (scope !== 'read') requireWrite(ctx);
  const { scopes } = ctx.actor;
  if (scopes === null || scopes.includes('*') || scopes.includes(scope)) return;
  throw new AppError('FORBIDDEN', `This API key lacks the scope ${scope}.`, { details: { scope } });
}

/** Throws FORBIDDEN for a read-only user. */
export function requireWrite(ctx: Pick<Ctx, 'actor'>): void {
  if (ctx.actor.role === 'readonly') {
    throw new AppError('FORBIDDEN', 'A read-only user cannot change anything.');
  }
}

/** Throws FORBIDDEN unless the user has this role. */
export function requireRole(ctx: Pick<Ctx, 'actor'>, role: Role): void {
  if (ctx.actor.role !== role) throw new AppError('FORBIDDEN', `This needs the role ${role}.`);
}

/** Throws FORBIDDEN unless a person signed in: a key must not mint keys, change passwords or manage users. */
export function requirePerson(ctx: Pick<Ctx, 'actor'>): void {
  if (ctx.actor.via !== 'jwt' && ctx.actor.via !== 'cookie' && ctx.actor.via !== 'system') {
    throw new AppError('FORBIDDEN', 'This needs a signed-in user (Bearer JWT); an API key cannot do it.');
  }
}

/** Throws FORBIDDEN for a key that is bound to one session: what all sessions share is not its business. */
export function requireWholeTenant(ctx: Pick<Ctx, 'actor'>): void {
  if (ctx.actor.sessionId === null) return;
  throw new AppError('FORBIDDEN', 'This API key is bound to one session, and this concerns all of them.');
}

/** Throws FORBIDDEN for a key that may not do everything: what all programs of a tenant share needs one that may. */
export function requireFullAccess(ctx: Pick<Ctx, 'actor'>): void {
  requireWrite(ctx);
  requireWholeTenant(ctx);
  const { scopes } = ctx.actor;
  if (scopes === null || scopes.includes('*')) return;
  throw new AppError(
    'FORBIDDEN',
    'This concerns the whole account: sign in, or use a key with the scope *.',
    {
      details: { scope: '*' },
    },
  );
}

/** Throws SESSION_NOT_FOUND when the key is bound to another session: for it there are no others. */
export function requireSession(ctx: Pick<Ctx, 'actor'>, sessionId: string): void {
  const bound = ctx.actor.sessionId;
  if (bound !== null && bound !== sessionId) throw sessionNotFound(sessionId);
}

/** The one answer for a session that does not exist and for one that is somebody else's. */
export function sessionNotFound(sessionId: string): AppError {
  return new AppError('SESSION_NOT_FOUND', `There is no session ${sessionId}.`);
}

/**
 * Whose things a reading verb shows: a user id, or null for everybody's. Only an admin whose credential is not
 * bound to one session may name another tenant or ask for all; FORBIDDEN for everyone else.
 */
export function tenantOf(
  ctx: Pick<Ctx, 'actor'>,
  asked: { userId?: number | undefined; all?: boolean | undefined } = {},
): number | null {
  const own = ctx.actor.userId;
  const wantsAll = asked.all === true;
  if (!wantsAll && (asked.userId === undefined || asked.userId === own)) return own;
  if (ctx.actor.sessionId !== null) {
    throw new AppError('FORBIDDEN', 'This API key is bound to one session.');
  }
  requireRole(ctx, 'admin');
  return wantsAll ? null : (asked.userId ?? own);
}
