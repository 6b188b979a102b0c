/** Whose a token or a key is: asked on every request, so it remembers for a second. */

import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { apiKeys, endedTokens, signIns, users, workspaceMembers, workspaces } from '../../db/schema.ts';
import type { Clock } from '../../utils/clock.ts';
import type { Config } from '../../utils/config.ts';
import { isSameDigest, sha256Hex } from '../../utils/crypto.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createFreshCache } from '../../utils/fresh-cache.ts';
import type { Logger } from '../../utils/logger.ts';
import { type Maybe, whenThere } from '../../utils/maybe.ts';
import { createKeyedMutex } from '../../utils/mutex.ts';
import { type BoundSessions, bothBound, readBound } from '../bound.ts';
import type { Actor, Role } from '../context.ts';
import { effectiveRole, type WorkspaceRole } from '../roles.ts';
import type { LinkScope } from '../signed-links.ts';
import { ensureOwnWorkspace } from '../workspaces/own.ts';
import { KEY_MAKER, type StoredKey, storedKey } from './keys.ts';
import { readFactors } from './second-factor/proof.ts';
import type { SignInRef } from './sign-ins.ts';
import { createLocks, type Locks } from './throttle.ts';
import { createTokens, type TokenClaims } from './tokens.ts';

export interface Credentials {
  /** The actor of a JWT; null when it is not valid (any more). */
  fromToken(token: string, via: 'jwt' | 'cookie'): Promise<Actor | null>;
  /** The actor of an API key; null when it is not valid (any more). */
  fromKey(key: string): Maybe<Actor | null>;
  /**
   * The actor of a link that the service signed for this workspace; may only read. Null for a disabled one, and for a
   * link that is older than a password of its members.
   */
  fromLink(userId: number, scope?: LinkScope | null): Promise<Actor | null>;
  /** Ends this token before its time, with the sign-in that it names: here at once, in other processes within a second. */
  endToken(token: string): Promise<void>;
  /**
   * A JWT for the user at this version of its credentials, in a workspace; the own one when it is missing. It is over when
   * its sign-in is.
   */
  signToken(userId: number, version: number, workspaceId?: number, signIn?: SignInRef): string;
  /**
   * Call after a commit that changed the person, the workspace (they share their numbers) or its keys, and where it is in
   * doubt whether that commit was made: this process knows at once, others in a second.
   */
  forget(id: number): void;
  /** Checks of one account's password run one after the other: many right ones at once are no attack. */
  inTurn<R>(account: string, work: () => Promise<R>): Promise<R>;
  locks: Locks;
}

/** A person in a workspace; both are active. */
interface KnownMember {
  workspaceId: number;
  personId: number;
  role: Role;
  workspaceRole: WorkspaceRole;
  sessionIds: BoundSessions;
  version: number;
  /** the workspace asks for a second factor */
  requireSecondFactor: boolean;
  suspension: Actor['suspension'];
}
interface KnownToken {
  personId: number;
  /** it was signed out, or its sign-in was */
  ended: boolean;
  /** a second factor was given in its sign-in */
  proven: boolean;
}
interface KnownWorkspace {
  linksFrom: number | null;
  suspension: Actor['suspension'];
}
interface KnownKey {
  id: string;
  userId: number;
  personId: number;
  hash: string;
  scopes: readonly string[];
  sessionIds: BoundSessions;
  expiresAt: number | null;
  role: Role;
  workspaceRole: WorkspaceRole;
  suspension: Actor['suspension'];
  /** who asks with it, made at the first request */
  actor?: Actor;
}

/** How long a process may go on believing what another one has changed, in milliseconds. */
export const CREDENTIAL_AGE_MS = 1000;
const MAX_ENTRIES = 10_000;
/** Sign-ins that may wait for one account: about nine seconds of bcrypt. */
const MAX_WAITING = 100;
/** `lastUsedAt` and `lastSeenAt` are for people: to the minute is enough. */
const TOUCH_MS = MINUTE_MS;

export function createCredentials(deps: {
  config: Config;
  db: Db;
  clock: Clock;
  logger: Logger;
}): Credentials {
  const { db, clock } = deps;
  const tokens = createTokens(deps);
  const freshness = { clock, maxAgeMs: CREDENTIAL_AGE_MS, max: MAX_ENTRIES };
  const memberCache = createFreshCache({ ...freshness, load: (name) => loadMember(deps, name) });
  const workspaceCache = createFreshCache({ ...freshness, load: (id) => loadWorkspace(deps, Number(id)) });
  const keyCache = createFreshCache({ ...freshness, load: (prefix) => loadKey(deps, prefix) });
  const tokenCache = createFreshCache({ ...freshness, load: (name) => loadToken(db, name) });
  const touchKey = createToucher(deps, (id, lastUsedAt) =>
    db.update(apiKeys).set({ lastUsedAt }).where(eq(apiKeys.id, id)),
  );
  const touchSignIn = createToucher(deps, (id, lastSeenAt) =>
    db.update(signIns).set({ lastSeenAt }).where(eq(signIns.id, id)),
  );
  const attempts = createKeyedMutex({ maxWaiting: MAX_WAITING });

  function actorOf(known: KnownKey | null, { hash }: StoredKey): Actor | null {
    if (!known || !isSameDigest(known.hash, hash)) return null;
    if (known.expiresAt !== null && known.expiresAt <= clock.now()) return null;
    touchKey(known.id);
    known.actor ??= holderOf(known);
    return known.actor;
  }

  return {
    async fromToken(token, via) {
      const claims = tokens.verify(token);
      if (!claims) return null;
      const member = await memberCache.get(`${claims.workspaceId}:${claims.userId}`);
      if (!member || member.version !== claims.version) return null;
      const { signInId } = claims;
      const known = await tokenCache.get(nameOfToken(token, claims.userId, signInId));
      if (known?.ended !== false) return null;
      if (signInId !== null) touchSignIn(signInId);
      const { personId, role, workspaceRole, sessionIds, suspension } = member;
      return {
        ...(signInId === null ? { token: timesOf(claims) } : { signInId }),
        ...(member.requireSecondFactor && !known.proven ? { lacksFactor: true } : {}),
        userId: member.workspaceId,
        personId,
        role,
        workspaceRole,
        via,
        scopes: null,
        sessionIds,
        keyId: null,
        suspension,
      };
    },
    fromKey(key) {
      const stored = storedKey(key);
      return stored && whenThere(keyCache.get(stored.prefix), (known) => actorOf(known, stored));
    },
    async fromLink(userId, scope = null) {
      const workspace = await workspaceCache.get(String(userId));
      if (!workspace) return null;
      if (scope !== null && workspace.linksFrom !== null && scope.issuedAt <= workspace.linksFrom)
        return null;
      const actor = { ...LINK_ACTOR, userId, personId: userId, suspension: workspace.suspension };
      return { ...actor, ...(scope === null ? {} : { link: scope }) };
    },
    async endToken(token) {
      const claims = tokens.verify(token);
      if (!claims) return;
      const row = { digest: sha256Hex(token), userId: claims.userId, expiresAt: claims.expiresAt * 1000 };
      // A process of the release before knows no sign-ins.
      await upsert(db, endedTokens, row, [endedTokens.digest], { expiresAt: row.expiresAt });
      if (claims.signInId !== null) await db.delete(signIns).where(eq(signIns.id, claims.signInId));
      tokenCache.forgetWhere(({ personId }) => personId === claims.userId);
    },
    signToken: (userId, version, workspaceId = userId, signIn) =>
      tokens.sign({
        userId,
        version,
        workspaceId,
        signInId: signIn?.id ?? null,
        ...(signIn ? { endsAt: Math.floor(signIn.expiresAt / 1000) } : {}),
      }),
    forget(id) {
      workspaceCache.forget(String(id));
      memberCache.forgetWhere((member) => member.personId === id || member.workspaceId === id);
      keyCache.forgetWhere((key) => key.userId === id || key.personId === id);
      tokenCache.forgetWhere(({ personId }) => personId === id);
    },
    inTurn: (account, work) => attempts.run(account, work),
    locks: createLocks({ clock }),
  };
}

function holderOf(key: KnownKey): Actor {
  const { id, userId, personId, role, workspaceRole, scopes, sessionIds, suspension } = key;
  return { userId, personId, role, workspaceRole, via: 'api_key', scopes, sessionIds, suspension, keyId: id };
}

const LINK_ACTOR = {
  role: 'user',
  workspaceRole: 'viewer',
  via: 'signed_link',
  scopes: ['read'],
  sessionIds: null,
  keyId: null,
} as const;

/** `<workspace>:<person>`: an active person in an active workspace; null for everybody else. */
async function loadMember(deps: { db: Db; clock: Clock }, name: string): Promise<KnownMember | null> {
  const [workspaceId = 0, personId = 0] = name.split(':').map(Number);
  const member = await readMember(deps.db, workspaceId, personId);
  if (member || workspaceId !== personId) return member;
  // Made by a process of the release before, while this one took its place.
  await ensureOwnWorkspace(deps, personId);
  return readMember(deps.db, workspaceId, personId);
}

async function readMember(db: Db, workspaceId: number, personId: number): Promise<KnownMember | null> {
  const [row] = await db
    .select({
      role: users.role,
      version: users.tokenVersion,
      workspaceRole: workspaceMembers.role,
      sessionId: workspaceMembers.sessionId,
      requireSecondFactor: workspaces.requireSecondFactor,
      sessionIds: workspaceMembers.sessionIds,
      ...SUSPENSION,
    })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .innerJoin(
      workspaces,
      and(eq(workspaces.id, workspaceMembers.workspaceId), eq(workspaces.status, 'active')),
    )
    .where(and(eq(workspaceMembers.workspaceId, workspaceId), eq(workspaceMembers.userId, personId)));
  if (!row) return null;
  const { role, version, requireSecondFactor } = row;
  const workspaceRole = effectiveRole(role, row.workspaceRole);
  const known = { workspaceId, personId, role, version, workspaceRole, requireSecondFactor };
  return { ...known, sessionIds: readBound(row), suspension: suspensionOf(row) };
}

/** The columns of a workspace that say whether it is suspended. */
const SUSPENSION = { suspendedAt: workspaces.suspendedAt, suspendReason: workspaces.suspendReason };

function suspensionOf(row: {
  suspendedAt: number | null;
  suspendReason: string | null;
}): Actor['suspension'] {
  return row.suspendedAt === null ? undefined : { reason: row.suspendReason };
}

async function loadWorkspace(deps: { db: Db; clock: Clock }, id: number): Promise<KnownWorkspace | null> {
  const workspace = await readWorkspace(deps.db, id);
  if (workspace) return workspace;
  await ensureOwnWorkspace(deps, id);
  return readWorkspace(deps.db, id);
}

/** An active workspace with an active owner. */
async function readWorkspace(db: Db, id: number): Promise<KnownWorkspace | null> {
  const [row] = await db
    .select({ linksFrom: workspaces.linksFrom, ...SUSPENSION })
    .from(workspaces)
    .innerJoin(
      workspaceMembers,
      and(eq(workspaceMembers.workspaceId, workspaces.id), eq(workspaceMembers.role, 'owner')),
    )
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(and(eq(workspaces.id, id), eq(workspaces.status, 'active')))
    .limit(1);
  return row ? { linksFrom: row.linksFrom, suspension: suspensionOf(row) } : null;
}

const timesOf = ({ issuedAt, expiresAt }: TokenClaims) => ({
  issuedAt: issuedAt * 1000,
  expiresAt: expiresAt * 1000,
});

const nameOfToken = (token: string, userId: number, signInId: string | null): string =>
  `${sha256Hex(token)}:${userId}:${signInId ?? ''}`;

/** `<digest>:<person>:<sign-in>`, the last empty for a token of a release before. Never null: that would not be kept. */
async function loadToken(db: Db, name: string): Promise<KnownToken> {
  const [digest = '', person = '', signInId = ''] = name.split(':');
  const personId = Number(person);
  const over = await db
    .select({ digest: endedTokens.digest })
    .from(endedTokens)
    .where(eq(endedTokens.digest, digest));
  if (signInId === '') {
    // Whoever made it was not asked for the factor.
    const ended = over.length > 0 || (await readFactors(db, personId)).length > 0;
    return { personId, ended, proven: false };
  }
  const [signIn] = await db
    .select({ provenAt: signIns.provenAt })
    .from(signIns)
    .where(and(eq(signIns.id, signInId), eq(signIns.userId, personId)));
  const ended = over.length > 0 || signIn === undefined;
  return { personId, ended, proven: signIn !== undefined && signIn.provenAt !== null };
}

/**
 * A key with what its maker may do now: never more than that. Once the maker has left the workspace, the scopes that it
 * was left with count alone. A key is an administrator's only in the workspace of that person's number: nobody else's reaches
 * further than the workspace. Null while
 * the maker or the workspace is disabled, and for a key of another session than those that its maker is bound to.
 */
async function loadKey(deps: { db: Db; clock: Clock }, prefix: string): Promise<KnownKey | null> {
  let row = await readKey(deps.db, prefix);
  if (row && row.workspaceStatus === null) {
    // Made by a process of the release before, while this one took its place.
    await ensureOwnWorkspace(deps, row.userId);
    row = await readKey(deps.db, prefix);
  }
  if (row?.status !== 'active' || row.workspaceStatus !== 'active') return null;
  const { id, userId, hash, scopes, expiresAt, kind, serviceRole, memberRole } = row;
  const own = row.sessionId === null ? null : [row.sessionId];
  const key = { id, userId, hash, scopes, sessionIds: own, expiresAt, suspension: suspensionOf(row) };
  const personId = row.createdBy ?? userId;
  if (memberRole === null) {
    // A member's own key goes with the member.
    return kind === 'extra' ? { ...key, personId, role: 'user', workspaceRole: 'owner' } : null;
  }
  const makers = readBound({ sessionId: row.memberSessionId, sessionIds: row.memberSessionIds });
  const sessionIds = bothBound(own, makers);
  if (sessionIds === undefined) return null;
  const isTheirs = userId === personId;
  return {
    ...key,
    personId,
    scopes: kind === 'member' ? ['*'] : key.scopes,
    role: serviceRole === 'admin' && !isTheirs ? 'user' : (serviceRole ?? 'user'),
    workspaceRole: effectiveRole(serviceRole ?? 'user', memberRole),
    sessionIds,
  };
}

/** What is null in it is missing: the workspace, the maker, or the membership. */
async function readKey(db: Db, prefix: string) {
  const [row] = await db
    .select({
      id: apiKeys.id,
      userId: apiKeys.userId,
      createdBy: apiKeys.createdBy,
      kind: apiKeys.kind,
      hash: apiKeys.hash,
      scopes: apiKeys.scopes,
      sessionId: apiKeys.sessionId,
      expiresAt: apiKeys.expiresAt,
      serviceRole: users.role,
      status: users.status,
      workspaceStatus: workspaces.status,
      ...SUSPENSION,
      memberRole: workspaceMembers.role,
      memberSessionId: workspaceMembers.sessionId,
      memberSessionIds: workspaceMembers.sessionIds,
    })
    .from(apiKeys)
    .leftJoin(workspaces, eq(workspaces.id, apiKeys.userId))
    .leftJoin(users, eq(users.id, KEY_MAKER))
    .leftJoin(
      workspaceMembers,
      and(eq(workspaceMembers.workspaceId, apiKeys.userId), eq(workspaceMembers.userId, KEY_MAKER)),
    )
    .where(eq(apiKeys.prefix, prefix));
  return row ?? null;
}

/** Notes when something was last used, in the background and at most once a minute each. */
function createToucher(
  deps: { clock: Clock; logger: Logger },
  write: (id: string, at: number) => PromiseLike<unknown>,
): (id: string) => void {
  const touchedAt = new Map<string, number>();
  const note = async (id: string, at: number) => {
    try {
      await write(id, at);
    } catch (error) {
      deps.logger.debug('could not note when a credential was used', { error });
    }
  };
  return (id) => {
    const now = deps.clock.now();
    if (now - (touchedAt.get(id) ?? 0) < TOUCH_MS) return;
    if (touchedAt.size >= MAX_ENTRIES) touchedAt.clear();
    touchedAt.set(id, now);
    void note(id, now);
  };
}
