/** How webhooks were told, trying one out, and telling again. */

import { and, asc, count, desc, eq, inArray, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { cursorOf, encodeCursor, isOlder, type Keyset, parseCursor } from '../../db/keyset.ts';
import { affected, alias, transact } from '../../db/ops.ts';
import { webhookDeliveries, webhookLanes, webhookOutbox } from '../../db/schema.ts';
import { openLanes, RETRY_FOR_MS, RETRY_NOW_AT } from '../../events/outbox.ts';
import { eventRow, type WEBHOOK_EVENTS } from '../../events/table.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { toJsonText } from '../../utils/json.ts';
import { requireScope } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { readPayloads, withSentContent } from '../events/payload.ts';
import { claimIdempotency } from '../idempotency.ts';
import { postEvent, readEndpoint } from './endpoint.ts';
import { HIDDEN, keptBodyOf } from './exchange.ts';
import { requireWebhook, webhookNotFound } from './find.ts';
import { samplePayload } from './samples.ts';
import type { AttemptOutput, DeliveryOutput, ListDeliveriesQuery, TestOutput } from './schemas.ts';

/** Exact totals stop here: counting more would read the whole log for a useless number. */
const COUNTED = 10_000;
/** Newest attempts that are shown of one event. */
const SHOWN_ATTEMPTS = 100;
const TEST_TIMEOUT_MS = 10_000;

const OUTBOX: Keyset = { at: webhookOutbox.createdAt, id: webhookOutbox.id };

type OutboxRow = typeof webhookOutbox.$inferSelect;

/** The events of a webhook, newest first; an admin may name another tenant. Throws NOT_FOUND. */
export async function listDeliveries(
  ctx: Ctx,
  input: ListDeliveriesQuery & { id: string },
): Promise<{ data: DeliveryOutput[]; totalItems: number | null; nextCursor: string | null }> {
  requireScope(ctx, 'read');
  await requireWebhook(ctx, input.id, input);
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
  const heads = await readBlockers(ctx.db, rows);
  return {
    data: rows.map((row) => toDelivery(row, heads.get(row.id))),
    totalItems: n > COUNTED ? null : n,
    nextCursor: last ? encodeCursor(cursorOf(last)) : null,
  };
}

/** A webhook may have told of other sessions before it was bound to the one of the key. */
function ofSession({ actor }: Ctx): SQL | undefined {
  return ofBound(actor.sessionIds, webhookOutbox.sessionId);
}

/** One event with its newest attempts. Throws NOT_FOUND. */
export async function getDelivery(
  ctx: Ctx,
  input: { id: string },
): Promise<DeliveryOutput & { log: AttemptOutput[] }> {
  requireScope(ctx, 'read');
  const row = await findDelivery(ctx, input.id);
  const [heads, log] = await Promise.all([readBlockers(ctx.db, [row]), readAttempts(ctx, row)]);
  return { ...toDelivery(row, heads.get(row.id)), log };
}

type AttemptRow = typeof webhookDeliveries.$inferSelect;

/** The newest attempts, the last one first. */
async function readAttempts(ctx: Ctx, row: OutboxRow): Promise<AttemptOutput[]> {
  const { outboxId, attempt } = webhookDeliveries;
  const rows = await ctx.db
    .select()
    .from(webhookDeliveries)
    .where(eq(outboxId, row.id))
    .orderBy(desc(attempt))
    .limit(SHOWN_ATTEMPTS);
  const oldest = rows.at(-1);
  let body = oldest?.requestBody === null ? await readBodyBefore(ctx.db, row, oldest) : null;
  const content = await readContent(ctx, row);
  const log: AttemptOutput[] = [];
  for (const one of rows.reverse()) {
    body = one.requestBody ?? body;
    log.push(toAttempt(one, body === null ? null : withContent(body, content)));
  }
  return log.reverse();
}

async function readBodyBefore(db: Db, row: OutboxRow, oldest: AttemptRow): Promise<string | null> {
  const { outboxId, attempt, requestBody } = webhookDeliveries;
  const [before] = await db
    .select({ requestBody })
    .from(webhookDeliveries)
    .where(and(eq(outboxId, row.id), lt(attempt, oldest.attempt), isNotNull(requestBody)))
    .orderBy(desc(attempt))
    .limit(1);
  return before?.requestBody ?? null;
}

/** What a body told, as the history has it: it is kept there alone. Undefined for other events, and for others' messages. */
async function readContent(ctx: Ctx, row: OutboxRow): Promise<unknown> {
  const tellsContent = eventRow(row.event).inbound === true || row.event === 'message.sent';
  if (!tellsContent || row.userId !== ctx.actor.userId) return undefined;
  const payload = (await readPayloads(ctx, [row.activityId])).get(row.activityId);
  if (payload === undefined) return undefined;
  return (await withSentContent(ctx, payload, row)).data.content ?? undefined;
}

function withContent(body: string, content: unknown): string {
  if (content === undefined) return body;
  return body.replace(`"content":${JSON.stringify(HIDDEN)}`, () => `"content":${toJsonText(content)}`);
}

function toAttempt(row: AttemptRow, body: string | null): AttemptOutput {
  const { attempt, status, error, durationMs, at, requestHeaders, responseBody } = row;
  return {
    attempt,
    status,
    error,
    durationMs,
    at: new Date(at).toISOString(),
    request: requestHeaders === null ? null : { headers: requestHeaders, body },
    response: responseBody === null ? null : { body: responseBody },
  };
}

/** For events that wait behind another one of their lane: which one that is. */
async function readBlockers(db: Db, rows: readonly OutboxRow[]): Promise<Map<string, OutboxRow>> {
  const waiting = rows.filter((row) => row.state === 'pending').map((row) => row.id);
  if (waiting.length === 0) return new Map();
  const head = alias(webhookOutbox, 'head');
  const first = db
    .select({ id: head.id })
    .from(head)
    .where(and(eq(head.lane, webhookOutbox.lane), eq(head.state, 'pending')))
    .orderBy(asc(head.seq), asc(head.id))
    .limit(1);
  const found = await db
    .select({ id: webhookOutbox.id, headId: sql<string | null>`(${first})` })
    .from(webhookOutbox)
    .where(inArray(webhookOutbox.id, waiting));
  const headIds = [...new Set(found.flatMap(({ headId }) => headId ?? []))];
  const heads =
    headIds.length === 0
      ? []
      : await db.select().from(webhookOutbox).where(inArray(webhookOutbox.id, headIds));
  const byId = new Map(heads.map((row) => [row.id, row]));
  return new Map(
    found.flatMap(({ id, headId }) => {
      const blocker = headId === null || headId === id ? undefined : byId.get(headId);
      return blocker ? [[id, blocker]] : [];
    }),
  );
}

/**
 * Delivers an event once more, under the same id, apart from the session's lane: it neither waits for newer events
 * nor holds them up. Throws NOT_FOUND, CONFLICT while it is still being delivered or its webhook is disabled.
 */
export async function replayDelivery(ctx: Ctx, input: { id: string }): Promise<DeliveryOutput> {
  requireScope(ctx, 'webhooks');
  const row = await findDelivery(ctx, input.id);
  const now = ctx.clock.now();
  await requireActive(ctx, row.webhookId);
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
    await openLanes(tx, [{ lane, webhookId: row.webhookId, dueAt: RETRY_NOW_AT }]);
    await claimIdempotency(ctx, tx, { status: 202, body: { success: true, data: delivery } });
  });
  return delivery;
}

/** Throws CONFLICT for a webhook that is disabled. */
export async function requireActive(ctx: Ctx, webhookId: string): Promise<void> {
  const endpoint = await readEndpoint(ctx, webhookId, ctx.clock.now());
  if (!endpoint?.active) throw new AppError('CONFLICT', 'The webhook is disabled.');
}

/**
 * Tries an event that waits for its next attempt within a second, also where its receiver is thought to be down. Events of its
 * session that come before it go first. Throws NOT_FOUND, CONFLICT when it does not wait: it has ended, or is being delivered.
 */
export async function retryDelivery(ctx: Ctx, input: { id: string }): Promise<DeliveryOutput> {
  requireScope(ctx, 'webhooks');
  const row = await findDelivery(ctx, input.id);
  if (row.state !== 'pending') {
    throw new AppError('CONFLICT', 'This event does not wait any more: replay it to deliver it once more.');
  }
  await requireActive(ctx, row.webhookId);
  const heads = await readBlockers(ctx.db, [row]);
  const first = heads.get(row.id) ?? row;
  const now = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    if ((await wakeLanes(tx, eq(webhookLanes.lane, row.lane))) === 0)
      throw new AppError('CONFLICT', 'This event is being delivered at this moment.');
    await tx
      .update(webhookOutbox)
      .set({ nextAttemptAt: now })
      .where(and(eq(webhookOutbox.id, first.id), eq(webhookOutbox.state, 'pending')));
  });
  const isFirst = first.id === row.id;
  return toDelivery(
    { ...row, ...(isFirst ? { nextAttemptAt: now } : {}) },
    isFirst ? undefined : { ...first, nextAttemptAt: now },
  );
}

/** Tries everything that waits for a next attempt of the webhook within a second. Throws NOT_FOUND, CONFLICT. */
export async function retryWebhook(ctx: Ctx, input: { id: string }): Promise<{ sessions: number }> {
  requireScope(ctx, 'webhooks');
  await requireWebhook(ctx, input.id);
  await requireActive(ctx, input.id);
  const lanes = await transact(ctx.db, (tx) => wakeLanes(tx, eq(webhookLanes.webhookId, input.id)));
  return { sessions: lanes };
}

/** How many; a claim means that somebody is delivering: that lane is not waiting. */
async function wakeLanes(tx: Db, which: SQL): Promise<number> {
  const woken = await tx
    .update(webhookLanes)
    .set({ dueAt: RETRY_NOW_AT })
    .where(and(which, isNull(webhookLanes.claim)));
  return affected(woken);
}

/**
 * Sends `webhook.test`, or an example of another event, now and says how it went. It is no part of the deliveries. Throws
 * NOT_FOUND.
 */
export async function testWebhook(
  ctx: Ctx,
  input: { id: string; event?: 'webhook.test' | (typeof WEBHOOK_EVENTS)[number] },
): Promise<TestOutput> {
  requireScope(ctx, 'webhooks');
  await requireWebhook(ctx, input.id);
  const now = ctx.clock.now();
  const endpoint = await readEndpoint(ctx, input.id, now);
  if (endpoint === null) throw webhookNotFound();
  const eventId = newId(now);
  const { event = 'webhook.test' } = input;
  const payload = samplePayload(event, input.id, now, endpoint);
  const body = JSON.stringify(payload);
  const attempt = await postEvent(
    { outgoing: ctx.outgoing, now: () => now, timeoutMs: TEST_TIMEOUT_MS },
    endpoint,
    { id: eventId, body, kept: keptBodyOf(payload) },
  );
  const { ok, status, error, durationMs, answer, headers } = attempt;
  return {
    eventId,
    event,
    delivered: ok,
    status,
    error,
    durationMs,
    request: { headers, body },
    answer,
  };
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

function toDelivery(row: OutboxRow, blocker?: OutboxRow): DeliveryOutput {
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
    waitingBehind:
      blocker === undefined
        ? null
        : {
            id: blocker.id,
            event: blocker.event,
            attempts: blocker.attempts,
            nextAttemptAt: toIso(blocker.nextAttemptAt),
            lastError: blocker.lastError,
          },
    createdAt: new Date(row.createdAt).toISOString(),
  };
}
