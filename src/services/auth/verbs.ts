/** Registering, signing in, and a user's own account. */
import { eq } from 'drizzle-orm';
import { transact } from '../../db/ops.ts';
import { users } from '../../db/schema.ts';
import { type EventName, record } from '../../events/record.ts';
import { addressGroup } from '../../utils/address.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { AppError } from '../../utils/errors.ts';
import { requirePerson } from '../access.ts';
import { readOwnKey } from '../api-keys.ts';
import { type Ctx, originOf } from '../context.ts';
import {
  insertUser,
  type NewUser,
  normalizeEmail,
  toUserInfo,
  type UserInfo,
  type UserRow,
} from '../users.ts';
import { newApiKey } from './keys.ts';
import { hashPassword, isPassword } from './passwords.ts';
import { checkThrottle, countAttempt, countFailure, forgetFailures, type Throttle } from './throttle.ts';

export interface SignedIn {
  token: string;
  user: UserInfo & { apiKey: string | null };
}

/** People mistype: five wrong passwords cost nothing. An address may be a whole office. */
const FREE_PER_ACCOUNT = 5;
const FREE_PER_ADDRESS = 20;

/** A new tenant with the role `user`. Throws FORBIDDEN when registration is closed, CONFLICT for a taken e-mail. */
export async function register(
  ctx: Ctx,
  input: { email: string; password: string; name: string },
): Promise<SignedIn> {
  if (!ctx.config.allowRegistration) throw new AppError('FORBIDDEN', 'Registration is closed: ask an admin.');
  const address = addressThrottle(ctx);
  await checkThrottle(ctx.db, address, ctx.clock.now());
  const passwordHash = await hashPassword(input.password);
  const apiKey = newApiKey();
  const row = await addUser(ctx, { ...input, passwordHash, apiKey }).catch(async (error: unknown) => {
    // Whoever tries which e-mails are taken pays with the address.
    await countFailure(ctx.db, address, ctx.clock.now());
    throw error;
  });
  return { token: ctx.credentials.signToken(row.id, row.tokenVersion), user: { ...toUserInfo(row), apiKey } };
}

function addUser(ctx: Ctx, user: Omit<NewUser, 'role'>): Promise<UserRow> {
  return transact(ctx.db, async (tx) => {
    const created = await insertUser(tx, ctx, { ...user, role: 'user' });
    const origin = { ...originOf(ctx), actorId: created.id };
    await record(tx, ctx, [{ userId: created.id, event: 'auth.registered', origin }]);
    return created;
  });
}

/**
 * Signs in. Throws UNAUTHORIZED, with the same words and after the same time whether the e-mail, the password
 * or the user's status is to blame; RATE_LIMITED after too many failures of an account or an address.
 */
export async function login(ctx: Ctx, input: { email: string; password: string }): Promise<SignedIn> {
  const email = normalizeEmail(input.email);
  const account = accountThrottle(email);
  const address = addressThrottle(ctx);
  const row = await ctx.credentials.inTurn(account.key, async () => {
    await countAttempt(ctx.db, account, [address], ctx.clock.now());
    const [found] = await ctx.db.select().from(users).where(eq(users.email, email));
    const right = await isPassword(input.password, found?.passwordHash ?? null);
    if (!found || !right || found.status !== 'active') {
      await countFailure(ctx.db, address, ctx.clock.now());
      // An unknown account's failure is recorded too (user 0): the same work for all.
      await recordLogin(ctx, found?.id ?? 0, 'auth.login_failed');
      throw new AppError('UNAUTHORIZED', 'The e-mail or the password is not right.');
    }
    await forgetFailures(ctx.db, account);
    return found;
  });
  await recordLogin(ctx, row.id, 'auth.login');
  const apiKey = await readOwnKey(ctx.db, ctx.secrets, row.id);
  const user = { ...toUserInfo({ ...row, lastLoginAt: ctx.clock.now() }), apiKey };
  return { token: ctx.credentials.signToken(row.id, row.tokenVersion), user };
}

function accountThrottle(email: string): Throttle {
  return { key: `login:account:${sha256Hex(email)}`, free: FREE_PER_ACCOUNT };
}

function addressThrottle(ctx: Ctx): Throttle {
  return { key: `login:address:${addressGroup(ctx.ip)}`, free: FREE_PER_ADDRESS };
}

async function recordLogin(ctx: Ctx, userId: number, event: EventName): Promise<void> {
  const good = event === 'auth.login';
  await transact(ctx.db, async (tx) => {
    if (good) await tx.update(users).set({ lastLoginAt: ctx.clock.now() }).where(eq(users.id, userId));
    const origin = { ...originOf(ctx), actorId: good ? userId : 0 };
    await record(tx, ctx, [{ userId, event, status: good ? 'success' : 'failure', origin }]);
  });
}

/** The caller; `apiKey` only for one who signed in: a key must not read another key. */
export async function readMe(ctx: Ctx): Promise<UserInfo & { apiKey?: string | null }> {
  const row = await ownRow(ctx);
  const user = toUserInfo(row);
  if (ctx.actor.via !== 'jwt') return user;
  return { ...user, apiKey: await readOwnKey(ctx.db, ctx.secrets, row.id) };
}

/**
 * Changes the caller's own password and ends all tokens that were signed before; answers with a new one.
 * Read-only users may. Throws VALIDATION_FAILED for a wrong current password, counted like a failed login.
 */
export async function changePassword(
  ctx: Ctx,
  input: { currentPassword: string; newPassword: string },
): Promise<{ token: string }> {
  requirePerson(ctx);
  const row = await ownRow(ctx);
  const account = accountThrottle(row.email);
  await ctx.credentials.inTurn(account.key, async () => {
    await countAttempt(ctx.db, account, [], ctx.clock.now());
    if (!(await isPassword(input.currentPassword, row.passwordHash))) {
      throw new AppError('VALIDATION_FAILED', 'The current password is not right.', {
        details: { currentPassword: 'is not right' },
      });
    }
    await forgetFailures(ctx.db, account);
  });
  const passwordHash = await hashPassword(input.newPassword);
  const tokenVersion = row.tokenVersion + 1;
  await transact(ctx.db, async (tx) => {
    const changes = { passwordHash, tokenVersion, updatedAt: ctx.clock.now() };
    await tx.update(users).set(changes).where(eq(users.id, row.id));
    await record(tx, ctx, [{ userId: row.id, event: 'auth.password_changed', origin: originOf(ctx) }]);
    tx.afterCommit(() => ctx.credentials.forget(row.id));
  });
  return { token: ctx.credentials.signToken(row.id, tokenVersion) };
}

async function ownRow(ctx: Ctx): Promise<UserRow> {
  const [row] = await ctx.db.select().from(users).where(eq(users.id, ctx.actor.userId));
  if (!row) throw new AppError('UNAUTHORIZED', 'This user is gone.');
  return row;
}
