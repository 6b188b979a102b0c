/** A new password for whoever has forgotten it: by a link in a mail, or one that an administrator hands over. */
import { and, eq, gt } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { passwordResets, users, workspaceMembers } from '../../db/schema.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { record } from '../../events/record.ts';
import { addressGroup } from '../../utils/address.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { DAY_MS, HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { revokeAllKeys } from '../api-keys.ts';
import { type Ctx, originOf } from '../context.ts';
import type { UserIdParams } from '../fields.ts';
import { enqueueMail, readResetToken, resetToken } from '../mail/outbox.ts';
import { languageOf, type MailLanguage } from '../mail/texts.ts';
import { endIdentitiesOf } from '../oidc/end-identities.ts';
import { endLinksOf, findUser, normalizeEmail, requireAdmin, type UserRow } from '../users.ts';
import { accountOf } from '../workspaces/own.ts';
import type { MemberParams } from '../workspaces/schemas.ts';
import { enterTeam, lockWorkspace, mayStillManage, requireRank, requireTeam } from '../workspaces/team.ts';
import { originOfSignIn } from './known-devices.ts';
import { hashPassword } from './passwords.ts';
import type { ForgotPasswordFields, ResetPasswordFields } from './schemas.ts';
import { endSignInsOf } from './sign-ins.ts';
import { addressThrottle, checkThrottle, countFailure } from './throttle.ts';

const MAIL_LIFE_MS = HOUR_MS;
/** A link that is handed over takes longer to arrive. */
const LINK_LIFE_MS = DAY_MS;
/** Mails to one address; a link lasts as long, so whoever spends them leaves the owner with links that work. */
const MAILS_PER_HOUR = 3;
/** As all mails that strangers set off; a network that has signed in to the account is counted by itself. */
const MAILS_PER_DAY = 3;
/** An office asks through one address. */
const ASKED_PER_HOUR = 20;

type ResetRow = typeof passwordResets.$inferSelect;

/**
 * Sends a link for a new password, once and for an hour, to whoever has an account with that address; nothing tells whether
 * there is one. Throws NOT_SUPPORTED without an SMTP server, RATE_LIMITED after 20 from one network in an hour. An
 * address that had three mails within the hour gets no further one, nor one that had three within the day which networks
 * asked for that are unknown to the account; a known one asks for three a day, whatever others did.
 */
export async function askForReset(
  ctx: Ctx,
  input: ForgotPasswordFields & { language?: MailLanguage | undefined },
): Promise<void> {
  if (ctx.config.smtp === null) {
    throw new AppError(
      'NOT_SUPPORTED',
      'This service sends no mails: ask an administrator for a new password.',
    );
  }
  const now = ctx.clock.now();
  await spendAsking(ctx, now);
  const address = normalizeEmail(input.email);
  const [person] = await ctx.db
    .select({ id: users.id, version: users.tokenVersion })
    .from(users)
    .where(and(eq(users.email, address), eq(users.status, 'active')));
  const { id: userId, version } = person ?? { id: 0, version: 0 };
  if (!(await spendMail(ctx, { address, userId }, now))) return;
  const row = { id: newId(now), userId, version, createdAt: now, expiresAt: now + MAIL_LIFE_MS };
  // The same work for an unknown address: what is for nobody is not sent.
  await transact(ctx.db, async (tx) => {
    await tx.insert(passwordResets).values(row);
    const language = input.language ?? languageOf(ctx.config);
    await enqueueMail(tx, ctx, { kind: 'password_reset', address, language, resetId: row.id });
  });
}

/** False when the address has had its mails. */
async function spendMail(
  ctx: Ctx,
  { address, userId }: { address: string; userId: number },
  now: number,
): Promise<boolean> {
  const from = await originOfSignIn(ctx, { userId, email: address });
  const whose = from.isKnownNetwork ? from.subject : sha256Hex(address);
  const day = { key: `reset:day:${whose}`, max: MAILS_PER_DAY, windowMs: DAY_MS };
  if ((await spendFromWindow(ctx.db, day, now)) === null) return false;
  const hour = { key: `reset:mails:${sha256Hex(address)}`, max: MAILS_PER_HOUR, windowMs: HOUR_MS };
  return (await spendFromWindow(ctx.db, hour, now)) !== null;
}

async function spendAsking(ctx: Ctx, now: number): Promise<void> {
  const window = { key: `reset:network:${addressGroup(ctx.ip)}`, max: ASKED_PER_HOUR, windowMs: HOUR_MS };
  if ((await spendFromWindow(ctx.db, window, now)) !== null) return;
  throw new AppError('RATE_LIMITED', 'Too many new passwords were asked for from here: wait a while.', {
    retryAfterSeconds: Math.ceil((HOUR_MS - (now % HOUR_MS)) / 1000),
    details: { limit: ASKED_PER_HOUR, windowSeconds: HOUR_MS / 1000 },
  });
}

/** A link for a new password. It works once, until `expiresAt`, and is returned once, here. */
export interface ResetLink {
  token: string;
  url: string;
  expiresAt: string;
}

/** Makes a link for the password of any person. For admins who signed in. Throws NOT_FOUND, CONFLICT for a disabled one. */
export async function makeResetLink(ctx: Ctx, input: UserIdParams): Promise<ResetLink> {
  requireAdmin(ctx);
  const row = await findUser(ctx.db, input.id);
  return transact(ctx.db, async (tx) => makeLink(tx, ctx, row, null));
}

/**
 * The same for a member who belongs to this workspace only: an account that opens others, or the service, is not this
 * workspace's. Throws FORBIDDEN, also for an owner's when the caller is none, NOT_FOUND, CONFLICT.
 */
export async function makeMemberResetLink(ctx: Ctx, input: MemberParams): Promise<ResetLink> {
  requireTeam(ctx);
  const { userId: workspaceId } = ctx.actor;
  return transact(ctx.db, async (tx) => {
    const caller = await enterTeam(tx, ctx, 'members');
    const member = await findOnlyHere(tx, workspaceId, input.userId);
    if (member === null) throw new AppError('NOT_FOUND', 'There is no such member.');
    requireRank(caller, member.role);
    if (!member.isOnlyHere) {
      throw new AppError(
        'CONFLICT',
        'This member belongs to other workspaces as well, or administers the service: ask an administrator of the service.',
      );
    }
    return makeLink(tx, ctx, member.person, workspaceId);
  });
}

async function makeLink(tx: Tx, ctx: Ctx, person: UserRow, workspaceId: number | null): Promise<ResetLink> {
  if (person.status !== 'active')
    throw new AppError('CONFLICT', 'This person is disabled: enable them first.');
  const now = ctx.clock.now();
  const { id: userId, tokenVersion: version } = person;
  const row = {
    id: newId(now),
    userId,
    workspaceId,
    createdBy: ctx.actor.personId,
    version,
    createdAt: now,
    expiresAt: now + LINK_LIFE_MS,
  };
  // A link that was made before is over.
  await tx.delete(passwordResets).where(eq(passwordResets.userId, userId));
  await tx.insert(passwordResets).values(row);
  const account = await accountOf(tx, userId);
  const tenant = workspaceId ?? account.userId;
  const fact = {
    ...account,
    userId: tenant,
    event: 'auth.reset_link_made' as const,
    subject: String(userId),
  };
  await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
  const token = resetToken(ctx, row.id);
  const url = `${ctx.config.publicUrl}/dashboard/reset-password?token=${token}`;
  return { token, url, expiresAt: new Date(row.expiresAt).toISOString() };
}

/**
 * Sets the password that the link was made for, once. All sign-ins, tokens and signed links are over, with `revokeApiKeys`
 * all API keys, too, and all identities are unlinked; the second factor stays. Throws NOT_FOUND for a link that is not ours, used, too old, or made by
 * somebody who could not make it any more; VALIDATION_FAILED, RATE_LIMITED.
 */
export async function resetPassword(ctx: Ctx, input: ResetPasswordFields): Promise<void> {
  const address = addressThrottle(ctx);
  await checkThrottle(ctx.db, address, ctx.clock.now());
  const open = await readOpenReset(ctx, input.token);
  if (open === null) {
    await countFailure(ctx.db, address, ctx.clock.now());
    throw isOver();
  }
  const passwordHash = await hashPassword(input.password);
  await transact(ctx.db, async (tx) => {
    const now = ctx.clock.now();
    const used = await tx.delete(passwordResets).where(eq(passwordResets.id, open.id));
    if (affected(used) === 0 || !(await isStillGood(tx, ctx, open))) throw isOver();
    const same = and(
      eq(users.id, open.userId),
      eq(users.tokenVersion, open.version),
      eq(users.status, 'active'),
    );
    const changes = { passwordHash, tokenVersion: open.version + 1, linksFrom: now, updatedAt: now };
    if (affected(await tx.update(users).set(changes).where(same)) === 0) throw isOver();
    await tx.delete(passwordResets).where(eq(passwordResets.userId, open.userId));
    await endLinksOf(tx, open.userId, now);
    await endSignInsOf(tx, open.userId);
    await endIdentitiesOf(tx, ctx, open.userId, { ...originOf(ctx), actorId: open.userId });
    await tellReset(tx, ctx, open, input.revokeApiKeys === true);
    tx.afterCommitAsked(() => ctx.credentials.forget(open.userId));
  });
}

async function tellReset(
  tx: Tx,
  ctx: Ctx,
  { userId: personId }: ResetRow,
  revokeApiKeys: boolean,
): Promise<void> {
  const origin = { ...originOf(ctx), actorId: personId };
  if (revokeApiKeys) await revokeAllKeys(tx, ctx, { personId, origin });
  const account = await accountOf(tx, personId);
  await record(tx, ctx, [{ ...account, event: 'auth.password_reset', data: { revokeApiKeys }, origin }]);
  if (ctx.config.smtp === null) return;
  const { email: address } = await findUser(tx, personId);
  await enqueueMail(tx, ctx, { kind: 'password_was_reset', address, language: languageOf(ctx.config) });
}

async function readOpenReset(ctx: Ctx, token: string): Promise<ResetRow | null> {
  const id = readResetToken(ctx, token);
  if (id === null) return null;
  const open = and(eq(passwordResets.id, id), gt(passwordResets.expiresAt, ctx.clock.now()));
  const [row] = await ctx.db.select().from(passwordResets).where(open);
  return row && row.userId !== 0 ? row : null;
}

/**
 * A link that somebody made holds while they could make it again: one of the service while they administer it, one of a
 * workspace also only while the person belongs to it alone.
 */
async function isStillGood(tx: Tx, ctx: Ctx, { userId, workspaceId, createdBy }: ResetRow): Promise<boolean> {
  if (createdBy === null) return true;
  if (workspaceId === null) return isAdminNow(tx, createdBy);
  await lockWorkspace(tx, workspaceId, ctx.clock.now());
  const member = await findOnlyHere(tx, workspaceId, userId);
  if (member === null || !member.isOnlyHere) return false;
  return mayStillManage(tx, { workspaceId, by: createdBy, role: member.role });
}

/** Locks the person: who takes the role away meanwhile waits. */
async function isAdminNow(tx: Tx, id: number): Promise<boolean> {
  const admin = and(eq(users.id, id), eq(users.role, 'admin'), eq(users.status, 'active'));
  return affected(await tx.update(users).set({ role: 'admin' }).where(admin)) === 1;
}

/** A member with whether the account is this workspace's alone; null for whoever is none. */
async function findOnlyHere(db: Db, workspaceId: number, personId: number) {
  const memberships = await db
    .select({ workspaceId: workspaceMembers.workspaceId, role: workspaceMembers.role })
    .from(workspaceMembers)
    .where(eq(workspaceMembers.userId, personId));
  const here = memberships.find((each) => each.workspaceId === workspaceId);
  if (!here) return null;
  const person = await findUser(db, personId);
  return { person, role: here.role, isOnlyHere: memberships.length === 1 && person.role !== 'admin' };
}

function isOver(): AppError {
  return new AppError('NOT_FOUND', 'This link was used or is too old: ask for another one.');
}
