/** The identities at OpenID providers that a person has linked to the own account. */
import { and, asc, eq, gt } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { transact, tryInsert } from '../../db/ops.ts';
import { identities, signIns, users } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requirePerson } from '../access.ts';
import { NO_PASSWORD } from '../auth/passwords.ts';
import type { EnrolFields } from '../auth/second-factor/schemas.ts';
import { requireFreshProof } from '../auth/second-factor/verbs.ts';
import { type Ctx, originOf } from '../context.ts';
import { enqueueMail } from '../mail/outbox.ts';
import { languageOf } from '../mail/texts.ts';
import { findUser, type UserRow } from '../users.ts';
import { accountOf } from '../workspaces/own.ts';
import { beginTrip, type ProvenIdentity } from './flow.ts';
import { openWaiting, sealWaiting, type Waiting } from './waiting.ts';

/** As many as anybody has; it bounds the list. */
const MAX_IDENTITIES = 20;

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
    const account = await accountOf(tx, personId);
    const data = { provider: row.provider };
    const fact = { ...account, event: 'auth.identity_unlinked' as const, subject: row.id };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
  });
}

/**
 * Begins the linking of an identity to the caller's account; see `beginTrip`. Throws FORBIDDEN for a key, and as setting up
 * a second factor does: SECOND_FACTOR_MISSING, VALIDATION_FAILED when the password is needed or wrong, RATE_LIMITED.
 */
export async function beginLink(
  ctx: Ctx,
  { provider, ...proof }: { provider: string } & EnrolFields,
): Promise<{ url: string; sealed: string }> {
  requirePerson(ctx);
  const { id: personId, tokenVersion: version } = await requireFreshProof(ctx, proof);
  const { signInId = null } = ctx.actor;
  return beginTrip(ctx, { provider, purpose: { kind: 'link', personId, version, signInId } });
}

type Begun = Pick<Waiting, 'personId' | 'version' | 'signInId'>;

/**
 * Keeps who came back to be linked, until the person says yes. Nothing is changed: the browser that came back shows no
 * sign-in, and may have been sent here with the trip of somebody else. Throws FORBIDDEN for an unconfirmed address.
 */
export function holdLink(ctx: Ctx, identity: ProvenIdentity, { personId, version, signInId }: Begun): string {
  if (identity.email !== null && !identity.isConfirmed) {
    throw new AppError('FORBIDDEN', 'The provider does not confirm your e-mail address.');
  }
  return sealWaiting(ctx, 'link', { identity, personId, version, signInId });
}

/** What the caller is asked about. Throws FORBIDDEN for a key, UNAUTHORIZED when another sign-in has begun it. */
export function readLink(ctx: Ctx, input: { sealed: string | undefined }): ProvenIdentity {
  return openOwnLink(ctx, input.sealed).identity;
}

/**
 * Links the identity that `holdLink` has kept, and tells the person by mail where there is an SMTP server. Throws FORBIDDEN
 * for a key, UNAUTHORIZED when the sign-in in which it began has ended, CONFLICT for an identity of somebody else and at 20.
 */
export async function finishLink(ctx: Ctx, input: { sealed: string | undefined }): Promise<void> {
  const waiting = openOwnLink(ctx, input.sealed);
  await transact(ctx.db, async (tx) => {
    const person = await lockLinker(ctx, tx, waiting);
    const mine = await tx.select().from(identities).where(eq(identities.userId, person.id));
    const { issuer, subject } = waiting.identity;
    if (mine.some((row) => row.issuer === issuer && row.subject === subject)) return;
    if (mine.length >= MAX_IDENTITIES) {
      throw new AppError('CONFLICT', `At most ${MAX_IDENTITIES} identities can be linked.`);
    }
    await insertIdentity(ctx, tx, person.id, waiting.identity);
    await tellLinked(ctx, tx, person, waiting.identity);
  });
}

/** Whoever is signed in has to be who began it: a cookie can be planted. */
function openOwnLink(ctx: Ctx, sealed: string | undefined): Waiting {
  requirePerson(ctx);
  const waiting = openWaiting(ctx, 'link', sealed);
  const { personId, signInId = null } = ctx.actor;
  if (waiting.personId !== personId || waiting.signInId !== signInId) throw wasSignedOut();
  return waiting;
}

/** The password may have been changed, the person disabled or the sign-in ended on the way. */
async function lockLinker(ctx: Ctx, tx: Tx, { personId, version, signInId }: Begun): Promise<UserRow> {
  const now = ctx.clock.now();
  // Locked first: a new password by a link takes all identities off.
  await tx.update(users).set({ updatedAt: now }).where(eq(users.id, personId));
  const [person] = await tx.select().from(users).where(eq(users.id, personId));
  if (person?.status !== 'active' || person.tokenVersion !== version) throw wasSignedOut();
  if (signInId === null) return person;
  const { id, userId, expiresAt } = signIns;
  const alive = and(eq(id, signInId), eq(userId, personId), gt(expiresAt, now));
  if ((await tx.select({ id }).from(signIns).where(alive)).length === 0) throw wasSignedOut();
  return person;
}

async function tellLinked(
  ctx: Ctx,
  tx: Tx,
  { id, email: address }: UserRow,
  { provider }: ProvenIdentity,
): Promise<void> {
  const account = await accountOf(tx, id);
  await record(tx, ctx, [
    { ...account, event: 'auth.identity_linked', data: { provider }, origin: originOf(ctx) },
  ]);
  const language = languageOf(ctx.config);
  if (ctx.config.smtp !== null) await enqueueMail(tx, ctx, { kind: 'identity_linked', address, language });
}

/** The condition for the one row of an identity. */
export const isSubject = ({ issuer, subject }: Pick<ProvenIdentity, 'issuer' | 'subject'>) =>
  and(eq(identities.issuer, issuer), eq(identities.subject, subject));

/** Gives a person an identity, in the caller's transaction. Throws CONFLICT for one that somebody has. */
export async function insertIdentity(
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

function wasSignedOut(): AppError {
  return new AppError('UNAUTHORIZED', 'You were signed out meanwhile: sign in again.');
}
