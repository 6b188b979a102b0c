/** Outcomes that are not proven: only the session's owner may write them, and only while the row is its claim. */
import { and, eq, inArray, lte, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { messageQueue, messages, sendAttempts } from '../db/schema.ts';
import { tripBreaker, tripsBreaker } from './breaker.ts';
import { type Claim, type MessageRef, messageRefColumns } from './claim.ts';
import { type Held, isHeld } from './fence.ts';
import { giveBackContacts } from './first-contacts.ts';
import { messageFact } from './message-fact.ts';
import type { Settled } from './settle-proofs.ts';
import type { QueueSignals } from './signals.ts';
import { takeOff } from './take-off.ts';
import { isSentAs } from './wire-id.ts';

export type AttemptItem =
  /** `unsent`: nothing was put on the wire */
  | { kind: 'failed'; claim: Claim; errorCode: string; errorMessage: string; unsent?: boolean }
  | { kind: 'retry'; claim: Claim; availableAt: number }
  | { kind: 'release'; claim: Claim; availableAt?: number | undefined }
  /** withheld at the last moment because its time had run out */
  | { kind: 'expired'; claim: Claim }
  /** never claimed: its time ran out while it waited */
  | { kind: 'overdue'; id: string }
  /** its process ended in too many attempts */
  | { kind: 'exhausted'; id: string; held: Held }
  /** an error acknowledgement that came after the attempt was given up */
  | { kind: 'refused'; held: Held; messageId: string; errorCode: string; errorMessage: string };

const NOTHING: Settled = { facts: [], outcomes: [] };
/** Lengths of messages.error_code and error_message. */
const MAX_CODE = 40;
const MAX_MESSAGE = 300;

type Wakes = Pick<QueueSignals, 'wake'>;

/**
 * Writes one outcome; empty when the fence or the claim is gone, because then somebody else's word counts. After the commit
 * `signals` wakes the session whose breaker it opens.
 */
export async function settleAttempt(
  tx: Tx,
  signals: Wakes,
  item: AttemptItem,
  now: number,
): Promise<Settled> {
  switch (item.kind) {
    case 'retry':
      await tx
        .update(messageQueue)
        .set({ status: 'pending', claimedFence: null, availableAt: item.availableAt })
        .where(ownClaim(tx, item.claim));
      return NOTHING;
    case 'release':
      return release(tx, item.claim, now, item.availableAt);
    case 'failed':
      if ((await takeOff(tx, ownClaim(tx, item.claim))) === 0) return NOTHING;
      if (item.unsent) await giveBackContacts(tx, item.claim);
      return fail(tx, signals, item.claim, item, now);
    case 'expired':
      if ((await takeOff(tx, ownClaim(tx, item.claim))) === 0) return NOTHING;
      await giveBackContacts(tx, item.claim);
      return expire(tx, item.claim, now);
    case 'overdue':
      return expireWaiting(tx, item.id, now);
    case 'exhausted':
      return exhaust(tx, signals, item, now);
    case 'refused':
      return refuseWaiting(tx, signals, item, now);
  }
}

function ownClaim(tx: Tx, { id, held }: Claim): SQL | undefined {
  return and(
    eq(messageQueue.id, id),
    eq(messageQueue.status, 'sending'),
    eq(messageQueue.claimedFence, held.fence),
    isHeld(tx, held),
  );
}

/** As if it had not been tried: nothing left, so neither the row nor the limits count it. */
async function release(tx: Tx, claim: Claim, now: number, availableAt?: number): Promise<Settled> {
  const released = await tx
    .update(messageQueue)
    .set({
      status: 'pending',
      claimedFence: null,
      attempts: sql`${messageQueue.attempts} - 1`,
      ...(availableAt === undefined ? {} : { availableAt }),
    })
    .where(ownClaim(tx, claim));
  if (affected(released) === 0) return NOTHING;
  await tx
    .update(messages)
    .set({ attempts: sql`${messages.attempts} - 1`, updatedAt: now })
    .where(eq(messages.id, claim.id));
  // Where this attempt was the first one ever, nothing can have left. One of before a retry has another time.
  await tx
    .update(messages)
    .set({ status: 'queued', sendingAt: null })
    .where(
      and(
        eq(messages.id, claim.id),
        eq(messages.status, 'sending'),
        eq(messages.attempts, 0),
        eq(messages.sendingAt, claim.attemptAt),
      ),
    );
  await tx.delete(sendAttempts).where(eq(sendAttempts.id, claim.attemptId));
  await giveBackContacts(tx, claim);
  return NOTHING;
}

async function fail(
  tx: Tx,
  signals: Wakes,
  message: MessageRef,
  reason: { errorCode: string; errorMessage: string },
  now: number,
): Promise<Settled> {
  const errorCode = reason.errorCode.slice(0, MAX_CODE);
  const errorMessage = reason.errorMessage.slice(0, MAX_MESSAGE);
  const changes = { status: 'failed' as const, failedAt: now, errorCode, errorMessage, updatedAt: now };
  const written = await tx.update(messages).set(changes).where(isUnsettled(message.id));
  if (affected(written) === 0) return NOTHING;
  const paused = tripsBreaker(errorCode) ? await tripBreaker(tx, signals, message, errorCode, now) : [];
  return {
    facts: [messageFact(message, 'message.failed', now, { status: 'failed', errorCode }), ...paused],
    outcomes: [{ id: message.id, status: 'failed', errorCode, errorMessage }],
  };
}

async function expire(tx: Tx, message: MessageRef, now: number): Promise<Settled> {
  const errorCode = 'EXPIRED';
  const errorMessage = 'Its time ran out before it could be sent.';
  const changes = { status: 'expired' as const, failedAt: now, errorCode, errorMessage, updatedAt: now };
  const written = await tx.update(messages).set(changes).where(isUnsettled(message.id));
  if (affected(written) === 0) return NOTHING;
  return {
    facts: [messageFact(message, 'message.expired', now, { status: 'expired', errorCode })],
    outcomes: [{ id: message.id, status: 'expired', errorCode, errorMessage }],
  };
}

function isUnsettled(id: string): SQL | undefined {
  return and(eq(messages.id, id), inArray(messages.status, ['queued', 'sending']));
}

async function expireWaiting(tx: Tx, id: string, now: number): Promise<Settled> {
  const overdue = and(
    eq(messageQueue.id, id),
    eq(messageQueue.status, 'pending'),
    lte(messageQueue.expiresAt, now),
  );
  if ((await takeOff(tx, overdue)) === 0) return NOTHING;
  const [message] = await tx.select(messageRefColumns).from(messages).where(eq(messages.id, id));
  return message ? expire(tx, message, now) : NOTHING;
}

async function exhaust(
  tx: Tx,
  signals: Wakes,
  { id, held }: Extract<AttemptItem, { kind: 'exhausted' }>,
  now: number,
): Promise<Settled> {
  const waiting = and(eq(messageQueue.id, id), eq(messageQueue.status, 'pending'), isHeld(tx, held));
  if (!(await takeOff(tx, waiting))) return NOTHING;
  const [message] = await tx.select(messageRefColumns).from(messages).where(eq(messages.id, id));
  if (!message) return NOTHING;
  const errorMessage = 'The service ended in the middle of every attempt. It may have arrived.';
  return fail(tx, signals, message, { errorCode: 'NO_ACK', errorMessage }, now);
}

async function refuseWaiting(
  tx: Tx,
  signals: Wakes,
  item: Extract<AttemptItem, { kind: 'refused' }>,
  now: number,
): Promise<Settled> {
  const [message] = await tx
    .select(messageRefColumns)
    .from(messages)
    .where(isSentAs(item.held.id, item.messageId));
  if (!message) return NOTHING;
  // While it is being sent again, that attempt gets an answer of its own.
  const waiting = and(
    eq(messageQueue.id, message.id),
    eq(messageQueue.status, 'pending'),
    isHeld(tx, item.held),
  );
  return (await takeOff(tx, waiting)) > 0 ? fail(tx, signals, message, item, now) : NOTHING;
}
