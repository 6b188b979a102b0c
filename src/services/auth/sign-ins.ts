/** Where a person is signed in: one row a sign-in, named by its tokens. */
import Bowser from 'bowser';
import { and, desc, eq, gt, inArray, isNull, ne } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { signIns } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requireSelf } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { accountOf } from '../workspaces/own.ts';
import { readFactors } from './second-factor/proof.ts';

/** The newest of a person that are kept; a list shows all of them. */
const MAX_KEPT = 100;
/** Those of before that go with one sign-in. */
const MAX_ENDED = 200;
const MAX_USER_AGENT = 255;

export interface SignInInfo {
  id: string;
  /** made of the program's name: `Chrome · Android` */
  name: string;
  userAgent: string | null;
  /** the address it was made from */
  ip: string | null;
  /** whether a second factor was given */
  secondFactor: boolean;
  /** the one of this request */
  current: boolean;
  createdAt: string;
  /** to the minute */
  lastSeenAt: string;
}

/** What a token of a sign-in names. */
export interface SignInRef {
  /** sign_ins.id */
  id: string;
  /** epoch milliseconds: each of its tokens is over then */
  expiresAt: number;
}

interface NewSignIn {
  userId: number;
  proven: boolean;
  /** epoch milliseconds; now when it is missing */
  createdAt?: number;
  expiresAt?: number;
}

/**
 * Notes a sign-in of the person from where the caller is; it goes into the token. The newest 100 of a person are kept: those
 * before, by when they were last seen, are over.
 */
export async function startSignIn(db: Db, ctx: Ctx, input: NewSignIn): Promise<SignInRef> {
  const now = ctx.clock.now();
  const { userId, proven, createdAt = now } = input;
  const { expiresAt = now + ctx.config.jwtExpiresInSeconds * 1000 } = input;
  const id = newId(now);
  await db.insert(signIns).values({
    id,
    userId,
    userAgent: ctx.userAgent?.slice(0, MAX_USER_AGENT) ?? null,
    ip: ctx.ip,
    provenAt: proven ? now : null,
    createdAt,
    lastSeenAt: now,
    expiresAt,
  });
  await endOldest(db, userId);
  return { id, expiresAt };
}

/** What many sign-ins at once leave over goes with the next one. */
async function endOldest(db: Db, userId: number): Promise<void> {
  const old = await db
    .select({ id: signIns.id })
    .from(signIns)
    .where(eq(signIns.userId, userId))
    .orderBy(desc(signIns.lastSeenAt), desc(signIns.id))
    .limit(MAX_ENDED)
    .offset(MAX_KEPT);
  if (old.length === 0) return;
  await db.delete(signIns).where(
    inArray(
      signIns.id,
      old.map(({ id }) => id),
    ),
  );
}

/**
 * The caller's own sign-in, for a further token of it: it ends when it always did. A token of a release before, which names
 * none, gets one that began and ends as the token, but for somebody with a second factor only when it is given now
 * (`proven`). Throws UNAUTHORIZED for one that has ended meanwhile.
 */
export async function goOnSignIn(db: Db, ctx: Ctx, proven = false): Promise<SignInRef> {
  const { signInId, personId: userId, token } = ctx.actor;
  if (signInId === undefined) {
    const mayGoOn = proven || (await readFactors(db, userId)).length === 0;
    if (token === undefined || !mayGoOn) throw signedOut();
    const { issuedAt: createdAt, expiresAt } = token;
    return startSignIn(db, ctx, { userId, proven, createdAt, expiresAt });
  }
  const [row] = await db
    .select({ id: signIns.id, expiresAt: signIns.expiresAt })
    .from(signIns)
    .where(and(eq(signIns.id, signInId), eq(signIns.userId, userId)));
  if (!row) throw signedOut();
  return row;
}

function signedOut(): AppError {
  return new AppError('UNAUTHORIZED', 'You were signed out meanwhile: sign in again.');
}

/** The caller's sign-ins that still hold, whichever was used last comes first; at most 100. Throws FORBIDDEN for a key. */
export async function listSignIns(ctx: Ctx): Promise<SignInInfo[]> {
  requireSelf(ctx);
  const rows = await ctx.db
    .select()
    .from(signIns)
    .where(and(eq(signIns.userId, ctx.actor.personId), gt(signIns.expiresAt, ctx.clock.now())))
    .orderBy(desc(signIns.lastSeenAt), desc(signIns.id))
    .limit(MAX_KEPT);
  return rows.map(({ id, userAgent, ip, provenAt, createdAt, lastSeenAt }) => ({
    id,
    name: deviceName(userAgent),
    userAgent,
    ip,
    secondFactor: provenAt !== null,
    current: id === ctx.actor.signInId,
    createdAt: new Date(createdAt).toISOString(),
    lastSeenAt: new Date(lastSeenAt).toISOString(),
  }));
}

/**
 * Ends one sign-in of the caller with all its tokens: here at once, in other processes within a second, its event streams
 * within five. Throws NOT_FOUND, also for one of somebody else.
 */
export async function endSignIn(ctx: Ctx, input: { id: string }): Promise<void> {
  requireSelf(ctx);
  const { personId } = ctx.actor;
  await transact(ctx.db, async (tx) => {
    const own = and(eq(signIns.id, input.id), eq(signIns.userId, personId));
    const ended = await tx.delete(signIns).where(own);
    if (affected(ended) === 0) throw new AppError('NOT_FOUND', 'There is no such sign-in.');
    const account = await accountOf(tx, personId);
    await record(tx, ctx, [
      { ...account, event: 'auth.sign_in_ended', subject: input.id, origin: originOf(ctx) },
    ]);
    tx.afterCommitAsked(() => ctx.credentials.forget(personId));
  });
}

/** Ends the sign-ins of a person but this one; in the transaction that ends their tokens. */
export async function endSignInsOf(tx: Tx, personId: number, but?: string): Promise<void> {
  const others = but === undefined ? undefined : ne(signIns.id, but);
  await tx.delete(signIns).where(and(eq(signIns.userId, personId), others));
}

/** Whether a second factor was given in the caller's sign-in. */
export async function isProven({ db, actor }: Ctx): Promise<boolean> {
  if (actor.signInId === undefined) return false;
  const [row] = await db
    .select({ provenAt: signIns.provenAt })
    .from(signIns)
    .where(eq(signIns.id, actor.signInId));
  return row !== undefined && row.provenAt !== null;
}

/** A second factor was given in this sign-in. */
export async function markProven(tx: Tx, id: string, now: number): Promise<void> {
  await tx
    .update(signIns)
    .set({ provenAt: now })
    .where(and(eq(signIns.id, id), isNull(signIns.provenAt)));
}

/** The person has no second factor any more: no sign-in is proven by one. */
export async function forgetProofs(tx: Tx, personId: number): Promise<void> {
  await tx.update(signIns).set({ provenAt: null }).where(eq(signIns.userId, personId));
}

/** A name for people: the browser and the system, or what a program calls itself. */
export function deviceName(userAgent: string | null): string {
  const text = userAgent?.slice(0, MAX_USER_AGENT) ?? '';
  if (text.trim() === '') return '';
  const { browser, os } = Bowser.parse(text);
  const program = browser.name || text.split(/[/\s(]/, 1)[0] || '';
  return os.name ? `${program} · ${os.name}` : program;
}
