/** Users: what an admin does with them, and how one comes to be. */

import { and, asc, count, eq, inArray, ne, sql } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { incoming, isUniqueViolation, transact, upsert } from '../db/ops.ts';
import {
  counters,
  factorChallenges,
  passwordResets,
  users,
  workspaceMembers,
  workspaces,
} from '../db/schema.ts';
import { contains } from '../db/search.ts';
import { type Fact, record } from '../events/record.ts';
import { AppError } from '../utils/errors.ts';
import { requirePerson, requireRole } from './access.ts';
import { revokeAllKeys, setOwnKey } from './api-keys.ts';
import { CREDENTIAL_AGE_MS } from './auth/credentials.ts';
import { newApiKey } from './auth/keys.ts';
import { hashPassword } from './auth/passwords.ts';
import { endSignInsOf } from './auth/sign-ins.ts';
import { toKept } from './bound.ts';
import { type Ctx, type Deps, originOf, type Role } from './context.ts';
import type { UserIdParams } from './fields.ts';
import { claimIdempotency } from './idempotency.ts';
import { endIdentitiesOf } from './oidc/end-identities.ts';
import { takeRoom } from './quotas.ts';
import type { CreateUserFields, ListUsersQuery, UpdateUserFields } from './users-schemas.ts';
import type { Joins } from './workspaces/add-member.ts';
import { accountOf, insertWorkspace } from './workspaces/own.ts';
import { keepOwnersOfTeams, stopOrResumeWorkspacesOf } from './workspaces/owners.ts';

export interface UserInfo {
  id: number;
  email: string;
  name: string;
  role: Role;
  status: 'active' | 'disabled';
  /** IANA name; null: that of the service */
  timezone: string | null;
  lastLoginAt: string | null;
  createdAt: string;
  updatedAt: string;
}

export type UserRow = typeof users.$inferSelect;

export interface NewUser {
  email: string;
  name: string;
  role: Role;
  passwordHash: string;
  /** its own API key */
  apiKey: string;
  /** the workspace that the person joins, in which the caller has taken a place; a new one of the person's own when missing */
  joins?: Joins;
}

/** E-mails are compared in this form only. */
export function normalizeEmail(email: string): string {
  return email.trim().toLowerCase();
}

/**
 * Adds a person with a workspace of the same number, or as a member of another one, and with an own key, in the caller's
 * transaction. Throws CONFLICT when the e-mail is taken.
 */
export async function insertUser(
  tx: Tx,
  deps: Pick<Deps, 'secrets' | 'clock'>,
  input: NewUser,
): Promise<UserRow> {
  const now = deps.clock.now();
  const row: UserRow = {
    id: await nextNumber(tx),
    email: normalizeEmail(input.email),
    name: input.name.trim(),
    passwordHash: input.passwordHash,
    role: input.role,
    status: 'active',
    tokenVersion: 0,
    linksFrom: null,
    lastLoginAt: null,
    timeZone: null,
    workspaceId: input.joins?.workspaceId ?? null,
    createdAt: now,
    updatedAt: now,
  };
  await failOnTakenEmail(() => tx.insert(users).values(row));
  const workspaceId = await placeInWorkspace(tx, row, input.joins, now);
  await setOwnKey(tx, deps, {
    owner: { workspaceId, personId: row.id },
    key: input.apiKey,
    now,
    oldUntil: now,
  });
  return row;
}

async function placeInWorkspace(
  tx: Tx,
  { id, name }: UserRow,
  joins: NewUser['joins'],
  now: number,
): Promise<number> {
  if (joins === undefined) {
    await insertWorkspace(tx, { id, name, ownerId: id, now });
    return id;
  }
  const { workspaceId, role, sessions = null } = joins;
  await tx
    .insert(workspaceMembers)
    .values({ workspaceId, userId: id, role, ...toKept(sessions), createdAt: now, updatedAt: now });
  return workspaceId;
}

/** The next number of a person or a workspace; the counter's row makes concurrent callers wait for each other. */
export async function nextNumber(tx: Tx): Promise<number> {
  const row = { name: 'user', value: 1 };
  await upsert(tx, counters, row, [counters.name], {
    value: sql`${counters.value} + ${incoming(counters.value)}`,
  });
  const [counter] = await tx
    .select({ value: counters.value })
    .from(counters)
    .where(eq(counters.name, 'user'));
  if (!counter) throw new Error('the counter of user ids is gone');
  return counter.value;
}

/** Users by id, those whose e-mail or name holds `search`. For admins who signed in. */
export async function listUsers(
  ctx: Ctx,
  input: ListUsersQuery,
): Promise<{ data: UserInfo[]; totalItems: number }> {
  requireAdmin(ctx);
  const where = input.search ? contains([users.email, users.name], input.search.trim()) : undefined;
  const [total] = await ctx.db.select({ n: count() }).from(users).where(where);
  const rows = await ctx.db
    .select()
    .from(users)
    .where(where)
    .orderBy(asc(users.id))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  return { data: rows.map(toUserInfo), totalItems: Number(total?.n ?? 0) };
}

/** One user. For admins who signed in. Throws NOT_FOUND. */
export async function readUser(ctx: Ctx, input: UserIdParams): Promise<UserInfo> {
  requireAdmin(ctx);
  return toUserInfo(await findUser(ctx.db, input.id));
}

/**
 * Adds a user of any role, with a workspace or as a member of another one. For admins who signed in. Throws CONFLICT when
 * the e-mail is taken, NOT_FOUND for a workspace that does not exist, QUOTA_EXCEEDED for one without a free place.
 */
export async function createUser(ctx: Ctx, input: CreateUserFields): Promise<UserInfo> {
  requireAdmin(ctx);
  const passwordHash = await hashPassword(input.password);
  return transact(ctx.db, async (tx) => {
    const joins = await joinedBy(tx, input);
    if (joins) await takeRoom(tx, ctx, joins.workspaceId, 'members');
    const row = await insertUser(tx, ctx, {
      ...input,
      passwordHash,
      apiKey: newApiKey(),
      ...(joins ? { joins } : {}),
    });
    // A workspace that stopped without an owner goes on with this one.
    const touched = await stopOrResumeWorkspacesOf(tx, row.id, row.createdAt);
    tx.afterCommitAsked(() => touched.forEach(ctx.credentials.forget));
    const user = toUserInfo(row);
    const fact = { userId: row.id, event: 'user.created' as const, subject: String(row.id) };
    const facts: Fact[] = [{ ...fact, data: { role: row.role }, origin: originOf(ctx) }];
    if (joins) {
      const data = { userId: row.id, role: joins.role };
      facts.push({
        userId: joins.workspaceId,
        event: 'member.added',
        subject: String(row.id),
        data,
        origin: originOf(ctx),
      });
    }
    await record(tx, ctx, facts);
    await claimIdempotency(ctx, tx, { status: 201, body: { success: true, user, data: user } });
    return user;
  });
}

async function joinedBy(tx: Tx, input: CreateUserFields): Promise<NewUser['joins']> {
  const { workspace, role, workspaceRole = role === 'readonly' ? 'viewer' : 'operator' } = input;
  if (workspace === undefined) return undefined;
  const [found] = await tx.select({ id: workspaces.id }).from(workspaces).where(eq(workspaces.id, workspace));
  if (!found) throw new AppError('NOT_FOUND', 'There is no such workspace.');
  return { workspaceId: workspace, role: workspaceRole };
}

/**
 * Changes a user. A new password or a disabling ends its tokens and signed links at once, and `revokeApiKeys` its keys;
 * another address ends the links for a new password, and a new password unlinks its identities.
 * Fields that are not named stay as others may change them meanwhile. For admins who signed in.
 * A person who becomes `readonly` signs no links any more, too. Throws NOT_FOUND, CONFLICT when the e-mail is taken, the
 * last active admin would be gone, or a workspace with other members would be left without an owner.
 */
export async function updateUser(ctx: Ctx, input: UpdateUserFields & UserIdParams): Promise<UserInfo> {
  requireAdmin(ctx);
  const passwordHash = input.password === undefined ? undefined : await hashPassword(input.password);
  return transact(ctx.db, async (tx) => {
    await lockAdmins(tx);
    const before = await findUser(tx, input.id);
    const disabled = before.status === 'active' && input.status === 'disabled';
    const demoted = before.role === 'admin' && input.role !== undefined && input.role !== 'admin';
    if (before.role === 'admin' && before.status === 'active' && (disabled || demoted)) {
      await keepOneAdmin(tx, before.id);
    }
    const now = ctx.clock.now();
    const onlyReads = before.role !== 'readonly' && input.role === 'readonly';
    if (onlyReads) await keepOwnersOfTeams(tx, before.id, now);
    const ends = disabled || passwordHash !== undefined;
    const changes = {
      ...(input.name === undefined ? {} : { name: input.name.trim() }),
      ...(input.email === undefined ? {} : { email: normalizeEmail(input.email) }),
      ...(input.role === undefined ? {} : { role: input.role }),
      ...(input.status === undefined ? {} : { status: input.status }),
      ...(passwordHash === undefined ? {} : { passwordHash }),
      ...(ends ? { tokenVersion: sql`${users.tokenVersion} + 1`, linksFrom: now } : {}),
      updatedAt: now,
    };
    await failOnTakenEmail(() => tx.update(users).set(changes).where(eq(users.id, before.id)));
    if (ends || onlyReads) await endLinksOf(tx, before.id, now);
    if (ends) {
      await endSignInsOf(tx, before.id);
      if (passwordHash !== undefined) await endIdentitiesOf(tx, ctx, before.id, originOf(ctx));
    }
    // What was sent to the old address opens nothing any more.
    if (changes.email !== undefined && changes.email !== before.email) await endStepsOf(tx, before.id);
    const touched = await stopOrResumeWorkspacesOf(tx, before.id, now);
    if (input.revokeApiKeys) {
      await revokeAllKeys(tx, ctx, { personId: before.id, origin: originOf(ctx) });
    }
    const after = await findUser(tx, before.id);
    await recordChange(tx, ctx, { before, after, passwordChanged: passwordHash !== undefined });
    tx.afterCommitAsked(() => [before.id, ...touched].forEach(ctx.credentials.forget));
    return toUserInfo(after);
  });
}

/**
 * Disables a user: its tokens and keys stop at once, its e-mail stays taken. The fact `user.disabled` is in the
 * same transaction; every process reads `users.status` before it opens a session of that user again.
 */
export async function disableUser(ctx: Ctx, input: UserIdParams): Promise<UserInfo> {
  return updateUser(ctx, { id: input.id, status: 'disabled' });
}

/** Ends the links for a new password and the sign-ins that wait for a second factor. */
async function endStepsOf(tx: Tx, personId: number): Promise<void> {
  await tx.delete(passwordResets).where(eq(passwordResets.userId, personId));
  await tx.delete(factorChallenges).where(eq(factorChallenges.userId, personId));
}

/**
 * Ends the signed links of the workspaces that a person belongs to: any of them may be one that the person was given. Also
 * those of the next second: so long other processes go on believing the credentials that ended, and sign for them.
 */
export async function endLinksOf(tx: Tx, personId: number, now: number): Promise<void> {
  const memberships = tx
    .select({ id: workspaceMembers.workspaceId })
    .from(workspaceMembers)
    .where(eq(workspaceMembers.userId, personId));
  const linksFrom = now + CREDENTIAL_AGE_MS;
  await tx.update(workspaces).set({ linksFrom }).where(inArray(workspaces.id, memberships));
}

async function recordChange(
  tx: Tx,
  ctx: Ctx,
  change: { before: UserRow; after: UserRow; passwordChanged: boolean },
): Promise<void> {
  const { before, after, passwordChanged } = change;
  const fields = (['name', 'email', 'role', 'status'] as const).filter(
    (name) => before[name] !== after[name],
  );
  const changed: string[] = passwordChanged ? [...fields, 'password'] : fields;
  if (changed.length === 0) return;
  const disabled = before.status === 'active' && after.status === 'disabled';
  const event = disabled ? ('user.disabled' as const) : ('user.updated' as const);
  const data = { changed, role: after.role, status: after.status };
  await record(tx, ctx, [
    {
      ...(await accountOf(tx, after.id)),
      event,
      subject: String(after.id),
      data,
      origin: originOf(ctx),
    },
  ]);
}

/** Makes changes of admins wait for each other: two who demote one another must not both succeed. */
async function lockAdmins(tx: Tx): Promise<void> {
  await tx
    .update(users)
    .set({ role: 'admin' })
    .where(and(eq(users.role, 'admin'), eq(users.status, 'active')));
}

async function keepOneAdmin(tx: Tx, without: number): Promise<void> {
  const others = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'admin'), eq(users.status, 'active'), ne(users.id, without)))
    .limit(1);
  if (others.length === 0) throw new AppError('CONFLICT', 'The last admin cannot be removed.');
}

/** Throws NOT_FOUND. */
export async function findUser(db: Db, id: number): Promise<UserRow> {
  const [row] = await db.select().from(users).where(eq(users.id, id));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such user.');
  return row;
}

async function failOnTakenEmail(write: () => PromiseLike<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('CONFLICT', 'This e-mail address is taken.', { details: { email: 'is taken' } });
  }
}

/** Throws FORBIDDEN unless an admin signed in. */
export function requireAdmin(ctx: Ctx): void {
  requirePerson(ctx);
  requireRole(ctx, 'admin');
}

const toIso = (at: number) => new Date(at).toISOString();

/** A user as answers show it. */
export function toUserInfo(row: UserRow): UserInfo {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    status: row.status,
    timezone: row.timeZone,
    lastLoginAt: row.lastLoginAt === null ? null : toIso(row.lastLoginAt),
    createdAt: toIso(row.createdAt),
    updatedAt: toIso(row.updatedAt),
  };
}
