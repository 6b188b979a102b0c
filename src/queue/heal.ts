/**
 * Times of a clock that was ahead: rows that say they were made, tried or sent in the future. They are read as of now,
 * so that neither the queue nor its limits wait for a day that has not come. What was scheduled keeps its time.
 */
import { and, asc, eq, gt, gte, inArray, isNotNull, isNull, lte, or } from 'drizzle-orm';
import { readBatches } from '../db/batches.ts';
import type { Db } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { firstContacts, messageQueue, messages, sendAttempts } from '../db/schema.ts';
import { FUTURE_MS } from '../utils/clock.ts';
import { idAt, timeOfId } from '../utils/ids.ts';
import type { QueueDeps } from './deps.ts';
import { type Held, isHeld } from './fence.ts';
import { MAX_BACKOFF_MS } from './retry.ts';

/** Rows in one statement. */
const BATCH_SIZE = 500;

/** True for a row that was to be sent at once, by a clock that runs ahead of this one. */
export function isQueuedAhead(
  { id, availableAt }: { id: string; availableAt: number },
  now: number,
): boolean {
  const madeAt = timeOfId(id);
  return (
    madeAt > now + FUTURE_MS &&
    availableAt > now &&
    availableAt <= madeAt &&
    availableAt >= madeAt - FUTURE_MS
  );
}

/** Mends one session's rows; how many waiting messages became due. Cheap when there is nothing to mend. */
export async function healSession(deps: QueueDeps, held: Held, now: number): Promise<number> {
  const early = await healNewRows(deps, held, now);
  const triedAhead = await healAttempts(deps, held, now);
  return early + (triedAhead ? await healTriedRows(deps, held, now) : 0);
}

/**
 * Queued by a clock that was ahead, for at once: found by their ids, which carry the time. Those of all sessions are only asked
 * whether there is one: as a rule there is none.
 */
async function healNewRows({ db }: QueueDeps, held: Held, now: number): Promise<number> {
  const { id, accountId, availableAt, status } = messageQueue;
  const isAhead = gte(id, idAt(now + FUTURE_MS));
  const some = await db.select({ id }).from(messageQueue).where(isAhead).orderBy(asc(id)).limit(1);
  if (some.length === 0) return 0;
  const own = and(eq(accountId, held.id), eq(status, 'pending'), gt(availableAt, now));
  const batches = readBatches<{ id: string }>(BATCH_SIZE, (last) =>
    db
      .select({ id })
      .from(messageQueue)
      .where(and(own, last === null ? isAhead : gt(id, last.id)))
      .orderBy(asc(id))
      .limit(BATCH_SIZE),
  );
  let healed = 0;
  for await (const rows of batches) {
    const late = rows.map((row) => row.id);
    const ids = await unscheduled({ db }, late, now);
    if (ids.length > 0) healed += affected(await makeDue({ db }, held, ids, now));
  }
  return healed;
}

/** Those that are not scheduled for a time that a person chose. */
async function unscheduled(
  { db }: Pick<QueueDeps, 'db'>,
  ids: readonly string[],
  now: number,
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .select({ id: messages.id })
    .from(messages)
    .where(
      and(
        inArray(messages.id, [...ids]),
        // A campaign gives its messages to the queue when they are due, at the time of its own clock.
        or(isNull(messages.scheduledAt), lte(messages.scheduledAt, now), isNotNull(messages.campaignId)),
      ),
    );
  return rows.map(({ id }) => id);
}

function makeDue({ db }: Pick<QueueDeps, 'db'>, held: Held, ids: readonly string[], now: number) {
  return db
    .update(messageQueue)
    .set({ availableAt: now })
    .where(and(inArray(messageQueue.id, [...ids]), eq(messageQueue.status, 'pending'), isHeld(db, held)));
}

/** Attempts of the future count as of now: a window that is too full for a minute, not for a day. */
async function healAttempts({ db }: QueueDeps, held: Held, now: number): Promise<boolean> {
  await healContacts(db, held, now);
  const ahead = and(eq(sendAttempts.accountId, held.id), gt(sendAttempts.at, now + FUTURE_MS));
  const found = await db.select({ id: sendAttempts.id }).from(sendAttempts).where(ahead).limit(1);
  if (found.length === 0) return false;
  await db
    .update(sendAttempts)
    .set({ at: now })
    .where(and(ahead, isHeld(db, held)));
  return true;
}

/** The same for the limit of first contacts. */
async function healContacts(db: Db, held: Held, now: number): Promise<void> {
  const { accountId, person, at } = firstContacts;
  const ahead = and(eq(accountId, held.id), gt(at, now + FUTURE_MS));
  const found = await db.select({ person }).from(firstContacts).where(ahead).limit(1);
  if (found.length === 0) return;
  await db
    .update(firstContacts)
    .set({ at: now })
    .where(and(ahead, isHeld(db, held)));
}

/** Rows that wait after an attempt of the future are due. One whose recipient is at its limit is put off again. */
async function healTriedRows({ db }: QueueDeps, held: Held, now: number): Promise<number> {
  const rows = await db
    .select({ id: messageQueue.id })
    .from(messageQueue)
    .where(
      and(
        eq(messageQueue.accountId, held.id),
        eq(messageQueue.status, 'pending'),
        gt(messageQueue.availableAt, now + MAX_BACKOFF_MS),
        gt(messageQueue.attempts, 0),
      ),
    )
    .limit(BATCH_SIZE);
  const ids = await unscheduled(
    { db },
    rows.map(({ id }) => id),
    now,
  );
  return ids.length === 0 ? 0 : affected(await makeDue({ db }, held, ids, now));
}
