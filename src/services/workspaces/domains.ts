/** The domains of a workspace, whose people become members by signing in with an OpenID provider. */
import { randomBytes } from 'node:crypto';
import { and, asc, count, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { isUniqueViolation, transact } from '../../db/ops.ts';
import { workspaceDomains, workspaces } from '../../db/schema.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { record } from '../../events/record.ts';
import type { EventName } from '../../events/table.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { type Ctx, originOf } from '../context.ts';
import type { PageQuery } from '../fields.ts';
import { claimIdempotency } from '../idempotency.ts';
import type { WorkspaceRole } from '../roles.ts';
import { requireAdmin } from '../users.ts';
import { hasProof, proofRecordOf } from './domain-joins.ts';
import type { DomainFields, DomainParams, DomainRoleFields, ServiceDomainFields } from './schemas.ts';
import { enterTeam, lockWorkspace, requireTeam } from './team.ts';

type Row = typeof workspaceDomains.$inferSelect;

export interface DomainInfo {
  id: string;
  workspaceId: number;
  domain: string;
  /** what people of the domain become */
  role: WorkspaceRole;
  /** null: nobody joins by it yet */
  provenBy: 'dns' | 'admin' | null;
  /** the TXT record that proves it */
  record: { name: string; value: string };
  createdAt: string;
  checkedAt: string | null;
}

/** Nobody needs more. */
const MAX_DOMAINS = 20;
const CHECKS_PER_HOUR = 60;

/** The domains of the workspace by their names. Throws FORBIDDEN. */
export async function listDomains(ctx: Ctx): Promise<DomainInfo[]> {
  requireTeam(ctx);
  const rows = await ctx.db
    .select()
    .from(workspaceDomains)
    .where(eq(workspaceDomains.workspaceId, ctx.actor.userId))
    .orderBy(asc(workspaceDomains.domain))
    .limit(MAX_DOMAINS);
  return rows.map(toInfo);
}

/**
 * Adds a domain; nobody joins by it before it is proven. Throws FORBIDDEN, CONFLICT for one that is there already and at 20.
 */
export async function addDomain(ctx: Ctx, input: DomainFields): Promise<DomainInfo> {
  requireTeam(ctx);
  const { userId: workspaceId } = ctx.actor;
  return transact(ctx.db, async (tx) => {
    await enterTeam(tx, ctx, 'members');
    return insertDomain(ctx, tx, { ...input, workspaceId, provenBy: null });
  });
}

/** Changes what people of the domain become; members stay what they are. Throws FORBIDDEN, NOT_FOUND. */
export async function updateDomain(ctx: Ctx, input: DomainParams & DomainRoleFields): Promise<DomainInfo> {
  requireTeam(ctx);
  return transact(ctx.db, async (tx) => {
    await enterTeam(tx, ctx, 'members');
    const row = await findDomain(tx, input.id, ctx.actor.userId);
    const { role } = input;
    await tx.update(workspaceDomains).set({ role }).where(eq(workspaceDomains.id, row.id));
    await recordDomain(ctx, tx, row, 'domain.updated', { role, before: row.role });
    return toInfo({ ...row, role });
  });
}

/**
 * Looks the TXT record up; when it is there people join by the domain from now on. Throws FORBIDDEN, NOT_FOUND, CONFLICT
 * when it is not there or another workspace has proven the domain, RATE_LIMITED, UNAVAILABLE without name servers.
 */
export async function verifyDomain(ctx: Ctx, input: DomainParams): Promise<DomainInfo> {
  requireTeam(ctx);
  const { userId: workspaceId } = ctx.actor;
  const asked = await findDomain(ctx.db, input.id, workspaceId);
  if (asked.provenBy === 'admin') return toInfo(asked);
  await spendCheck(ctx);
  if (!(await hasProof(ctx, asked))) {
    const record = proofRecordOf(asked);
    throw new AppError('CONFLICT', 'The TXT record is not there yet: new records may take an hour.', {
      details: { record },
    });
  }
  return transact(ctx.db, async (tx) => {
    await enterTeam(tx, ctx, 'members');
    const row = await findDomain(tx, input.id, workspaceId);
    const proven = { provenDomain: row.domain, provenBy: 'dns' as const, checkedAt: ctx.clock.now() };
    await failOnProven(() => tx.update(workspaceDomains).set(proven).where(eq(workspaceDomains.id, row.id)));
    if (row.provenBy !== 'dns') await recordDomain(ctx, tx, row, 'domain.verified', { provenBy: 'dns' });
    return toInfo({ ...row, ...proven });
  });
}

/** Takes a domain away; members stay. Throws FORBIDDEN, NOT_FOUND. */
export async function removeDomain(ctx: Ctx, input: DomainParams): Promise<void> {
  requireTeam(ctx);
  await transact(ctx.db, async (tx) => {
    await enterTeam(tx, ctx, 'members');
    await deleteDomain(ctx, tx, await findDomain(tx, input.id, ctx.actor.userId));
  });
}

/** All domains of the service, by name. For admins who signed in. */
export async function listServiceDomains(
  ctx: Ctx,
  input: PageQuery,
): Promise<{ data: DomainInfo[]; totalItems: number }> {
  requireAdmin(ctx);
  const [total] = await ctx.db.select({ n: count() }).from(workspaceDomains);
  const rows = await ctx.db
    .select()
    .from(workspaceDomains)
    .orderBy(asc(workspaceDomains.domain), asc(workspaceDomains.id))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  return { data: rows.map(toInfo), totalItems: Number(total?.n ?? 0) };
}

/**
 * Gives a workspace a domain that needs no record, or proves the one that it has. For admins who signed in. Throws NOT_FOUND
 * for a workspace that does not exist, CONFLICT when another one has proven the domain.
 */
export async function setServiceDomain(ctx: Ctx, input: ServiceDomainFields): Promise<DomainInfo> {
  requireAdmin(ctx);
  const { workspaceId, domain, role } = input;
  return transact(ctx.db, async (tx) => {
    const one = eq(workspaces.id, workspaceId);
    const [workspace] = await tx.select({ id: workspaces.id }).from(workspaces).where(one);
    if (!workspace) throw new AppError('NOT_FOUND', 'There is no such workspace.');
    await lockWorkspace(tx, workspaceId, ctx.clock.now());
    const own = and(eq(workspaceDomains.workspaceId, workspaceId), eq(workspaceDomains.domain, domain));
    const [row] = await tx.select().from(workspaceDomains).where(own);
    if (!row) return insertDomain(ctx, tx, { ...input, provenBy: 'admin' });
    const changes = { role, provenDomain: domain, provenBy: 'admin' as const };
    await failOnProven(() => tx.update(workspaceDomains).set(changes).where(own));
    await recordDomain(ctx, tx, row, 'domain.verified', { provenBy: 'admin', role });
    return asAdded(ctx, tx, { ...row, ...changes });
  });
}

/** Takes a domain away from whichever workspace has it. For admins who signed in. Throws NOT_FOUND. */
export async function removeServiceDomain(ctx: Ctx, input: DomainParams): Promise<void> {
  requireAdmin(ctx);
  await transact(ctx.db, async (tx) => deleteDomain(ctx, tx, await findDomain(tx, input.id)));
}

async function insertDomain(
  ctx: Ctx,
  tx: Tx,
  input: DomainFields & { workspaceId: number; provenBy: 'admin' | null },
): Promise<DomainInfo> {
  const { workspaceId, domain, role, provenBy } = input;
  const here = eq(workspaceDomains.workspaceId, workspaceId);
  const [counted] = await tx.select({ n: count() }).from(workspaceDomains).where(here);
  if (Number(counted?.n ?? 0) >= MAX_DOMAINS) {
    throw new AppError('CONFLICT', `A workspace can have at most ${MAX_DOMAINS} domains.`);
  }
  const now = ctx.clock.now();
  const row: Row = {
    id: newId(now),
    workspaceId,
    domain,
    role,
    proof: randomBytes(16).toString('hex'),
    provenDomain: provenBy === null ? null : domain,
    provenBy,
    createdAt: now,
    checkedAt: null,
  };
  await failOnProven(() => tx.insert(workspaceDomains).values(row));
  await recordDomain(ctx, tx, row, 'domain.added', { role, provenBy });
  return asAdded(ctx, tx, row);
}

/** The answer, which is kept for the same request. */
async function asAdded(ctx: Ctx, tx: Tx, row: Row): Promise<DomainInfo> {
  const data = toInfo(row);
  await claimIdempotency(ctx, tx, { status: 201, body: { success: true, data } });
  return data;
}

async function deleteDomain(ctx: Ctx, tx: Tx, row: Row): Promise<void> {
  await tx.delete(workspaceDomains).where(eq(workspaceDomains.id, row.id));
  await recordDomain(ctx, tx, row, 'domain.removed', {});
}

function recordDomain(
  ctx: Ctx,
  tx: Tx,
  { id, workspaceId: userId, domain }: Row,
  event: EventName,
  about: Record<string, unknown>,
): Promise<void> {
  const data = { domain, ...about };
  return record(tx, ctx, [{ userId, event, subject: id, data, origin: originOf(ctx) }]);
}

/** Throws NOT_FOUND, with `workspaceId` also for one of another workspace. */
async function findDomain(db: Ctx['db'] | Tx, id: string, workspaceId?: number): Promise<Row> {
  const own = workspaceId === undefined ? undefined : eq(workspaceDomains.workspaceId, workspaceId);
  const [row] = await db
    .select()
    .from(workspaceDomains)
    .where(and(eq(workspaceDomains.id, id), own));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such domain.');
  return row;
}

async function spendCheck(ctx: Ctx): Promise<void> {
  const window = { key: `domain:checks:${ctx.actor.userId}`, max: CHECKS_PER_HOUR, windowMs: HOUR_MS };
  const now = ctx.clock.now();
  if ((await spendFromWindow(ctx.db, window, now)) !== null) return;
  throw new AppError('RATE_LIMITED', 'The record was looked up too often: go on in a while.', {
    retryAfterSeconds: Math.ceil((HOUR_MS - (now % HOUR_MS)) / 1000),
    details: { limit: CHECKS_PER_HOUR, windowSeconds: HOUR_MS / 1000 },
  });
}

async function failOnProven(write: () => PromiseLike<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('CONFLICT', 'This domain is taken already.', { details: { domain: 'is taken' } });
  }
}

function toInfo(row: Row): DomainInfo {
  const { id, workspaceId, domain, role, provenBy, createdAt, checkedAt } = row;
  return {
    id,
    workspaceId,
    domain,
    role,
    provenBy,
    record: proofRecordOf(row),
    createdAt: new Date(createdAt).toISOString(),
    checkedAt: checkedAt === null ? null : new Date(checkedAt).toISOString(),
  };
}
