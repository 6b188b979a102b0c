/** Signing in, and a user's own account. */

import { and, eq } from 'drizzle-orm';
import { affected, transact } from '../../db/ops.ts';
import { users } from '../../db/schema.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { record } from '../../events/record.ts';
import type { EventName } from '../../events/table.ts';
import { addressGroup } from '../../utils/address.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope, requireSelf } from '../access.ts';
import { readOwnKey, revokeAllKeys } from '../api-keys.ts';
import { type Ctx, originOf } from '../context.ts';
import { enqueueMail } from '../mail/outbox.ts';
import { languageOf } from '../mail/texts.ts';
import { endLinksOf, normalizeEmail, toUserInfo, type UserInfo, type UserRow } from '../users.ts';
import { inWorkspace, type MembershipInfo, readMembership } from '../workspaces/membership.ts';
import { accountOf, ensureOwnWorkspace, firstWorkspaceOf } from '../workspaces/own.ts';
import { originOfSignIn, rememberNetwork } from './known-devices.ts';
import { hashPassword, isPassword } from './passwords.ts';
import type { ChangePasswordFields, LoginFields, SignOutEverywhereFields } from './schemas.ts';
import { askForFactor } from './second-factor/ask.ts';
import { readFactors } from './second-factor/proof.ts';
import { endSignInsOf, goOnSignIn, isProven, type SignInRef, startSignIn } from './sign-ins.ts';
import { addressThrottle, countAttempt, countFailure, forgetFailures, type Throttle } from './throttle.ts';

export interface SignedIn {
  token: string;
  user: UserInfo & { apiKey: string | null; workspace: MembershipInfo };
}

/** People mistype: five wrong passwords from one place cost nothing. */
const FREE_PER_PLACE = 5;
/**
 * Wrong passwords for one account from all unknown networks together, and apart from them from all known places. One place
 * alone is locked out by itself long before.
 */
const FREE_PER_ACCOUNT = 50;

/**
 * Signs in. Throws UNAUTHORIZED, with the same words and after the same time whether the e-mail, the password
 * or the user's status is to blame; RATE_LIMITED after too many failures from one network for this account, from one
 * address, from all unknown networks together, or from all known places together; SECOND_FACTOR_REQUIRED when the person has
 * a second factor. A browser (`device`) or network that has signed in to the account before is counted apart from
 * strangers: what they do elsewhere does not lock it out.
 */
export async function login(ctx: Ctx, input: SignInInput): Promise<SignedIn & { userId: number }> {
  const row = await checkPassword(ctx, input);
  const signedIn = await finishSignIn(ctx, row);
  return { ...signedIn, userId: row.id };
}

/** The first step of a sign-in, and the only one for whoever has no second factor. Throws as `login` does. */
export async function checkPassword(ctx: Ctx, input: SignInInput): Promise<UserRow> {
  const email = normalizeEmail(input.email);
  const who = sha256Hex(JSON.stringify([email, addressGroup(ctx.ip), input.device ?? null]));
  const row = await ctx.credentials.locks.guard(who, () => provePassword(ctx, { ...input, email }));
  await askForFactor(ctx, row);
  return row;
}

async function provePassword(ctx: Ctx, input: SignInInput): Promise<UserRow> {
  const { email } = input;
  const address = addressThrottle(ctx);
  const [account] = await ctx.db.select({ id: users.id }).from(users).where(eq(users.email, email));
  const from = await originOfSignIn(ctx, { userId: account?.id ?? 0, email, device: input.device });
  const place = { key: from.subject, free: FREE_PER_PLACE };
  const counted = [place, accountThrottle(email, from.kind === 'unknown')];
  return ctx.credentials.inTurn(place.key, async () => {
    const watched = from.isKnownNetwork ? [] : [address];
    await countAttempt(ctx.db, counted, watched, ctx.clock.now());
    // Read again in its turn: the password may have been changed meanwhile.
    const [found] = await ctx.db.select().from(users).where(eq(users.email, email));
    const right = await isPassword(input.password, found?.passwordHash ?? null);
    if (!found || !right || found.status !== 'active') {
      await countFailure(ctx.db, address, ctx.clock.now());
      await tellOwner(ctx, email, found ?? null);
      // An unknown account's failure is recorded too (user 0): the same work for all.
      await recordLogin(ctx, found?.id ?? 0, 'auth.login_failed');
      throw new AppError('UNAUTHORIZED', 'The e-mail or the password is not right.');
    }
    for (const throttle of counted) await forgetFailures(ctx.db, throttle);
    return found;
  });
}

export type SignInInput = LoginFields & {
  /** the mark of a browser that has signed in before */
  device?: string | undefined;
};

/** What follows the last proof: the network is known from now on, the sign-in is written down, a token is made. */
export async function finishSignIn(ctx: Ctx, row: UserRow, begun?: SignInBegun): Promise<SignedIn> {
  await rememberNetwork(ctx, row.id);
  await recordLogin(ctx, row.id, 'auth.login');
  return tokenFor(ctx, { ...row, lastLoginAt: ctx.clock.now() }, begun);
}

export interface SignInBegun {
  signIn: SignInRef;
  /** a second factor was given */
  proven: boolean;
}

/**
 * A token for the person in the workspace that was chosen last, in a new sign-in. Throws FORBIDDEN for whoever belongs to
 * none, SECOND_FACTOR_REQUIRED for whoever has a second factor.
 */
export async function signedInAs(ctx: Ctx, row: UserRow): Promise<SignedIn> {
  await askForFactor(ctx, row);
  return tokenFor(ctx, row);
}

/** As `signedInAs`, in the sign-in of somebody who is signed in already: nothing more is asked. */
export async function signedInStill(ctx: Ctx, row: UserRow): Promise<SignedIn> {
  return tokenFor(ctx, row, { signIn: await goOnSignIn(ctx.db, ctx), proven: await isProven(ctx) });
}

async function tokenFor(ctx: Ctx, row: UserRow, begun?: SignInBegun): Promise<SignedIn> {
  // A process of the release before may have made the person, while this one took its place.
  await ensureOwnWorkspace(ctx, row.id);
  const workspaceId = await firstWorkspaceOf(ctx.db, row.id);
  const workspace = await readMembership(ctx.db, { workspaceId, personId: row.id });
  if (!workspace) throw new AppError('FORBIDDEN', 'You belong to no workspace any more: ask to be invited.');
  const { signIn, proven } = begun ?? { signIn: await beginSignIn(ctx, row), proven: false };
  // A key would open what the second factor guards.
  const lacksFactor = workspace.requireSecondFactor && !proven;
  const apiKey = lacksFactor
    ? null
    : await readOwnKey(ctx.db, ctx.secrets, { workspaceId, personId: row.id });
  const user = { ...inWorkspace(toUserInfo(row), workspace), apiKey };
  return { token: ctx.credentials.signToken(row.id, row.tokenVersion, workspaceId, signIn), user };
}

/** Nobody gets past a factor that is set up meanwhile. Throws SECOND_FACTOR_REQUIRED then. */
async function beginSignIn(ctx: Ctx, row: UserRow): Promise<SignInRef> {
  const signIn = await transact(ctx.db, async (tx) => {
    // Whoever sets one up waits for us here, or we for them.
    const active = and(eq(users.id, row.id), eq(users.status, 'active'));
    await tx.update(users).set({ status: 'active' }).where(active);
    if ((await readFactors(tx, row.id)).length > 0) return null;
    return startSignIn(tx, ctx, { userId: row.id, proven: false });
  });
  if (signIn !== null) return signIn;
  await askForFactor(ctx, row);
  return beginSignIn(ctx, row);
}

/** Wrong passwords of one account within a day after which its owner gets a mail, once. */
const ATTACK_FAILURES = 10;

/**
 * Writes down for the owner, once a day, that somebody tries passwords of the account, and sends a mail where there is SMTP.
 * An e-mail without an account (`owner` null) is counted as well: the same work for all.
 */
async function tellOwner(ctx: Ctx, email: string, owner: UserRow | null): Promise<void> {
  const now = ctx.clock.now();
  const subject = sha256Hex(email);
  const failures = { key: `login:failures:${subject}`, max: ATTACK_FAILURES, windowMs: DAY_MS };
  if ((await spendFromWindow(ctx.db, failures, now)) !== null) return;
  const told = { key: `login:told:${subject}`, max: 1, windowMs: DAY_MS };
  if ((await spendFromWindow(ctx.db, told, now)) === null || owner === null) return;
  const { id: userId, email: address } = owner;
  ctx.logger.warn('somebody tries passwords of an account', { userId });
  await transact(ctx.db, async (tx) => {
    const origin = { ...originOf(ctx), actorId: 0 };
    const account = await accountOf(tx, userId);
    await record(tx, ctx, [{ ...account, event: 'auth.under_attack', status: 'failure', origin }]);
    // The one who asks is not the owner: the language is that of the service's country.
    const language = languageOf(ctx.config);
    if (ctx.config.smtp !== null) await enqueueMail(tx, ctx, { kind: 'under_attack', address, language });
  });
}

function accountThrottle(email: string, isStranger: boolean): Throttle {
  return { key: `login:${isStranger ? 'account' : 'known'}:${sha256Hex(email)}`, free: FREE_PER_ACCOUNT };
}

async function recordLogin(ctx: Ctx, userId: number, event: EventName): Promise<void> {
  const good = event === 'auth.login';
  await transact(ctx.db, async (tx) => {
    if (good) await tx.update(users).set({ lastLoginAt: ctx.clock.now() }).where(eq(users.id, userId));
    const origin = { ...originOf(ctx), actorId: good ? userId : 0 };
    const account = await accountOf(tx, userId);
    await record(tx, ctx, [{ ...account, event, status: good ? 'success' : 'failure', origin }]);
  });
}

/** The caller; `apiKey` only for one who signed in: a key must not read another key. Throws FORBIDDEN. */
export async function readMe(
  ctx: Ctx,
): Promise<UserInfo & { apiKey?: string | null; workspace: MembershipInfo }> {
  if (ctx.actor.lacksFactor !== true) requireScope(ctx, 'read');
  const { userId: workspaceId, personId } = ctx.actor;
  const row = await ownRow(ctx);
  const workspace = await readMembership(ctx.db, { workspaceId, personId });
  const info = workspace ?? {
    id: workspaceId,
    name: '',
    role: ctx.actor.workspaceRole,
    sessionId: null,
    sessionIds: null,
    timezone: null,
    requireSecondFactor: false,
  };
  const user = inWorkspace(toUserInfo(row), info);
  if (ctx.actor.via !== 'jwt') return user;
  if (ctx.actor.lacksFactor === true) return { ...user, apiKey: null };
  return { ...user, apiKey: await readOwnKey(ctx.db, ctx.secrets, { workspaceId, personId }) };
}

/**
 * Changes the caller's own password and ends all tokens and signed links that were made before, with `revokeApiKeys` all
 * API keys, too; answers with a new token. Read-only users may. Throws VALIDATION_FAILED for a wrong current password,
 * counted like a failed login, SECOND_FACTOR_MISSING for whoever has a factor and has not given it in this sign-in, and
 * UNAUTHORIZED when an admin has set another password meanwhile.
 */
export async function changePassword(ctx: Ctx, input: ChangePasswordFields): Promise<{ token: string }> {
  requireSelf(ctx);
  const row = await ownRow(ctx);
  await requireProven(ctx);
  await requirePassword(ctx, row, { currentPassword: input.currentPassword });
  const passwordHash = await hashPassword(input.newPassword);
  return endTokens(ctx, row, { passwordHash }, 'auth.password_changed', input.revokeApiKeys === true);
}

/**
 * Throws VALIDATION_FAILED unless the field holds the person's password; counted like a failed login, apart from those who
 * sign in.
 */
export async function requirePassword(ctx: Ctx, row: UserRow, given: Record<string, string>): Promise<void> {
  const account = { key: `login:change:${row.id}`, free: FREE_PER_PLACE };
  const [[field, password] = ['password', '']] = Object.entries(given);
  await ctx.credentials.inTurn(account.key, async () => {
    await countAttempt(ctx.db, [account], [], ctx.clock.now());
    if (!(await isPassword(password, row.passwordHash))) {
      throw new AppError('VALIDATION_FAILED', 'The current password is not right.', {
        details: { [field]: 'is not right' },
      });
    }
    await forgetFailures(ctx.db, account);
  });
}

/**
 * Ends all tokens and signed links of the caller, with `revokeApiKeys` all API keys, too; answers with a new token, for
 * where this was asked. Read-only users may. Throws UNAUTHORIZED when they were ended meanwhile, SECOND_FACTOR_MISSING for
 * whoever has a factor and has not given it in this sign-in.
 */
export async function signOutEverywhere(
  ctx: Ctx,
  input: SignOutEverywhereFields,
): Promise<{ token: string }> {
  requireSelf(ctx);
  const row = await ownRow(ctx);
  await requireProven(ctx);
  return endTokens(ctx, row, {}, 'auth.signed_out_everywhere', input.revokeApiKeys === true);
}

/** Throws SECOND_FACTOR_MISSING for whoever has a second factor and has not given it in this sign-in. */
async function requireProven(ctx: Ctx): Promise<void> {
  if ((await readFactors(ctx.db, ctx.actor.personId)).length === 0 || (await isProven(ctx))) return;
  throw new AppError('SECOND_FACTOR_MISSING', 'Give the second factor that you have first.');
}

/** Ends this one token of the caller and the sign-in that it belongs to, in all processes. */
export async function signOut(ctx: Ctx, input: { token: string }): Promise<void> {
  requireSelf(ctx);
  await ctx.credentials.endToken(input.token);
}

async function endTokens(
  ctx: Ctx,
  row: UserRow,
  changes: { passwordHash?: string },
  event: EventName,
  revokeApiKeys: boolean,
): Promise<{ token: string }> {
  const now = ctx.clock.now();
  const tokenVersion = row.tokenVersion + 1;
  const signIn = await transact(ctx.db, async (tx) => {
    // Whoever has ended the tokens since, such as an admin with a new password, has the last word.
    const same = and(
      eq(users.id, row.id),
      eq(users.tokenVersion, row.tokenVersion),
      eq(users.status, 'active'),
    );
    const updated = await tx
      .update(users)
      .set({ ...changes, tokenVersion, linksFrom: now, updatedAt: now })
      .where(same);
    if (affected(updated) === 0) {
      throw new AppError('UNAUTHORIZED', 'You were signed out meanwhile: sign in again.');
    }
    await endLinksOf(tx, row.id, now);
    const kept = await goOnSignIn(tx, ctx);
    await endSignInsOf(tx, row.id, kept.id);
    const account = await accountOf(tx, row.id);
    await record(tx, ctx, [{ ...account, event, data: { revokeApiKeys }, origin: originOf(ctx) }]);
    if (revokeApiKeys) await revokeAllKeys(tx, ctx, { personId: row.id, origin: originOf(ctx) });
    tx.afterCommitAsked(() => ctx.credentials.forget(row.id));
    return kept;
  });
  return { token: ctx.credentials.signToken(row.id, tokenVersion, ctx.actor.userId, signIn) };
}

/** The caller as a person. Throws UNAUTHORIZED for whoever is gone. */
export async function ownRow(ctx: Ctx): Promise<UserRow> {
  const [row] = await ctx.db.select().from(users).where(eq(users.id, ctx.actor.personId));
  if (!row) throw new AppError('UNAUTHORIZED', 'This user is gone.');
  return row;
}
