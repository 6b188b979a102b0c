/** Changes to the members of a workspace. Those of one workspace wait for each other. */

import { and, eq, ne, notInArray, type SQL } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import {
  apiKeys,
  campaignDrafts,
  users,
  workspaceInvitations,
  workspaceMembers,
  workspaces,
} from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { requirePermission, requirePerson } from '../access.ts';
import { CREDENTIAL_AGE_MS } from '../auth/credentials.ts';
import { IS_MEMBERS_KEY, KEY_MAKER } from '../auth/keys.ts';
import { askedBound, isSameBound, isWithin, readBound, toKept } from '../bound.ts';
import { type Ctx, originOf } from '../context.ts';
import { effectiveRole, ROLE_TABLE, roleMay, scopesWithin, type WorkspaceRole } from '../roles.ts';
import { keepOutOfDomains } from './domain-joins.ts';
import { keepOneOwner, readOwnerRefusal } from './owners.ts';
import type { MemberFields, MemberParams, RemovalQuery } from './schemas.ts';
import { enterTeam, lockWorkspace, requireRank, requireTeam } from './team.ts';

type MemberRow = typeof workspaceMembers.$inferSelect;

const isMember = (workspaceId: number, userId: number) =>
  and(eq(workspaceMembers.workspaceId, workspaceId), eq(workspaceMembers.userId, userId));

/**
 * Changes the role of a member, or the sessions that the member sees; the next request counts. Where the member may do or
 * see less than before, all signed links of the workspace are over. Throws FORBIDDEN, NOT_FOUND, CONFLICT where no active
 * owner would be left.
 */
export async function updateMember(ctx: Ctx, input: MemberParams & MemberFields): Promise<void> {
  requireTeam(ctx);
  const { userId: workspaceId } = ctx.actor;
  const now = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    const caller = await enterTeam(tx, ctx, 'members');
    const before = await findMember(tx, workspaceId, input.userId);
    const role = input.role ?? before.role;
    const had = readBound(before);
    const asked = askedBound(input);
    const sessions = asked === undefined ? had : asked;
    requireRank(caller, before.role, role);
    if (role === 'owner' && sessions !== null) throw ownersSeeAll();
    if (before.role === 'owner' && role !== 'owner') await keepOneOwner(tx, before);
    if (role === before.role && isSameBound(sessions, had)) return;
    await tx
      .update(workspaceMembers)
      .set({ role, ...toKept(sessions), updatedAt: now })
      .where(isMember(workspaceId, input.userId));
    await endInvitationsBeyond(tx, { ...before, role, ...toKept(sessions) });
    if (!holds(role, before.role) || !isWithin(had, sessions)) await endLinks(tx, workspaceId, now);
    const data = { role, before: before.role, sessions };
    const fact = { userId: workspaceId, event: 'member.updated' as const, subject: String(input.userId) };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
    tx.afterCommitAsked(() => [input.userId, workspaceId].forEach(ctx.credentials.forget));
  });
}

/** Whether the role may do all that the other one may. */
const holds = (role: WorkspaceRole, other: WorkspaceRole) =>
  ROLE_TABLE[other].every((permission) => roleMay(role, permission));

/** Ends the signed links of the workspace; a credential that is remembered elsewhere may sign some for a second more. */
async function endLinks(tx: Tx, workspaceId: number, now: number): Promise<void> {
  const linksFrom = now + CREDENTIAL_AGE_MS;
  await tx.update(workspaces).set({ linksFrom }).where(eq(workspaces.id, workspaceId));
}

/**
 * Makes another member an owner, and the caller an admin, in one step; all signed links of the workspace are over. Throws
 * FORBIDDEN for whoever is no owner, NOT_FOUND, CONFLICT for a member who cannot sign in or can only read.
 */
export async function transferOwnership(ctx: Ctx, input: MemberParams): Promise<void> {
  requirePermission(ctx, 'ownership');
  const { userId: workspaceId, personId } = ctx.actor;
  if (input.userId === personId) throw new AppError('CONFLICT', 'You own this workspace already.');
  const now = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    await enterTeam(tx, ctx, 'ownership');
    const heir = await findMember(tx, workspaceId, input.userId);
    const refusal = await readOwnerRefusal(tx, heir.userId);
    if (refusal !== null) throw new AppError('CONFLICT', refusal);
    const changes = { ...toKept(null), updatedAt: now };
    await tx
      .update(workspaceMembers)
      .set({ ...changes, role: 'owner' })
      .where(isMember(workspaceId, heir.userId));
    await tx
      .update(workspaceMembers)
      .set({ ...changes, role: 'admin' })
      .where(isMember(workspaceId, personId));
    await endInvitationsBeyond(tx, { workspaceId, userId: personId, role: 'admin', sessionId: null });
    await endLinks(tx, workspaceId, now);
    const fact = { userId: workspaceId, event: 'member.updated' as const, origin: originOf(ctx) };
    await record(tx, ctx, [
      { ...fact, subject: String(heir.userId), data: { role: 'owner', before: heir.role, transfer: true } },
      { ...fact, subject: String(personId), data: { role: 'admin', before: 'owner', transfer: true } },
    ]);
    tx.afterCommitAsked(() => [heir.userId, personId].forEach(ctx.credentials.forget));
  });
}

/**
 * Takes a member out of the workspace: the next request of theirs is refused, their event streams end, their own key and
 * all signed links of the workspace are over. Extra keys that they made stay, with no more than their maker could do,
 * unless `keys` is `revoke`. The invitations that they sent are over. Throws FORBIDDEN, NOT_FOUND, CONFLICT for the last
 * active owner, and for an administrator of the service who belongs to no other workspace.
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
    const leaves = input.userId === personId;
    const caller = leaves ? null : await enterTeam(tx, ctx, 'members');
    if (leaves) await lockWorkspace(tx, workspaceId, now);
    const member = await findMember(tx, workspaceId, input.userId);
    if (caller) requireRank(caller, member.role);
    if (member.role === 'owner') await keepOneOwner(tx, member);
    await keepWayIn(tx, member);
    await tx.delete(workspaceMembers).where(isMember(workspaceId, member.userId));
    await keepOutOfDomains(ctx, tx, workspaceId, member.userId);
    const revokedKeys = await revokeOrNarrowKeys(tx, member, input.keys);
    await tx.delete(workspaceInvitations).where(isInvitedBy(member));
    await tx.delete(campaignDrafts).where(isDraftOf(member));
    await endLinks(tx, workspaceId, now);
    const data = { role: member.role, keys: input.keys, revokedKeys, left: leaves };
    const fact = { userId: workspaceId, event: 'member.removed' as const, subject: String(member.userId) };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
    tx.afterCommitAsked(() => [member.userId, workspaceId].forEach(ctx.credentials.forget));
  });
}

type Invited = Pick<MemberRow, 'workspaceId' | 'userId'>;

const isInvitedBy = ({ workspaceId, userId }: Invited) =>
  and(eq(workspaceInvitations.workspaceId, workspaceId), eq(workspaceInvitations.invitedBy, userId));

const isDraftOf = ({ workspaceId, userId }: Invited) =>
  and(eq(campaignDrafts.userId, workspaceId), eq(campaignDrafts.personId, userId));

/** Ends the invitations of a member that the member could not make any more. */
async function endInvitationsBeyond(
  tx: Tx,
  member: Invited & Pick<MemberRow, 'role' | 'sessionId'>,
): Promise<void> {
  const { role, sessionId } = member;
  if (roleMay(role, 'ownership')) return;
  const invites = roleMay(role, 'members') && sessionId === null;
  const beyond = invites ? eq(workspaceInvitations.role, 'owner') : undefined;
  await tx.delete(workspaceInvitations).where(and(isInvitedBy(member), beyond));
}

/**
 * The own keys go. Of the extra ones, those that stay keep what their maker could do at last; one of another session than
 * the maker's could do nothing; one of all sessions of a maker of several is left with the first of them. How many were ended.
 */
async function revokeOrNarrowKeys(tx: Tx, member: MemberRow, keys: RemovalQuery['keys']): Promise<number> {
  const made = and(eq(apiKeys.userId, member.workspaceId), eq(KEY_MAKER, member.userId));
  await tx.delete(apiKeys).where(and(made, IS_MEMBERS_KEY));
  const extra = and(made, eq(apiKeys.kind, 'extra'));
  if (keys === 'revoke') return affected(await tx.delete(apiKeys).where(extra));
  const ended = await endKeysOfOthers(tx, member, extra);
  const [person] = await tx.select({ role: users.role }).from(users).where(eq(users.id, member.userId));
  const role = effectiveRole(person?.role ?? 'user', member.role);
  const rows = await tx
    .select({ id: apiKeys.id, scopes: apiKeys.scopes, sessionId: apiKeys.sessionId })
    .from(apiKeys)
    .where(extra);
  for (const { id, scopes, sessionId } of rows) {
    const left = { scopes: [...scopesWithin(role, scopes)], sessionId: sessionId ?? member.sessionId };
    await tx.update(apiKeys).set(left).where(eq(apiKeys.id, id));
  }
  return ended;
}

async function endKeysOfOthers(tx: Tx, member: MemberRow, made: SQL | undefined): Promise<number> {
  const sessions = readBound(member);
  if (sessions === null) return 0;
  return affected(await tx.delete(apiKeys).where(and(made, notInArray(apiKeys.sessionId, [...sessions]))));
}

/** Throws NOT_FOUND, also for somebody of another workspace. */
async function findMember(tx: Tx, workspaceId: number, userId: number): Promise<MemberRow> {
  const [row] = await tx.select().from(workspaceMembers).where(isMember(workspaceId, userId));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such member.');
  return row;
}

/**
 * Throws CONFLICT for an administrator of the service who belongs to no other active workspace: without one nobody signs in,
 * and no owner of a workspace may lock them out of the service.
 */
async function keepWayIn(tx: Tx, { userId, workspaceId }: MemberRow): Promise<void> {
  // Locked: an owner of another workspace may remove the same person.
  const admin = and(eq(users.id, userId), eq(users.role, 'admin'));
  if (affected(await tx.update(users).set({ role: 'admin' }).where(admin)) === 0) return;
  const others = await tx
    .select({ id: workspaces.id })
    .from(workspaceMembers)
    .innerJoin(
      workspaces,
      and(eq(workspaces.id, workspaceMembers.workspaceId), eq(workspaces.status, 'active')),
    )
    .where(and(eq(workspaceMembers.userId, userId), ne(workspaceMembers.workspaceId, workspaceId)))
    .limit(1);
  if (others.length > 0) return;
  throw new AppError(
    'CONFLICT',
    'This member administers the service and belongs to no other workspace: make one for them first.',
  );
}

/** The refusal to bind an owner to sessions. */
export function ownersSeeAll(): AppError {
  return new AppError('VALIDATION_FAILED', 'An owner sees all sessions.', {
    details: { sessionId: 'must be empty for an owner' },
  });
}
