/** Broadcast lists. They belong to the tenant: every session of it reaches the same ones. */

import { and, count, desc, eq, isNotNull, isNull, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { affected, deleteInBatches, transact } from '../../db/ops.ts';
import { broadcastContacts, broadcastLists } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { sessionOfNew } from '../access.ts';
import { type BoundSessions, ofBound } from '../bound.ts';
import { endCampaignsOf } from '../campaigns/of-list.ts';
import { type Ctx, type Deps, originOf } from '../context.ts';
import type { PageQuery, SearchQuery } from '../fields.ts';
import { claimIdempotency } from '../idempotency.ts';
import { takeRoom } from '../quotas.ts';
import { type BroadcastRef, enterBroadcast } from '../sessions/tenant.ts';

export type ListRow = typeof broadcastLists.$inferSelect;

export interface BroadcastList {
  id: string;
  name: string;
  description: string | null;
  contactCount: number;
  /** names of the custom fields */
  columns: string[];
  createdAt: string;
  updatedAt: string;
}

export interface ListRef extends BroadcastRef {
  listId: string;
}

/** The tenant's lists, newest first. */
export async function listLists(
  ctx: Ctx,
  input: BroadcastRef & PageQuery & SearchQuery,
): Promise<{ data: BroadcastList[]; totalItems: number }> {
  const { userId } = await enterBroadcast(ctx, input, 'read');
  const search = input.search?.trim() ?? '';
  const found =
    search === '' ? undefined : contains([broadcastLists.name, broadcastLists.description], search);
  const where = and(
    eq(broadcastLists.userId, userId),
    isNull(broadcastLists.deletedAt),
    ofBound(ctx.actor.sessionIds, broadcastLists.sessionId),
    found,
  );
  const rows = await ctx.db
    .select()
    .from(broadcastLists)
    .where(where)
    .orderBy(desc(broadcastLists.createdAt), desc(broadcastLists.id))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  const [total] = await ctx.db.select({ n: count() }).from(broadcastLists).where(where);
  return { data: rows.map(toList), totalItems: Number(total?.n ?? 0) };
}

/** Throws NOT_FOUND. */
export async function getList(ctx: Ctx, ref: ListRef): Promise<BroadcastList> {
  const { userId } = await enterBroadcast(ctx, ref, 'read');
  return toList(await findList(ctx.db, userId, ref.listId, ctx.actor.sessionIds));
}

/** Throws QUOTA_EXCEEDED. */
export async function createList(
  ctx: Ctx,
  input: BroadcastRef & { name: string; description?: string | null | undefined },
  answer: (list: BroadcastList) => { status: number; body: Record<string, unknown> },
): Promise<BroadcastList> {
  const { userId, session } = await enterBroadcast(ctx, input, 'broadcast');
  const now = ctx.clock.now();
  const row: ListRow = {
    id: newId(now),
    userId,
    name: input.name,
    description: input.description ?? null,
    contactCount: 0,
    sessionId: session?.sessionId ?? sessionOfNew(ctx),
    columns: [],
    deletedAt: null,
    createdAt: now,
    updatedAt: now,
  };
  await transact(ctx.database, async (tx) => {
    await takeRoom(tx, ctx, userId, 'lists');
    await tx.insert(broadcastLists).values(row);
    await recordList(ctx, tx, row, 'list.created');
    await claimIdempotency(ctx, tx, answer(toList(row)));
  });
  return toList(row);
}

/** Changes what is given. Throws NOT_FOUND. */
export async function updateList(
  ctx: Ctx,
  input: ListRef & { name?: string | undefined; description?: string | null | undefined },
): Promise<BroadcastList> {
  const { userId } = await enterBroadcast(ctx, input, 'broadcast');
  const changes = {
    ...(input.name === undefined ? {} : { name: input.name }),
    ...(input.description === undefined ? {} : { description: input.description }),
    updatedAt: ctx.clock.now(),
  };
  return transact(ctx.db, async (tx) => {
    const updated = await tx
      .update(broadcastLists)
      .set(changes)
      .where(isList(userId, input.listId, ctx.actor.sessionIds));
    if (affected(updated) === 0) throw listNotFound(input.listId);
    const row = await findList(tx, userId, input.listId, ctx.actor.sessionIds);
    await recordList(ctx, tx, row, 'list.updated');
    return toList(row);
  });
}

/**
 * The list is gone at once; its contacts go in pieces afterwards. Campaigns that have not taken their recipients
 * from it yet end as `failed: list_deleted`. Throws NOT_FOUND.
 */
export async function deleteList(ctx: Ctx, ref: ListRef): Promise<void> {
  const { userId } = await enterBroadcast(ctx, ref, 'broadcast');
  await transact(ctx.database, async (tx) => {
    const row = await lockList(tx, userId, ref.listId, ctx.clock.now(), ctx.actor.sessionIds);
    await tx.update(broadcastLists).set({ deletedAt: ctx.clock.now() }).where(eq(broadcastLists.id, row.id));
    await endCampaignsOf(tx, ctx, row);
    await recordList(ctx, tx, row, 'list.deleted');
  });
  ctx.background
    .run('removing a list', (signal) => purgeList(ctx, ref.listId, signal))
    .catch(() => undefined);
}

/** Removes what is left of deleted lists: those that a stop of the service cut off. */
export async function purgeDeletedLists(deps: Pick<Deps, 'db'>, signal?: AbortSignal): Promise<void> {
  const rows = await deps.db
    .select({ id: broadcastLists.id })
    .from(broadcastLists)
    .where(isNotNull(broadcastLists.deletedAt))
    .limit(1000);
  for (const { id } of rows) await purgeList(deps, id, signal);
}

async function purgeList({ db }: Pick<Deps, 'db'>, listId: string, signal?: AbortSignal): Promise<void> {
  await deleteInBatches(db, {
    table: broadcastContacts,
    key: broadcastContacts.phone,
    where: eq(broadcastContacts.listId, listId),
    ...(signal ? { signal } : {}),
  });
  if (signal?.aborted) return;
  await db.delete(broadcastLists).where(eq(broadcastLists.id, listId));
}

/** The tenant's list, for a key that is `bound` one of that session. Throws NOT_FOUND, also for what is being deleted. */
export async function findList(
  db: Db,
  userId: number,
  listId: string,
  bound: BoundSessions = null,
): Promise<ListRow> {
  const [row] = await db
    .select()
    .from(broadcastLists)
    .where(isList(userId, listId, bound));
  if (!row) throw listNotFound(listId);
  return row;
}

/**
 * Takes the list for this transaction: whoever changes its contacts does so first, so that counts are exact and
 * nothing is added to a list that is being deleted. Throws NOT_FOUND.
 */
export async function lockList(
  tx: Tx,
  userId: number,
  listId: string,
  now: number,
  bound: BoundSessions = null,
): Promise<ListRow> {
  const taken = await tx
    .update(broadcastLists)
    .set({ updatedAt: now })
    .where(isList(userId, listId, bound));
  if (affected(taken) === 0) throw listNotFound(listId);
  return findList(tx, userId, listId, bound);
}

const isList = (userId: number, listId: string, bound: BoundSessions): SQL | undefined =>
  and(
    eq(broadcastLists.id, listId),
    eq(broadcastLists.userId, userId),
    isNull(broadcastLists.deletedAt),
    ofBound(bound, broadcastLists.sessionId),
  );

function recordList(
  ctx: Ctx,
  tx: Tx,
  row: ListRow,
  event: 'list.created' | 'list.updated' | 'list.deleted',
): Promise<void> {
  const data = { name: row.name, contacts: row.contactCount };
  return record(tx, ctx, [{ userId: row.userId, event, subject: row.id, data, origin: originOf(ctx) }]);
}

function toList(row: ListRow): BroadcastList {
  const { id, name, description, contactCount, columns } = row;
  const iso = (at: number) => new Date(at).toISOString();
  return {
    id,
    name,
    description,
    contactCount,
    columns,
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  };
}

function listNotFound(listId: string): AppError {
  return new AppError('NOT_FOUND', `There is no broadcast list ${listId}.`);
}
