/** The events of all sessions of a tenant, each session's in the order of its `seq`, for somebody who follows them. */

import { and, asc, eq, gt, gte, isNotNull } from 'drizzle-orm';
import { activityLogs, whatsappAccounts } from '../../db/schema.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { requireScope, tenantOf } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { buildPayloads, type EventPayload } from './payload.ts';
import { decodePosition, encodePosition, type StreamPosition, shortName } from './stream-position.ts';

interface FeedEvent {
  /** what to resume with after it */
  cursor: string;
  payload: EventPayload;
}

export interface TenantFeed {
  userId: number;
  /** the caller came back with a cursor that is too old, or after too much: it must read the state again */
  wasReset: boolean;
  /** what to resume with before anything has happened */
  cursor(): string;
  /** New events, at most 200; none when there are no more. */
  next(): Promise<FeedEvent[]>;
}

/** Events read in one go, and of one session: a busy one leaves room for the others. */
const BATCH_SIZE = 200;
const PER_SESSION = 50;
/** An event is in the database at most this long after its own time: its transaction is over, clocks differ. */
const COMMIT_LAG_MS = MINUTE_MS;
/** A client that comes back later than that, or after more events, starts again. */
const MAX_AGE_MS = DAY_MS;
const MAX_REPLAY = 10_000;

/**
 * Follows the caller's sessions from now on, or from `cursor` on; a key that is bound to a session sees that one.
 * An admin may name another tenant.
 */
export async function followTenant(
  ctx: Ctx,
  input: { cursor: string | null; userId?: number | undefined },
): Promise<TenantFeed> {
  requireScope(ctx, 'read');
  const userId = tenantOf(ctx, { userId: input.userId }) ?? ctx.actor.userId;
  const now = ctx.clock.now();
  const given = input.cursor === null ? null : decodePosition(input.cursor);
  const resumed = given === null ? null : await resume(ctx, userId, given, now);
  const state = resumed ?? (await begin(ctx, userId, now));
  return {
    userId,
    wasReset: input.cursor !== null && resumed === null,
    cursor: () => cursorOf(state),
    next: () => readNext(ctx, userId, state),
  };
}

interface FeedState {
  /** everything before was told */
  since: number;
  /** last told seq by account id */
  told: Map<string, number>;
  /** sessions of which something since then was told, by their short name: up to what, and when; oldest first */
  recent: Map<string, { seq: number; at: number }>;
}

function cursorOf({ since, recent }: FeedState): string {
  return encodePosition({ since, seqs: new Map([...recent].map(([name, { seq }]) => [name, seq])) });
}

/** Everything up to now counts as told. */
async function begin(ctx: Ctx, userId: number, now: number): Promise<FeedState> {
  const since = now - COMMIT_LAG_MS;
  const sessions = await readSessions(ctx, userId);
  const lately = await readLowest(ctx, userId, since);
  const named = sessions.filter(({ id }) => lately === null || lately.has(id));
  return {
    since,
    told: new Map(sessions.map(({ id, seq }) => [id, seq])),
    recent: new Map(named.map(({ id, seq }) => [shortName(id), { seq, at: now }])),
  };
}

/** Null when too much has happened to tell it all. */
async function resume(
  ctx: Ctx,
  userId: number,
  from: StreamPosition,
  now: number,
): Promise<FeedState | null> {
  if (from.since < now - MAX_AGE_MS - COMMIT_LAG_MS) return null;
  const lowest = await readLowest(ctx, userId, from.since);
  if (lowest === null) return null;
  const told = new Map<string, number>();
  const known = (id: string) => from.seqs.get(shortName(id));
  // A session that was deleted meanwhile has events but no row.
  for (const [id, seq] of lowest) told.set(id, known(id) ?? seq - 1);
  for (const { id, seq } of await readSessions(ctx, userId)) {
    if (!told.has(id)) told.set(id, known(id) ?? seq);
  }
  const recent = new Map([...from.seqs].map(([name, seq]) => [name, { seq, at: now }]));
  return { since: from.since, told, recent };
}

/** The lowest seq of each session since then; null when there are more events than are replayed. */
async function readLowest(ctx: Ctx, userId: number, since: number): Promise<Map<string, number> | null> {
  const bound = ctx.actor.sessionIds;
  const rows = await ctx.db
    .select({ accountId: activityLogs.accountId, seq: activityLogs.seq })
    .from(activityLogs)
    .where(
      and(
        eq(activityLogs.userId, userId),
        gte(activityLogs.at, since),
        isNotNull(activityLogs.accountId),
        ofBound(bound, activityLogs.sessionId),
      ),
    )
    .limit(MAX_REPLAY + 1);
  if (rows.length > MAX_REPLAY) return null;
  const lowest = new Map<string, number>();
  for (const { accountId, seq } of rows) {
    if (accountId !== null && seq !== null) {
      lowest.set(accountId, Math.min(seq, lowest.get(accountId) ?? seq));
    }
  }
  return lowest;
}

async function readSessions(ctx: Ctx, userId: number): Promise<{ id: string; seq: number }[]> {
  const { id, seq } = whatsappAccounts;
  const bound = ctx.actor.sessionIds;
  return ctx.db
    .select({ id, seq })
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), ofBound(bound, whatsappAccounts.sessionId)));
}

type LogRow = typeof activityLogs.$inferSelect;

async function readNext(ctx: Ctx, userId: number, state: FeedState): Promise<FeedEvent[]> {
  const startedAt = ctx.clock.now();
  const { told, complete } = await readTold(ctx, userId, state);
  const events = told.flatMap(({ row, payload }) => {
    if (row.accountId === null || row.seq === null) return [];
    const name = shortName(row.accountId);
    const before = state.recent.get(name);
    state.recent.delete(name);
    state.recent.set(name, { seq: row.seq, at: Math.max(row.at, before?.at ?? 0) });
    return [{ cursor: cursorOf(state), payload }];
  });
  if (complete) forgetOlder(state, startedAt - COMMIT_LAG_MS);
  return events;
}

interface Told {
  row: LogRow;
  payload: EventPayload;
}

/** Takes what was not told yet, at most a batch; it counts as told from now on. Many who follow a tenant share the reading. */
async function readTold(
  ctx: Ctx,
  userId: number,
  { told }: FeedState,
): Promise<{ told: Told[]; complete: boolean }> {
  const now = await ctx.stream.share(userId, `sessions ${ctx.actor.sessionIds?.join(',') ?? ''}`, () =>
    readSessions(ctx, userId),
  );
  const sessions = new Map(now.map(({ id, seq }) => [id, seq]));
  // Of a session that was deleted meanwhile the last events are still to be told.
  const gone = [...told.keys()].filter((id) => !sessions.has(id));
  const behind = [...sessions].filter(([id, seq]) => seq > (told.get(id) ?? 0)).map(([id]) => id);
  const batch: Told[] = [];
  let complete = true;
  for (const id of [...gone, ...behind]) {
    if (batch.length >= BATCH_SIZE) return { told: batch, complete: false };
    const after = told.get(id) ?? 0;
    const found = await ctx.stream.share(userId, `events ${id} ${after}`, () => readAfter(ctx, id, after));
    batch.push(...found);
    const last = found.at(-1)?.row.seq;
    if (found.length === PER_SESSION) complete = false;
    if (typeof last === 'number') told.set(id, last);
    // Nothing although its number is higher: the log was cleaned.
    else if (sessions.has(id)) told.set(id, sessions.get(id) ?? 0);
    else told.delete(id);
  }
  return { told: batch, complete };
}

/** The next events of a session, with their payloads. */
async function readAfter(ctx: Ctx, accountId: string, after: number): Promise<Told[]> {
  const rows = await ctx.db
    .select()
    .from(activityLogs)
    .where(and(eq(activityLogs.accountId, accountId), gt(activityLogs.seq, after)))
    .orderBy(asc(activityLogs.seq))
    .limit(PER_SESSION);
  const payloads = await buildPayloads(ctx, rows);
  return rows.flatMap((row, i) => {
    const payload = payloads[i];
    return payload === undefined ? [] : [{ row, payload }];
  });
}

/** Everything was told: what is older than a minute need not be named session by session any more. */
function forgetOlder(state: FeedState, since: number): void {
  if (since <= state.since) return;
  for (const [name, { at }] of state.recent) if (at < since) state.recent.delete(name);
  state.since = since;
}
