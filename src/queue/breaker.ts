/**
 * The breaker of a session: when WhatsApp refuses a message for what it thinks of the sender, nothing goes to people
 * who have never heard from the session for a while. Those who know it are served on.
 */

import { and, eq, gte, inArray, isNull, lte, or, sql } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { messages, waPeople, whatsappAccounts } from '../db/schema.ts';
import type { Fact } from '../events/record.ts';
import { backoffMs } from '../utils/backoff.ts';
import { DAY_MS, MINUTE_MS } from '../utils/durations.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { isSharedJid, lidJid, phoneJid } from '../whatsapp/jid.ts';
import { CHAT_REFUSED } from '../whatsapp/refusals.ts';
import { findSubscribers } from '../whatsapp/subscribers.ts';
import type { MessageRef } from './claim.ts';
import type { QueueSignals } from './signals.ts';
import type { Addressee } from './subscriber-peers.ts';

const FIRST_PAUSE_MS = 15 * MINUTE_MS;
const MAX_PAUSE_MS = DAY_MS;
/** So long after a pause the next refusal is a first one again. */
const FORGET_MS = DAY_MS;

/** True for a refusal that says something about the sender. */
export function tripsBreaker(errorCode: string): boolean {
  return errorCode === CHAT_REFUSED;
}

/** Milliseconds of the n-th pause in a row: 15 min, doubling up to a day. */
export function breakerPauseMs(trips: number): number {
  return backoffMs({ firstMs: FIRST_PAUSE_MS, maxMs: MAX_PAUSE_MS }, trips);
}

/** The reason that the session shows while its breaker is open. */
export function breakerReason(code: string | null): string {
  return code === null ? 'breaker' : `breaker_${code}`;
}

/**
 * Opens the breaker of the message's session, in the transaction of its failure, and tells its line after the commit; the fact
 * to record. Nothing when it is open already: what was on its way then says nothing new.
 */
export async function tripBreaker(
  tx: Tx,
  signals: Pick<QueueSignals, 'wake'>,
  message: MessageRef,
  code: string,
  now: number,
): Promise<Fact[]> {
  const { id, breakerUntil, breakerTrips } = whatsappAccounts;
  const [row] = await tx
    .select({ until: breakerUntil, trips: breakerTrips })
    .from(whatsappAccounts)
    .where(eq(id, message.accountId));
  if (!row || (row.until !== null && row.until > now)) return [];
  const trips = row.until !== null && now - row.until < FORGET_MS ? row.trips + 1 : 1;
  const until = now + breakerPauseMs(trips);
  const opened = await tx
    .update(whatsappAccounts)
    .set({ breakerUntil: until, breakerCode: code, breakerTrips: trips })
    .where(and(eq(id, message.accountId), or(isNull(breakerUntil), lte(breakerUntil, now))));
  if (affected(opened) === 0) return [];
  tx.afterCommitAsked(() => signals.wake(message.accountId, { rowChanged: true }));
  return [
    {
      userId: message.userId,
      event: 'queue.paused',
      session: { id: message.accountId, sessionId: message.sessionId },
      data: { reason: breakerReason(code), pausedUntil: new Date(until).toISOString(), recipients: 'new' },
    },
  ];
}

/** Since when the session has its number, for a condition; 0 when it never had another. */
const knownFrom = (accountId: string) =>
  sql`coalesce((select ${whatsappAccounts.knownFrom} from ${whatsappAccounts} where ${whatsappAccounts.id} = ${accountId}), 0)`;

/**
 * The peers among them that have got or written a message in this session since it has its number, or have a chat with its phone; groups and
 * the status always count as known.
 */
export async function readKnown(
  db: Db,
  account: Pick<AccountRef, 'id' | 'userId'>,
  people: readonly Addressee[],
): Promise<Set<string>> {
  const known = new Set(people.map(({ peer }) => peer).filter((peer) => isSharedJid(peer)));
  const spellings = new Map<string, string>();
  const phones = people.flatMap(({ phone }) => (phone === null ? [] : [phone]));
  const subscribers = await findSubscribers(db, account.userId, phones);
  for (const { peer, phone, lid } of people) {
    if (known.has(peer)) continue;
    spellings.set(peer, peer);
    const numbers = phone === null ? [] : (subscribers.get(phone)?.spellings ?? [phone]);
    for (const number of numbers) spellings.set(phoneJid(number), peer);
    if (lid !== null) spellings.set(lidJid(lid), peer);
  }
  if (spellings.size === 0) return known;
  const rows = await db
    .selectDistinct({ peer: messages.peer })
    .from(messages)
    .where(
      and(
        eq(messages.userId, account.userId),
        eq(messages.accountId, account.id),
        inArray(messages.peer, [...spellings.keys()]),
        inArray(messages.status, ['sent', 'delivered', 'read', 'received']),
        gte(messages.createdAt, knownFrom(account.id)),
      ),
    );
  for (const row of rows) known.add(spellings.get(row.peer) ?? row.peer);
  const chats = await db
    .select({ jid: waPeople.jid })
    .from(waPeople)
    .where(
      and(
        eq(waPeople.accountId, account.id),
        eq(waPeople.hasChat, true),
        inArray(waPeople.jid, [...spellings.keys()]),
      ),
    );
  for (const { jid } of chats) known.add(spellings.get(jid) ?? jid);
  return known;
}
