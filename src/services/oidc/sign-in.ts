/** Whoever comes back from an OpenID provider: signs in, is linked to an account, or gets a new one. */
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { identities, users } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newApiKey } from '../auth/keys.ts';
import { rememberNetwork } from '../auth/known-devices.ts';
import { NO_PASSWORD } from '../auth/passwords.ts';
import { spendRegistration } from '../auth/registration.ts';
import { askForFactor } from '../auth/second-factor/ask.ts';
import { type SignedIn, signedInAs } from '../auth/verbs.ts';
import { type Ctx, originOf } from '../context.ts';
import { hasRoom, takeRoom } from '../quotas.ts';
import { findUser, insertUser, type UserRow } from '../users.ts';
import type { Joins } from '../workspaces/add-member.ts';
import {
  findOpenDomain,
  joinByDomain,
  lockOpenDomain,
  type OpenDomain,
  recordDomainJoin,
} from '../workspaces/domain-joins.ts';
import { findInvitation, type InvitationRow, joinAsNew } from '../workspaces/invitations.ts';
import { accountOf } from '../workspaces/own.ts';
import { endTrip, type ProvenIdentity } from './flow.ts';
import { holdLink, insertIdentity, isSubject } from './identities.ts';
import { openWaiting, sealWaiting, type Waiting } from './waiting.ts';

export type TripEnd =
  | { kind: 'signed-in'; signedIn: SignedIn; userId: number; next: string | null }
  /** `asked`: SECOND_FACTOR_REQUIRED; `sealed` is for `arriveAfterFactor` */
  | { kind: 'factor'; asked: AppError; sealed: string; next: string | null }
  /** `sealed` is for `finishLink` */
  | { kind: 'link'; sealed: string };

/**
 * Ends what `beginTrip` began. An account that exists is only ever opened by an identity that its owner has linked while
 * signed in: a provider that confirms the same address is not enough. Where there is none with the address, a new one is
 * made for a confirmed address: in the workspace that has invited it, where an invitation was taken along, in the one whose
 * domain it is, else of its own where registration is open. Whoever has a second factor is asked for it before anything is changed, and whoever links has to say yes. Throws what `endTrip`
 * throws, FORBIDDEN without an account, for one that is disabled and with somebody else's invitation, NOT_FOUND for an
 * invitation that is over, CONFLICT for an address that has one, QUOTA_EXCEEDED
 * where the workspace is full.
 */
export async function comeBack(
  ctx: Ctx,
  input: { provider: string; query: string; sealed: string | undefined },
): Promise<TripEnd> {
  const { identity, purpose } = await endTrip(ctx, input);
  if (purpose.kind === 'link') return { kind: 'link', sealed: holdLink(ctx, identity, purpose) };
  const { next, invitation } = purpose;
  const linked = await findLinked(ctx, identity);
  const asked = linked && (await factorAskedOf(ctx, linked));
  if (linked && asked) {
    const { id: personId, tokenVersion: version } = linked;
    const sealed = sealWaiting(ctx, 'factor', { identity, personId, version, signInId: null });
    return { kind: 'factor', asked, sealed, next };
  }
  const person = linked
    ? await signInLinked(ctx, linked.id, identity)
    : await makePerson(ctx, identity, invitation);
  const signedIn = await signedInAs(ctx, person);
  await rememberNetwork(ctx, person.id);
  // Whoever was made by an invitation has joined; whoever was here says so on the page of the invitation.
  const hasJoined = !linked && invitation !== undefined;
  return { kind: 'signed-in', signedIn, userId: person.id, next: hasJoined ? null : next };
}

/**
 * What a sign-in with an identity does in addition to signing in, for a person who has just given the second factor that
 * `comeBack` asked for. Nothing for anybody else, and for an identity that was unlinked meanwhile.
 */
export async function arriveAfterFactor(
  ctx: Ctx,
  { personId, sealed }: { personId: number; sealed: string },
): Promise<void> {
  let waiting: Waiting;
  try {
    waiting = openWaiting(ctx, 'factor', sealed);
  } catch (error) {
    if (error instanceof AppError && error.code === 'UNAUTHORIZED') return;
    throw error;
  }
  const { identity } = waiting;
  if (waiting.personId !== personId) return;
  const domain = await findOpenDomain(ctx, identity, personId);
  await transact(ctx.db, (tx) => arrive(ctx, tx, { identity, personId, domain }));
}

/** The person whose identity it is; null for nobody's. Throws FORBIDDEN for one that is disabled. */
async function findLinked(ctx: Ctx, identity: ProvenIdentity): Promise<UserRow | null> {
  const [row] = await ctx.db
    .select({ person: users })
    .from(identities)
    .innerJoin(users, eq(users.id, identities.userId))
    .where(isSubject(identity));
  if (!row) return null;
  if (row.person.status !== 'active') throw noAccount();
  return row.person;
}

async function factorAskedOf(ctx: Ctx, person: UserRow): Promise<AppError | null> {
  try {
    await askForFactor(ctx, person);
    return null;
  } catch (error) {
    if (error instanceof AppError && error.code === 'SECOND_FACTOR_REQUIRED') return error;
    throw error;
  }
}

async function signInLinked(ctx: Ctx, personId: number, identity: ProvenIdentity): Promise<UserRow> {
  const domain = await findOpenDomain(ctx, identity, personId);
  return transact(ctx.db, async (tx) => {
    await tx.update(users).set({ lastLoginAt: ctx.clock.now() }).where(eq(users.id, personId));
    // Unlinked a moment ago.
    if (!(await arrive(ctx, tx, { identity, personId, domain }))) throw noAccount();
    await recordAs(ctx, tx, personId, 'auth.login', identity.provider);
    return findUser(tx, personId);
  });
}

interface Arrival {
  identity: ProvenIdentity;
  personId: number;
  domain: OpenDomain | null;
}

/** False when the identity is not this person's. */
async function arrive(ctx: Ctx, tx: Tx, { identity, personId, domain }: Arrival): Promise<boolean> {
  const address = identity.email === null ? {} : { email: identity.email };
  const used = await tx
    .update(identities)
    .set({ lastUsedAt: ctx.clock.now(), ...address })
    .where(and(isSubject(identity), eq(identities.userId, personId)));
  if (affected(used) === 0) return false;
  if (domain) await joinByDomain(ctx, tx, domain, personId);
  return true;
}

async function makePerson(ctx: Ctx, identity: ProvenIdentity, invitation?: string): Promise<UserRow> {
  const { email, isConfirmed } = identity;
  if (email === null || !isConfirmed) {
    throw new AppError('FORBIDDEN', 'The provider does not confirm your e-mail address.');
  }
  const [taken] = await ctx.db.select({ id: users.id }).from(users).where(eq(users.email, email));
  if (taken) throw addressTaken();
  const person = { ...identity, email };
  const invited = invitation === undefined ? null : await findInvited(ctx, person, invitation);
  const domain = invited ? null : await findOpenDomain(ctx, identity, null);
  try {
    if (invited) return await transact(ctx.db, (tx) => insertInvited(ctx, tx, person, invited));
    const member = domain && (await transact(ctx.db, (tx) => insertMember(ctx, tx, person, domain)));
    if (member) return member;
    if (!ctx.config.allowRegistration) throw noAccount();
    await spendRegistration(ctx);
    return await transact(ctx.db, (tx) => insertPerson(ctx, tx, person));
  } catch (error) {
    // Another request of the same person may have been first.
    if (error instanceof AppError && error.code === 'CONFLICT') throw addressTaken();
    throw error;
  }
}

type NewPerson = ProvenIdentity & { email: string };

/** Throws NOT_FOUND for one that is over, FORBIDDEN for somebody else's. */
async function findInvited(ctx: Ctx, { email }: NewPerson, token: string): Promise<InvitationRow> {
  const invitation = await findInvitation(ctx, token);
  if (invitation.email === email) return invitation;
  throw new AppError(
    'FORBIDDEN',
    'This invitation is for another address: go back and sign in with the account that has it.',
  );
}

function insertInvited(ctx: Ctx, tx: Tx, identity: NewPerson, invitation: InvitationRow): Promise<UserRow> {
  return joinAsNew(ctx, tx, invitation, (joins) => insertPerson(ctx, tx, identity, joins));
}

/** Null when the domain is proven no more, or its workspace has ended. Throws QUOTA_EXCEEDED. */
async function insertMember(
  ctx: Ctx,
  tx: Tx,
  identity: NewPerson,
  domain: OpenDomain,
): Promise<UserRow | null> {
  const open = await lockOpenDomain(ctx, tx, domain);
  if (!open) return null;
  const { workspaceId, role } = open;
  if (!(await hasRoom(tx, ctx, workspaceId, 'members'))) throw workspaceFull(domain);
  await takeRoom(tx, ctx, workspaceId, 'members');
  const made = await insertPerson(ctx, tx, identity, { workspaceId, role });
  await recordDomainJoin(ctx, tx, open, made.id);
  return made;
}

async function insertPerson(ctx: Ctx, tx: Tx, identity: NewPerson, joins?: Joins): Promise<UserRow> {
  const { email, name } = identity;
  const fresh = { email, name, passwordHash: NO_PASSWORD, apiKey: newApiKey(), role: 'user' as const };
  const made = await insertUser(tx, ctx, joins ? { ...fresh, joins } : fresh);
  await insertIdentity(ctx, tx, made.id, identity);
  const now = ctx.clock.now();
  await tx.update(users).set({ lastLoginAt: now }).where(eq(users.id, made.id));
  await recordAs(ctx, tx, made.id, 'auth.registered', identity.provider);
  return { ...made, lastLoginAt: now };
}

async function recordAs(
  ctx: Ctx,
  tx: Tx,
  personId: number,
  event: 'auth.login' | 'auth.registered',
  provider: string,
): Promise<void> {
  const origin = { ...originOf(ctx), actorId: personId };
  const account = await accountOf(tx, personId);
  await record(tx, ctx, [{ ...account, event, data: { provider }, origin }]);
}

/** For somebody who has no account yet, and knows nothing of the workspace's limits. */
function workspaceFull({ domain }: OpenDomain): AppError {
  return new AppError(
    'QUOTA_EXCEEDED',
    `The workspace of ${domain} has no place left for a new member: ask its owner to make room, then sign in again.`,
    { details: { quota: 'members', domain } },
  );
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
