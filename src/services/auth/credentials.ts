/** Whose a token or a key is: asked on every request, so it remembers for a second. */

import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { apiKeys, endedTokens, users } from '../../db/schema.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Config } from '../../utils/config.ts';
import { equalsConstantTime, sha256Hex } from '../../utils/crypto.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createFreshCache } from '../../utils/fresh-cache.ts';
import type { Logger } from '../../utils/logger.ts';
import { createKeyedMutex } from '../../utils/mutex.ts';
import type { Actor, Role } from '../context.ts';
import type { LinkScope } from '../signed-links.ts';
import { keyHash, keyPrefix } from './keys.ts';
import { createTokens } from './tokens.ts';

export interface Credentials {
  /** The actor of a JWT; null when it is not valid (any more). */
  fromToken(token: string, via: 'jwt' | 'cookie'): Promise<Actor | null>;
  /** The actor of an API key; null when it is not valid (any more). */
  fromKey(key: string): Promise<Actor | null>;
  /**
   * The actor of a link that the service signed for this user; may only read. Null for a disabled user, and for a link
   * that is older than the user's password.
   */
  fromLink(userId: number, scope?: LinkScope | null): Promise<Actor | null>;
  /** Ends this token before its time: here at once, in other processes within a second. */
  endToken(token: string): Promise<void>;
  /** A JWT for the user at this version of its credentials. */
  signToken(userId: number, version: number): string;
  /** Call after a commit that changed the user or its keys: this process knows at once, others in a second. */
  forget(userId: number): void;
  /** Checks of one account's password run one after the other: many right ones at once are no attack. */
  inTurn<R>(account: string, work: () => Promise<R>): Promise<R>;
}

interface KnownUser {
  role: Role;
  version: number;
  linksFrom: number | null;
}
interface KnownKey {
  id: string;
  userId: number;
  hash: string;
  scopes: string[];
  sessionId: string | null;
  expiresAt: number | null;
}

/** How long another process may go on believing what has changed. */
const MAX_AGE_MS = 1000;
const MAX_ENTRIES = 10_000;
/** Sign-ins that may wait for one account: about nine seconds of bcrypt. */
const MAX_WAITING = 100;
/** `lastUsedAt` is for people: to the minute is enough. */
const TOUCH_MS = MINUTE_MS;

export function createCredentials(deps: {
  config: Config;
  db: Db;
  clock: Clock;
  logger: Logger;
}): Credentials {
  const { db, clock } = deps;
  const tokens = createTokens(deps);
  const freshness = { clock, maxAgeMs: MAX_AGE_MS, max: MAX_ENTRIES };
  const userCache = createFreshCache({ ...freshness, load: (id) => loadUser(db, Number(id)) });
  const keyCache = createFreshCache({ ...freshness, load: (prefix) => loadKey(db, prefix) });
  const endedCache = createFreshCache({ ...freshness, load: (digest) => loadEnded(db, digest) });
  const touch = createToucher(deps);
  const attempts = createKeyedMutex({ maxWaiting: MAX_WAITING });

  return {
    async fromToken(token, via) {
      const claims = tokens.verify(token);
      if (!claims) return null;
      const user = await userCache.get(String(claims.userId));
      if (!user || user.version !== claims.version) return null;
      if ((await endedCache.get(sha256Hex(token)))?.ended === true) return null;
      return { userId: claims.userId, role: user.role, via, scopes: null, sessionId: null, keyId: null };
    },
    async fromKey(key) {
      const prefix = keyPrefix(key);
      const known = prefix === null ? null : await keyCache.get(prefix);
      if (!known || !equalsConstantTime(known.hash, keyHash(key))) return null;
      if (known.expiresAt !== null && known.expiresAt <= clock.now()) return null;
      const user = await userCache.get(String(known.userId));
      if (!user) return null;
      touch(known.id);
      const { userId, scopes, sessionId, id } = known;
      return { userId, role: user.role, via: 'api_key', scopes, sessionId, keyId: id };
    },
    async fromLink(userId, scope = null) {
      const user = await userCache.get(String(userId));
      if (!user) return null;
      if (scope !== null && user.linksFrom !== null && scope.issuedAt <= user.linksFrom) return null;
      const actor = { userId, role: user.role, via: 'signed_link', sessionId: null, keyId: null } as const;
      return { ...actor, scopes: ['read'], ...(scope === null ? {} : { link: scope }) };
    },
    async endToken(token) {
      const claims = tokens.verify(token);
      if (!claims) return;
      const digest = sha256Hex(token);
      const row = { digest, userId: claims.userId, expiresAt: claims.expiresAt * 1000 };
      await upsert(db, endedTokens, row, [endedTokens.digest], { expiresAt: row.expiresAt });
      endedCache.forget(digest);
    },
    signToken: (userId, version) => tokens.sign(userId, version),
    forget(userId) {
      userCache.forget(String(userId));
      keyCache.forgetWhere((key) => key.userId === userId);
    },
    inTurn: (account, work) => attempts.run(account, work),
  };
}

/** An active user; null for a disabled one, as for one that does not exist. */
async function loadUser(db: Db, userId: number): Promise<KnownUser | null> {
  const [row] = await db
    .select({
      role: users.role,
      version: users.tokenVersion,
      linksFrom: users.linksFrom,
      status: users.status,
    })
    .from(users)
    .where(eq(users.id, userId));
  if (row?.status !== 'active') return null;
  return { role: row.role, version: row.version, linksFrom: row.linksFrom };
}

/** An object in both cases: what is null is not kept. */
async function loadEnded(db: Db, digest: string): Promise<{ ended: boolean }> {
  const rows = await db
    .select({ digest: endedTokens.digest })
    .from(endedTokens)
    .where(eq(endedTokens.digest, digest));
  return { ended: rows.length > 0 };
}

async function loadKey(db: Db, prefix: string): Promise<KnownKey | null> {
  const [row] = await db
    .select({
      id: apiKeys.id,
      userId: apiKeys.userId,
      hash: apiKeys.hash,
      scopes: apiKeys.scopes,
      sessionId: apiKeys.sessionId,
      expiresAt: apiKeys.expiresAt,
    })
    .from(apiKeys)
    .where(eq(apiKeys.prefix, prefix));
  return row ?? null;
}

/** Notes when a key was last used, in the background and at most once a minute a key. */
function createToucher(deps: { db: Db; clock: Clock; logger: Logger }): (keyId: string) => void {
  const touchedAt = new Map<string, number>();
  const write = async (keyId: string, at: number) => {
    try {
      await deps.db.update(apiKeys).set({ lastUsedAt: at }).where(eq(apiKeys.id, keyId));
    } catch (error) {
      deps.logger.debug('could not note when a key was used', { error });
    }
  };
  return (keyId) => {
    const now = deps.clock.now();
    if (now - (touchedAt.get(keyId) ?? 0) < TOUCH_MS) return;
    if (touchedAt.size >= MAX_ENTRIES) touchedAt.clear();
    touchedAt.set(keyId, now);
    void write(keyId, now);
  };
}
