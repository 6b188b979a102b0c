/** A member's own key, shown whenever its owner signs in, and extra keys of a workspace, shown once. */

import { and, asc, eq, isNull, lte, or, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { affected, transact } from '../db/ops.ts';
import { apiKeys, users, workspaceMembers } from '../db/schema.ts';
import { type Origin, record } from '../events/record.ts';
import type { SecretBox } from '../utils/crypto.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { AppError } from '../utils/errors.ts';
import { newId } from '../utils/ids.ts';
import { onlySession, requirePermission, requirePerson, requireSession, requireWrite } from './access.ts';
import { IS_MEMBERS_KEY, KEY_MAKER, newApiKey, type StoredKey, storedKey } from './auth/keys.ts';
import type { CreateApiKeyFields, RegenerateQuery } from './auth/schemas.ts';
import { ofBound } from './bound.ts';
import { type Ctx, type Deps, originOf } from './context.ts';
import { takeRoom } from './quotas.ts';
import { grantableScopes, SCOPES } from './roles.ts';
import { enterTeam } from './workspaces/team.ts';

/** An extra key without its secret. */
export interface ApiKeyInfo {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  sessionId: string | null;
  expiresAt: string | null;
  lastUsedAt: string | null;
  createdAt: string;
  /** who made it, and whether that person is still a member */
  createdBy: { id: number; name: string; removed: boolean };
}

/** Whose own key it is: a person has one in each workspace. */
export interface KeyOwner {
  workspaceId: number;
  personId: number;
}

const isOwnKeyOf = ({ workspaceId, personId }: KeyOwner): SQL | undefined =>
  and(eq(apiKeys.userId, workspaceId), IS_MEMBERS_KEY, eq(KEY_MAKER, personId));

const ownerOf = ({ actor }: Pick<Ctx, 'actor'>): KeyOwner => ({
  workspaceId: actor.userId,
  personId: actor.personId,
});

/**
 * Gives the member this own key instead of the one it had; the old one works until `oldUntil` (now: not any more).
 * Throws CONFLICT when the key belongs to somebody already.
 */
export async function setOwnKey(
  tx: Tx,
  deps: Pick<Deps, 'secrets'>,
  input: { owner: KeyOwner; key: string; now: number; oldUntil: number },
): Promise<void> {
  const { owner, key, now, oldUntil } = input;
  const own = isOwnKeyOf(owner);
  if (oldUntil <= now) await tx.delete(apiKeys).where(own);
  else {
    await tx.delete(apiKeys).where(and(own, lte(apiKeys.expiresAt, now)));
    await tx
      .update(apiKeys)
      .set({ expiresAt: oldUntil })
      .where(and(own, isNull(apiKeys.expiresAt)));
  }
  const id = newId(now);
  const isTenants = owner.personId === owner.workspaceId;
  await tx.insert(apiKeys).values({
    id,
    userId: owner.workspaceId,
    createdBy: owner.personId,
    kind: isTenants ? 'own' : 'member',
    name: 'own',
    ...storedForm(key),
    sealed: deps.secrets.sealText(key, sealedKeyContext(id)),
    // Of a member's key they count only for a process of the release before, which knows no members.
    scopes: isTenants ? ['*'] : ['read'],
    createdAt: now,
  });
}

/** A member's own key in clear; null when it has none or the encryption key was changed since. */
export async function readOwnKey(db: Db, secrets: SecretBox, owner: KeyOwner): Promise<string | null> {
  const [row] = await db
    .select({ id: apiKeys.id, sealed: apiKeys.sealed })
    .from(apiKeys)
    .where(and(isOwnKeyOf(owner), isNull(apiKeys.expiresAt)));
  if (!row?.sealed) return null;
  try {
    return secrets.openText(row.sealed, sealedKeyContext(row.id));
  } catch {
    return null;
  }
}

/** The caller's own key in clear, as at sign-in. Only for a signed-in person. */
export function showOwnKey(ctx: Ctx): Promise<string | null> {
  requirePerson(ctx);
  return readOwnKey(ctx.db, ctx.secrets, ownerOf(ctx));
}

/**
 * A new own key; the old one works `graceMinutes` longer. Only for a signed-in person. Throws QUOTA_EXCEEDED when too
 * many replaced keys still work.
 */
export async function regenerateApiKey(ctx: Ctx, input: RegenerateQuery): Promise<{ apiKey: string }> {
  requirePerson(ctx);
  requireWrite(ctx);
  const { userId } = ctx.actor;
  const now = ctx.clock.now();
  const key = newApiKey();
  await transact(ctx.db, async (tx) => {
    if (input.graceMinutes > 0) await takeRoom(tx, ctx, userId, 'keysInGrace');
    await setOwnKey(tx, ctx, {
      owner: ownerOf(ctx),
      key,
      now,
      oldUntil: now + input.graceMinutes * MINUTE_MS,
    });
    const data = { graceMinutes: input.graceMinutes };
    await record(tx, ctx, [{ userId, event: 'api_key.regenerated', data, origin: originOf(ctx) }]);
    tx.afterCommitAsked(() => ctx.credentials.forget(userId));
  });
  return { apiKey: key };
}

/** The extra keys of the workspace, oldest first; for a member of some sessions theirs, and the own ones. Only for a signed-in person. */
export async function listApiKeys(ctx: Ctx): Promise<ApiKeyInfo[]> {
  requirePerson(ctx);
  const rows = await ctx.db
    .select({ key: apiKeys, maker: users.name, makerId: KEY_MAKER, member: workspaceMembers.userId })
    .from(apiKeys)
    .leftJoin(users, eq(users.id, KEY_MAKER))
    .leftJoin(
      workspaceMembers,
      and(eq(workspaceMembers.workspaceId, apiKeys.userId), eq(workspaceMembers.userId, KEY_MAKER)),
    )
    .where(isExtraKeyOf(ctx))
    .orderBy(asc(apiKeys.id));
  return rows.map(({ key, maker, makerId, member }) =>
    toInfo(key, { id: Number(makerId), name: maker ?? '', removed: member === null }),
  );
}

/** The extra keys that the caller may see: those of their sessions, and whatever they made themselves. */
function isExtraKeyOf({ actor }: Pick<Ctx, 'actor'>): SQL | undefined {
  const { userId, personId, sessionIds } = actor;
  const ofSession = ofBound(sessionIds, apiKeys.sessionId);
  const seen = ofSession === undefined ? undefined : or(ofSession, eq(KEY_MAKER, personId));
  return and(eq(apiKeys.userId, userId), eq(apiKeys.kind, 'extra'), seen);
}

/**
 * Makes a named key with these scopes. The key is returned once, here.
 * Throws VALIDATION_FAILED for unknown scopes, an expiry in the past, or where a member of several sessions names none,
 * FORBIDDEN for a scope that the caller's role does
 * not have, QUOTA_EXCEEDED.
 */
export async function createApiKey(
  ctx: Ctx,
  input: CreateApiKeyFields,
): Promise<ApiKeyInfo & { apiKey: string }> {
  requirePermission(ctx, 'keys');
  const now = ctx.clock.now();
  checkNewKey(input, now);
  const { userId, personId } = ctx.actor;
  requireKeyOf(ctx, input);
  const apiKey = newApiKey();
  const row = {
    id: newId(now),
    userId,
    createdBy: personId,
    kind: 'extra' as const,
    name: input.name,
    ...storedForm(apiKey),
    sealed: null,
    scopes: [...new Set(input.scopes)],
    sessionId: input.sessionId ?? null,
    expiresAt: input.expiresAt ?? null,
    lastUsedAt: null,
    createdAt: now,
  };
  const made = await transact(ctx.db, async (tx) => {
    const caller = await enterTeam(tx, ctx, 'keys');
    requireKeyOf(caller, input);
    const bound = { ...row, sessionId: row.sessionId ?? onlySession(caller) ?? null };
    await takeRoom(tx, ctx, userId, 'apiKeys');
    await tx.insert(apiKeys).values(bound);
    const data = { name: row.name, scopes: row.scopes, sessionId: bound.sessionId };
    await record(tx, ctx, [
      { userId, event: 'api_key.created', subject: row.id, data, origin: originOf(ctx) },
    ]);
    return bound;
  });
  const [maker] = await ctx.db.select({ name: users.name }).from(users).where(eq(users.id, personId));
  return { ...toInfo(made, { id: personId, name: maker?.name ?? '', removed: false }), apiKey };
}

/**
 * Throws FORBIDDEN for scopes, SESSION_NOT_FOUND for a session that the caller's key cannot have, VALIDATION_FAILED when a
 * member of several sessions names none.
 */
function requireKeyOf(ctx: Pick<Ctx, 'actor'>, { scopes, sessionId }: CreateApiKeyFields): void {
  requireGrantable(ctx, scopes);
  const { sessionIds } = ctx.actor;
  if (sessionId !== undefined) requireSession(ctx, sessionId);
  else if (sessionIds !== null && onlySession(ctx) === undefined) {
    const reason = `must name one of your sessions: ${sessionIds.join(', ')}`;
    throw new AppError('VALIDATION_FAILED', `Not valid: sessionId ${reason}.`, {
      details: { sessionId: reason },
    });
  }
}

/** Nobody makes a key that may do more than they. */
function requireGrantable(ctx: Pick<Ctx, 'actor'>, scopes: readonly string[]): void {
  const { workspaceRole } = ctx.actor;
  const grantable: readonly string[] = grantableScopes(workspaceRole);
  const beyond = scopes.filter((scope) => !grantable.includes(scope));
  if (beyond.length === 0) return;
  throw new AppError('FORBIDDEN', `The role ${workspaceRole} cannot make a key with ${beyond.join(', ')}.`, {
    details: { role: workspaceRole, scopes: beyond },
    hint: `Leave out ${beyond.join(', ')}, or ask somebody whose role has it to make the key.`,
  });
}

/** Ends one of the workspace's extra keys at once. Throws NOT_FOUND. */
export async function revokeApiKey(ctx: Ctx, input: { id: string }): Promise<void> {
  requirePermission(ctx, 'keys');
  const { userId } = ctx.actor;
  await transact(ctx.db, async (tx) => {
    const mine = and(eq(apiKeys.id, input.id), isExtraKeyOf(await enterTeam(tx, ctx, 'keys')));
    if (affected(await tx.delete(apiKeys).where(mine)) === 0) {
      throw new AppError('NOT_FOUND', 'There is no such API key.');
    }
    await record(tx, ctx, [{ userId, event: 'api_key.revoked', subject: input.id, origin: originOf(ctx) }]);
    tx.afterCommitAsked(() => ctx.credentials.forget(userId));
  });
}

/**
 * Ends every API key that a person made, in all workspaces, in the caller's transaction: the extra ones go, and a new own
 * key, which its owner sees when signing in, takes the place of each old one.
 */
export async function revokeAllKeys(
  tx: Tx,
  deps: Pick<Deps, 'secrets' | 'clock' | 'stream'>,
  input: { personId: number; origin: Origin },
): Promise<void> {
  const { personId, origin } = input;
  const now = deps.clock.now();
  const memberships = await tx
    .select({ workspaceId: workspaceMembers.workspaceId })
    .from(workspaceMembers)
    .where(eq(workspaceMembers.userId, personId));
  for (const { workspaceId } of memberships) {
    const made = and(eq(apiKeys.userId, workspaceId), eq(KEY_MAKER, personId));
    const revoked = affected(await tx.delete(apiKeys).where(and(made, eq(apiKeys.kind, 'extra'))));
    await setOwnKey(tx, deps, { owner: { workspaceId, personId }, key: newApiKey(), now, oldUntil: now });
    const data = { all: true, extra: revoked };
    await record(tx, deps, [{ userId: workspaceId, event: 'api_key.revoked', data, origin }]);
  }
}

function checkNewKey(input: CreateApiKeyFields, now: number): void {
  const known = new Set<string>(SCOPES);
  const unknown = input.scopes.filter((scope) => !known.has(scope));
  if (unknown.length > 0 || input.scopes.length === 0) {
    const reason = `must be some of ${SCOPES.join(', ')}`;
    throw new AppError('VALIDATION_FAILED', `Scopes ${reason}.`, { details: { scopes: reason } });
  }
  if (input.expiresAt !== undefined && input.expiresAt <= now) {
    throw new AppError('VALIDATION_FAILED', 'The expiry is in the past.', {
      details: { expiresAt: 'is in the past' },
    });
  }
}

function storedForm(key: string): StoredKey {
  const stored = storedKey(key);
  if (stored === null) throw new TypeError('this text cannot be an API key');
  return stored;
}

/** The context that an own key is sealed with. */
export const sealedKeyContext = (id: string) => `api_key:${id}`;
const toIso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

function toInfo(row: typeof apiKeys.$inferSelect, createdBy: ApiKeyInfo['createdBy']): ApiKeyInfo {
  return {
    id: row.id,
    name: row.name,
    prefix: `wahub_${row.prefix}`,
    scopes: row.scopes,
    sessionId: row.sessionId,
    expiresAt: toIso(row.expiresAt),
    lastUsedAt: toIso(row.lastUsedAt),
    createdAt: new Date(row.createdAt).toISOString(),
    createdBy,
  };
}
