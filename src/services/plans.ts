/** Plans: limits under a name, which administrators of the service give to workspaces. */
import { asc, count, eq, isNotNull } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected, isUniqueViolation, transact } from '../db/ops.ts';
import { plans, workspaces } from '../db/schema.ts';
import { record } from '../events/record.ts';
import { AppError } from '../utils/errors.ts';
import { newId } from '../utils/ids.ts';
import { requireScope } from './access.ts';
import { type Ctx, originOf } from './context.ts';
import { claimIdempotency } from './idempotency.ts';
import type { AssignFields, PlanChanges, PlanFields, PlanParams, WorkspaceParams } from './plans-schemas.ts';
import { requireAdmin } from './users.ts';

export interface PlanInfo {
  id: string;
  name: string;
  limits: Record<string, number>;
  /** how many have it */
  workspaces: number;
  createdAt: string;
  updatedAt: string;
}

type PlanRow = typeof plans.$inferSelect;

/** It bounds the list. */
const MAX_PLANS = 500;

/** All plans by name. For admins who signed in. */
export async function listPlans(ctx: Ctx): Promise<PlanInfo[]> {
  requireAdmin(ctx);
  const rows = await ctx.db.select().from(plans).orderBy(asc(plans.name));
  const used = await ctx.db
    .select({ id: workspaces.planId, n: count() })
    .from(workspaces)
    .where(isNotNull(workspaces.planId))
    .groupBy(workspaces.planId);
  const counts = new Map(used.map(({ id, n }) => [id, Number(n)]));
  return rows.map((row) => toInfo(row, counts.get(row.id) ?? 0));
}

/** The name of the plan that the caller's workspace has; null without one. */
export async function readPlanName(ctx: Ctx): Promise<string | null> {
  requireScope(ctx, 'read');
  const [row] = await ctx.db
    .select({ name: plans.name })
    .from(workspaces)
    .innerJoin(plans, eq(plans.id, workspaces.planId))
    .where(eq(workspaces.id, ctx.actor.userId));
  return row?.name ?? null;
}

/** Makes a plan. For admins who signed in. Throws CONFLICT for a name that is taken, and at 500 plans. */
export async function createPlan(ctx: Ctx, input: PlanFields): Promise<PlanInfo> {
  requireAdmin(ctx);
  const now = ctx.clock.now();
  const row: PlanRow = {
    id: newId(now),
    name: input.name,
    limits: withoutMissing(input.limits),
    createdAt: now,
    updatedAt: now,
  };
  const info = toInfo(row, 0);
  await transact(ctx.db, async (tx) => {
    const [total] = await tx.select({ n: count() }).from(plans);
    if (Number(total?.n ?? 0) >= MAX_PLANS) {
      throw new AppError('CONFLICT', `There are ${MAX_PLANS} plans already: delete one first.`);
    }
    await failOnTakenName(() => tx.insert(plans).values(row));
    await recordPlan(ctx, tx, 'plan.created', row);
    await claimIdempotency(ctx, tx, { status: 201, body: { success: true, data: info } });
  });
  return info;
}

/**
 * Changes a plan for all workspaces that have it: at once here, within a second in other processes. For admins who signed
 * in. Throws NOT_FOUND, CONFLICT for a name that is taken.
 */
export async function updatePlan(
  ctx: Ctx,
  { planId, ...input }: PlanChanges & PlanParams,
): Promise<PlanInfo> {
  requireAdmin(ctx);
  return transact(ctx.db, async (tx) => {
    const changes = {
      ...(input.name === undefined ? {} : { name: input.name }),
      ...(input.limits === undefined ? {} : { limits: withoutMissing(input.limits) }),
      updatedAt: ctx.clock.now(),
    };
    await failOnTakenName(() => tx.update(plans).set(changes).where(eq(plans.id, planId)));
    const [row] = await tx.select().from(plans).where(eq(plans.id, planId));
    if (!row) throw noPlan();
    await recordPlan(ctx, tx, 'plan.updated', row);
    const [used] = await tx.select({ n: count() }).from(workspaces).where(eq(workspaces.planId, planId));
    return toInfo(row, Number(used?.n ?? 0));
  });
}

/** Deletes a plan that no workspace has. For admins who signed in. Throws NOT_FOUND, CONFLICT. */
export async function deletePlan(ctx: Ctx, { planId }: PlanParams): Promise<void> {
  requireAdmin(ctx);
  await transact(ctx.db, async (tx) => {
    const row = await lockPlan(tx, planId, ctx.clock.now());
    const [used] = await tx.select({ n: count() }).from(workspaces).where(eq(workspaces.planId, planId));
    const n = Number(used?.n ?? 0);
    if (n > 0)
      throw new AppError('CONFLICT', `The plan is in use by ${n} workspaces: give them another one first.`);
    await tx.delete(plans).where(eq(plans.id, planId));
    await recordPlan(ctx, tx, 'plan.deleted', row);
  });
}

/** Gives a workspace a plan, and limits of its own. For admins who signed in. Throws NOT_FOUND. */
export async function assignPlan(ctx: Ctx, input: AssignFields & WorkspaceParams): Promise<void> {
  requireAdmin(ctx);
  const { workspaceId, planId, limits } = input;
  const now = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    const plan = planId === undefined || planId === null ? null : await lockPlan(tx, planId, now);
    const changes = {
      ...(planId === undefined ? {} : { planId }),
      ...(limits === undefined ? {} : { limits: withoutMissing(limits) }),
      updatedAt: now,
    };
    const changed = await tx.update(workspaces).set(changes).where(eq(workspaces.id, workspaceId));
    if (affected(changed) === 0) throw new AppError('NOT_FOUND', 'There is no such workspace.');
    const data = {
      ...(planId === undefined ? {} : { plan: plan?.name ?? null }),
      ...(limits === undefined ? {} : { limits: changes.limits }),
    };
    const fact = {
      userId: workspaceId,
      event: 'workspace.plan_changed' as const,
      subject: String(workspaceId),
    };
    await record(tx, ctx, [{ ...fact, data, origin: originOf(ctx) }]);
    tx.afterCommitAsked(() => ctx.allowances.forget());
  });
}

/** Nobody deletes it until the transaction ends. Throws NOT_FOUND. */
async function lockPlan(tx: Tx, planId: string, now: number): Promise<PlanRow> {
  await tx.update(plans).set({ updatedAt: now }).where(eq(plans.id, planId));
  const [row] = await tx.select().from(plans).where(eq(plans.id, planId));
  if (!row) throw noPlan();
  return row;
}

const noPlan = () => new AppError('NOT_FOUND', 'There is no such plan.');

async function recordPlan(
  ctx: Ctx,
  tx: Tx,
  event: 'plan.created' | 'plan.updated' | 'plan.deleted',
  { id, name, limits }: PlanRow,
): Promise<void> {
  const fact = { userId: ctx.actor.userId, event, subject: id, data: { name, limits } };
  await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
  tx.afterCommitAsked(() => ctx.allowances.forget());
}

async function failOnTakenName(write: () => PromiseLike<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new AppError('CONFLICT', 'There is a plan of this name already.', {
      details: { name: 'is taken' },
    });
  }
}

function withoutMissing(limits: Partial<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(limits).flatMap(([name, n]) => (n === undefined ? [] : [[name, n]])),
  );
}

function toInfo({ id, name, limits, createdAt, updatedAt }: PlanRow, used: number): PlanInfo {
  const toIso = (at: number) => new Date(at).toISOString();
  return { id, name, limits, workspaces: used, createdAt: toIso(createdAt), updatedAt: toIso(updatedAt) };
}
