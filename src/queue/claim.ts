/** From waiting to being sent: one row at a time, under the fence. */
import { and, eq, inArray, lte, notInArray, sql } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { affected, insertMany, preparedWrite, transact } from '../db/ops.ts';
import { messageQueue, messages, sendAttempts } from '../db/schema.ts';
import { newId } from '../utils/ids.ts';
import type { Recipient } from '../whatsapp/engine.ts';
import type { QueueDeps } from './deps.ts';
import { HELD, type Held, heldValues, isHeld } from './fence.ts';
import { type ContactSpending, contactLeaves, spendContact, takeTurn } from './first-contacts.ts';
import { type Candidate, readCandidates } from './look-ahead.ts';
import { asPriority, type Priority } from './priority.ts';

/** A message as its facts and outcomes name it. */
export interface MessageRef {
  /** id of the history row and of the queue row */
  id: string;
  userId: number;
  accountId: string;
  sessionId: string;
  messageId: string;
  /** canonical JID */
  peer: string;
  /** E.164 digits, null for a group or an unknown LID */
  phone: string | null;
  type: string;
}

/** One attempt that this owner may make. */
export interface Claim extends MessageRef {
  held: Held;
  lid: string | null;
  content: unknown;
  priority: Priority;
  expiresAt: number | null;
  /** this one included; without those whose process ended before there was an answer */
  attempts: number;
  /** id of the send_attempts row */
  attemptId: string;
  /** the time in that row, epoch milliseconds */
  attemptAt: number;
  /** whom it is a first contact of, as the limit counts people; null: somebody who knows the session, or nothing counts */
  stranger: string | null;
}

export const messageRefColumns = {
  id: messages.id,
  userId: messages.userId,
  accountId: messages.accountId,
  sessionId: messages.sessionId,
  messageId: messages.messageId,
  peer: messages.peer,
  phone: messages.phone,
  type: messages.type,
} as const;

/** The recipient as engines take it. */
export function recipientOf(claim: Claim): Recipient {
  return { jid: claim.peer, phone: claim.phone, lid: claim.lid };
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

/**
 * Takes one row: marks it, counts the attempt (row, history and send_attempts) in one transaction. Null when the
 * row is gone, taken, tried meanwhile or not due, or when `held` is not the session's owner and fence any more. With
 * `contact`, for a stranger, it also spends a first contact, and is null when there is none left.
 */
export async function claimRow(
  deps: QueueDeps,
  held: Held,
  candidate: Candidate,
  now: number,
  contact: ContactSpending | null = null,
): Promise<Claim | null> {
  const { id, contentJson, recipient } = candidate;
  const attempts = candidate.attempts + 1;
  const attemptId = newId(now);
  const priority = asPriority(candidate.priority);
  const stranger = contact?.person ?? null;
  return transact(deps.database, async (tx) => {
    if (contact !== null && !(await takeTurn(tx, held, contact, { priority, now }))) return null;
    const values = { id, attempts, seenAttempts: candidate.attempts, now, ...heldValues(held) };
    if (affected(await takeRow(tx, values)) === 0) return null;
    if (stranger !== null) await spendContact(tx, held.id, stranger, { attemptId, now });
    await countAttempt(tx, { id, now });
    await insertMany(tx, sendAttempts, [{ id: attemptId, accountId: held.id, recipient, priority, at: now }]);
    const content = contentJson === null ? await readContent(tx, id) : parseJson(contentJson);
    return { ...candidate, content, priority, attempts, held, attemptId, attemptAt: now, stranger };
  });
}

async function readContent(tx: Tx, id: string): Promise<unknown> {
  const [row] = await tx.select({ content: messages.content }).from(messages).where(eq(messages.id, id));
  return row?.content;
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}

/**
 * A recipient at its limit steps aside until `until`, with all its rows among the next `reach` of that
 * priority; what others wait for is not held up. How many rows moved.
 */
export async function deferRecipient(
  deps: QueueDeps,
  held: Held,
  input: { recipient: string; priority: Priority; until: number; reach: number },
): Promise<number> {
  const ahead = await readCandidates(deps.db, held.id, input.priority, input.reach);
  const ids = ahead
    .filter((row) => row.recipient === input.recipient && row.availableAt < input.until)
    .map((row) => row.id);
  if (ids.length === 0) return 0;
  const moved = await deps.db
    .update(messageQueue)
    .set({ availableAt: input.until })
    .where(and(inArray(messageQueue.id, ids), eq(messageQueue.status, 'pending'), isHeld(deps.db, held)));
  return affected(moved);
}

/**
 * After a take-over, a crash or a reconnect: whatever of this session is marked as being sent, but not by the
 * caller (`inFlight`), goes back to pending under its old id. How many rows went. The attempt stays in the history; for
 * the row it does not count, or a few crashes would leave none for the next passing trouble.
 */
export async function recoverClaims(
  deps: Pick<QueueDeps, 'db'>,
  held: Held,
  inFlight: readonly string[] = [],
): Promise<number> {
  const result = await deps.db
    .update(messageQueue)
    .set({ status: 'pending', claimedFence: null, attempts: sql`${messageQueue.attempts} - 1` })
    .where(
      and(
        eq(messageQueue.accountId, held.id),
        eq(messageQueue.status, 'sending'),
        inFlight.length > 0 ? notInArray(messageQueue.id, [...inFlight]) : undefined,
        isHeld(deps.db, held),
      ),
    );
  return affected(result);
}

/** Rows in one statement. */
const PUT_BACK_AT_ONCE = 200;

/**
 * For a session that has ended, with nothing in flight: what it was sending waits in its queue again, and the history
 * says so. Answers how many messages.
 */
export async function requeueSending(db: Db, held: Held, now: number): Promise<number> {
  const [any] = await db
    .select({ id: messageQueue.id })
    .from(messageQueue)
    .where(eq(messageQueue.accountId, held.id))
    .limit(1);
  if (!any) return 0;
  await recoverClaims({ db }, held);
  for (let done = 0; ; ) {
    const rows = await db
      .select({ id: messages.id })
      .from(messageQueue)
      .innerJoin(messages, eq(messages.id, messageQueue.id))
      .where(and(eq(messageQueue.accountId, held.id), eq(messages.status, 'sending')))
      .limit(PUT_BACK_AT_ONCE);
    if (rows.length === 0) return done;
    const ids = rows.map((row) => row.id);
    const changed = await db
      .update(messages)
      .set({ status: 'queued', updatedAt: now })
      .where(and(inArray(messages.id, ids), eq(messages.status, 'sending'), isHeld(db, held)));
    if (affected(changed) === 0) return done;
    done += affected(changed);
  }
}

/** An attempt may leave this much later than its row says without another write. */
const LEAVES_AT_ONCE_MS = 250;

/**
 * Called before the stanza leaves. An attempt that took long to prepare gets the present time, so that limits which are
 * rebuilt after a crash do not take it for older than it is.
 */
export async function countAsLeaving(
  db: Db,
  {
    accountId,
    attemptId,
    attemptAt,
    stranger,
  }: Pick<Claim, 'accountId' | 'attemptId' | 'attemptAt' | 'stranger'>,
  now: number,
): Promise<void> {
  if (now - attemptAt < LEAVES_AT_ONCE_MS) return;
  await db.update(sendAttempts).set({ at: now }).where(eq(sendAttempts.id, attemptId));
  if (stranger !== null) await contactLeaves(db, accountId, stranger, now);
}
