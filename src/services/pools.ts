/** Sender pools: sessions of a tenant that send together, under a name. */
import { and, asc, count, eq, or } from 'drizzle-orm';
import { z } from 'zod';
import type { Tx } from '../db/client.ts';
import { affected, isUniqueViolation, transact, tryInsert } from '../db/ops.ts';
import { senderPools, whatsappAccounts } from '../db/schema.ts';
import { record } from '../events/record.ts';
import { AppError } from '../utils/errors.ts';
import { newId } from '../utils/ids.ts';
import { requireScope, requireSession, sessionNotFound } from './access.ts';
import { type Ctx, originOf } from './context.ts';
import { nameOf } from './fields.ts';
import { claimIdempotency } from './idempotency.ts';

/** Each is looked at for every message. */
const MAX_SESSIONS = 20;
const MAX_POOLS = 100;

const SessionName = z.string().min(1).max(100);
export const PoolSessions = z
  .array(SessionName)
  .min(1, 'must name a session')
  .max(MAX_SESSIONS, `must name at most ${MAX_SESSIONS}`)
  .transform((names) => [...new Set(names)]);

/** Instead of `session`: who of several sends. */
export const senderFields = {
  sessions: PoolSessions.optional().describe(
    'instead of `session`: one of these sends, the one that the person knows before all others',
  ),
  pool: z
    .string()
    .min(1)
    .max(120)
    .optional()
    .describe('the same with the sessions of a saved pool, by name or id'),
};

/** The body of a send: the lack of a sender is told with whatever else is wrong. */
export function withSender<T extends z.ZodObject>(body: T): T {
  return body.refine(namesSender, { path: ['session'], message: 'is required', when: () => true });
}

function namesSender(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return true;
  return ['session', 'sessions', 'pool'].some((name) => Reflect.get(body, name) !== undefined);
}

export const PoolInput = z.object({
  name: nameOf(120),
  sessions: PoolSessions,
});
export type PoolInput = z.output<typeof PoolInput>;

export const PoolOutput = z
  .object({
    id: z.string(),
    name: z.string(),
    sessions: z.array(
      z.object({
        sessionId: z.string(),
        status: z.string().nullable().describe('null: the session was deleted, and is passed over'),
      }),
    ),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'SenderPool' });
export type PoolOutput = z.output<typeof PoolOutput>;

type Row = typeof senderPools.$inferSelect;

/** Those of whose sessions the caller may see every one. */
export async function listPools(ctx: Ctx): Promise<PoolOutput[]> {
  requireScope(ctx, 'read');
  const rows = await ctx.db
    .select()
    .from(senderPools)
    .where(eq(senderPools.userId, ctx.actor.userId))
    .orderBy(asc(senderPools.name));
  const statuses = await readStatuses(ctx);
  return rows.filter((row) => maySee(ctx, row)).map((row) => toPool(row, statuses));
}

/** By id or name. Throws NOT_FOUND. */
export async function getPool(ctx: Ctx, idOrName: string): Promise<PoolOutput> {
  requireScope(ctx, 'read');
  return toPool(await findPool(ctx, idOrName), await readStatuses(ctx));
}

/** Throws SESSION_NOT_FOUND, CONFLICT for a name that is taken, QUOTA_EXCEEDED. */
export async function createPool(
  ctx: Ctx,
  input: PoolInput,
  answer: (pool: PoolOutput) => { status: number; body: Record<string, unknown> },
): Promise<PoolOutput> {
  requireScope(ctx, 'sessions:write');
  const statuses = await requireSessions(ctx, input.sessions);
  const now = ctx.clock.now();
  const row: Row = { id: newId(now), userId: ctx.actor.userId, ...input, createdAt: now, updatedAt: now };
  await transact(ctx.database, async (tx) => {
    const [made] = await tx
      .select({ n: count() })
      .from(senderPools)
      .where(eq(senderPools.userId, row.userId));
    if (Number(made?.n ?? 0) >= MAX_POOLS) {
      throw new AppError('QUOTA_EXCEEDED', `There are ${MAX_POOLS} pools already: delete one first.`);
    }
    if (!(await tryInsert(tx, senderPools, row))) throw nameTaken(input.name);
    await recordPool(tx, ctx, 'pool.created', row);
    await claimIdempotency(ctx, tx, answer(toPool(row, statuses)));
  });
  return toPool(row, statuses);
}

/** Changes what is given; campaigns that were made keep the sessions that they have. Throws as `createPool`, NOT_FOUND. */
export async function updatePool(
  ctx: Ctx,
  idOrName: string,
  input: { [K in keyof PoolInput]?: PoolInput[K] | undefined },
): Promise<PoolOutput> {
  requireScope(ctx, 'sessions:write');
  const { id } = await findPool(ctx, idOrName);
  if (input.sessions) await requireSessions(ctx, input.sessions);
  const { name, sessions } = input;
  const changes = {
    ...(name === undefined ? {} : { name }),
    ...(sessions === undefined ? {} : { sessions }),
  };
  try {
    await transact(ctx.database, async (tx) => {
      const own = and(eq(senderPools.id, id), eq(senderPools.userId, ctx.actor.userId));
      const changed = await tx
        .update(senderPools)
        .set({ ...changes, updatedAt: ctx.clock.now() })
        .where(own);
      if (affected(changed) === 0) throw poolNotFound(idOrName);
      const [row] = await tx.select().from(senderPools).where(own);
      if (row) await recordPool(tx, ctx, 'pool.updated', row);
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken(name ?? '');
    throw error;
  }
  return getPool(ctx, id);
}

/** The sessions stay. Throws NOT_FOUND. */
export async function deletePool(ctx: Ctx, idOrName: string): Promise<void> {
  requireScope(ctx, 'sessions:write');
  const row = await findPool(ctx, idOrName);
  await transact(ctx.database, async (tx) => {
    const own = and(eq(senderPools.id, row.id), eq(senderPools.userId, ctx.actor.userId));
    if (affected(await tx.delete(senderPools).where(own)) > 0) await recordPool(tx, ctx, 'pool.deleted', row);
  });
}

function recordPool(
  tx: Tx,
  ctx: Ctx,
  event: 'pool.created' | 'pool.updated' | 'pool.deleted',
  { id, userId, name, sessions }: Row,
): Promise<void> {
  return record(tx, ctx, [{ userId, event, subject: id, data: { name, sessions }, origin: originOf(ctx) }]);
}

/** Who is to send, as a request says it. */
export interface SenderInput {
  session?: string | undefined;
  sessions?: string[] | undefined;
  pool?: string | undefined;
}

/** Names of sessions, and the pool that they are from: its sessions that are gone are passed over. */
export interface Senders {
  names: string[];
  poolId: string | null;
}

/**
 * The sessions that a request names. Throws VALIDATION_FAILED unless it names them in exactly one way, NOT_FOUND for a
 * pool, SESSION_NOT_FOUND for what the caller's key does not reach.
 */
export async function sendersOf(ctx: Ctx, { session, sessions, pool }: SenderInput): Promise<Senders> {
  const given = [session, sessions, pool].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new AppError('VALIDATION_FAILED', 'Not valid: session.', {
      details: { session: 'must be given, or else sessions or pool, and only one of them' },
    });
  }
  const saved = pool === undefined ? null : await findPool(ctx, pool);
  const names = saved?.sessions ?? sessions ?? [session ?? ''];
  for (const name of names) requireSession(ctx, name);
  return { names, poolId: saved?.id ?? null };
}

async function findPool(ctx: Ctx, idOrName: string): Promise<Row> {
  const rows = await ctx.db
    .select()
    .from(senderPools)
    .where(
      and(
        eq(senderPools.userId, ctx.actor.userId),
        or(eq(senderPools.id, idOrName), eq(senderPools.name, idOrName)),
      ),
    );
  const row = rows.find(({ id }) => id === idOrName) ?? rows[0];
  if (!row || !maySee(ctx, row)) throw poolNotFound(idOrName);
  return row;
}

/** A key that is bound to a session knows of no others. */
const maySee = ({ actor }: Ctx, { sessions }: Row) =>
  actor.sessionIds === null || sessions.every((name) => actor.sessionIds?.includes(name));

async function readStatuses(ctx: Ctx): Promise<Map<string, string>> {
  const { sessionId, status, userId } = whatsappAccounts;
  const rows = await ctx.db
    .select({ sessionId, status })
    .from(whatsappAccounts)
    .where(eq(userId, ctx.actor.userId));
  return new Map(rows.map((row) => [row.sessionId, row.status]));
}

async function requireSessions(ctx: Ctx, names: readonly string[]): Promise<Map<string, string>> {
  for (const name of names) requireSession(ctx, name);
  const statuses = await readStatuses(ctx);
  const missing = names.find((name) => !statuses.has(name));
  if (missing !== undefined) {
    const bound = ctx.actor.sessionIds;
    const known = [...statuses.keys()].filter((name) => bound === null || bound.includes(name));
    throw sessionNotFound(missing, known);
  }
  return statuses;
}

function toPool(
  { id, name, sessions, createdAt, updatedAt }: Row,
  statuses: Map<string, string>,
): PoolOutput {
  return {
    id,
    name,
    sessions: sessions.map((sessionId) => ({ sessionId, status: statuses.get(sessionId) ?? null })),
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

const poolNotFound = (idOrName: string) => new AppError('NOT_FOUND', `There is no pool ${idOrName}.`);
const nameTaken = (name: string) =>
  new AppError('CONFLICT', `There is a pool ${name} already.`, { details: { name: 'is taken' } });
