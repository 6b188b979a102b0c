/** A user's own key, shown whenever its owner signs in, and extra keys, shown once. */

import { and, asc, eq, isNull, lte } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { affected, transact } from '../db/ops.ts';
import { apiKeys } from '../db/schema.ts';
import { type Origin, record } from '../events/record.ts';
import type { SecretBox } from '../utils/crypto.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { AppError } from '../utils/errors.ts';
import { newId } from '../utils/ids.ts';
import { requirePerson, requireWrite, SCOPES } from './access.ts';
import { keyHash, keyPrefix, newApiKey } from './auth/keys.ts';
import type { CreateApiKeyFields, RegenerateQuery } from './auth/schemas.ts';
import { type Ctx, type Deps, originOf } from './context.ts';
import { takeRoom } from './quotas.ts';

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
}

/**
 * Gives the user this own key instead of the one it had; the old one works until `oldUntil` (now: not any more).
 * Throws CONFLICT when the key belongs to somebody already.
 */
export async function setOwnKey(
  tx: Tx,
  deps: Pick<Deps, 'secrets'>,
  input: { userId: number; key: string; now: number; oldUntil: number },
): Promise<void> {
  const { userId, key, now, oldUntil } = input;
  const own = and(eq(apiKeys.userId, userId), eq(apiKeys.kind, 'own'));
  if (oldUntil <= now) await tx.delete(apiKeys).where(own);
  else {
    await tx.delete(apiKeys).where(and(own, lte(apiKeys.expiresAt, now)));
    await tx
      .update(apiKeys)
      .set({ expiresAt: oldUntil })
      .where(and(own, isNull(apiKeys.expiresAt)));
  }
  const id = newId(now);
  await tx.insert(apiKeys).values({
    id,
    userId,
    kind: 'own',
    name: 'own',
    ...storedForm(key),
    sealed: deps.secrets.sealText(key, sealedKeyContext(id)),
    scopes: ['*'],
    createdAt: now,
  });
}

/** The user's own key in clear; null when it has none or the encryption key was changed since. */
export async function readOwnKey(db: Db, secrets: SecretBox, userId: number): Promise<string | null> {
  const [row] = await db
    .select({ id: apiKeys.id, sealed: apiKeys.sealed })
    .from(apiKeys)
    .where(and(eq(apiKeys.userId, userId), eq(apiKeys.kind, 'own'), isNull(apiKeys.expiresAt)));
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
  return readOwnKey(ctx.db, ctx.secrets, ctx.actor.userId);
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
    await setOwnKey(tx, ctx, { userId, key, now, oldUntil: now + input.graceMinutes * MINUTE_MS });
    const data = { graceMinutes: input.graceMinutes };
    await record(tx, ctx, [{ userId, event: 'api_key.regenerated', data, origin: originOf(ctx) }]);
    tx.afterCommit(() => ctx.credentials.forget(userId));
  });
  return { apiKey: key };
}

/** The caller's extra keys, oldest first. Only for a signed-in person. */
export async function listApiKeys(ctx: Ctx): Promise<ApiKeyInfo[]> {
  requirePerson(ctx);
  const rows = await ctx.db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.userId, ctx.actor.userId), eq(apiKeys.kind, 'extra')))
    .orderBy(asc(apiKeys.id));
  return rows.map(toInfo);
}

/**
 * Makes a named key with these scopes. The answer is the only place where it stands in clear.
 * Throws VALIDATION_FAILED for unknown scopes or an expiry in the past, CONFLICT at 100 keys.
 */
export async function createApiKey(
  ctx: Ctx,
  input: CreateApiKeyFields,
): Promise<ApiKeyInfo & { apiKey: string }> {
  requirePerson(ctx);
  requireWrite(ctx);
  const now = ctx.clock.now();
  checkNewKey(input, now);
  const { userId } = ctx.actor;
  const apiKey = newApiKey();
  const row = {
    id: newId(now),
    userId,
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
  await transact(ctx.db, async (tx) => {
    await takeRoom(tx, ctx, userId, 'apiKeys');
    await tx.insert(apiKeys).values(row);
    const data = { name: row.name, scopes: row.scopes, sessionId: row.sessionId };
    await record(tx, ctx, [
      { userId, event: 'api_key.created', subject: row.id, data, origin: originOf(ctx) },
    ]);
  });
  return { ...toInfo(row), apiKey };
}

/** Ends one of the caller's extra keys at once. Throws NOT_FOUND. */
export async function revokeApiKey(ctx: Ctx, input: { id: string }): Promise<void> {
  requirePerson(ctx);
  requireWrite(ctx);
  const { userId } = ctx.actor;
  await transact(ctx.db, async (tx) => {
    const mine = and(eq(apiKeys.id, input.id), eq(apiKeys.userId, userId), eq(apiKeys.kind, 'extra'));
    if (affected(await tx.delete(apiKeys).where(mine)) === 0) {
      throw new AppError('NOT_FOUND', 'There is no such API key.');
    }
    await record(tx, ctx, [{ userId, event: 'api_key.revoked', subject: input.id, origin: originOf(ctx) }]);
    tx.afterCommit(() => ctx.credentials.forget(userId));
  });
}

/**
 * Ends every API key of a user, in the caller's transaction: the extra ones go, and a new own key, which its owner sees
 * when signing in, takes the place of the old ones.
 */
export async function revokeAllKeys(
  tx: Tx,
  deps: Pick<Deps, 'secrets' | 'clock' | 'stream'>,
  input: { userId: number; origin: Origin },
): Promise<void> {
  const { userId, origin } = input;
  const now = deps.clock.now();
  const extra = and(eq(apiKeys.userId, userId), eq(apiKeys.kind, 'extra'));
  const revoked = affected(await tx.delete(apiKeys).where(extra));
  await setOwnKey(tx, deps, { userId, key: newApiKey(), now, oldUntil: now });
  await record(tx, deps, [{ userId, event: 'api_key.revoked', data: { all: true, extra: revoked }, origin }]);
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

function storedForm(key: string): { prefix: string; hash: string } {
  const prefix = keyPrefix(key);
  if (prefix === null) throw new TypeError('this text cannot be an API key');
  return { prefix, hash: keyHash(key) };
}

/** What the sealed form of an own key is bound to. */
export const sealedKeyContext = (id: string) => `api_key:${id}`;
const toIso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

function toInfo(row: typeof apiKeys.$inferSelect): ApiKeyInfo {
  return {
    id: row.id,
    name: row.name,
    prefix: `wahub_${row.prefix}`,
    scopes: row.scopes,
    sessionId: row.sessionId,
    expiresAt: toIso(row.expiresAt),
    lastUsedAt: toIso(row.lastUsedAt),
    createdAt: new Date(row.createdAt).toISOString(),
  };
}
