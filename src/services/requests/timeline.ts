/** A message as one line of time: the calls about it, its own steps, and what webhooks were told. */
import { and, asc, eq, gte, inArray, lte, ne, or, type SQL } from 'drizzle-orm';
import { activityLogs, apiRequests, webhookDeliveries, webhookOutbox, webhooks } from '../../db/schema.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { requireScope } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { TenantInput } from '../fields.ts';
import { findMessage, type WhichMessage } from '../messages/read.ts';
import type { MessageRecord } from '../messages/view.ts';
import type { TimelineEntry } from './schemas.ts';

/** Entries of one kind that are shown, the first ones. */
const SHOWN = 100;
/** The fact of a step is written so long after it at most, or so little before by another clock. */
const LATE_MS = MINUTE_MS;
const EARLY_MS = 5_000;

const STEPS = [
  'createdAt',
  'scheduledAt',
  'queuedAt',
  'sendingAt',
  'sentAt',
  'deliveredAt',
  'readAt',
  'failedAt',
] as const;

/** Everything about a message, in the order of time; an admin may name another user or ask for all. Throws NOT_FOUND. */
export async function readTimeline(ctx: Ctx, input: TenantInput & WhichMessage): Promise<TimelineEntry[]> {
  requireScope(ctx, 'read');
  const row = await findMessage(ctx, input.messageId, input);
  await ctx.requestRecorder.flush();
  const [calls, webhooks] = await Promise.all([readCalls(ctx, row), readWebhooks(ctx, row)]);
  return [...calls, ...stepsOf(row), ...webhooks]
    .sort((a, b) => a.at - b.at)
    .map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() }));
}

type Entry = Omit<TimelineEntry, 'at'> & { at: number };

function stepsOf(row: MessageRecord): Entry[] {
  return STEPS.flatMap((step): Entry[] => {
    const at = row[step];
    // A time that has not come is no step.
    if (at === null || (step === 'scheduledAt' && row.queuedAt === null)) return [];
    const name = step.slice(0, -2);
    return [{ at, kind: 'step', name, id: null, status: null, durationMs: null, ok: step !== 'failedAt' }];
  });
}

async function readCalls(ctx: Ctx, row: MessageRecord): Promise<Entry[]> {
  const calls = await ctx.db
    .select()
    .from(apiRequests)
    .where(
      and(
        eq(apiRequests.userId, row.userId),
        eq(apiRequests.messageId, row.messageId),
        // Looking is no part of its life.
        ne(apiRequests.method, 'GET'),
        ofBound(ctx.actor.sessionIds, apiRequests.sessionId),
      ),
    )
    .orderBy(asc(apiRequests.id))
    .limit(SHOWN);
  return calls.map(({ id, method, path, status, durationMs, at }) => ({
    // `at` is when it was answered.
    at: at - durationMs,
    kind: 'request',
    name: `${method} ${path}`,
    id,
    status,
    durationMs,
    ok: status < 400,
  }));
}

/** Each attempt to tell a webhook, and events that wait for their first one. */
async function readWebhooks(ctx: Ctx, row: MessageRecord): Promise<Entry[]> {
  const facts = await readFacts(ctx, row);
  if (facts.length === 0) return [];
  const told = await ctx.db
    .select()
    .from(webhookOutbox)
    .where(
      and(
        inArray(webhookOutbox.activityId, facts),
        eq(webhookOutbox.userId, row.userId),
        ofVisibleWebhooks(ctx),
      ),
    )
    .limit(SHOWN);
  const own = told.filter(({ webhookId }) => webhookId !== 'default');
  if (own.length === 0) return [];
  const events = new Map(own.map((event) => [event.id, event]));
  const attempts = await ctx.db
    .select()
    .from(webhookDeliveries)
    .where(inArray(webhookDeliveries.outboxId, [...events.keys()]))
    .orderBy(asc(webhookDeliveries.at))
    .limit(SHOWN);
  const waiting = own.filter(({ attempts: tried, state }) => tried === 0 && state === 'pending');
  return [
    ...attempts.map(
      (attempt): Entry => ({
        at: attempt.at - attempt.durationMs,
        kind: 'webhook',
        name: events.get(attempt.outboxId)?.event ?? '',
        id: attempt.outboxId,
        status: attempt.status,
        durationMs: attempt.durationMs,
        ok: attempt.error === null,
      }),
    ),
    ...waiting.map(
      ({ id, event, createdAt }): Entry => ({
        at: createdAt,
        kind: 'webhook',
        name: event,
        id,
        status: null,
        durationMs: null,
        ok: true,
      }),
    ),
  ];
}

/** Whoever is bound to sessions sees webhooks of these only. */
function ofVisibleWebhooks({ db, actor }: Ctx): SQL | undefined {
  if (actor.sessionIds === null) return undefined;
  const visible = db
    .select({ id: webhooks.id })
    .from(webhooks)
    .where(and(eq(webhooks.userId, actor.userId), ofBound(actor.sessionIds, webhooks.sessionId)));
  return inArray(webhookOutbox.webhookId, visible);
}

/** Ids of its facts: looked for around its steps, by the index of its session. */
async function readFacts(ctx: Ctx, row: MessageRecord): Promise<string[]> {
  const { id, userId, sessionId, subject, at } = activityLogs;
  const spans = STEPS.flatMap((step) => row[step] ?? []).filter((time) => time <= ctx.clock.now() + DAY_MS);
  const near = [...new Set([...spans, row.updatedAt])].map((time) =>
    and(gte(at, time - EARLY_MS), lte(at, time + LATE_MS)),
  );
  const facts = await ctx.database.scan
    .select({ id })
    .from(activityLogs)
    .where(and(eq(userId, row.userId), eq(sessionId, row.sessionId), eq(subject, row.messageId), or(...near)))
    .limit(SHOWN);
  return facts.map((fact) => fact.id);
}
