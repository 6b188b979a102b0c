/** The SQL of the lanes: who may deliver next, and what became of it. Every write is bound to the claim. */

import { and, asc, eq, gt, inArray, isNotNull, lte, min, notExists, sql } from 'drizzle-orm';
import { createBatcher } from '../../db/batcher.ts';
import type { Database, Db, Tx } from '../../db/client.ts';
import {
  affected,
  caseBy,
  changerOfSeveral,
  insertMany,
  padded,
  placeholders,
  prepared,
  preparedWrite,
  preparedWriteFor,
  skipLocked,
  statementsAreCheap,
  transact,
  unanswered,
  updateInBatches,
  valuesAt,
} from '../../db/ops.ts';
import { webhookDeliveries, webhookLanes, webhookOutbox, webhooks } from '../../db/schema.ts';
import { inCleanContext } from '../../db/scope.ts';
import { newLaneClaim } from '../../events/lane-claims.ts';
import { RETRY_FOR_MS, RETRY_NOW_AT } from '../../events/outbox.ts';
import type { Attempt } from '../../services/webhooks/endpoint.ts';
import { deleteEvents } from '../../services/webhooks/retention.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createFairQueue } from '../../utils/fair-queue.ts';
import { newId } from '../../utils/ids.ts';
import type { Step } from './policy.ts';

/**
 * Longer than an attempt can take. A process that dies is followed by another after this long; at once where it is known to be
 * dead (`freeLanes`).
 */
export const LEASE_MS = MINUTE_MS;
const MAX_ERROR_LENGTH = 300;

export interface Claim {
  lane: string;
  webhookId: string;
  token: string;
}
export type OutboxRow = typeof webhookOutbox.$inferSelect;

export interface DueWebhook {
  id: string;
  /** null: the one that the service itself has */
  userId: number | null;
  /** a person wants it asked now, also where it is thought to be down */
  urgent: boolean;
}

/** Each webhook once, from the index alone: receivers that are down leave thousands of lanes that are not due. */
const dueWebhooks = prepared((db) => {
  const lanes = db
    .select({ id: webhookLanes.webhookId, dueAt: min(webhookLanes.dueAt).as('due_at') })
    .from(webhookLanes)
    .groupBy(webhookLanes.webhookId)
    .as('first_lanes');
  return db
    .select({ id: lanes.id, userId: webhooks.userId, dueAt: lanes.dueAt })
    .from(lanes)
    .leftJoin(webhooks, eq(webhooks.id, lanes.id))
    .where(lte(lanes.dueAt, sql.placeholder('now')))
    .prepare();
});

/** Webhooks with a lane that may be worked on now. */
export async function readDueWebhooks(db: Db, now: number): Promise<DueWebhook[]> {
  const rows = await dueWebhooks(db).execute({ now });
  return rows.map(({ id, userId, dueAt }) => ({ id, userId, urgent: Number(dueAt) === RETRY_NOW_AT }));
}

/** Lanes of a webhook that may be worked on and that nobody has locked, those that have waited longest first. */
export async function readDueLanes(db: Db, webhookId: string, now: number, limit: number): Promise<string[]> {
  const rows = await skipLocked(
    db
      .select({ lane: webhookLanes.lane })
      .from(webhookLanes)
      .where(and(eq(webhookLanes.webhookId, webhookId), lte(webhookLanes.dueAt, now)))
      .orderBy(asc(webhookLanes.dueAt))
      .limit(limit),
  );
  return rows.map((row) => row.lane);
}

/** Claims the lane for the process of this id. Null: another one was first. */
export async function claimLane(
  db: Db,
  processId: string,
  { lane, webhookId, now }: { lane: string; webhookId: string; now: number },
): Promise<Claim | null> {
  const token = newLaneClaim(processId);
  const result = await db
    .update(webhookLanes)
    .set({ claim: token, dueAt: now + LEASE_MS })
    .where(and(eq(webhookLanes.lane, lane), lte(webhookLanes.dueAt, now)));
  return affected(result) === 1 ? { lane, webhookId, token } : null;
}

const headsOf = prepared((db) =>
  db
    .select()
    .from(webhookOutbox)
    .where(and(eq(webhookOutbox.lane, sql.placeholder('lane')), eq(webhookOutbox.state, 'pending')))
    .orderBy(asc(webhookOutbox.seq), asc(webhookOutbox.id))
    .limit(sql.placeholder('limit'))
    .prepare(),
);

/** The oldest events of the lane that are neither delivered nor dead, in their order. */
export async function readHeads(db: Db, lane: string, limit: number): Promise<OutboxRow[]> {
  return headsOf(db).execute({ lane, limit });
}

const held = (claim: Claim) => and(eq(webhookLanes.lane, claim.lane), eq(webhookLanes.claim, claim.token));

const renewLane = preparedWrite<{ lane: string; claim: string; dueAt: number }>((db) =>
  db
    .update(webhookLanes)
    .set({ dueAt: sql`${sql.placeholder('dueAt')}` })
    .where(
      and(eq(webhookLanes.lane, sql.placeholder('lane')), eq(webhookLanes.claim, sql.placeholder('claim'))),
    ),
);

interface MovedEvent extends Record<string, unknown> {
  id: string;
  lane: string;
  state: string;
  attempts: number;
  tries: number;
  refusals: number;
  nextAttemptAt: number | null;
  lastStatus: number | null;
  lastError: string | null;
  lastAttemptAt: number;
  keptBody: string;
}

/** In another lane it is being replayed: that is another delivery. */
const moveEvent = preparedWrite<MovedEvent>((db) => {
  const given = (name: keyof MovedEvent & string) => sql`${sql.placeholder(name)}`;
  return db
    .update(webhookOutbox)
    .set({
      state: given('state'),
      attempts: given('attempts'),
      tries: given('tries'),
      refusals: given('refusals'),
      nextAttemptAt: given('nextAttemptAt'),
      lastStatus: given('lastStatus'),
      lastError: given('lastError'),
      lastAttemptAt: given('lastAttemptAt'),
      keptBody: given('keptBody'),
    })
    .where(
      and(
        eq(webhookOutbox.id, sql.placeholder('id')),
        eq(webhookOutbox.state, 'pending'),
        eq(webhookOutbox.lane, sql.placeholder('lane')),
      ),
    );
});

/** Renews the lease of the lane, which then ends `LEASE_MS` after `now`. False: it is another's. */
export async function renewLease(db: Db, { lane, token }: Claim, now: number): Promise<boolean> {
  return affected(await renewLane(db, { lane, claim: token, dueAt: now + LEASE_MS })) === 1;
}

/** Gives the lane back; it may be taken again at `dueAt`. False: it is another's. */
export async function releaseLane(db: Db, claim: Claim, dueAt: number): Promise<boolean> {
  const set = { dueAt, claim: null };
  return affected(await db.update(webhookLanes).set(set).where(held(claim))) === 1;
}

/** An attempt that is over. */
export interface Tried {
  claim: Claim;
  row: OutboxRow;
  attempt: Attempt & { keptBody: string };
  step: Step;
  now: number;
}

/**
 * Writes how an attempt went, the log row and the lane's new time. False: the lane went to another process
 * meanwhile (it will deliver again, under the same id); a delivery is kept even so.
 */
export function recordAttempt(database: Database | Db, tried: Tried): Promise<boolean> {
  return transact(database, (tx) => writeAttempt(tx, tried));
}

async function writeAttempt(tx: Tx, tried: Tried): Promise<boolean> {
  const mine = await holdLane(tx, tried);
  if (!mine && tried.step.state !== 'delivered') return false;
  if (await endAttempt(tx, tried)) await insertMany(tx, webhookDeliveries, [logOf(tried)]);
  return mine;
}

/** Renews the lease of the lane, or gives it back where the event waits for another attempt. False: it is another's. */
async function holdLane(tx: Tx, { claim, step, now }: Tried): Promise<boolean> {
  return step.state === 'pending' ? releaseLane(tx, claim, step.retryAt) : renewLease(tx, claim, now);
}

/** False: the event was not waiting any more. */
async function endAttempt(tx: Tx, tried: Tried): Promise<boolean> {
  const { claim, row, attempt, step, now } = tried;
  const changed = await moveEvent(tx, {
    id: row.id,
    lane: claim.lane,
    state: step.state,
    attempts: row.attempts + 1,
    tries: row.tries + 1,
    refusals: row.refusals + (attempt.refused ? 1 : 0),
    nextAttemptAt: step.state === 'pending' ? step.retryAt : null,
    lastStatus: attempt.status,
    lastError: errorOf(tried),
    lastAttemptAt: now,
    keptBody: sha256Hex(attempt.keptBody),
  });
  return affected(changed) > 0;
}

const errorOf = ({ attempt }: Tried) => attempt.error?.slice(0, MAX_ERROR_LENGTH) ?? null;

/** The row of the log of attempts. */
function logOf(tried: Tried): typeof webhookDeliveries.$inferInsert {
  const { row, attempt, now } = tried;
  return {
    id: newId(now),
    outboxId: row.id,
    webhookId: row.webhookId,
    attempt: row.attempts + 1,
    status: attempt.status,
    error: errorOf(tried),
    durationMs: attempt.durationMs,
    requestHeaders: attempt.headers,
    requestBody: sha256Hex(attempt.keptBody) === row.keptBody ? null : attempt.keptBody,
    responseBody: attempt.status === null ? null : attempt.answer,
    at: now,
  };
}

/** Attempts of one transaction, and transactions at a time. */
const MAX_BATCH = 50;
const MAX_RUNNING = 2;
/** Notes that somebody waits for: those of so many milliseconds share a transaction. */
const WINDOW_MS = 10;
/** Nobody waits for a note before the end of a lane's events (`hurry`), or before many are open. */
const PATIENCE_MS = 100;
/** Lanes at a time of which a note is tried by itself: it may wait for the lane's lock, and holds a connection meanwhile. */
const MAX_APART = 4;
/** Of them so many are one tenant's at most, so that no other waits for all of them. */
const MAX_APART_OF_TENANT = 2;

export interface Recorder {
  /**
   * `recordAttempt`, together with what other lanes and the same one have to write at that moment. Where somebody else holds the
   * lock of a lane, that lane waits by itself. It may be a tenth of a second before it is written.
   */
  add(tried: Tried): Promise<boolean>;
  /** Somebody waits for what was added: it waits for others no longer. */
  hurry(): void;
}

/** Makes the recorder of this process. A lane's attempts are written in their order. */
export function createRecorder(db: Db): Recorder {
  /** attempts of each lane in batches that run */
  const running = new Map<string, number>();
  /** lanes of which one is tried by itself, until it has ended, well or not */
  const alone = new Map<string, Promise<void>>();
  const places = createFairQueue({
    concurrency: MAX_APART,
    perOwner: MAX_APART_OF_TENANT,
    maxWaiting: Number.POSITIVE_INFINITY,
  });
  const batcher = createBatcher<Tried, Written>({
    maxBatch: MAX_BATCH,
    windowMs: WINDOW_MS,
    patienceMs: PATIENCE_MS,
    // With one connection that writes, a second one would only wait.
    maxRunning: statementsAreCheap ? 1 : MAX_RUNNING,
    choose(waiting) {
      const chosen = waiting.filter(({ claim }) => !running.has(claim.lane)).slice(0, MAX_BATCH);
      for (const { claim } of chosen) running.set(claim.lane, (running.get(claim.lane) ?? 0) + 1);
      return chosen;
    },
    run: (all) => writeBatch(db, all, new Set(alone.keys())),
  });
  function ended(lane: string): void {
    const left = (running.get(lane) ?? 0) - 1;
    if (left > 0) running.set(lane, left);
    else running.delete(lane);
  }
  /** Once that has ended it is in no batch any more: other notes of its lane may be. */
  async function addAlike(tried: Tried, add: (tried: Tried) => Promise<Written>): Promise<Written> {
    try {
      return await add(tried);
    } catch (error) {
      if (error instanceof NotAlike) return 'apart';
      throw error;
    } finally {
      ended(tried.claim.lane);
    }
  }
  function writeAlone(tried: Tried): Promise<boolean> {
    const { lane } = tried.claim;
    const written = places
      .run(String(tried.row.userId), () => inCleanContext(() => recordAttempt(db, tried)))
      .then((mine) => mine === true)
      .finally(() => alone.delete(lane));
    const over = () => undefined;
    alone.set(lane, written.then(over, over));
    return written;
  }
  return {
    hurry: () => batcher.hurry(),
    async add(tried) {
      // Those behind one that was alone have waited: they go on together, and at once.
      for (let add = batcher.addLater; ; add = batcher.add) {
        const written = await addAlike(tried, add);
        if (written !== 'apart') return written;
        const first = alone.get(tried.claim.lane);
        if (first === undefined) return writeAlone(tried);
        await first;
      }
    },
  };
}

/** Whether its lane is ours still; `apart`: nothing is written, it is tried by itself, or when another one of its lane has been. */
type Written = boolean | 'apart';

/**
 * `writeAttempts` in a transaction of its own, and in one more where events are gone (of a webhook that was deleted): without
 * them, so that they hold up no others.
 */
async function writeBatch(db: Db, all: readonly Tried[], busy: ReadonlySet<string>): Promise<Written[]> {
  try {
    return await transact(db, (tx) => writeAttempts(tx, all, busy));
  } catch (error) {
    if (!(error instanceof EventIsGone)) throw error;
    return transact(db, async (tx) => writeAttempts(tx, all, busy, await readLeft(tx, all)));
  }
}

/** Of these events those that still wait in their lanes; in another one an event is being replayed: that is another delivery. */
async function readLeft(tx: Tx, all: readonly Tried[]): Promise<Set<string>> {
  const { id, lane, state } = webhookOutbox;
  const ids = all.map(({ row }) => row.id);
  const rows = await tx
    .select({ id, lane })
    .from(webhookOutbox)
    .where(and(inArray(id, ids), eq(state, 'pending')));
  const lanes = new Map(rows.map((row) => [row.id, row.lane]));
  return new Set(ids.filter((one, at) => lanes.get(one) === all[at]?.claim.lane));
}

/**
 * All that went well are written at once, without those in the lanes `busy`; the batcher tries others in halves. `left`: the
 * events that are still there; all of them when missing.
 */
async function writeAttempts(
  tx: Tx,
  all: readonly Tried[],
  busy: ReadonlySet<string>,
  left?: ReadonlySet<string>,
): Promise<Written[]> {
  const together = all.filter(({ claim }) => !busy.has(claim.lane));
  if (together.length === 0) return all.map(() => 'apart');
  requireDelivered(together);
  const isLeft = ({ row }: Tried) => left === undefined || left.has(row.id);
  const written = await (statementsAreCheap
    ? writeInTurn(tx, together, isLeft)
    : writeFree(tx, together, isLeft));
  return all.map((tried) => written.get(tried) ?? 'apart');
}

type IsLeft = (tried: Tried) => boolean;

/** Those whose lanes nobody else has locked. */
async function writeFree(tx: Tx, all: readonly Tried[], isLeft: IsLeft): Promise<Map<Tried, boolean>> {
  const free = await lockFree(tx, all);
  const ours = all.filter(({ claim }) => free.has(claim.lane));
  if (ours.length > 0) await writeDeliveries(tx, ours, isLeft);
  return new Map(ours.map((tried) => [tried, true]));
}

/** Where a statement is no round trip: each lane is renewed once, their events are moved together, and the log gets all. */
async function writeInTurn(tx: Tx, all: readonly Tried[], isLeft: IsLeft): Promise<Map<Tried, boolean>> {
  const renewed = new Map<string, boolean>();
  for (const { claim, now } of all) {
    if (!renewed.has(claim.token)) renewed.set(claim.token, await renewLease(tx, claim, now));
  }
  const there = all.filter(isLeft);
  const rows = there.map(({ claim, row, attempt, now }) => [
    row.id,
    claim.lane,
    'pending',
    row.attempts + 1,
    row.tries + 1,
    attempt.status,
    now,
    sha256Hex(attempt.keptBody),
  ]);
  if (there.length > 0) {
    if ((await moveSeveral(tx, rows, ['delivered', null, null])) !== there.length) throw new EventIsGone();
    await insertMany(tx, webhookDeliveries, there.map(logOf));
  }
  return new Map(all.map((tried) => [tried, renewed.get(tried.claim.token) === true]));
}

/** On SQLite. In another lane an event is being replayed: that is another delivery. */
const moveSeveral = changerOfSeveral({
  key: webhookOutbox.id,
  seen: [webhookOutbox.lane, webhookOutbox.state],
  own: [
    webhookOutbox.attempts,
    webhookOutbox.tries,
    webhookOutbox.lastStatus,
    webhookOutbox.lastAttemptAt,
    webhookOutbox.keptBody,
  ],
  shared: [webhookOutbox.state, webhookOutbox.nextAttemptAt, webhookOutbox.lastError],
});

/** Locks those of their lanes that nobody holds. One that is lost is not among them. */
async function lockFree(tx: Tx, all: readonly Tried[]): Promise<Set<string>> {
  const names = [...new Set(all.map(({ claim }) => claim.lane))];
  const tokens = [...new Set(all.map(({ claim }) => claim.token))];
  const own = tx
    .select({ lane: webhookLanes.lane })
    .from(webhookLanes)
    .where(and(inArray(webhookLanes.lane, names), inArray(webhookLanes.claim, tokens)));
  return new Set((await skipLocked(own)).map(({ lane }) => lane));
}

/** Not all of them are in the lanes of this process, or went well: nothing of the transaction holds. */
class NotAlike extends Error {
  override name = 'NotAlike';
}

function requireDelivered(all: readonly Tried[]): void {
  if (all.some(({ step }) => step.state !== 'delivered')) throw new NotAlike('some have failed');
}

class EventIsGone extends NotAlike {
  constructor() {
    super('an event is not there any more');
  }
}

const laneIsLost = () => new NotAlike('a lane is lost');

const renewSeveral = preparedWriteFor((db, named, count) =>
  db
    .update(webhookLanes)
    .set({ dueAt: sql`${sql.placeholder('dueAt')}` })
    .where(
      and(
        inArray(webhookLanes.lane, placeholders(named, 'lane', count)),
        inArray(webhookLanes.claim, placeholders(named, 'token', count)),
      ),
    ),
);

/** In another lane an event is being replayed: that is another delivery. */
const endSeveral = preparedWriteFor((db, named, count) => {
  const { id, lane, state, attempts, tries } = webhookOutbox;
  const byId = (name: string) =>
    caseBy(
      id,
      Array.from({ length: count }, (_, at) => [named(at, 'id'), named(at, name)] as const),
    );
  return db
    .update(webhookOutbox)
    .set({
      state: 'delivered',
      attempts: sql`${attempts} + 1`,
      tries: sql`${tries} + 1`,
      nextAttemptAt: null,
      lastStatus: byId('status'),
      lastError: null,
      lastAttemptAt: byId('at'),
      keptBody: byId('keptBody'),
    })
    .where(and(inArray(id, placeholders(named, 'id', count)), eq(lane, byId('lane')), eq(state, 'pending')));
});

/** All of it goes with the commit where it may. Their lanes are locked. */
async function writeDeliveries(tx: Tx, all: readonly Tried[], isLeft: IsLeft): Promise<void> {
  const lanes = new Map(all.map(({ claim }) => [claim.lane, claim]));
  const dueAt = Math.max(...all.map(({ now }) => now)) + LEASE_MS;
  const claims = padded([...lanes.values()], MAX_BATCH);
  await renewSeveral(unanswered(tx, { rows: lanes.size, toError: laneIsLost }), [claims.length], {
    ...valuesAt(claims.map(({ lane, token }) => ({ lane, token }))),
    dueAt,
  });
  const there = all.filter(isLeft);
  if (there.length === 0) return;
  const rows = padded(there, MAX_BATCH).map(({ claim, row, attempt, now }) => ({
    id: row.id,
    lane: claim.lane,
    status: attempt.status,
    at: now,
    keptBody: sha256Hex(attempt.keptBody),
  }));
  const gone = () => new EventIsGone();
  await endSeveral(unanswered(tx, { rows: there.length, toError: gone }), [rows.length], valuesAt(rows));
  await insertMany(unanswered(tx), webhookDeliveries, there.map(logOf));
}

/** Ends an event without an attempt: there is nothing to send, or no webhook to send it to. */
export async function buryEvent(db: Db, row: OutboxRow, reason: string): Promise<void> {
  await db
    .update(webhookOutbox)
    .set({ state: 'dead', lastError: reason, nextAttemptAt: null })
    .where(and(eq(webhookOutbox.id, row.id), eq(webhookOutbox.state, 'pending')));
}

/** Ends everything that waits in a lane. */
export async function buryLane(db: Db, lane: string, reason: string, signal: AbortSignal): Promise<void> {
  const where = and(eq(webhookOutbox.lane, lane), eq(webhookOutbox.state, 'pending'));
  const set = { state: 'dead' as const, lastError: reason, nextAttemptAt: null };
  const { id: key, seq } = webhookOutbox;
  await updateInBatches(db, { table: webhookOutbox, key, where, by: [seq], signal }, set);
}

/**
 * Ends what a webhook was not told within its time, in one lane or in all, while it cannot be told: no attempt is worth it.
 * Lanes in which somebody delivers are theirs: an event that is on its way must not look as if it could be replayed.
 */
export async function buryOverdue(
  db: Db,
  { webhookId, lane }: { webhookId: string; lane?: string },
  now: number,
  signal: AbortSignal,
  reason = 'The receiver was down all day.',
): Promise<number> {
  const isPending = eq(webhookOutbox.state, 'pending');
  const isOfWebhook = eq(webhookOutbox.webhookId, webhookId);
  const isOld = lte(webhookOutbox.createdAt, now - RETRY_FOR_MS);
  const isOverdue = and(
    lte(webhookOutbox.giveUpAt, now),
    notExists(
      db
        .select({ lane: webhookLanes.lane })
        .from(webhookLanes)
        .where(
          and(
            eq(webhookLanes.lane, webhookOutbox.lane),
            isNotNull(webhookLanes.claim),
            gt(webhookLanes.dueAt, now),
          ),
        ),
    ),
  );
  const which =
    lane === undefined
      ? {
          where: and(isOfWebhook, isPending, isOld),
          by: [webhookOutbox.createdAt],
          only: isOverdue,
        }
      : {
          where: and(eq(webhookOutbox.lane, lane), isPending),
          by: [webhookOutbox.seq],
          only: and(isOfWebhook, isOld, isOverdue),
        };
  const set = { state: 'dead' as const, lastError: reason, nextAttemptAt: null };
  return updateInBatches(db, { ...which, table: webhookOutbox, key: webhookOutbox.id, signal }, set);
}

/** Forgets a lane whose webhook is gone, with everything in it. */
export async function dropLane(db: Db, claim: Claim, now: number, signal: AbortSignal): Promise<void> {
  const { lane, state, seq } = webhookOutbox;
  await deleteEvents(db, { where: eq(lane, claim.lane), by: [state, seq], signal });
  await closeLane(db, claim, now);
}

/**
 * Removes a lane that is empty. The first write locks its row, which everybody who adds an event locks too: what
 * was added before is seen here, what comes after makes the lane again. False: there is something.
 */
export function closeLane(database: Database | Db, claim: Claim, now: number): Promise<boolean> {
  return transact(database, async (tx) => {
    if (!(await renewLease(tx, claim, now))) return true;
    const waiting = tx
      .select({ id: webhookOutbox.id })
      .from(webhookOutbox)
      .where(and(eq(webhookOutbox.lane, claim.lane), eq(webhookOutbox.state, 'pending')));
    return affected(await tx.delete(webhookLanes).where(and(held(claim), notExists(waiting)))) > 0;
  });
}
