/** Shows on the rows of sessions that a limit holds them: those of many sessions together, because nobody waits for it. */
import { and, eq, inArray, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { createBatcher } from '../db/batcher.ts';
import type { Tx } from '../db/client.ts';
import {
  affected,
  caseBy,
  padded,
  placeholders,
  preparedFor,
  preparedWriteFor,
  skipLocked,
  statementsAreCheap,
  transact,
  valuesAt,
} from '../db/ops.ts';
import { whatsappAccounts } from '../db/schema.ts';
import { type Fact, record } from '../events/record.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import type { QueueDeps } from './deps.ts';
import type { LimitReason } from './limits.ts';
import type { Priority } from './priority.ts';
import { LIMIT_REASONS } from './session-state.ts';

export interface LimitPause {
  /** epoch milliseconds */
  until: number;
  reason: LimitReason;
  /** it holds this priority and all below it */
  priority: Priority;
}

export interface PauseRequest extends LimitPause {
  account: AccountRef;
  /** also records `queue.paused`: once for a pause, not for each of its extensions */
  isNew: boolean;
}

/** `locked`: another transaction holds the row, and it was not waited for. */
type Shown = 'shown' | 'refused' | 'locked';

export interface LimitPauses {
  /**
   * Shows the pause, some time later with those of other sessions. False when the session is not held any more, or is paused by
   * somebody else, whose pause is left alone.
   */
  show(request: PauseRequest): Promise<boolean>;
  /** Those that wait for others are shown now. */
  hurry(): void;
  isBusy(): boolean;
  /** Shows what waits. */
  stop(): Promise<void>;
}

/** Sessions of one transaction: some milliseconds of work. */
const MAX_BATCH = 50;
/** A session at its full pace is held for three seconds after each message, and shows it for most of that time. */
const PATIENCE_MS = 500;
/** Looks at a row that somebody has locked, over ten seconds and more. */
const LOCKED_TRIES = 20;

/** Makes those of this process. */
export function createLimitPauses(deps: Pick<QueueDeps, 'clock' | 'database' | 'stream'>): LimitPauses {
  const batcher = createBatcher<PauseRequest, Shown>({
    run: (all) => showAll(deps, all),
    maxBatch: MAX_BATCH,
    patienceMs: PATIENCE_MS,
  });
  /** by session, while any of its pauses wait */
  const waiting = new Map<string, { count: number; newest: PauseRequest }>();

  async function showWhenFree(request: PauseRequest, newest: () => PauseRequest): Promise<boolean> {
    for (let tries = 1; tries <= LOCKED_TRIES; tries++) {
      // One that is put again comes behind newer ones, and must not replace them.
      const shown = await batcher.addLater({ ...newest(), isNew: request.isNew });
      if (shown !== 'locked') return shown === 'shown';
    }
    return true;
  }

  return {
    async show(request) {
      const { id } = request.account;
      const ofSession = waiting.get(id) ?? { count: 0, newest: request };
      ofSession.count++;
      ofSession.newest = request;
      waiting.set(id, ofSession);
      try {
        return await showWhenFree(request, () => ofSession.newest);
      } finally {
        if (--ofSession.count === 0) waiting.delete(id);
      }
    },
    hurry: batcher.hurry,
    isBusy: batcher.isBusy,
    stop: batcher.idle,
  };
}

/** One transaction for all. Of several pauses of a session the last one counts. */
async function showAll(
  deps: Pick<QueueDeps, 'clock' | 'database' | 'stream'>,
  all: readonly PauseRequest[],
): Promise<Shown[]> {
  const latest = new Map(all.map((request) => [request.account.id, request]));
  const isNew = new Set(all.filter((request) => request.isNew).map(({ account }) => account.id));
  return transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const locked = await lockedOf(tx, [...latest.keys()]);
    const free = [...latest.values()].filter(({ account }) => !locked.has(account.id));
    const shown = await write(tx, free, now);
    const told = free.filter(({ account }) => shown.has(account.id) && isNew.has(account.id));
    await record(tx, deps, told.map(toFact));
    return all.map(({ account: { id } }) =>
      locked.has(id) ? 'locked' : shown.has(id) ? 'shown' : 'refused',
    );
  });
}

const toFact = ({ account, reason, until }: PauseRequest): Fact => ({
  userId: account.userId,
  event: 'queue.paused',
  session: { id: account.id, sessionId: account.sessionId },
  data: { reason, pausedUntil: new Date(until).toISOString() },
});

const { id, owner, fence, pausedUntil, pauseReason } = whatsappAccounts;

const freeRows = preparedFor((db, named, count) =>
  skipLocked(
    db
      .select({ id })
      .from(whatsappAccounts)
      .where(inArray(id, placeholders(named, 'id', count))),
  ).prepare(),
);

/** Locks the rows, but for those that another transaction has locked: who waited for one would keep all the others waiting. */
async function lockedOf(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  if (statementsAreCheap) return new Set();
  const asked = padded(ids, MAX_BATCH);
  const rows = await freeRows(tx, asked.length).execute(valuesAt(asked.map((one) => ({ id: one }))));
  const free = new Set(rows.map((row) => row.id));
  const left = ids.filter((one) => !free.has(one));
  if (left.length === 0) return new Set();
  const there = await tx.select({ id }).from(whatsappAccounts).where(inArray(id, left));
  return new Set(there.map((row) => row.id));
}

const writeSeveral = preparedWriteFor((db, named, count) => {
  const rows = Array.from({ length: count }, (_, at) => at);
  const each = (name: string) => rows.map((at) => [named(at, 'id'), named(at, name)] as const);
  const held = rows.map((at) =>
    and(eq(id, named(at, 'id')), eq(owner, named(at, 'owner')), eq(fence, named(at, 'fence'))),
  );
  return db
    .update(whatsappAccounts)
    .set({
      pausedUntil: caseBy(id, each('until')),
      pauseReason: caseBy(id, each('reason')),
      pausedPriority: caseBy(id, each('priority')),
    })
    .where(and(inArray(id, placeholders(named, 'id', count)), or(...held), isFreeToPause()));
});

function isFreeToPause(): SQL | undefined {
  return or(
    isNull(pausedUntil),
    lte(pausedUntil, sql.placeholder('now')),
    inArray(pauseReason, [...LIMIT_REASONS]),
  );
}

/** The sessions whose rows show their pause. */
async function write(tx: Tx, all: readonly PauseRequest[], now: number): Promise<Set<string>> {
  if (all.length === 0) return new Set();
  const rows = padded(all, MAX_BATCH).map(({ account, until, reason, priority }) => ({
    ...{ id: account.id, owner: account.owner, fence: account.fence },
    ...{ until, reason, priority },
  }));
  const written = affected(await writeSeveral(tx, [rows.length], { ...valuesAt(rows), now }));
  const asked = new Map(all.map((request) => [request.account.id, request]));
  if (written === all.length) return new Set(asked.keys());
  const found = await tx
    .select({ id, owner, fence, pausedUntil, pauseReason })
    .from(whatsappAccounts)
    .where(inArray(id, [...asked.keys()]));
  const isShown = (row: (typeof found)[number]) => {
    const request = asked.get(row.id);
    const isHeld = row.owner === request?.account.owner && row.fence === request.account.fence;
    return isHeld && row.pausedUntil === request.until && row.pauseReason === request.reason;
  };
  return new Set(found.filter(isShown).map((row) => row.id));
}
