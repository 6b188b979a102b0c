/** From waiting to being sent, under the fence. Claims of the same moment share one transaction, in their order. */
import { and, type Column, eq, exists, gte, inArray, lte, or, type SQL, sql } from 'drizzle-orm';
import { type Batcher, createBatcher } from '../db/batcher.ts';
import type { Db, Tx } from '../db/client.ts';
import { conflictPauseMs } from '../db/errors.ts';
import { monotonicMs, pause } from '../db/event-loop.ts';
import {
  affected,
  caseBy,
  insertMany,
  insertSelected,
  type Named,
  padded,
  placeholders,
  preparedFor,
  preparedUpdateOfTwo,
  preparedWrite,
  preparedWriteFor,
  skipLocked,
  statementsAreCheap,
  transact,
  valuesAt,
} from '../db/ops.ts';
import { messageQueue, messages, sendAttempts, whatsappAccounts } from '../db/schema.ts';
import { newId } from '../utils/ids.ts';
import { rowWindow, windowOf } from './albums.ts';
import type { Claim } from './claim.ts';
import type { QueueDeps } from './deps.ts';
import { HELD, type Held, heldValues, isHeld } from './fence.ts';
import { type ContactSpending, spendContact, takeTurn } from './first-contacts.ts';
import type { Candidate } from './look-ahead.ts';
import { isUnhurried } from './pace.ts';
import { asPriority, PRIORITIES, type Priority } from './priority.ts';

/** A row that is to be taken, by whom, and the time that its attempt counts from. */
export interface ClaimRequest {
  held: Held;
  candidate: Candidate;
  now: number;
  /** for strangers: what the claim spends as well */
  contact: ContactSpending | null;
}

export interface Claimer {
  /** Claims a row for a session of this process: null when it cannot be had. See `claimRows`. */
  add(request: ClaimRequest): Promise<Claim | null>;
  /** Claims that wait for others are made now. */
  hurry(): void;
}

/** Rows in one transaction: some milliseconds of work. */
const MAX_BATCH = 50;

/** Transactions at a time, each for its own sessions: one that the server keeps waiting stops no others. */
const LANES = statementsAreCheap ? 1 : 4;
/** The same where claims wait for others: fewer of them meet in more. */
const PATIENT_LANES = statementsAreCheap ? 1 : 2;
/**
 * Where every session sends at a slow pace: a claim that comes so soon after another one waits as long for more. Those of many
 * sessions share a transaction then, and so does most of what follows from them.
 */
const GATHER_MS = 40;
/** Of them so many at most: those of a batch are sealed one after the other, in one turn of the event loop. */
const MAX_GATHERED = 16;
/** Looks at a row that somebody else has locked, over about a second in all. */
const LOCKED_TRIES = 6;

/**
 * Makes the claimer of this process. The claims of a session go one batch at a time, so that they do not overtake one
 * another. A claim of a stranger takes turns with others over the session's first contacts, and so has a transaction of its
 * own; so has one whose row is locked, which the others do not wait for. Codes wait for no others. `gatherMs`: see `GATHER_MS`.
 */
export function createClaimer(
  deps: Pick<QueueDeps, 'config' | 'database'>,
  { gatherMs = GATHER_MS } = {},
): Claimer {
  const isPatient = isUnhurried(deps.config.pacing);
  const maxBatch = isPatient ? MAX_GATHERED : MAX_BATCH;
  let lastMs = Number.NEGATIVE_INFINITY;
  const lanes = Array.from({ length: isPatient ? PATIENT_LANES : LANES }, () =>
    createBatcher<ClaimRequest, Claim | null | typeof LOCKED>({
      run: (requests) => claimRows(deps, requests),
      maxBatch,
      choose: (waiting) => codesFirst(waiting, maxBatch),
      patienceMs: gatherMs,
    }),
  );

  /** Those before one that waits for nothing have waited long enough: none of a session but its codes overtakes another. */
  function claimInLane(lane: ClaimLane, request: ClaimRequest): Promise<Claim | null | typeof LOCKED> {
    if (!isPatient) return lane.add(request);
    if (isCode(request)) return lane.addNow(request);
    const now = monotonicMs();
    const isSoon = now - lastMs < gatherMs;
    lastMs = now;
    return isSoon ? lane.addLater(request) : lane.add(request);
  }

  async function claimAlone(request: ClaimRequest): Promise<Claim | null> {
    for (let tries = 1; tries <= LOCKED_TRIES; tries++) {
      const [claim = null] = await claimRows(deps, [request]);
      if (claim !== LOCKED) return claim;
      await pause(conflictPauseMs(tries));
    }
    throw new RowLocked('somebody has held the lock of a queued message for too long');
  }

  return {
    async add(request) {
      const lane = lanes[laneOf(request.held.id) % lanes.length];
      if (request.contact !== null || lane === undefined) return claimAlone(request);
      const claim = await claimInLane(lane, request);
      return claim === LOCKED ? claimAlone(request) : claim;
    },
    hurry() {
      for (const lane of lanes) lane.hurry();
    },
  };
}

/** In a crowd codes go before what has waited for longer. */
function codesFirst(waiting: readonly ClaimRequest[], max: number): readonly ClaimRequest[] {
  if (waiting.length <= max) return waiting;
  const codes = waiting.filter(isCode).slice(0, max);
  return [...codes, ...waiting.filter((request) => !isCode(request)).slice(0, max - codes.length)];
}

const isCode = ({ candidate }: ClaimRequest): boolean => candidate.priority === PRIORITIES.high;

type ClaimLane = Batcher<ClaimRequest, Claim | null | typeof LOCKED>;

/** A session's claims go through one lane. The end of an id is random. */
const laneOf = (accountId: string) => Number.parseInt(accountId.slice(-4), 16);

/** The row's lock is another transaction's: it was not waited for. */
const LOCKED = Symbol('locked');

/** Nobody knows what becomes of the row until its lock is given back. */
class RowLocked extends Error {
  override name = 'RowLocked';
}

interface Wanted extends ClaimRequest {
  id: string;
  attemptId: string;
  priority: Priority;
}

/**
 * Takes rows: marks them and counts the attempts (row, history and send_attempts) in one transaction. Null for a row that
 * is gone, taken, tried meanwhile or not due, whose `held` is not the session's owner and fence any more, or whose
 * `contact` there is no room for; LOCKED for a row that another transaction has locked. Of several throws ClaimLost where
 * one cannot be had, and takes none: which one it was, each by itself will tell.
 */
async function claimRows(
  deps: Pick<QueueDeps, 'database'>,
  requests: readonly ClaimRequest[],
): Promise<(Claim | null | typeof LOCKED)[]> {
  const all = requests.map((request) => ({
    ...request,
    id: request.candidate.id,
    attemptId: newId(request.now),
    priority: asPriority(request.candidate.priority),
  }));
  return transact(deps.database, async (tx) => {
    if (isTogether(all) && (await takeAll(tx, all))) {
      const large = await readLarge(tx, all);
      return all.map((wanted) => toClaim(wanted, large));
    }
    const locked = await readLocked(tx, all);
    const taken = await takeEach(
      tx,
      all.filter(({ id }) => !locked.has(id)),
    );
    await insertMany(tx, sendAttempts, taken.map(toAttempt));
    const large = await readLarge(tx, taken);
    const isTaken = new Set(taken);
    return all.map((wanted) => {
      if (locked.has(wanted.id)) return LOCKED;
      return isTaken.has(wanted) ? toClaim(wanted, large) : null;
    });
  });
}

const toAttempt = ({ attemptId, held, candidate, priority, now }: Wanted) => ({
  id: attemptId,
  accountId: held.id,
  recipient: windowOf(candidate),
  priority,
  at: now,
});

/** Where a statement is no round trip, one for fewer rows costs as much as one for each of them. */
const TOGETHER_FROM = statementsAreCheap ? 8 : 1;

/** Whether the rows are taken by the same statements. */
function isTogether(all: readonly Wanted[]): boolean {
  if (all.length < TOGETHER_FROM) return false;
  const held = new Map(all.map((wanted) => [wanted.held.id, wanted.held]));
  return all.every(({ contact, held: { id, owner, fence } }) => {
    const other = held.get(id);
    // Of two owners of a session one is stale, and must not get its row by the other's fence.
    return contact === null && other?.owner === owner && other.fence === fence;
  });
}

/**
 * Locks the rows, and passes over those that another transaction has locked: who waited for one would keep all the
 * others waiting. Those that are there and could not be locked.
 */
async function readLocked(tx: Tx, all: readonly Wanted[]): Promise<Set<string>> {
  if (statementsAreCheap) return new Set();
  const ids = all.map(({ id }) => id);
  const rows = await freeRows(tx, ids.length).execute(valuesAt(ids.map((id) => ({ id }))));
  const free = new Set(rows.map(({ id }) => id));
  const left = ids.filter((id) => !free.has(id));
  if (left.length === 0) return new Set();
  const there = await tx
    .select({ id: messageQueue.id })
    .from(messageQueue)
    .innerJoin(messages, eq(messages.id, messageQueue.id))
    .where(inArray(messageQueue.id, left));
  return new Set(there.map((row) => row.id));
}

const freeRows = preparedFor((db, named, count) =>
  skipLocked(
    db
      .select({ id: messageQueue.id })
      .from(messageQueue)
      .innerJoin(messages, eq(messages.id, messageQueue.id))
      .where(inArray(messageQueue.id, placeholders(named, 'id', count))),
  ).prepare(),
);

/** One of several rows could not be taken. */
export class ClaimLost extends Error {
  override name = 'ClaimLost';
}

const takeRow = preparedWrite<ReturnType<typeof heldValues> & Record<TakeValue, string | number>>((db) =>
  db
    .update(messageQueue)
    .set({
      status: 'sending',
      claimedFence: sql`${HELD.fence}`,
      dueAt: null,
      attempts: sql`${sql.placeholder('attempts')}`,
    })
    .where(
      and(
        eq(messageQueue.id, sql.placeholder('id')),
        eq(messageQueue.accountId, HELD.id),
        eq(messageQueue.status, 'pending'),
        eq(messageQueue.attempts, sql.placeholder('seenAttempts')),
        lte(messageQueue.availableAt, sql.placeholder('now')),
        isHeld(db, HELD),
      ),
    ),
);
type TakeValue = 'id' | 'attempts' | 'seenAttempts' | 'now';

const countAttempt = preparedWrite<{ id: string; now: number }>((db) =>
  db
    .update(messages)
    .set({
      status: 'sending',
      attempts: sql`${messages.attempts} + 1`,
      sendingAt: sql`coalesce(${messages.sendingAt}, ${sql.placeholder('now')})`,
      updatedAt: sql`${sql.placeholder('now')}`,
    })
    .where(eq(messages.id, sql.placeholder('id'))),
);

async function takeEach(tx: Tx, all: readonly Wanted[]): Promise<Wanted[]> {
  const taken: Wanted[] = [];
  for (const wanted of all) {
    const { id, now, held, candidate, contact, attemptId, priority } = wanted;
    if (contact !== null && !(await takeTurn(tx, held.id, contact, { priority, now }))) continue;
    const seenAttempts = candidate.attempts;
    const values = { id, attempts: seenAttempts + 1, seenAttempts, now, ...heldValues(held) };
    if (affected(await takeRow(tx, values)) === 0) continue;
    for (const person of contact?.people ?? []) await spendContact(tx, held.id, person, { attemptId, now });
    await countAttempt(tx, { id, now });
    taken.push(wanted);
  }
  return taken;
}

/** The rows that are still as they were seen, due, and of sessions that belong to whom their claims say. */
function areFree(db: Db, named: Named, rows: number, sessions: number): SQL | undefined {
  const { id, status, attempts, availableAt } = messageQueue;
  return and(
    inArray(id, placeholders(named, 'id', rows)),
    eq(status, 'pending'),
    eq(attempts, byName(id, named, 'seenAttempts', rows)),
    gte(byName(id, named, 'now', rows), availableAt),
    areHeld(db, named, sessions),
  );
}

/** A value for each row, by its id. */
const byName = (id: Column, named: Named, name: string, rows: number) =>
  caseBy(id, pairs(named, 'id', name, rows));

const pairs = (named: Named, key: string, value: string, count: number) =>
  Array.from({ length: count }, (_, at) => [named(at, key), named(at, value)] as const);

/** What a claim makes of queue rows of so many sessions. */
const taking = (named: Named, sessions: number) => ({
  status: 'sending' as const,
  claimedFence: caseBy(messageQueue.accountId, pairs(named, 'session', 'fence', sessions)),
  dueAt: null,
  attempts: sql`${messageQueue.attempts} + 1`,
});

/** And of the history of so many rows. */
function counting(named: Named, rows: number) {
  const at = byName(messages.id, named, 'now', rows);
  return {
    status: 'sending' as const,
    attempts: sql`${messages.attempts} + 1`,
    sendingAt: sql`coalesce(${messages.sendingAt}, ${at})`,
    updatedAt: at,
  };
}

const takeSeveral = preparedWriteFor((db, named, rows, sessions) =>
  db
    .update(messageQueue)
    .set(taking(named, sessions))
    .where(areFree(db, named, rows, sessions)),
);

const countAttempts = preparedWriteFor((db, named, rows) =>
  db
    .update(messages)
    .set(counting(named, rows))
    .where(inArray(messages.id, placeholders(named, 'id', rows))),
);

/** Locks the rows that are free, and counts their attempts. It waits for no row that somebody else has locked. */
const lockAndCount = preparedWriteFor((db, named, rows, sessions) => {
  const { id, accountId, priority } = messageQueue;
  return insertSelected(
    db,
    sendAttempts,
    skipLocked(
      db
        .select({
          id: byName(id, named, 'attemptId', rows),
          accountId,
          recipient: rowWindow,
          priority,
          at: byName(id, named, 'now', rows),
        })
        .from(messageQueue)
        .innerJoin(messages, eq(messages.id, id))
        .where(areFree(db, named, rows, sessions)),
    ),
  );
});

const markBoth = preparedUpdateOfTwo((named, rows, sessions) => ({
  tables: [messageQueue, messages],
  on: eq(messages.id, messageQueue.id),
  set: [taking(named, sessions), counting(named, rows)],
  where: inArray(messageQueue.id, placeholders(named, 'id', rows)),
}));

/**
 * Takes all the rows in a few statements. Of several that cannot all be taken throws ClaimLost; false where a single one
 * cannot, and nothing is written.
 */
async function takeAll(tx: Tx, all: readonly Wanted[]): Promise<boolean> {
  const rows = padded(all, MAX_BATCH);
  const held = padded([...new Map(all.map((wanted) => [wanted.held.id, wanted.held])).values()], MAX_BATCH);
  const counts = [rows.length, held.length];
  const values = {
    ...valuesAt(
      rows.map(({ id, now, attemptId, candidate }) => ({
        id,
        now,
        attemptId,
        seenAttempts: candidate.attempts,
      })),
    ),
    ...valuesAt(held.map(({ id: session, owner, fence }) => ({ session, owner, fence }))),
  };
  const taken = affected(await (statementsAreCheap ? takeSeveral : lockAndCount)(tx, counts, values));
  if (taken === all.length) {
    if (statementsAreCheap) {
      await countAttempts(tx, [rows.length], values);
      await insertMany(tx, sendAttempts, all.map(toAttempt));
    } else await markBoth(tx, counts, values);
    return true;
  }
  if (all.length > 1) throw new ClaimLost('a row was taken by somebody else');
  return false;
}

/** That the session of a queue row belongs to whom its claim says. */
function areHeld(db: Db, named: Named, sessions: number): SQL | undefined {
  const { id, owner, fence } = whatsappAccounts;
  const each = Array.from({ length: sessions }, (_, at) =>
    and(eq(id, named(at, 'session')), eq(owner, named(at, 'owner')), eq(fence, named(at, 'fence'))),
  );
  return exists(
    db
      .select({ id })
      .from(whatsappAccounts)
      .where(and(eq(id, messageQueue.accountId), or(...each))),
  );
}

/** Contents that were too large to be read ahead, by row. */
async function readLarge(tx: Tx, taken: readonly Wanted[]): Promise<Map<string, unknown>> {
  const ids = taken.filter(({ candidate }) => candidate.contentJson === null).map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const { id, content } = messages;
  const rows = await tx.select({ id, content }).from(messages).where(inArray(id, ids));
  return new Map(rows.map((row) => [row.id, row.content]));
}

function toClaim({ candidate, ...wanted }: Wanted, large: Map<string, unknown>): Claim {
  const { held, attemptId, now: at, contact } = wanted;
  const { id, contentJson } = candidate;
  const content = contentJson === null ? large.get(id) : parseJson(contentJson);
  return { ...claimOf(candidate, { held, attemptId, at }, content), strangers: contact?.people ?? [] };
}

/** The claim of a row, whoever has taken it; of somebody who knows the session, or where nothing counts strangers. */
export function claimOf(
  candidate: Candidate,
  { held, attemptId, at }: { held: Held; attemptId: string; at: number },
  content: unknown,
): Claim {
  return {
    ...candidate,
    content,
    priority: asPriority(candidate.priority),
    attempts: candidate.attempts + 1,
    held,
    attemptId,
    attemptAt: at,
    strangers: [],
  };
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}
