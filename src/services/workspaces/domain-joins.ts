/** Becoming a member because of the domain of one's address: once, and never again after leaving. */
import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact, tryInsert } from '../../db/ops.ts';
import { workspaceDomainJoins, workspaceDomains, workspaces } from '../../db/schema.ts';
import { spendFromWindow } from '../../db/windows.ts';
import { record } from '../../events/record.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { type Ctx, originOf } from '../context.ts';
import { hasRoom } from '../quotas.ts';
import type { WorkspaceRole } from '../roles.ts';
import { addMember } from './add-member.ts';
import { lockWorkspace } from './team.ts';

type Row = typeof workspaceDomains.$inferSelect;

export interface OpenDomain {
  id: string;
  workspaceId: number;
  domain: string;
  role: WorkspaceRole;
}

/** A domain may be sold: its record is looked up again when somebody is to join and this time has passed. */
const CHECK_AGAIN_MS = MINUTE_MS;
/** Of one domain, in a minute: while no name server answers, or many come at the same moment. */
const MAX_LOOKS = 20;

/** What the TXT record of a domain is called, and what it has to say. */
export function proofRecordOf({ domain, proof }: Pick<Row, 'domain' | 'proof'>): {
  name: string;
  value: string;
} {
  return { name: `_wahub.${domain}`, value: `wahub-domain=${proof}` };
}

/** Whether the record is there. Throws UNAVAILABLE when no name server answers. */
export async function hasProof(ctx: Pick<Ctx, 'lookUpTxt'>, row: Row): Promise<boolean> {
  const { name, value } = proofRecordOf(row);
  return (await ctx.lookUpTxt(name)).some((text) => text.trim() === value);
}

/**
 * The proven domain of a confirmed address; null for none, for one whose record is gone or cannot be looked up now, and for
 * one by which the person (null: whoever has no account yet) cannot join any more. Call it outside of transactions.
 */
export async function findOpenDomain(
  ctx: Ctx,
  { email, isConfirmed }: { email: string | null; isConfirmed: boolean },
  personId: number | null,
): Promise<OpenDomain | null> {
  if (email === null || !isConfirmed) return null;
  const domain = email.slice(email.lastIndexOf('@') + 1);
  const [row] = await ctx.db.select().from(workspaceDomains).where(eq(workspaceDomains.provenDomain, domain));
  if (!row || (personId !== null && (await hasJoined(ctx, row.workspaceId, personId)))) return null;
  return (await isStillProven(ctx, row)) ? row : null;
}

async function hasJoined({ db }: Ctx, workspaceId: number, personId: number): Promise<boolean> {
  const { workspaceId: id, userId } = workspaceDomainJoins;
  const one = and(eq(id, workspaceId), eq(userId, personId));
  return (await db.select({ userId }).from(workspaceDomainJoins).where(one)).length > 0;
}

async function isStillProven(ctx: Ctx, row: Row): Promise<boolean> {
  const now = ctx.clock.now();
  if (row.provenBy !== 'dns' || now - (row.checkedAt ?? 0) < CHECK_AGAIN_MS) return true;
  const looks = { key: `domain:looks:${row.id}`, max: MAX_LOOKS, windowMs: MINUTE_MS };
  if ((await spendFromWindow(ctx.db, looks, now)) === null) return false;
  let isThere: boolean;
  try {
    isThere = await hasProof(ctx, row);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    ctx.logger.warn('the record of a domain could not be looked up', { domain: row.domain });
    return false;
  }
  const one = and(eq(workspaceDomains.id, row.id), eq(workspaceDomains.provenBy, 'dns'));
  if (isThere) await ctx.db.update(workspaceDomains).set({ checkedAt: now }).where(one);
  else await transact(ctx.db, (tx) => loseProof(ctx, tx, row));
  return isThere;
}

async function loseProof(ctx: Ctx, tx: Tx, { id, workspaceId: userId, domain }: Row): Promise<void> {
  const changes = { provenDomain: null, provenBy: null, checkedAt: ctx.clock.now() };
  const one = and(eq(workspaceDomains.id, id), eq(workspaceDomains.provenBy, 'dns'));
  if (affected(await tx.update(workspaceDomains).set(changes).where(one)) === 0) return;
  const data = { domain, proven: false };
  await record(tx, ctx, [{ userId, event: 'domain.updated', subject: id, status: 'failure', data }]);
}

/**
 * The domain as it is now, with the members of its workspace locked; null when it is proven no more, or the workspace has
 * ended. What `findOpenDomain` has found may be long ago.
 */
export async function lockOpenDomain(ctx: Ctx, tx: Tx, domain: OpenDomain): Promise<OpenDomain | null> {
  await lockWorkspace(tx, domain.workspaceId, ctx.clock.now());
  const { id, workspaceId, role } = workspaceDomains;
  const [open] = await tx
    .select({ id, workspaceId, domain: workspaceDomains.domain, role })
    .from(workspaceDomains)
    .innerJoin(
      workspaces,
      and(eq(workspaces.id, workspaceDomains.workspaceId), eq(workspaces.status, 'active')),
    )
    .where(and(eq(id, domain.id), eq(workspaceDomains.provenDomain, domain.domain)));
  return open ?? null;
}

/** Makes a person who has an account a member, unless they joined by a domain or were a member before. */
export async function joinByDomain(ctx: Ctx, tx: Tx, domain: OpenDomain, personId: number): Promise<void> {
  const open = await lockOpenDomain(ctx, tx, domain);
  // Whoever signs in need not be kept out because a workspace is full.
  if (!open || !(await hasRoom(tx, ctx, open.workspaceId, 'members'))) return;
  if (!(await noteJoin(ctx, tx, open.workspaceId, personId))) return;
  if (await addMember(tx, ctx, open, personId)) await recordJoin(ctx, tx, open, personId);
}

/** Call it for a new person who was made as a member of the domain's workspace. */
export async function recordDomainJoin(
  ctx: Ctx,
  tx: Tx,
  domain: OpenDomain,
  personId: number,
): Promise<void> {
  await noteJoin(ctx, tx, domain.workspaceId, personId);
  await recordJoin(ctx, tx, domain, personId);
}

/** Call it when somebody is no member any more: they do not come back by a domain. */
export async function keepOutOfDomains(
  ctx: Pick<Ctx, 'clock'>,
  tx: Tx,
  workspaceId: number,
  personId: number,
): Promise<void> {
  await noteJoin(ctx, tx, workspaceId, personId);
}

function noteJoin(
  { clock }: Pick<Ctx, 'clock'>,
  tx: Tx,
  workspaceId: number,
  userId: number,
): Promise<boolean> {
  return tryInsert(tx, workspaceDomainJoins, { workspaceId, userId, at: clock.now() });
}

function recordJoin(
  ctx: Ctx,
  tx: Tx,
  { workspaceId, domain, role }: OpenDomain,
  personId: number,
): Promise<void> {
  const data = { userId: personId, role, domain };
  const origin = { ...originOf(ctx), actorId: personId };
  const fact = { userId: workspaceId, event: 'member.added' as const, subject: String(personId) };
  return record(tx, ctx, [{ ...fact, data, origin }]);
}
