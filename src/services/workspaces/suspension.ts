/**
 * A workspace that the service's administrators suspend: nothing is sent and the API is closed, but nothing is lost. Its
 * sessions stay linked, so that what comes in is stored; what waits goes on when it is resumed, or expires in its time.
 */
import { and, eq, isNotNull, isNull } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { whatsappAccounts, workspaces } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { type Actor, type Ctx, originOf } from '../context.ts';
import type { SuspendFields, WorkspaceParams } from '../plans-schemas.ts';
import { takeTurn } from '../quotas.ts';
import { requireAdmin } from '../users.ts';
import { lockWorkspace } from './team.ts';

/** Suspends it, or changes the reason. For admins who signed in. Throws NOT_FOUND, CONFLICT for the caller's own one. */
export async function suspendWorkspace(ctx: Ctx, input: SuspendFields & WorkspaceParams): Promise<void> {
  requireAdmin(ctx);
  const { workspaceId } = input;
  if (workspaceId === ctx.actor.userId) {
    throw new AppError('CONFLICT', 'You work in this workspace: go to another one before you suspend it.');
  }
  const now = ctx.clock.now();
  const suspendReason = input.reason === undefined || input.reason === '' ? null : input.reason;
  await transact(ctx.db, async (tx) => {
    await lockAll(tx, workspaceId, now);
    const one = eq(workspaces.id, workspaceId);
    const suspended = await tx
      .update(workspaces)
      .set({ suspendedAt: now, updatedAt: now })
      .where(and(one, isNull(workspaces.suspendedAt)));
    const found = await tx.update(workspaces).set({ suspendReason }).where(one);
    if (affected(found) === 0) throw noWorkspace();
    if (affected(suspended) > 0) await holdSessions(ctx, tx, workspaceId, now);
    await recordChange(ctx, tx, workspaceId, 'workspace.suspended', { reason: suspendReason });
  });
}

/** Lets it go on where it was. For admins who signed in. Throws NOT_FOUND; nothing happens to one that is not suspended. */
export async function resumeWorkspace(ctx: Ctx, { workspaceId }: WorkspaceParams): Promise<void> {
  requireAdmin(ctx);
  await transact(ctx.db, async (tx) => {
    await lockAll(tx, workspaceId, ctx.clock.now());
    const resumed = await tx
      .update(workspaces)
      .set({ suspendedAt: null, suspendReason: null, updatedAt: ctx.clock.now() })
      .where(and(eq(workspaces.id, workspaceId), isNotNull(workspaces.suspendedAt)));
    if (affected(resumed) === 0) {
      const [row] = await tx
        .select({ id: workspaces.id })
        .from(workspaces)
        .where(eq(workspaces.id, workspaceId));
      if (!row) throw noWorkspace();
      return;
    }
    await holdSessions(ctx, tx, workspaceId, null);
    await recordChange(ctx, tx, workspaceId, 'workspace.resumed', {});
  });
}

/** In the order of everybody else: a session that is being made at this moment is either seen here, or sees this. */
async function lockAll(tx: Tx, workspaceId: number, now: number): Promise<void> {
  await lockWorkspace(tx, workspaceId, now);
  await takeTurn(tx, workspaceId);
}

/** Holds what its sessions send, or lets it go; they look at once. */
async function holdSessions(ctx: Ctx, tx: Tx, userId: number, suspendedAt: number | null): Promise<void> {
  const own = eq(whatsappAccounts.userId, userId);
  await tx.update(whatsappAccounts).set({ suspendedAt }).where(own);
  const rows = await tx.select({ id: whatsappAccounts.id }).from(whatsappAccounts).where(own);
  tx.afterCommitAsked(() => {
    for (const { id } of rows) ctx.signals.wake(id, { rowChanged: true });
  });
}

async function recordChange(
  ctx: Ctx,
  tx: Tx,
  userId: number,
  event: 'workspace.suspended' | 'workspace.resumed',
  data: Record<string, unknown>,
): Promise<void> {
  await record(tx, ctx, [{ userId, event, subject: String(userId), data, origin: originOf(ctx) }]);
  tx.afterCommitAsked(() => ctx.credentials.forget(userId));
}

const noWorkspace = () => new AppError('NOT_FOUND', 'There is no such workspace.');

/** Throws WORKSPACE_SUSPENDED for an actor whose workspace is suspended. */
export function requireNotSuspended({ suspension }: Pick<Actor, 'suspension'>): void {
  if (suspension) throw isSuspended(suspension.reason);
}

/** The same of a workspace, as the database has it now; after `takeRoom` it stays so until the transaction ends. */
export async function refuseWhileSuspended(db: Db, userId: number): Promise<void> {
  const { suspendedAt, suspendReason: reason } = workspaces;
  const [row] = await db.select({ suspendedAt, reason }).from(workspaces).where(eq(workspaces.id, userId));
  if (row && row.suspendedAt !== null) throw isSuspended(row.reason);
}

function isSuspended(reason: string | null): AppError {
  const why = reason === null ? '' : ` ${reason}`;
  return new AppError(
    'WORKSPACE_SUSPENDED',
    `This workspace is suspended.${why} Nothing is lost; ask the administrator of the service.`,
    { details: { reason } },
  );
}
