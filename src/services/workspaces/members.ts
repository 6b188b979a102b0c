/** What is done with the members of a workspace. Changes of one workspace wait for each other. */
import { and, eq, ne } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { apiKeys, users, workspaceMembers, workspaces } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { requirePermission, requirePerson, requireWholeTenant } from '../access.ts';
import { KEY_MAKER } from '../auth/keys.ts';
import { type Ctx, originOf } from '../context.ts';
import { scopesWithin, type WorkspaceRole } from '../roles.ts';
import type { MemberFields, MemberParams, RemovalQuery } from './schemas.ts';

type MemberRow = typeof workspaceMembers.$inferSelect;

const isMember = (workspaceId: number, userId: number) =>
  and(eq(workspaceMembers.workspaceId, workspaceId), eq(workspaceMembers.userId, userId));

/** Throws FORBIDDEN unless the caller manages members of the whole workspace. */
export function requireTeam(ctx: Pick<Ctx, 'actor'>): void {
  requirePermission(ctx, 'members');
  requireWholeTenant(ctx);
}

/** Throws FORBIDDEN unless the caller may make, change or remove somebody of that role. */
export function requireRank(ctx: Pick<Ctx, 'actor'>, ...roles: WorkspaceRole[]): void {
  if (roles.includes('owner')) requirePermission(ctx, 'ownership');
}

/** Makes the changes of a workspace's members wait for each other, until the transaction ends. */
export async function lockWorkspace(tx: Tx, id: number, now: number): Promise<void> {
  await tx.update(workspaces).set({ updatedAt: now }).where(eq(workspaces.id, id));
}

/**
 * Changes the role of a member, or the one session that the member sees; the next request counts. Throws FORBIDDEN,
 * NOT_FOUND, CONFLICT where no active owner would be left.
 */
export async function updateMember(ctx: Ctx, input: MemberParams & MemberFields): Promise<void> {
  requireTeam(ctx);
  const { userId: workspaceId } = ctx.actor;
  const now = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    await lockWorkspace(tx, workspaceId, now);
    const before = await findMember(tx, workspaceId, input.userId);
    const role = input.role ?? before.role;
    const sessionId = input.sessionId === undefined ? before.sessionId : input.sessionId;
    requireRank(ctx, before.role, role);
    if (role === 'owner' && sessionId !== null) throw ownersSeeAll();
    if (before.role === 'owner' && role !== 'owner') await keepOneOwner(tx, before);
    if (role === before.role && sessionId === before.sessionId) return;
    await tx
      .update(workspaceMembers)
      .set({ role, sessionId, updatedAt: now })
      .where(isMember(workspaceId, input.userId));
    const data = { role, before: before.role, sessionId };
    const fact = { userId: workspaceId, event: 'member.updated' as const, subject: String(input.userId) };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
    tx.afterCommit(() => ctx.credentials.forget(input.userId));
  });
}

/**
 * Makes another member an owner, and the caller an admin, in one step. Throws FORBIDDEN for whoever is no owner, NOT_FOUND,
 * CONFLICT for a member who cannot sign in.
 */
export async function transferOwnership(ctx: Ctx, input: MemberParams): Promise<void> {
  requirePermission(ctx, 'ownership');
  const { userId: workspaceId, personId } = ctx.actor;
  if (input.userId === personId) throw new AppError('CONFLICT', 'You own this workspace already.');
  const now = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    await lockWorkspace(tx, workspaceId, now);
    const heir = await findMember(tx, workspaceId, input.userId);
    const [person] = await tx.select({ status: users.status }).from(users).where(eq(users.id, heir.userId));
    if (person?.status !== 'active') throw new AppError('CONFLICT', 'This member cannot sign in.');
    const changes = { sessionId: null, updatedAt: now };
    await tx
      .update(workspaceMembers)
      .set({ ...changes, role: 'owner' })
      .where(isMember(workspaceId, heir.userId));
    await tx
      .update(workspaceMembers)
      .set({ ...changes, role: 'admin' })
      .where(isMember(workspaceId, personId));
    const fact = { userId: workspaceId, event: 'member.updated' as const, origin: originOf(ctx) };
    await record(tx, ctx, [
      { ...fact, subject: String(heir.userId), data: { role: 'owner', before: heir.role, transfer: true } },
      { ...fact, subject: String(personId), data: { role: 'admin', before: 'owner', transfer: true } },
    ]);
    tx.afterCommit(() => [heir.userId, personId].forEach(ctx.credentials.forget));
  });
}

/**
 * Takes a member out of the workspace: the next request of theirs is refused, their event streams end, their own key and
 * all signed links of the workspace are over. Extra keys that they made stay, with no more than their maker could do,
 * unless `keys` is `revoke`. Throws FORBIDDEN, NOT_FOUND, CONFLICT for the last active owner.
 */
export async function removeMember(ctx: Ctx, input: MemberParams & RemovalQuery): Promise<void> {
  requireTeam(ctx);
  await endMembership(ctx, input);
}

/** The caller leaves the workspace, as if removed; the keys stay. Throws CONFLICT for the last active owner. */
export async function leaveWorkspace(ctx: Ctx): Promise<void> {
  requirePerson(ctx);
  await endMembership(ctx, { userId: ctx.actor.personId, keys: 'keep' });
}

async function endMembership(ctx: Ctx, input: MemberParams & RemovalQuery): Promise<void> {
  const { userId: workspaceId, personId } = ctx.actor;
  const now = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    await lockWorkspace(tx, workspaceId, now);
    const member = await findMember(tx, workspaceId, input.userId);
    const leaves = member.userId === personId;
    if (!leaves) requireRank(ctx, member.role);
    if (member.role === 'owner') await keepOneOwner(tx, member);
    await tx.delete(workspaceMembers).where(isMember(workspaceId, member.userId));
    const revokedKeys = await settleKeys(tx, member, input.keys);
    await tx.update(workspaces).set({ linksFrom: now }).where(eq(workspaces.id, workspaceId));
    const data = { role: member.role, keys: input.keys, revokedKeys, left: leaves };
    const fact = { userId: workspaceId, event: 'member.removed' as const, subject: String(member.userId) };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
    tx.afterCommit(() => [member.userId, workspaceId].forEach(ctx.credentials.forget));
  });
}

/** The own keys go. Of the extra ones, those that stay keep what their maker could do at last. How many were ended. */
async function settleKeys(tx: Tx, member: MemberRow, keys: RemovalQuery['keys']): Promise<number> {
  const made = and(eq(apiKeys.userId, member.workspaceId), eq(KEY_MAKER, member.userId));
  await tx.delete(apiKeys).where(and(made, eq(apiKeys.kind, 'own')));
  const extra = and(made, eq(apiKeys.kind, 'extra'));
  if (keys === 'revoke') return affected(await tx.delete(apiKeys).where(extra));
  const rows = await tx
    .select({ id: apiKeys.id, scopes: apiKeys.scopes, sessionId: apiKeys.sessionId })
    .from(apiKeys)
    .where(extra);
  for (const { id, scopes, sessionId } of rows) {
    const left = { scopes: [...scopesWithin(member.role, scopes)], sessionId: sessionId ?? member.sessionId };
    await tx.update(apiKeys).set(left).where(eq(apiKeys.id, id));
  }
  return 0;
}

/** Throws NOT_FOUND, also for somebody of another workspace. */
async function findMember(tx: Tx, workspaceId: number, userId: number): Promise<MemberRow> {
  const [row] = await tx.select().from(workspaceMembers).where(isMember(workspaceId, userId));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such member.');
  return row;
}

async function keepOneOwner(tx: Tx, without: MemberRow): Promise<void> {
  const others = await tx
    .select({ id: users.id })
    .from(workspaceMembers)
    .innerJoin(users, and(eq(users.id, workspaceMembers.userId), eq(users.status, 'active')))
    .where(
      and(
        eq(workspaceMembers.workspaceId, without.workspaceId),
        eq(workspaceMembers.role, 'owner'),
        ne(workspaceMembers.userId, without.userId),
      ),
    )
    .limit(1);
  if (others.length > 0) return;
  throw new AppError('CONFLICT', 'A workspace must have an owner: make another member an owner first.');
}

/** The refusal to bind an owner to one session. */
export function ownersSeeAll(): AppError {
  return new AppError('VALIDATION_FAILED', 'An owner sees all sessions.', {
    details: { sessionId: 'must be empty for an owner' },
  });
}
