/** The workspaces of a person: which there are, which one is looked at, and who is in it. */

import { and, asc, count, eq } from 'drizzle-orm';
import { transact } from '../../db/ops.ts';
import { users, workspaceMembers, workspaces } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import {
  requirePermission,
  requirePerson,
  requireScope,
  requireSelf,
  requireWholeTenant,
  seesPeople,
} from '../access.ts';
import { setOwnKey } from '../api-keys.ts';
import { newApiKey } from '../auth/keys.ts';
import { goOnSignIn, isProven } from '../auth/sign-ins.ts';
import { shownBound, toKept } from '../bound.ts';
import { type Ctx, originOf } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import type { WorkspaceRole } from '../roles.ts';
import { nextNumber } from '../users.ts';
import { type MembershipInfo, readMembership, readMemberships } from './membership.ts';
import { insertWorkspace } from './own.ts';
import type {
  ListMembersQuery,
  MemberParams,
  SecurityFields,
  SwitchFields,
  WorkspaceFields,
} from './schemas.ts';
import { requireTeam } from './team.ts';

export interface WorkspaceView extends MembershipInfo {
  /** how many people belong to it */
  members: number;
  createdAt: string;
  /** all of the caller's, with this one; of a key only this one */
  workspaces: MembershipInfo[];
}

/** The workspace of the credential. Throws NOT_FOUND for a key whose maker has left it. */
export async function readWorkspace(ctx: Ctx): Promise<WorkspaceView> {
  requireScope(ctx, 'read');
  const { userId: workspaceId, personId, via } = ctx.actor;
  const membership = await readMembership(ctx.db, { workspaceId, personId });
  const [row] = await ctx.db.select().from(workspaces).where(eq(workspaces.id, workspaceId));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such workspace.');
  const [counted] = await ctx.db
    .select({ n: count() })
    .from(workspaceMembers)
    .where(eq(workspaceMembers.workspaceId, workspaceId));
  const { id, name, timeZone: timezone, requireSecondFactor, createdAt } = row;
  const { workspaceRole: role, sessionIds: bound } = ctx.actor;
  const here = { id, name, role, timezone, requireSecondFactor };
  const info = membership ?? { ...here, ...shownBound(toKept(bound)) };
  const isPerson = via === 'jwt' || via === 'cookie';
  return {
    ...info,
    role,
    members: Number(counted?.n ?? 0),
    createdAt: new Date(createdAt).toISOString(),
    workspaces: isPerson ? await readMemberships(ctx.db, personId) : [info],
  };
}

/**
 * A further workspace, which the caller owns. Only where accounts may be made: with open registration, and by
 * administrators of the service. Throws FORBIDDEN, CONFLICT at 20 of them.
 */
export async function createWorkspace(ctx: Ctx, input: WorkspaceFields): Promise<MembershipInfo> {
  requirePerson(ctx);
  const { personId, role } = ctx.actor;
  if (role === 'readonly') throw new AppError('FORBIDDEN', 'A read-only user cannot change anything.');
  if (role !== 'admin' && !ctx.config.allowRegistration) {
    throw new AppError('FORBIDDEN', 'New workspaces are closed here: ask an administrator.');
  }
  const now = ctx.clock.now();
  const name = input.name.trim();
  const settings = { timezone: null, requireSecondFactor: false };
  return transact(ctx.db, async (tx) => {
    const number = await nextNumber(tx);
    const owned = await readMemberships(tx, personId);
    if (owned.filter((each) => each.role === 'owner').length >= MAX_OWNED) {
      throw new AppError('CONFLICT', `One person can own at most ${MAX_OWNED} workspaces.`);
    }
    await insertWorkspace(tx, { id: number, name, ownerId: personId, now });
    const owner = { workspaceId: number, personId };
    await setOwnKey(tx, ctx, { owner, key: newApiKey(), now, oldUntil: now });
    const fact = { userId: number, event: 'workspace.created' as const, subject: String(number) };
    await record(tx, ctx, [{ ...fact, data: { name }, origin: originOf(ctx) }]);
    const all = { sessionId: null, sessionIds: null };
    const made: MembershipInfo = { id: number, name, role: 'owner', ...all, ...settings };
    await claimIdempotency(ctx, tx, { status: 201, body: { success: true, data: made } });
    return made;
  });
}

/** Nobody needs more; it bounds what one account can make. */
const MAX_OWNED = 20;

/** Changes the name of the workspace. Throws FORBIDDEN, also for a member of one session. */
export async function updateWorkspace(ctx: Ctx, input: WorkspaceFields): Promise<void> {
  requirePermission(ctx, 'settings');
  requireWholeTenant(ctx);
  const { userId } = ctx.actor;
  const name = input.name.trim();
  await transact(ctx.db, async (tx) => {
    await tx.update(workspaces).set({ name, updatedAt: ctx.clock.now() }).where(eq(workspaces.id, userId));
    const fact = { userId, event: 'workspace.updated' as const, subject: String(userId) };
    await record(tx, ctx, [{ ...fact, data: { name }, origin: originOf(ctx) }]);
  });
}

export interface MemberInfo {
  userId: number;
  name: string;
  /** null for whoever does not manage members */
  email: string | null;
  role: WorkspaceRole;
  /** the sessions that the member sees; null: all */
  sessionIds: string[] | null;
  /** the first of them */
  sessionId: string | null;
  status: 'active' | 'disabled';
  /** null for whoever does not manage members, too */
  lastLoginAt: string | null;
  joinedAt: string;
}

/**
 * Everybody who belongs to the workspace, who joined first comes first; addresses and sign-ins only for whoever manages
 * them. Throws FORBIDDEN for a key of one session.
 */
export async function listMembers(
  ctx: Ctx,
  input: ListMembersQuery,
): Promise<{ data: MemberInfo[]; totalItems: number }> {
  requireScope(ctx, 'read');
  if (ctx.actor.via === 'api_key') requireWholeTenant(ctx);
  const here = eq(workspaceMembers.workspaceId, ctx.actor.userId);
  const [total] = await ctx.db.select({ n: count() }).from(workspaceMembers).where(here);
  const rows = await ctx.db
    .select(MEMBER)
    .from(workspaceMembers)
    .innerJoin(users, eq(users.id, workspaceMembers.userId))
    .where(here)
    .orderBy(asc(workspaceMembers.createdAt), asc(workspaceMembers.userId))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  const all = rows.map(toMember);
  const shown = seesPeople(ctx) ? all : all.map((each) => ({ ...each, email: null, lastLoginAt: null }));
  return { data: shown, totalItems: Number(total?.n ?? 0) };
}

/** One member. Throws FORBIDDEN for whoever does not manage members, NOT_FOUND. */
export async function readMember(ctx: Ctx, input: MemberParams): Promise<MemberInfo> {
  requireTeam(ctx);
  const one = and(
    eq(workspaceMembers.workspaceId, ctx.actor.userId),
    eq(workspaceMembers.userId, input.userId),
  );
  const [row] = await ctx.db
    .select(MEMBER)
    .from(workspaceMembers)
    .innerJoin(users, eq(users.id, workspaceMembers.userId))
    .where(one);
  if (!row) throw new AppError('NOT_FOUND', 'There is no such member.');
  return toMember(row);
}

const MEMBER = { member: workspaceMembers, person: users };
type MemberRow = { member: typeof workspaceMembers.$inferSelect; person: typeof users.$inferSelect };

function toMember({ member, person }: MemberRow): MemberInfo {
  return {
    userId: person.id,
    name: person.name,
    email: person.email,
    role: member.role,
    ...shownBound(member),
    status: person.status,
    lastLoginAt: person.lastLoginAt === null ? null : new Date(person.lastLoginAt).toISOString(),
    joinedAt: new Date(member.createdAt).toISOString(),
  };
}

/**
 * A token for another workspace of the caller, which ends when the sign-in does; the next sign-in leads there too. The old
 * token goes on working where it was. Where the workspace asks for a second factor that was not given in this sign-in, the token opens only what is about
 * the own account. Throws NOT_FOUND for a workspace that the caller does not belong to.
 */
export async function switchWorkspace(
  ctx: Ctx,
  input: SwitchFields,
): Promise<{ token: string; workspace: MembershipInfo }> {
  requireSelf(ctx);
  const { personId } = ctx.actor;
  const workspace = await readMembership(ctx.db, { workspaceId: input.workspaceId, personId });
  if (!workspace) throw new AppError('NOT_FOUND', 'There is no such workspace.');
  const [row] = await ctx.db
    .select({ version: users.tokenVersion })
    .from(users)
    .where(and(eq(users.id, personId), eq(users.status, 'active')));
  if (!row) throw new AppError('UNAUTHORIZED', 'This user is gone.');
  await ctx.db.update(users).set({ workspaceId: workspace.id }).where(eq(users.id, personId));
  const signIn = await goOnSignIn(ctx.db, ctx);
  return { token: ctx.credentials.signToken(personId, row.version, workspace.id, signIn), workspace };
}

/**
 * Whether members need a second factor from their next request on; keys are not concerned. Throws FORBIDDEN, and CONFLICT
 * for whoever turns it on without having given one in this sign-in.
 */
export async function updateSecurity(ctx: Ctx, { requireSecondFactor }: SecurityFields): Promise<void> {
  requirePermission(ctx, 'settings');
  requireWholeTenant(ctx);
  const { userId } = ctx.actor;
  if (requireSecondFactor && !(await isProven(ctx))) {
    throw new AppError('CONFLICT', 'Set up a second factor of your own first, and give it in this sign-in.');
  }
  await transact(ctx.db, async (tx) => {
    const changes = { requireSecondFactor, updatedAt: ctx.clock.now() };
    await tx.update(workspaces).set(changes).where(eq(workspaces.id, userId));
    const fact = { userId, event: 'workspace.updated' as const, subject: String(userId) };
    await record(tx, ctx, [{ ...fact, data: { requireSecondFactor }, origin: originOf(ctx) }]);
    tx.afterCommitAsked(() => ctx.credentials.forget(userId));
  });
}
