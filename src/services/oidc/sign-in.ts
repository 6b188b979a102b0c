/** Whoever comes back from an OpenID provider: signs in, is linked to an account, or gets a new one. */
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { transact, tryInsert } from '../../db/ops.ts';
import { identities, users } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { newApiKey } from '../auth/keys.ts';
import { rememberNetwork } from '../auth/known-devices.ts';
import { NO_PASSWORD } from '../auth/passwords.ts';
import { spendRegistration } from '../auth/registration.ts';
import { type SignedIn, signedInAs } from '../auth/verbs.ts';
import { type Ctx, originOf } from '../context.ts';
import { takeRoom } from '../quotas.ts';
import { findUser, insertUser, type UserRow } from '../users.ts';
import {
  findOpenDomain,
  joinByDomain,
  type OpenDomain,
  recordDomainJoin,
} from '../workspaces/domain-joins.ts';
import { personalTenantOf } from '../workspaces/own.ts';
import { endTrip, type ProvenIdentity } from './flow.ts';

export type TripEnd =
  | { kind: 'signed-in'; signedIn: SignedIn; userId: number; next: string | null }
  | { kind: 'linked'; provider: string };

/**
 * Ends what `beginTrip` began. An account that exists is only ever opened by an identity that its owner has linked while
 * signed in: a provider that confirms the same address is not enough. Where there is none with the address, a new one is
 * made for a confirmed address: in the workspace whose domain it is, else of its own where registration is open. Throws
 * what `endTrip` throws, SECOND_FACTOR_REQUIRED for whoever has a second factor, FORBIDDEN without an account and for one
 * that is disabled, CONFLICT for an address that has one and for an identity of somebody else.
 */
export async function comeBack(
  ctx: Ctx,
  input: { provider: string; query: string; sealed: string | undefined },
): Promise<TripEnd> {
  const { identity, purpose } = await endTrip(ctx, input);
  if (purpose.kind === 'link') {
    await link(ctx, identity, purpose);
    return { kind: 'linked', provider: identity.provider };
  }
  const person = (await signInLinked(ctx, identity)) ?? (await makePerson(ctx, identity));
  const signedIn = await signedInAs(ctx, person);
  await rememberNetwork(ctx, person.id);
  return { kind: 'signed-in', signedIn, userId: person.id, next: purpose.next };
}

const isSubject = ({ issuer, subject }: ProvenIdentity) =>
  and(eq(identities.issuer, issuer), eq(identities.subject, subject));

/** The person whose identity it is, as signed in now; null for nobody's. */
async function signInLinked(ctx: Ctx, identity: ProvenIdentity): Promise<UserRow | null> {
  const [row] = await ctx.db
    .select({ id: identities.id, person: users })
    .from(identities)
    .innerJoin(users, eq(users.id, identities.userId))
    .where(isSubject(identity));
  if (!row) return null;
  const { person } = row;
  if (person.status !== 'active') throw noAccount();
  const domain = await findOpenDomain(ctx, identity);
  const now = ctx.clock.now();
  return transact(ctx.db, async (tx) => {
    const email = identity.email ?? undefined;
    await tx
      .update(identities)
      .set({ lastUsedAt: now, ...(email ? { email } : {}) })
      .where(eq(identities.id, row.id));
    await tx.update(users).set({ lastLoginAt: now }).where(eq(users.id, person.id));
    if (domain) await joinByDomain(ctx, tx, domain, person.id);
    await recordAs(ctx, tx, person.id, 'auth.login', identity.provider);
    return findUser(tx, person.id);
  });
}

async function makePerson(ctx: Ctx, identity: ProvenIdentity): Promise<UserRow> {
  const { email, isConfirmed } = identity;
  if (email === null || !isConfirmed) {
    throw new AppError('FORBIDDEN', 'The provider does not confirm your e-mail address.');
  }
  const [taken] = await ctx.db.select({ id: users.id }).from(users).where(eq(users.email, email));
  if (taken) throw addressTaken();
  const domain = await findOpenDomain(ctx, identity);
  if (!domain && !ctx.config.allowRegistration) throw noAccount();
  if (!domain) await spendRegistration(ctx);
  try {
    return await transact(ctx.db, (tx) => insertPerson(ctx, tx, { ...identity, email }, domain));
  } catch (error) {
    // Another request of the same person may have been first.
    if (error instanceof AppError && error.code === 'CONFLICT') throw addressTaken();
    throw error;
  }
}

async function insertPerson(
  ctx: Ctx,
  tx: Tx,
  identity: ProvenIdentity & { email: string },
  domain: OpenDomain | null,
): Promise<UserRow> {
  const { email, name } = identity;
  const fresh = { email, name, passwordHash: NO_PASSWORD, apiKey: newApiKey(), role: 'user' as const };
  const joins = domain && { workspaceId: domain.workspaceId, role: domain.role };
  if (joins) await takeRoom(tx, ctx, joins.workspaceId, 'members');
  const made = await insertUser(tx, ctx, joins ? { ...fresh, joins } : fresh);
  await insertIdentity(ctx, tx, made.id, identity);
  const now = ctx.clock.now();
  await tx.update(users).set({ lastLoginAt: now }).where(eq(users.id, made.id));
  if (domain) await recordDomainJoin(ctx, tx, domain, made.id);
  await recordAs(ctx, tx, made.id, 'auth.registered', identity.provider);
  return { ...made, lastLoginAt: now };
}

async function insertIdentity(
  ctx: Ctx,
  tx: Tx,
  userId: number,
  { provider, issuer, subject, email }: ProvenIdentity,
): Promise<void> {
  const now = ctx.clock.now();
  const row = { id: newId(now), userId, provider, issuer, subject, email: email ?? '' };
  if (await tryInsert(tx, identities, { ...row, createdAt: now, lastUsedAt: now })) return;
  throw new AppError('CONFLICT', 'This identity belongs to another account already.');
}

/** As many as anybody has; it bounds the list. */
const MAX_IDENTITIES = 20;

async function link(
  ctx: Ctx,
  identity: ProvenIdentity,
  { personId, version }: { personId: number; version: number },
): Promise<void> {
  if (identity.email !== null && !identity.isConfirmed) {
    throw new AppError('FORBIDDEN', 'The provider does not confirm your e-mail address.');
  }
  await transact(ctx.db, async (tx) => {
    const [person] = await tx.select().from(users).where(eq(users.id, personId));
    // The password may have been changed, or the person disabled, on the way.
    if (person?.status !== 'active' || person.tokenVersion !== version) {
      throw new AppError('UNAUTHORIZED', 'You were signed out meanwhile: sign in again.');
    }
    const [known] = await tx
      .select({ userId: identities.userId })
      .from(identities)
      .where(isSubject(identity));
    if (known?.userId === personId) return;
    const mine = await tx
      .select({ id: identities.id })
      .from(identities)
      .where(eq(identities.userId, personId));
    if (mine.length >= MAX_IDENTITIES) {
      throw new AppError('CONFLICT', `At most ${MAX_IDENTITIES} identities can be linked.`);
    }
    await insertIdentity(ctx, tx, personId, identity);
    await recordAs(ctx, tx, personId, 'auth.identity_linked', identity.provider);
  });
}

async function recordAs(
  ctx: Ctx,
  tx: Tx,
  personId: number,
  event: 'auth.login' | 'auth.registered' | 'auth.identity_linked',
  provider: string,
): Promise<void> {
  const origin = { ...originOf(ctx), actorId: personId };
  const userId = await personalTenantOf(tx, personId);
  await record(tx, ctx, [{ userId, event, data: { provider }, origin }]);
}

function addressTaken(): AppError {
  return new AppError(
    'CONFLICT',
    'There is an account with this address already: sign in with its password, then link this identity in your account.',
  );
}

function noAccount(): AppError {
  return new AppError('FORBIDDEN', 'There is no account for you here: ask to be invited.');
}
