/** From waiting to being sent, under the fence. Claims of the same moment share one transaction, in their order. */
import { and, eq, exists, gte, inArray, lte, or, type SQL, sql } from 'drizzle-orm';
import { createBatcher } from '../db/batcher.ts';
import type { Db, Tx } from '../db/client.ts';
import { affected, caseBy, insertMany, preparedWrite, statementsAreCheap, transact } from '../db/ops.ts';
import { messageQueue, messages, sendAttempts, whatsappAccounts } from '../db/schema.ts';
import { newId } from '../utils/ids.ts';
import type { Claim } from './claim.ts';
import type { QueueDeps } from './deps.ts';
import { HELD, type Held, heldValues, isHeld } from './fence.ts';
import { type ContactSpending, spendContact, takeTurn } from './first-contacts.ts';
import type { Candidate } from './look-ahead.ts';
import { asPriority, type Priority } from './priority.ts';

/** A row that is to be taken, by whom, and the time that its attempt counts from. */
export interface ClaimRequest {
  held: Held;
  candidate: Candidate;
  now: number;
  /** for a stranger: what the claim spends as well */
  contact: ContactSpending | null;
}

export interface Claimer {
  /** Claims a row for a session of this process: null when it cannot be had. See `claimRows`. */
  add(request: ClaimRequest): Promise<Claim | null>;
}

/** Rows in one transaction: some milliseconds of work. */
const MAX_BATCH = 50;

/**
 * Makes the claimer of this process. One batch at a time, so that the claims of a session do not overtake one another. A
 * claim of a stranger takes turns with others over the session's row, and so has a transaction of its own.
 */
export function createClaimer(deps: Pick<QueueDeps, 'database'>): Claimer {
  const batcher = createBatcher<ClaimRequest, Claim | null>({
    run: (requests) => claimRows(deps, requests),
    maxBatch: MAX_BATCH,
  });
  return {
    async add(request) {
      if (request.contact === null) return batcher.add(request);
      const [claim = null] = await claimRows(deps, [request]);
      return claim;
    },
  };
}

interface Wanted extends ClaimRequest {
  id: string;
  attemptId: string;
  priority: Priority;
}

/**
 * Takes rows: marks them and counts the attempts (row, history and send_attempts) in one transaction. Null for a row that
 * is gone, taken, tried meanwhile or not due, whose `held` is not the session's owner and fence any more, or whose
 * `contact` there is no room for. Of several on MySQL throws ClaimLost then, and takes none: which one it was, each by
 * itself will tell.
 */
export async function claimRows(
  deps: Pick<QueueDeps, 'database'>,
  requests: readonly ClaimRequest[],
): Promise<(Claim | null)[]> {
  const all = requests.map((request) => ({
    ...request,
    id: request.candidate.id,
    attemptId: newId(request.now),
    priority: asPriority(request.candidate.priority),
  }));
  return transact(deps.database, async (tx) => {
    const isEach = statementsAreCheap || all.length === 1 || all.some(({ contact }) => contact !== null);
    const taken = isEach ? await takeEach(tx, all) : await takeAll(tx, all);
    await insertMany(
      tx,
      sendAttempts,
      taken.map(({ attemptId, held, candidate: { recipient }, priority, now }) => ({
        id: attemptId,
        accountId: held.id,
        recipient,
        priority,
        at: now,
      })),
    );
    const large = await readLarge(tx, taken);
    const isTaken = new Set(taken);
    return all.map((wanted) => (isTaken.has(wanted) ? toClaim(wanted, large) : null));
  });
}

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
    if (contact !== null && !(await takeTurn(tx, held, contact, { priority, now }))) continue;
    const seenAttempts = candidate.attempts;
    const values = { id, attempts: seenAttempts + 1, seenAttempts, now, ...heldValues(held) };
    if (affected(await takeRow(tx, values)) === 0) continue;
    if (contact !== null) await spendContact(tx, held.id, contact.person, { attemptId, now });
    await countAttempt(tx, { id, now });
    taken.push(wanted);
  }
  return taken;
}

async function takeAll(tx: Tx, all: readonly Wanted[]): Promise<readonly Wanted[]> {
  const ids = all.map(({ id }) => id);
  const fences = new Map(all.map(({ held }) => [held.id, held.fence]));
  const times = all.map(({ id, now }) => [id, now] as const);
  const { id, accountId, status, attempts, availableAt } = messageQueue;
  const result = await tx
    .update(messageQueue)
    .set({
      status: 'sending',
      claimedFence: caseBy(accountId, [...fences]),
      dueAt: null,
      attempts: sql`${attempts} + 1`,
    })
    .where(
      and(
        inArray(id, ids),
        eq(status, 'pending'),
        eq(
          attempts,
          caseBy(
            id,
            all.map(({ id: own, candidate }) => [own, candidate.attempts]),
          ),
        ),
        gte(caseBy(id, times), availableAt),
        areHeld(
          tx,
          all.map(({ held }) => held),
        ),
      ),
    );
  if (affected(result) !== all.length) throw new ClaimLost('a row was taken by somebody else');
  const at = caseBy(messages.id, times);
  await tx
    .update(messages)
    .set({
      status: 'sending',
      attempts: sql`${messages.attempts} + 1`,
      sendingAt: sql`coalesce(${messages.sendingAt}, ${at})`,
      updatedAt: at,
    })
    .where(inArray(messages.id, ids));
  return all;
}

/** That the session of a queue row belongs to whom its claim says. */
function areHeld(db: Db, all: readonly Held[]): SQL | undefined {
  const one = new Map(all.map((held) => [held.id, held]));
  const { id, owner, fence } = whatsappAccounts;
  const named = [...one.values()].map((held) =>
    and(eq(id, held.id), eq(owner, held.owner), eq(fence, held.fence)),
  );
  return exists(
    db
      .select({ id })
      .from(whatsappAccounts)
      .where(and(eq(id, messageQueue.accountId), or(...named))),
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

function toClaim(
  { candidate, held, attemptId, now, priority, contact }: Wanted,
  large: Map<string, unknown>,
): Claim {
  const { id, contentJson } = candidate;
  const content = contentJson === null ? large.get(id) : parseJson(contentJson);
  return {
    ...candidate,
    content,
    priority,
    attempts: candidate.attempts + 1,
    held,
    attemptId,
    attemptAt: now,
    stranger: contact?.person ?? null,
  };
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}
