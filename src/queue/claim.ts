/** Claiming rows: setting them aside before, claiming them, and giving them back after a crash. */
import { and, eq, inArray, isNotNull, notInArray, sql } from 'drizzle-orm';
import { createBatcher } from '../db/batcher.ts';
import type { Db } from '../db/client.ts';
import { affected, caseBy, placeholders, preparedWriteFor, statementsAreCheap, valuesAt } from '../db/ops.ts';
import { messageQueue, messages, sendAttempts } from '../db/schema.ts';
import type { Outgoing } from '../whatsapp/content.ts';
import type { Recipient, SendResult } from '../whatsapp/engine.ts';
import type { QueueDeps } from './deps.ts';
import { type Held, isHeld } from './fence.ts';
import { contactsLeave } from './first-contacts.ts';
import { readCandidates } from './look-ahead.ts';
import type { Priority } from './priority.ts';

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
  /** whom it is a first contact of, as the limit counts people; none: people who know the session, or nothing counts */
  strangers: readonly string[];
  /** makes its content of what its transaction has committed a moment ago; missing: the row's content is opened */
  open?: (() => Outgoing | null) | undefined;
  /** it was given to the engine before its transaction was committed */
  begun?: BegunSend | undefined;
}

/** A message that the engine makes ready and seals. It waits for `leave` before it goes. */
export interface BegunSend {
  /** never rejects */
  result: Promise<SendResult>;
  /** Its transaction has ended: `may` is asked when it is ready to go. Only the first call counts. */
  leave(may: () => Promise<boolean>): void;
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
        // What only awaits its answer is sent by nobody again.
        isNotNull(messageQueue.claimedFence),
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
      .where(
        and(
          eq(messageQueue.accountId, held.id),
          eq(messageQueue.status, 'pending'),
          eq(messages.status, 'sending'),
        ),
      )
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

/** See `createLeavings`. */
export type Leavings = (
  claim: Pick<Claim, 'accountId' | 'attemptId' | 'attemptAt' | 'strangers'>,
  now: number,
) => Promise<void>;

/** Attempts of one statement. */
const LEAVINGS_AT_ONCE = 50;

const noteTimes = preparedWriteFor((db, named, count) => {
  const { id } = sendAttempts;
  const times = Array.from({ length: count }, (_, n) => [named(n, 'id'), named(n, 'now')] as const);
  return db
    .update(sendAttempts)
    .set({ at: caseBy(id, times) })
    .where(inArray(id, placeholders(named, 'id', count)));
});

/**
 * Makes what is called before a stanza leaves. An attempt that took long to prepare gets the present time, so that limits
 * which are rebuilt after a crash do not take it for older than it is; resolves when that is durable. Where a statement is a
 * round trip, those of the same moment share one.
 */
export function createLeavings(db: Db): Leavings {
  const batcher = createBatcher({
    async run(all: readonly { id: string; now: number }[]) {
      await noteTimes(db, [all.length], valuesAt(all));
      return all.map(() => undefined);
    },
    maxBatch: LEAVINGS_AT_ONCE,
  });
  return async ({ accountId, attemptId: id, attemptAt, strangers }, now) => {
    if (now - attemptAt < LEAVES_AT_ONCE_MS) return;
    if (statementsAreCheap) await noteTimes(db, [1], valuesAt([{ id, now }]));
    else await batcher.add({ id, now });
    if (strangers.length > 0) await contactsLeave(db, accountId, strangers, now);
  };
}
