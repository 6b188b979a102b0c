/** Which webhooks want an event, and the rows that make sure they get it. */

import { randomInt } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { incoming, insertMany, unanswered, upsert } from '../db/ops.ts';
import { counters, webhookLanes, webhookOutbox, webhooks } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import { DAY_MS } from '../utils/durations.ts';
import { newId } from '../utils/ids.ts';
import type { LiveEvent, Outbox } from './stream.ts';
import { eventRow } from './table.ts';

/** The webhook of the whole service, which is configured and has no row. */
export const DEFAULT_WEBHOOK_ID = 'default';
/** A day, as the API promises. */
export const RETRY_FOR_MS = DAY_MS;

/** `dueAt` of a lane that a person wants tried now: before all others, also where the receiver is thought to be down. */
export const RETRY_NOW_AT = 0;

/** How long another process may go on without a change of webhooks. */
export const MAX_AGE_MS = 1000;
/** Another number after every change of a webhook: one point read tells whether there is anything new. */
const VERSION = 'webhooks';

interface Target {
  id: string;
  sessionId: string | null;
  /** null: all of them */
  events: ReadonlySet<string> | null;
}

interface Snapshot {
  version: number;
  byUser: Map<number, Target[]>;
}

/** Call in the transaction of every change of a webhook, and `Outbox.invalidate` after its commit. */
export async function changeWebhookVersion(tx: Tx): Promise<void> {
  // At random: two changes at the same time must not arrive at the same number.
  const value = randomInt(1, 2 ** 47);
  await upsert(tx, counters, { name: VERSION, value }, [counters.name], { value: incoming(counters.value) });
}

/** Makes the outbox of this process. `hasDefault`: the service has a webhook of its own for every event. */
export function createOutbox(deps: { clock: Clock; hasDefault: boolean }): Outbox {
  const listeners = new Set<(lanes: ReadonlySet<string>) => void>();
  const everybody: Target[] = deps.hasDefault
    ? [{ id: DEFAULT_WEBHOOK_ID, sessionId: null, events: null }]
    : [];
  let snapshot: Snapshot | null = null;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let generation = 0;

  async function current(tx: Tx): Promise<Snapshot> {
    const startedAt = deps.clock.monotonic();
    if (snapshot && startedAt - checkedAt < MAX_AGE_MS) return snapshot;
    const startedIn = generation;
    const fresh = await readSnapshot(tx, snapshot);
    // The age counts from before the read; what was read before a change is used once and not kept.
    if (startedIn === generation) {
      snapshot = fresh;
      checkedAt = Math.max(checkedAt, startedAt);
    }
    return fresh;
  }

  return {
    async write(tx, events) {
      const wanted = events.filter(({ event }) => eventRow(event).webhook);
      if (wanted.length === 0) return;
      const { byUser } = await current(tx);
      const rows = wanted.flatMap((event) =>
        [...everybody, ...(byUser.get(event.userId) ?? [])]
          .filter((target) => wants(target, event))
          .map((target) => toRow(target, event)),
      );
      if (rows.length === 0) return;
      await insertMany(unanswered(tx), webhookOutbox, rows);
      // Last of all: some lanes are of no session, and whoever holds one must not come to need the row of a session.
      tx.atEnd(
        openLanes,
        rows.map(({ lane, webhookId, createdAt }) => ({ lane, webhookId, dueAt: createdAt })),
      );
      tx.afterCommitAsked(() => {
        const lanes = new Set(rows.map(({ lane }) => lane));
        for (const listener of listeners) listener(lanes);
      });
    },
    async isWanted(tx, event) {
      const { byUser } = await current(tx);
      return [...everybody, ...(byUser.get(event.userId) ?? [])].some((target) => wants(target, event));
    },
    invalidate() {
      generation += 1;
      checkedAt = Number.NEGATIVE_INFINITY;
    },
    changes: () => generation,
    onWritten(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

async function readSnapshot(db: Db, known: Snapshot | null): Promise<Snapshot> {
  const [row] = await db.select({ value: counters.value }).from(counters).where(eq(counters.name, VERSION));
  const version = row?.value ?? 0;
  if (known?.version === version) return known;
  const { id, userId, sessionId, events } = webhooks;
  const rows = await db
    .select({ id, userId, sessionId, events })
    .from(webhooks)
    .where(eq(webhooks.status, 'active'));
  const byUser = new Map<number, Target[]>();
  for (const hook of rows) {
    const targets = byUser.get(hook.userId) ?? [];
    byUser.set(hook.userId, targets);
    const names = hook.events.includes('*') ? null : new Set(hook.events);
    targets.push({ id: hook.id, sessionId: hook.sessionId, events: names });
  }
  return { version, byUser };
}

function wants(target: Target, event: Pick<LiveEvent, 'sessionId' | 'event'>): boolean {
  if (target.sessionId !== null && target.sessionId !== event.sessionId) return false;
  if (target.events === null) return eventRow(event.event).named !== true;
  return target.events.has(event.event);
}

function toRow(target: Target, event: LiveEvent): typeof webhookOutbox.$inferInsert {
  return {
    id: newId(event.at),
    webhookId: target.id,
    userId: event.userId,
    accountId: event.accountId,
    sessionId: event.sessionId,
    lane: laneOf(target.id, event),
    seq: event.seq ?? 0,
    activityId: event.id,
    event: event.event,
    state: 'pending',
    giveUpAt: event.at + RETRY_FOR_MS,
    nextAttemptAt: event.at,
    createdAt: event.at,
  };
}

/** One lane a (webhook, session); facts of no session share the tenant's. */
function laneOf(webhookId: string, event: LiveEvent): string {
  return `${webhookId}:${event.accountId ?? `user-${event.userId}`}`;
}

export interface Lane {
  lane: string;
  webhookId: string;
  dueAt: number;
}

/**
 * Makes sure that each of these lanes is there. One that is there keeps its time (it may be waiting for a retry),
 * but its row is locked until the commit, so that the sender cannot remove it as empty meanwhile.
 */
export async function openLanes(tx: Tx, lanes: readonly Lane[]): Promise<void> {
  // In a fixed order, so that two transactions cannot wait for each other in a circle.
  const byName = new Map(lanes.map((lane) => [lane.lane, lane]));
  const sorted = [...byName.values()].sort((a, b) => (a.lane < b.lane ? -1 : 1));
  const untouched = { webhookId: incoming(webhookLanes.webhookId) };
  await upsert(unanswered(tx), webhookLanes, sorted, [webhookLanes.lane], untouched);
}
