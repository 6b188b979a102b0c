/** From waiting to being sent: look ahead, then take one row under the fence. */
import { and, asc, eq, inArray, lte, notInArray, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { affected, transact } from '../db/ops.ts';
import { messageQueue, messages, sendAttempts } from '../db/schema.ts';
import { newId } from '../utils/ids.ts';
import type { Recipient } from '../whatsapp/engine.ts';
import type { QueueDeps } from './deps.ts';
import { type Held, isHeld } from './fence.ts';
import { PRIORITIES, type Priority } from './priority.ts';

/** A row that waits, as the look-ahead sees it. Nothing about it is certain before the claim. */
export interface Candidate {
  id: string;
  recipient: string;
  availableAt: number;
  expiresAt: number | null;
}

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
  /** this one included */
  attempts: number;
  /** id of the send_attempts row */
  attemptId: string;
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

/**
 * The rows of one priority that come next, future ones included: one index seek, so a single read says both
 * what is due and when to look again. `except` are recipients that have something in flight.
 */
export async function readCandidates(
  db: Db,
  accountId: string,
  priority: Priority,
  limit: number,
  except: readonly string[] = [],
): Promise<Candidate[]> {
  return db
    .select({
      id: messageQueue.id,
      recipient: messageQueue.recipient,
      availableAt: messageQueue.availableAt,
      expiresAt: messageQueue.expiresAt,
    })
    .from(messageQueue)
    .where(
      and(
        eq(messageQueue.accountId, accountId),
        eq(messageQueue.status, 'pending'),
        eq(messageQueue.priority, priority),
        except.length > 0 ? notInArray(messageQueue.recipient, [...except]) : undefined,
      ),
    )
    .orderBy(asc(messageQueue.availableAt), asc(messageQueue.id))
    .limit(limit);
}

/**
 * Takes one row: marks it, counts the attempt (row, history and send_attempts) in one transaction. Null when the
 * row is gone, taken or not due any more, or when `held` is not the session's owner and fence any more.
 */
export async function claimRow(
  deps: QueueDeps,
  held: Held,
  candidate: Candidate,
  now: number,
): Promise<Claim | null> {
  const attemptId = newId(now);
  return transact(deps.database, async (tx) => {
    const taken = await tx
      .update(messageQueue)
      .set({ status: 'sending', claimedFence: held.fence, attempts: sql`${messageQueue.attempts} + 1` })
      .where(
        and(
          eq(messageQueue.id, candidate.id),
          eq(messageQueue.accountId, held.id),
          eq(messageQueue.status, 'pending'),
          lte(messageQueue.availableAt, now),
          isHeld(tx, held),
        ),
      );
    if (affected(taken) === 0) return null;
    await tx
      .update(messages)
      .set({
        status: 'sending',
        attempts: sql`${messages.attempts} + 1`,
        sendingAt: sql`coalesce(${messages.sendingAt}, ${now})`,
        updatedAt: now,
      })
      .where(eq(messages.id, candidate.id));
    const [row] = await tx
      .select({
        ...messageRefColumns,
        lid: messages.lid,
        content: messages.content,
        priority: messages.priority,
        attempts: messages.attempts,
      })
      .from(messages)
      .where(eq(messages.id, candidate.id));
    if (!row) return null;
    await tx
      .insert(sendAttempts)
      .values({ id: attemptId, accountId: held.id, recipient: row.peer, priority: row.priority, at: now });
    return { ...row, priority: asPriority(row.priority), expiresAt: candidate.expiresAt, held, attemptId };
  });
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
 * caller (`inFlight`), goes back to pending under its old id. How many rows went.
 */
export async function recoverClaims(
  deps: QueueDeps,
  held: Held,
  inFlight: readonly string[] = [],
): Promise<number> {
  const result = await deps.db
    .update(messageQueue)
    .set({ status: 'pending', claimedFence: null })
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

function asPriority(value: number): Priority {
  return value === PRIORITIES.high || value === PRIORITIES.low ? value : PRIORITIES.normal;
}
