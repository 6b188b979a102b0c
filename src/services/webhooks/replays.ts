/** Delivering again what failed since a time: some events at a time, in the background, by whichever process. */
import { and, asc, count, desc, eq, gte, inArray, isNotNull, lte } from 'drizzle-orm';
import { isAfter } from '../../db/keyset.ts';
import { affected, prepared, transact, tryInsert } from '../../db/ops.ts';
import { webhookOutbox, webhookReplays } from '../../db/schema.ts';
import { openLanes, RETRY_FOR_MS } from '../../events/outbox.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requireScope } from '../access.ts';
import type { Ctx, Deps } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { requireActive } from './deliveries.ts';
import { readEndpoint, UnreadableEndpoint } from './endpoint.ts';
import { findWebhook, requireWebhook } from './find.ts';
import type { ReplayOutput } from './schemas.ts';

/** Exact counts stop here. */
const COUNTED = 10_000;
/** Events that one step gives back; the next step comes when at most half of them still wait. */
const WINDOW = 200;
/** The newest replays that are shown of one webhook. */
const SHOWN = 20;
/** Replays of one round: those that had their turn the longest ago. */
const ROUND = 100;

type ReplayRow = typeof webhookReplays.$inferSelect;
type ReplayDeps = Pick<Deps, 'db' | 'database' | 'clock' | 'config' | 'secrets' | 'logger'>;

/**
 * Begins to deliver all events again that happened since then and could not be delivered, in the order of their sessions.
 * Throws NOT_FOUND, CONFLICT while another one of this webhook runs, or while it is disabled.
 */
export async function replayFailed(ctx: Ctx, input: { id: string; since: string }): Promise<ReplayOutput> {
  requireScope(ctx, 'webhooks');
  await requireWebhook(ctx, input.id);
  await requireActive(ctx, input.id);
  const now = ctx.clock.now();
  // It may have told of other sessions before it was bound to its own.
  const bound = ctx.actor.sessionIds === null ? null : (await findWebhook(ctx, input.id)).sessionId;
  const span = { since: Date.parse(input.since), until: now, sessionId: bound };
  const failed = ctx.database.scan
    .select({ id: webhookOutbox.id })
    .from(webhookOutbox)
    .where(isFailed(input.id, span))
    .limit(COUNTED + 1)
    .as('failed');
  const [counted] = await ctx.database.scan.select({ n: count() }).from(failed);
  const found = Number(counted?.n ?? 0);
  const row: ReplayRow = {
    id: newId(now),
    webhookId: input.id,
    activeKey: input.id,
    userId: ctx.actor.userId,
    ...span,
    state: 'running',
    found: found > COUNTED ? null : found,
    replayed: 0,
    positionAt: null,
    positionId: null,
    window: [],
    version: 0,
    createdAt: now,
    updatedAt: now,
  };
  const replay = toReplay(row);
  await transact(ctx.db, async (tx) => {
    if (!(await tryInsert(tx, webhookReplays, row)))
      throw new AppError('CONFLICT', 'Failed events of this webhook are being delivered again already.');
    await claimIdempotency(ctx, tx, { status: 202, body: { success: true, data: replay } });
  });
  return replay;
}

/** The newest ones first. Throws NOT_FOUND. */
export async function listReplays(ctx: Ctx, input: { id: string }): Promise<ReplayOutput[]> {
  requireScope(ctx, 'read');
  await requireWebhook(ctx, input.id);
  const rows = await ctx.db
    .select()
    .from(webhookReplays)
    .where(eq(webhookReplays.webhookId, input.id))
    .orderBy(desc(webhookReplays.createdAt), desc(webhookReplays.id))
    .limit(SHOWN);
  return rows.map(toReplay);
}

/** Gives nothing more back; what went back goes on. Nothing happens to one that has ended. Throws NOT_FOUND. */
export async function stopReplay(ctx: Ctx, input: { id: string }): Promise<ReplayOutput> {
  requireScope(ctx, 'webhooks');
  const [row] = await ctx.db.select().from(webhookReplays).where(eq(webhookReplays.id, input.id));
  if (!row) throw new AppError('NOT_FOUND', 'There is no such replay.');
  await requireWebhook(ctx, row.webhookId);
  const now = ctx.clock.now();
  await ctx.db.update(webhookReplays).set(ended('stopped', now)).where(isRunning(row.id));
  const [after = row] = await ctx.db.select().from(webhookReplays).where(eq(webhookReplays.id, row.id));
  return toReplay(after);
}

const isRunning = (id: string) => and(eq(webhookReplays.id, id), eq(webhookReplays.state, 'running'));
const ended = (state: 'done' | 'stopped', now: number) => ({
  state,
  activeKey: null,
  window: [],
  updatedAt: now,
});

interface Span {
  since: number;
  until: number;
  sessionId: string | null;
}

function isFailed(webhookId: string, { since, until, sessionId }: Span) {
  return and(
    eq(webhookOutbox.webhookId, webhookId),
    eq(webhookOutbox.state, 'dead'),
    gte(webhookOutbox.createdAt, since),
    lte(webhookOutbox.createdAt, until),
    sessionId === null ? undefined : eq(webhookOutbox.sessionId, sessionId),
  );
}

const activeReplays = prepared((db) =>
  db
    .select()
    .from(webhookReplays)
    .where(isNotNull(webhookReplays.activeKey))
    .orderBy(asc(webhookReplays.updatedAt), asc(webhookReplays.id))
    .limit(ROUND)
    .prepare(),
);

/**
 * One step of every replay that runs, in turns where there are many; true when any has something more to do at once. One
 * whose step fails holds up no other. For the worker.
 */
export async function feedReplays(deps: ReplayDeps, signal: AbortSignal): Promise<boolean> {
  const rows = await activeReplays(deps.db).execute();
  let busy = false;
  for (const row of rows) {
    if (signal.aborted) break;
    const went = await tryToFeed(deps, row);
    busy ||= went;
    // Others may stand behind those that only wait.
    if (!went && rows.length === ROUND) await passTurn(deps, row);
  }
  return busy;
}

async function tryToFeed(deps: ReplayDeps, row: ReplayRow): Promise<boolean> {
  try {
    return await feed(deps, row);
  } catch (error) {
    const { id: replayId, webhookId } = row;
    deps.logger.warn('a replay of webhook events failed', { replayId, webhookId, error });
    if (error instanceof UnreadableEndpoint) await stop(deps, row);
    return false;
  }
}

const stop = ({ db, clock }: ReplayDeps, { id }: ReplayRow) =>
  db.update(webhookReplays).set(ended('stopped', clock.now())).where(isRunning(id));

const passTurn = ({ db, clock }: ReplayDeps, { id }: ReplayRow) =>
  db.update(webhookReplays).set({ updatedAt: clock.now() }).where(isRunning(id));

async function feed(deps: ReplayDeps, row: ReplayRow): Promise<boolean> {
  const now = deps.clock.now();
  const endpoint = await readEndpoint(deps, row.webhookId, now);
  if (!endpoint?.active) {
    await stop(deps, row);
    return false;
  }
  if ((await countWaiting(deps, row)) > WINDOW / 2) return false;
  return transact(deps.database, async (tx) => {
    // The first write: of two processes one goes on, the other finds another version.
    const mine = await tx
      .update(webhookReplays)
      .set({ version: row.version + 1, updatedAt: now })
      .where(and(isRunning(row.id), eq(webhookReplays.version, row.version)));
    if (affected(mine) === 0) return false;
    const { createdAt, id } = webhookOutbox;
    const position = row.positionAt === null ? null : [row.positionAt, row.positionId];
    const events = await tx
      .select()
      .from(webhookOutbox)
      .where(and(isFailed(row.webhookId, row), isAfter([createdAt, id], position)))
      .orderBy(asc(createdAt), asc(id))
      .limit(WINDOW);
    const last = events.at(-1);
    if (last === undefined) {
      await tx.update(webhookReplays).set(ended('done', now)).where(eq(webhookReplays.id, row.id));
      return false;
    }
    const lanes = new Map<string, string[]>();
    for (const event of events) {
      const lane = `${row.webhookId}:replay-${event.accountId ?? `user-${event.userId}`}`;
      lanes.set(lane, [...(lanes.get(lane) ?? []), event.id]);
    }
    let replayed = 0;
    for (const [lane, ids] of lanes) {
      const back = await tx
        .update(webhookOutbox)
        .set({
          lane,
          state: 'pending',
          tries: 0,
          refusals: 0,
          giveUpAt: now + RETRY_FOR_MS,
          nextAttemptAt: now,
        })
        .where(and(inArray(id, ids), eq(webhookOutbox.state, 'dead')));
      replayed += affected(back);
    }
    await openLanes(
      tx,
      [...lanes.keys()].map((lane) => ({ lane, webhookId: row.webhookId, dueAt: now })),
    );
    await tx
      .update(webhookReplays)
      .set({
        replayed: row.replayed + replayed,
        positionAt: last.createdAt,
        positionId: last.id,
        window: events.map((event) => event.id),
      })
      .where(eq(webhookReplays.id, row.id));
    return true;
  });
}

/** How many of the events that went back last still wait. */
async function countWaiting({ db }: ReplayDeps, { window }: ReplayRow): Promise<number> {
  if (window.length === 0) return 0;
  const [row] = await db
    .select({ n: count() })
    .from(webhookOutbox)
    .where(and(inArray(webhookOutbox.id, window), eq(webhookOutbox.state, 'pending')));
  return Number(row?.n ?? 0);
}

function toReplay(row: ReplayRow): ReplayOutput {
  const toIso = (at: number) => new Date(at).toISOString();
  return {
    id: row.id,
    webhookId: row.webhookId,
    state: row.state,
    since: toIso(row.since),
    until: toIso(row.until),
    found: row.found,
    replayed: row.replayed,
    createdAt: toIso(row.createdAt),
    updatedAt: toIso(row.updatedAt),
  };
}
