/** How webhooks were told, trying one out, and telling again. */

import { and, count, desc, eq, inArray, type SQL } from 'drizzle-orm';
import { cursorOf, encodeCursor, isOlder, type Keyset, parseCursor } from '../../db/keyset.ts';
import { affected, transact } from '../../db/ops.ts';
import { webhookDeliveries, webhookOutbox } from '../../db/schema.ts';
import { openLanes, RETRY_FOR_MS } from '../../events/outbox.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { postEvent, readEndpoint } from './endpoint.ts';
import { requireWebhook, webhookNotFound } from './find.ts';
import type { AttemptOutput, DeliveryOutput, ListDeliveriesQuery, TestOutput } from './schemas.ts';

/** Exact totals stop here: counting more would read the whole log for a useless number. */
const COUNTED = 10_000;
/** Newest attempts that are shown of one event. */
const SHOWN_ATTEMPTS = 100;
const TEST_TIMEOUT_MS = 10_000;

const OUTBOX: Keyset = { at: webhookOutbox.createdAt, id: webhookOutbox.id };

type OutboxRow = typeof webhookOutbox.$inferSelect;

/** The events of a webhook, newest first. Throws NOT_FOUND. */
export async function listDeliveries(
  ctx: Ctx,
  input: ListDeliveriesQuery & { id: string },
): Promise<{ data: DeliveryOutput[]; totalItems: number | null; nextCursor: string | null }> {
  requireScope(ctx, 'read');
  await requireWebhook(ctx, input.id);
  const where = and(
    eq(webhookOutbox.webhookId, input.id),
    ofSession(ctx),
    input.state === undefined ? undefined : eq(webhookOutbox.state, input.state),
  );
  const rows = await ctx.db
    .select()
    .from(webhookOutbox)
    .where(and(where, isOlder(OUTBOX, parseCursor(input.cursor))))
    .orderBy(desc(webhookOutbox.createdAt), desc(webhookOutbox.id))
    .limit(input.limit)
    .offset(input.cursor === undefined ? (input.page - 1) * input.limit : 0);
  const counted = ctx.db
    .select({ id: webhookOutbox.id })
    .from(webhookOutbox)
    .where(where)
    .limit(COUNTED + 1);
  const [total] = await ctx.db.select({ n: count() }).from(counted.as('counted'));
  const n = Number(total?.n ?? 0);
  const last = rows.length === input.limit ? rows.at(-1) : undefined;
  return {
    data: rows.map(toDelivery),
    totalItems: n > COUNTED ? null : n,
    nextCursor: last ? encodeCursor(cursorOf(last)) : null,
  };
}

/** A webhook may have told of other sessions before it was bound to the one of the key. */
function ofSession({ actor }: Ctx): SQL | undefined {
  return actor.sessionId === null ? undefined : eq(webhookOutbox.sessionId, actor.sessionId);
}

/** One event with its newest attempts. Throws NOT_FOUND. */
export async function getDelivery(
  ctx: Ctx,
  input: { id: string },
): Promise<DeliveryOutput & { log: AttemptOutput[] }> {
  requireScope(ctx, 'read');
  const row = await findDelivery(ctx, input.id);
  const log = await ctx.db
    .select()
    .from(webhookDeliveries)
    .where(eq(webhookDeliveries.outboxId, row.id))
    .orderBy(desc(webhookDeliveries.attempt))
    .limit(SHOWN_ATTEMPTS);
  return {
    ...toDelivery(row),
    log: log.map(({ attempt, status, error, durationMs, at }) => ({
      attempt,
      status,
      error,
      durationMs,
      at: new Date(at).toISOString(),
    })),
  };
}

/**
 * Delivers an event once more, under the same id, apart from the session's lane: it neither waits for newer events
 * nor holds them up. Throws NOT_FOUND, CONFLICT while it is still being delivered or its webhook is disabled.
 */
export async function replayDelivery(ctx: Ctx, input: { id: string }): Promise<DeliveryOutput> {
  requireScope(ctx, 'webhooks');
  const row = await findDelivery(ctx, input.id);
  const now = ctx.clock.now();
  const endpoint = await readEndpoint(ctx, row.webhookId, now);
  if (!endpoint?.active) throw new AppError('CONFLICT', 'The webhook is disabled.');
  const lane = `${row.webhookId}:replay-${row.id}`;
  const fresh = {
    lane,
    state: 'pending' as const,
    tries: 0,
    refusals: 0,
    giveUpAt: now + RETRY_FOR_MS,
    nextAttemptAt: now,
  };
  const delivery = toDelivery({ ...row, ...fresh });
  await transact(ctx.db, async (tx) => {
    const result = await tx
      .update(webhookOutbox)
      .set(fresh)
      .where(and(eq(webhookOutbox.id, row.id), inArray(webhookOutbox.state, ['delivered', 'dead'])));
    if (affected(result) === 0) throw new AppError('CONFLICT', 'This event is still being delivered.');
    await openLanes(tx, [{ lane, webhookId: row.webhookId, dueAt: now }]);
    await claimIdempotency(ctx, tx, { status: 202, body: { success: true, data: delivery } });
  });
  return delivery;
}

/** Sends a `webhook.test` event now and says how it went. It is no part of the deliveries. Throws NOT_FOUND. */
export async function testWebhook(ctx: Ctx, input: { id: string }): Promise<TestOutput> {
  requireScope(ctx, 'webhooks');
  await requireWebhook(ctx, input.id);
  const now = ctx.clock.now();
  const endpoint = await readEndpoint(ctx, input.id, now);
  if (endpoint === null) throw webhookNotFound();
  const eventId = newId(now);
  const data = { webhookId: input.id, message: 'This is a test of your webhook.' };
  const body = JSON.stringify({ type: 'webhook.test', timestamp: new Date(now).toISOString(), data });
  const attempt = await postEvent(
    { outgoing: ctx.outgoing, now: () => now, timeoutMs: TEST_TIMEOUT_MS },
    endpoint,
    { id: eventId, body },
  );
  const { ok, status, error, durationMs, answer } = attempt;
  return { eventId, delivered: ok, status, error, durationMs, answer };
}

async function findDelivery(ctx: Ctx, id: string): Promise<OutboxRow> {
  const [row] = await ctx.db
    .select()
    .from(webhookOutbox)
    .where(and(eq(webhookOutbox.id, id), ofSession(ctx)));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such delivery.');
  try {
    await requireWebhook(ctx, row.webhookId);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
    throw new AppError('NOT_FOUND', 'There is no such delivery.');
  }
  return row;
}

const toIso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

function toDelivery(row: OutboxRow): DeliveryOutput {
  return {
    id: row.id,
    webhookId: row.webhookId,
    event: row.event,
    sessionId: row.sessionId,
    seq: row.accountId === null ? null : row.seq,
    state: row.state,
    attempts: row.attempts,
    nextAttemptAt: toIso(row.nextAttemptAt),
    lastAttemptAt: toIso(row.lastAttemptAt),
    lastStatus: row.lastStatus,
    lastError: row.lastError,
    createdAt: new Date(row.createdAt).toISOString(),
  };
}
