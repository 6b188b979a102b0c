/** Outcomes that are not proven: only the session's owner may write them, and only while the row is its claim. */
import { and, eq, exists, inArray, lte, or, type SQL, sql } from 'drizzle-orm';
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
import { awaitsAnswer, takeOff } from './take-off.ts';
import { isSentAs } from './wire-id.ts';

export type AttemptItem =
  /** `unsent`: nothing was put on the wire */
  | { kind: 'failed'; claim: Claim; errorCode: string; errorMessage: string; unsent?: boolean }
  | { kind: 'retry'; claim: Claim; availableAt: number }
  | { kind: 'release'; claim: Claim; availableAt?: number | undefined }
  /** withheld at the last moment because its time had run out */
  | { kind: 'expired'; claim: Claim }
  /** never claimed: its time ran out while it waited, or while its answer was awaited (`cancelUnbegun`) */
  | { kind: 'overdue'; id: string }
  /** its process ended in too many attempts */
  | { kind: 'exhausted'; id: string; held: Held }
  /** an error acknowledgement that came after the attempt was given up */
  | { kind: 'refused'; held: Held; messageId: string; errorCode: string; errorMessage: string };

/** The reason of what ends with its campaign. */
export const CAMPAIGN_END = { errorCode: 'CAMPAIGN_STOPPED' } as const;

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
      if ((await takeOff(tx, ownAttempt(tx, item.claim))) === 0) return NOTHING;
      if (item.unsent) await giveBackContacts(tx, item.claim);
      return fail(tx, signals, item.claim, item, now);
    case 'expired':
      if ((await takeOff(tx, ownClaim(tx, item.claim))) === 0) return NOTHING;
      await giveBackContacts(tx, item.claim);
      return expire(tx, item.claim, now);
    case 'overdue':
      return expireWaiting(tx, signals, item.id, now);
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

const isAwaited = (tx: Tx, { id, held }: Claim) =>
  and(eq(messageQueue.id, id), awaitsAnswer, isHeld(tx, held));

/** Its claim, also where it was ended meanwhile and only its answer is awaited. */
const ownAttempt = (tx: Tx, claim: Claim) => or(ownClaim(tx, claim), isAwaited(tx, claim));

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
  if (affected(released) === 0) return releaseTakenOff(tx, claim, now);
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

/**
 * The same where it was taken off the queue meanwhile. Where this attempt was the first one ever, nothing has left: a message
 * that was ended is canceled, and one that was taken off for now was never begun. What may have left before keeps `sending`.
 */
async function releaseTakenOff(tx: Tx, claim: Claim, now: number): Promise<Settled> {
  const isEnded = (await takeOff(tx, and(isAwaited(tx, claim), exists(firstAttempts(tx, claim))))) > 0;
  const [row] = await tx
    .select({ id: messageQueue.id })
    .from(messageQueue)
    .where(eq(messageQueue.id, claim.id));
  if (row) return NOTHING;
  const untouched = { attempts: 0, sendingAt: null, updatedAt: now };
  const end = { status: 'canceled' as const, ...CAMPAIGN_END, errorMessage: null };
  const written = await tx
    .update(messages)
    .set({ ...untouched, ...(isEnded ? end : { status: 'queued' as const }) })
    .where(and(isFirstAttempt(claim), isHeld(tx, claim.held)));
  if (affected(written) === 0) return NOTHING;
  await tx.delete(sendAttempts).where(eq(sendAttempts.id, claim.attemptId));
  await giveBackContacts(tx, claim);
  if (!isEnded) return NOTHING;
  const data = { status: end.status, errorCode: end.errorCode };
  return {
    facts: [messageFact(claim, 'message.canceled', now, data)],
    outcomes: [{ id: claim.id, ...end }],
  };
}

const isFirstAttempt = ({ id, attemptAt }: Claim) =>
  and(
    eq(messages.id, id),
    eq(messages.status, 'sending'),
    eq(messages.attempts, 1),
    eq(messages.sendingAt, attemptAt),
  );

const firstAttempts = (tx: Tx, claim: Claim) =>
  tx.select({ one: sql`1` }).from(messages).where(isFirstAttempt(claim));

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

async function expireWaiting(tx: Tx, signals: Wakes, id: string, now: number): Promise<Settled> {
  const overdue = and(
    eq(messageQueue.id, id),
    eq(messageQueue.status, 'pending'),
    lte(messageQueue.expiresAt, now),
  );
  if ((await takeOff(tx, overdue)) === 0) return failUnanswered(tx, signals, id, now);
  const [message] = await tx.select(messageRefColumns).from(messages).where(eq(messages.id, id));
  return message ? expire(tx, message, now) : NOTHING;
}

async function failUnanswered(tx: Tx, signals: Wakes, id: string, now: number): Promise<Settled> {
  const unanswered = and(eq(messageQueue.id, id), awaitsAnswer, lte(messageQueue.expiresAt, now));
  if ((await takeOff(tx, unanswered)) === 0) return NOTHING;
  const [message] = await tx.select(messageRefColumns).from(messages).where(eq(messages.id, id));
  if (!message) return NOTHING;
  const errorMessage = 'It was stopped before WhatsApp acknowledged it. It may have arrived.';
  return fail(tx, signals, message, { errorCode: 'NO_ACK', errorMessage }, now);
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
    or(eq(messageQueue.status, 'pending'), awaitsAnswer),
    isHeld(tx, item.held),
  );
  return (await takeOff(tx, waiting)) > 0 ? fail(tx, signals, message, item, now) : NOTHING;
}
