/** Accounts that people make themselves: at once, or where there is an SMTP server when they have confirmed the address. */

import { and, eq, gt } from 'drizzle-orm';
import { affected, transact } from '../../db/ops.ts';
import { pendingRegistrations, users } from '../../db/schema.ts';
import { refundWindow, type SpentWindow, spendFromWindow } from '../../db/windows.ts';
import { record } from '../../events/record.ts';
import { addressGroup } from '../../utils/address.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { type Ctx, originOf } from '../context.ts';
import { enqueueMail, readVerificationToken } from '../mail/outbox.ts';
import type { MailLanguage } from '../mail/texts.ts';
import { insertUser, normalizeEmail, type UserRow } from '../users.ts';
import { newApiKey } from './keys.ts';
import { hashPassword, isPassword } from './passwords.ts';
import type { ConfirmFields, RegisterFields } from './schemas.ts';
import { addressThrottle, checkThrottle, countFailure } from './throttle.ts';
import { type SignedIn, signedInAs } from './verbs.ts';

/** Mails about registrations that one address gets in a day: strangers must not fill anybody's inbox. */
const MAILS_PER_DAY = 3;

type RegisterInput = RegisterFields & { language: MailLanguage };

/**
 * A new tenant with the role `user`; `language` is that of the mail. Throws FORBIDDEN when registration is closed, RATE_LIMITED. With an SMTP server the
 * answer is `confirm`, whether the e-mail is taken or not, and a mail tells what to do; without one it is the account,
 * and CONFLICT is thrown for a taken e-mail.
 */
export async function register(ctx: Ctx, input: RegisterInput): Promise<SignedIn | 'confirm'> {
  requireOpen(ctx);
  const address = addressThrottle(ctx);
  await checkThrottle(ctx.db, address, ctx.clock.now());
  const spent = await spendRegistration(ctx);
  const passwordHash = await hashPassword(input.password);
  if (ctx.config.smtp !== null) {
    await askToConfirm(ctx, { ...input, passwordHash });
    return 'confirm';
  }
  return addUser(ctx, { ...input, passwordHash }).catch(async (error: unknown) => {
    // A client that tries which e-mails are taken pays with its address, not with the day's accounts.
    await refundWindow(ctx.db, spent);
    await countFailure(ctx.db, address, ctx.clock.now());
    throw error;
  });
}

function requireOpen(ctx: Ctx): void {
  if (!ctx.config.allowRegistration) throw new AppError('FORBIDDEN', 'Registration is closed: ask an admin.');
}

/** Throws RATE_LIMITED when the address has made as many accounts as it may in a day. */
export async function spendRegistration(ctx: Ctx): Promise<SpentWindow> {
  const now = ctx.clock.now();
  const { registrationsPerDay: max } = ctx.config;
  const window = { key: `register:${addressGroup(ctx.ip)}`, max, windowMs: DAY_MS };
  const spent = await spendFromWindow(ctx.db, window, now);
  if (spent !== null) return spent;
  throw new AppError('RATE_LIMITED', `At most ${max} accounts can be made from one address in a day.`, {
    retryAfterSeconds: Math.ceil((DAY_MS - (now % DAY_MS)) / 1000),
    details: { limit: max, windowSeconds: DAY_MS / 1000 },
  });
}

/** The same work for an e-mail that is taken: neither the answer nor its time tells. */
async function askToConfirm(ctx: Ctx, input: RegisterInput & { passwordHash: string }): Promise<void> {
  const email = normalizeEmail(input.email);
  const now = ctx.clock.now();
  const mails = { key: `register:mails:${sha256Hex(email)}`, max: MAILS_PER_DAY, windowMs: DAY_MS };
  if ((await spendFromWindow(ctx.db, mails, now)) === null) return;
  const [taken] = await ctx.db.select({ id: users.id }).from(users).where(eq(users.email, email));
  const { passwordHash, language } = input;
  const name = input.name.trim();
  const row = { id: newId(now), email, name, passwordHash, createdAt: now, expiresAt: now + DAY_MS };
  const kind = taken ? ('email_taken' as const) : ('verify_email' as const);
  await transact(ctx.db, async (tx) => {
    await tx.insert(pendingRegistrations).values(row);
    await enqueueMail(tx, ctx, {
      kind,
      address: email,
      language,
      ...(taken ? {} : { registrationId: row.id }),
    });
  });
}

/**
 * Makes the account that the token in a mail stands for, once, for whoever knows the password of the registration too: a
 * stranger may have registered the address, and its owner must not open an account that the stranger can sign in to.
 * Throws NOT_FOUND for a token that is not ours, used or older than a day, UNAUTHORIZED for another password, CONFLICT when
 * the e-mail was taken meanwhile, FORBIDDEN when registration was closed, RATE_LIMITED.
 */
export async function confirmRegistration(ctx: Ctx, input: ConfirmFields): Promise<SignedIn> {
  requireOpen(ctx);
  const address = addressThrottle(ctx);
  await checkThrottle(ctx.db, address, ctx.clock.now());
  const id = readVerificationToken(ctx, input.token);
  const unused =
    id !== null && and(eq(pendingRegistrations.id, id), gt(pendingRegistrations.expiresAt, ctx.clock.now()));
  if (!unused) throw linkIsOver();
  const [asked] = await ctx.db.select().from(pendingRegistrations).where(unused);
  if (!asked) throw linkIsOver();
  if (
    !(await ctx.credentials.inTurn(`register:${asked.id}`, () =>
      isPassword(input.password, asked.passwordHash),
    ))
  ) {
    await countFailure(ctx.db, address, ctx.clock.now());
    throw new AppError('UNAUTHORIZED', WRONG_PASSWORD);
  }
  const apiKey = newApiKey();
  const row = await transact(ctx.db, async (tx) => {
    const [pending] = await tx.select().from(pendingRegistrations).where(unused);
    const used = await tx.delete(pendingRegistrations).where(unused);
    if (!pending || affected(used) === 0) throw linkIsOver();
    const created = await insertUser(tx, ctx, { ...pending, apiKey, role: 'user' });
    await recordRegistered(ctx, tx, created);
    return created;
  });
  return signedInAs(ctx, row);
}

const WRONG_PASSWORD =
  'This is not the password that the registration was made with. If it was not yours, register yourself: the link of that mail is another one.';

function linkIsOver(): AppError {
  return new AppError(
    'NOT_FOUND',
    'This link was used or is older than a day: sign in, or register once more to get a new one.',
  );
}

async function addUser(ctx: Ctx, input: RegisterInput & { passwordHash: string }): Promise<SignedIn> {
  const { email, name, passwordHash } = input;
  const apiKey = newApiKey();
  const row = await transact(ctx.db, async (tx) => {
    const created = await insertUser(tx, ctx, { email, name, passwordHash, apiKey, role: 'user' });
    await recordRegistered(ctx, tx, created);
    return created;
  });
  return signedInAs(ctx, row);
}

function recordRegistered(ctx: Ctx, tx: Parameters<typeof record>[0], { id }: UserRow): Promise<void> {
  const origin = { ...originOf(ctx), actorId: id };
  return record(tx, ctx, [{ userId: id, personId: id, event: 'auth.registered', origin }]);
}
