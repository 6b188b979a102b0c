/** Until when the limit of one recipient holds a message: what has been sent to it, and what waits before. */

import { and, count, desc, eq, gt, inArray, isNull, lt, lte, ne, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { messageQueue, messages, sendAttempts } from '../db/schema.ts';
import { HOUR_MS } from '../utils/durations.ts';
import type { Maybe } from '../utils/maybe.ts';
import { placesOf, waitsForAllUntil } from './albums.ts';
import type { IntakeDeps } from './deps.ts';
import { capOf, type Pace } from './pace.ts';
import type { Priority } from './priority.ts';

/** Messages of one chat that are looked through, at most. */
const SCAN_LIMIT = 1_000;
/** Messages of others among the newest of a chat that are passed over to find ours: a group may have thousands. */
const LOOK_BACK = 200;

export interface HeldMessage {
  /** null: it is being queued now, behind all others */
  id: string | null;
  userId: number;
  accountId: string;
  /** canonical JID */
  peer: string;
  /** E.164 digits */
  phone: string | null;
  lid: string | null;
  priority: Priority;
  /** epoch milliseconds; not to be sent before */
  scheduledAt: number | null;
  /** when it was queued last */
  queuedAt?: number | null;
  type?: string;
  content?: unknown;
  /** messages to the same recipient that are being queued with it, before it; 0 when missing */
  behind?: number;
}

/** Whether messages of this priority reach the limit of one recipient before that of the session. */
export function limitsRecipients(pace: Pace, priority: Priority): boolean {
  return capOf(pace.perRecipientPerHour, pace, priority) < capOf(pace.perHour, pace, priority);
}

/**
 * When the recipient's window lets the message through, epoch milliseconds; null when it does not hold it. What waits
 * for the same recipient counts as sent at its turn.
 */
export function recipientHeldUntil(
  deps: Pick<IntakeDeps, 'db' | 'peers'>,
  pace: Pace,
  message: HeldMessage,
  now: number,
): Maybe<number | null> {
  if (!limitsRecipients(pace, message.priority)) return null;
  const cap = capOf(pace.perRecipientPerHour, pace, message.priority);
  const { type = '', content, behind = 0 } = message;
  const places = Math.min(cap, placesOf({ type, content }));
  const busyFrom = cap - places + 1 - behind;
  return busyFrom > SCAN_LIMIT ? null : readHeldUntil(deps, message, { cap, places, busyFrom, now });
}

/** `cap`: messages of an hour; `places`: what this one takes of them; `busyFrom`: with fewer nothing is held. */
async function readHeldUntil(
  { db, peers: book }: Pick<IntakeDeps, 'db' | 'peers'>,
  message: HeldMessage,
  { cap, places, busyFrom, now }: { cap: number; places: number; busyFrom: number; now: number },
): Promise<number | null> {
  const { id, behind = 0, scheduledAt, queuedAt = null } = message;
  const peers = await book.of({ id: message.accountId, userId: message.userId }, message);
  const allUntil = id === null ? Number.POSITIVE_INFINITY : waitsForAllUntil({ id, scheduledAt, queuedAt });
  if (busyFrom > 0 && !(await isBusy(db, message, peers, busyFrom, now))) return null;
  const spent = await readSpentOn(db, message, peers, cap, now);
  const ahead = behind + (await countAheadOf(db, message, peers, now));
  const times = [...spent];
  const turnAt = (earliest: number, needs = 1) =>
    Math.max(earliest, (times[times.length - cap + needs - 1] ?? -HOUR_MS) + HOUR_MS);
  for (let i = 0; i < ahead; i++) times.push(turnAt(now));
  const earliest = Math.max(now, scheduledAt ?? 0);
  // With any room there is, once an album has waited long enough for all of it.
  const until = Math.min(turnAt(earliest, places), Math.max(turnAt(earliest), allUntil));
  return until > earliest ? until : null;
}

/** A window can only be full when there were `cap` messages: mostly one short read says no. */
async function isBusy(
  db: Db,
  { userId, accountId, id }: HeldMessage,
  peers: readonly string[],
  cap: number,
  now: number,
): Promise<boolean> {
  // A part for each spelling: over several at once the index does not give the order.
  const ours = await joined(peers, (peer) => {
    const inChat = and(eq(messages.userId, userId), eq(messages.peer, peer));
    const newest = newestOf(db, inChat, Math.min(SCAN_LIMIT, cap + LOOK_BACK));
    const found = db
      .select({ status: newest.status, sendingAt: newest.sendingAt })
      .from(newest)
      .where(
        and(
          eq(newest.accountId, accountId),
          eq(newest.direction, 'out'),
          // What the owner sends from the phone takes no place of the limit.
          isNull(newest.source),
          id === null ? undefined : ne(newest.id, id),
        ),
      )
      .orderBy(desc(newest.createdAt), desc(newest.id))
      .limit(cap)
      .as('found');
    return db.select({ status: found.status, sendingAt: found.sendingAt }).from(found);
  });
  const isOpen = ({ status, sendingAt }: (typeof ours)[number]) =>
    status === 'queued' || status === 'sending' || (sendingAt ?? 0) > now - HOUR_MS;
  return ours.length >= cap && ours.some(isOpen);
}

/** The newest messages that fit `where`, which names the chat: `limit` rows are read, whatever is looked for in them. */
function newestOf(db: Db, where: SQL | undefined, limit: number) {
  const { id, accountId, direction, source, type, status, scheduledAt, sendingAt, createdAt } = messages;
  return db
    .select({ id, accountId, direction, source, type, status, scheduledAt, sendingAt, createdAt })
    .from(messages)
    .where(where)
    .orderBy(desc(createdAt), desc(id))
    .limit(limit)
    .as('newest');
}

/** Times of the newest attempts to the recipient within the hour, oldest first. */
async function readSpentOn(
  db: Db,
  message: HeldMessage,
  peers: readonly string[],
  cap: number,
  now: number,
): Promise<number[]> {
  const rows = await db
    .select({ at: sendAttempts.at })
    .from(sendAttempts)
    .where(
      and(
        eq(sendAttempts.accountId, message.accountId),
        gt(sendAttempts.at, now - HOUR_MS),
        inArray(sendAttempts.recipient, [...peers]),
      ),
    )
    .orderBy(desc(sendAttempts.at))
    .limit(cap);
  return rows.map(({ at }) => at).reverse();
}

/** How many messages to the recipient have their turn before this one. */
async function countAheadOf(
  db: Db,
  message: HeldMessage,
  peers: readonly string[],
  now: number,
): Promise<number> {
  const { id, userId, accountId, priority, scheduledAt } = message;
  const before = id === null ? undefined : lt(messages.id, id);
  const counted = await joined(peers, (peer) => {
    const inChat = and(eq(messages.userId, userId), eq(messages.peer, peer), before);
    const newest = newestOf(db, inChat, SCAN_LIMIT);
    return db
      .select({ n: count() })
      .from(newest)
      .innerJoin(messageQueue, eq(messageQueue.id, newest.id))
      .where(
        and(
          eq(newest.accountId, accountId),
          eq(newest.status, 'queued'),
          // The head of an album takes no place.
          ne(newest.type, 'album'),
          eq(messageQueue.status, 'pending'),
          lte(messageQueue.priority, priority),
          sql`coalesce(${newest.scheduledAt}, 0) <= ${Math.max(now, scheduledAt ?? 0)}`,
        ),
      );
  });
  return counted.reduce((sum, { n }) => sum + Number(n), 0);
}

/** The rows of a query for each spelling, read in one statement. */
function joined<Row>(peers: readonly string[], queryOf: (peer: string) => PromiseLike<Row[]>) {
  const [first, ...others] = peers.map((peer) => asPart(queryOf(peer)));
  if (first === undefined) return Promise.resolve([]);
  return others.reduce((all, part) => all.unionAll(part), first);
}

interface Part<Row> extends PromiseLike<Row[]> {
  unionAll(part: Part<Row>): Part<Row>;
}

/** Safe because each is a select of the same columns, of which both dialects make a union. */
const asPart = <Row>(query: PromiseLike<Row[]>) => query as Part<Row>;
