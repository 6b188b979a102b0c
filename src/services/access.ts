/** Permissions. Every verb checks here first, so that no surface can forget it. */
import { AppError } from '../utils/errors.ts';
import { nearName } from '../utils/near-name.ts';
import type { Actor, Ctx, Role } from './context.ts';
import { type Permission, roleMay, type Scope } from './roles.ts';

/** Whether the actor's role allows it; what a key may is not asked. */
export function may(actor: Pick<Actor, 'workspaceRole'>, permission: Permission): boolean {
  return roleMay(actor.workspaceRole, permission);
}

/** Changes nothing, in no workspace or in this one. */
export function isReadOnly(actor: Pick<Actor, 'workspaceRole'>): boolean {
  return actor.workspaceRole === 'viewer';
}

/** Throws FORBIDDEN unless the role in the workspace (roles.ts) and the credential have the scope. */
export function requireScope(ctx: Pick<Ctx, 'actor'>, scope: Scope): void {
  requireFactor(ctx);
  requireRoleFor(ctx, scope);
  if (holdsScope(ctx, scope)) return;
  throw new AppError('FORBIDDEN', `This API key lacks the scope ${scope}.`, {
    details: { scope },
    hint: `Use an API key with the scope ${scope}.`,
  });
}

/** Whether the credential has the scope; what the role may is not asked. */
export function holdsScope({ actor: { scopes } }: Pick<Ctx, 'actor'>, scope: Scope): boolean {
  return scopes === null || scopes.includes('*') || scopes.includes(scope);
}

/** Throws FORBIDDEN unless a person signed in whose role in the workspace allows it. */
export function requirePermission(ctx: Pick<Ctx, 'actor'>, permission: Permission): void {
  requirePerson(ctx);
  requireRoleFor(ctx, permission);
}

/** Throws FORBIDDEN unless the role in the workspace allows it, whatever the credential. */
export function requireRoleFor(ctx: Pick<Ctx, 'actor'>, permission: Permission): void {
  const { workspaceRole } = ctx.actor;
  if (may(ctx.actor, permission)) return;
  throw new AppError('FORBIDDEN', `The role ${workspaceRole} in this workspace may not do this.`, {
    details: { role: workspaceRole, permission },
    hint: `Ask an owner of the workspace for a role with the permission ${permission}.`,
  });
}

/** Throws FORBIDDEN for a read-only user, and for a member who may only look. */
export function requireWrite(ctx: Pick<Ctx, 'actor'>): void {
  if (isReadOnly(ctx.actor)) {
    throw new AppError('FORBIDDEN', 'A read-only user cannot change anything.', {
      hint: 'Ask an owner of the workspace, or the administrator of the service, for a role that may change things.',
    });
  }
}

/** Throws FORBIDDEN unless the person has this role in the service. */
export function requireRole(ctx: Pick<Ctx, 'actor'>, role: Role): void {
  if (ctx.actor.role === role) return;
  throw new AppError('FORBIDDEN', `This needs the role ${role}.`, {
    details: { role },
    hint: `Ask somebody whose role in the service is ${role}.`,
  });
}

/** Throws SECOND_FACTOR_MISSING where the workspace asks for a second factor and none was given in this sign-in. */
export function requireFactor(ctx: Pick<Ctx, 'actor'>): void {
  if (ctx.actor.lacksFactor !== true) return;
  throw new AppError(
    'SECOND_FACTOR_MISSING',
    'This workspace asks for a second factor: set one up, or give the one you have.',
  );
}

/** What to do where an API key may not do it. */
export const SIGN_IN = 'Sign in with POST /auth/login, and send its token as Authorization: Bearer <token>.';

/** Throws FORBIDDEN unless a person signed in: a key must not mint keys, change passwords or manage users. */
export function requirePerson(ctx: Pick<Ctx, 'actor'>): void {
  requireSelf(ctx);
  requireFactor(ctx);
}

/** As `requirePerson`, also without the second factor that the workspace asks for: for what is about the own account. */
export function requireSelf(ctx: Pick<Ctx, 'actor'>): void {
  if (ctx.actor.via !== 'jwt' && ctx.actor.via !== 'cookie' && ctx.actor.via !== 'system') {
    throw new AppError('FORBIDDEN', 'This needs a signed-in user (Bearer JWT); an API key cannot do it.', {
      hint: SIGN_IN,
    });
  }
}

/** Throws FORBIDDEN for a key or member of single sessions: what all sessions share is not its business. */
export function requireWholeTenant(ctx: Pick<Ctx, 'actor'>): void {
  if (ctx.actor.sessionIds === null) return;
  throw new AppError('FORBIDDEN', boundText(ctx, ', and this concerns all of them'), {
    hint: unboundHint(ctx),
  });
}

/** Throws FORBIDDEN for a key that may not do everything: what all programs of a tenant share needs one that may. */
export function requireFullAccess(ctx: Pick<Ctx, 'actor'>): void {
  requireWrite(ctx);
  requireRoleFor(ctx, 'settings');
  requireWholeTenant(ctx);
  const { scopes } = ctx.actor;
  if (scopes === null || scopes.includes('*')) return;
  throw new AppError(
    'FORBIDDEN',
    'This concerns the whole account: sign in, or use a key with the scope *.',
    {
      details: { scope: '*' },
      hint: 'Use an API key with the scope *, or sign in.',
    },
  );
}

/**
 * Whether the actor is told where people sign in from and what was done to their accounts: whoever manages members, a key
 * only with every scope, and administrators of the service, who manage users.
 */
export function seesPeople({ actor }: Pick<Ctx, 'actor'>): boolean {
  if (actor.sessionIds !== null) return false;
  if (actor.scopes !== null && !actor.scopes.includes('*')) return false;
  return actor.role === 'admin' || may(actor, 'members');
}

function boundText({ actor }: Pick<Ctx, 'actor'>, rest = ''): string {
  const sessions = actor.sessionIds?.length === 1 ? 'one session' : 'some sessions';
  return `${actor.via === 'api_key' ? 'This API key' : 'Your membership'} is bound to ${sessions}${rest}.`;
}

function unboundHint({ actor }: Pick<Ctx, 'actor'>): string {
  return actor.via === 'api_key'
    ? 'Use an API key that is bound to no session.'
    : 'Ask an owner of the workspace to let you use all sessions.';
}

/** Throws SESSION_NOT_FOUND when the key or the member is bound to other sessions: for it there are no others. */
export function requireSession(ctx: Pick<Ctx, 'actor'>, sessionId: string): void {
  const bound = ctx.actor.sessionIds;
  if (bound !== null && !bound.includes(sessionId)) throw sessionNotFound(sessionId, bound);
}

/** The session of a request that names none: the one that the caller is bound to, if it is one. */
export function onlySession({ actor }: Pick<Ctx, 'actor'>): string | undefined {
  return actor.sessionIds?.length === 1 ? actor.sessionIds[0] : undefined;
}

/** Whose a new thing is that was made without a session: that of the first one that its maker is bound to, else of none. */
export function sessionOfNew({ actor }: Pick<Ctx, 'actor'>): string | null {
  return actor.sessionIds?.[0] ?? null;
}

/**
 * The one answer for a session that does not exist and for one that is somebody else's. `known`: sessions that the caller
 * may see, of which one may have been meant.
 */
export function sessionNotFound(sessionId: string, known: Iterable<string> = []): AppError {
  const didYouMean = nearName(sessionId, known);
  const message = `There is no session ${sessionId}.`;
  if (didYouMean === null) return new AppError('SESSION_NOT_FOUND', message);
  return new AppError('SESSION_NOT_FOUND', message, {
    details: { didYouMean },
    hint: `Did you mean ${didYouMean}? GET /session/list shows all.`,
  });
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
  if (ctx.actor.sessionIds !== null) {
    throw new AppError('FORBIDDEN', boundText(ctx), { hint: unboundHint(ctx) });
  }
  requireRole(ctx, 'admin');
  return wantsAll ? null : (asked.userId ?? own);
}
