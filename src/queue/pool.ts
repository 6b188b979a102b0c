/**
 * Which of several sessions writes to somebody. People stay with the number that they know; others go to a number that is
 * ready, with the most left of its hour. Nothing here lifts a limit: each session counts its own at the claim.
 */
import { and, desc, eq, inArray } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { messages, waContacts, waPeople } from '../db/schema.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { lidJid, phoneJid } from '../whatsapp/jid.ts';
import { findSubscribers } from '../whatsapp/subscribers.ts';
import { readBegun, readWaiting } from './counts.ts';
import type { IntakeDeps } from './deps.ts';
import { contactLimitOf, limitsContacts, NEW_CONTACTS, readContactRoom } from './first-contacts.ts';
import { type PaceRow, type Pacing, paceOf } from './pace.ts';
import type { Priority } from './priority.ts';
import { byLength, type SendingRow, sendingState } from './session-state.ts';
import type { Addressee } from './subscriber-peers.ts';

/** Whoever knows a number waits for it so long; then another one writes. */
const STAY_MS = HOUR_MS;

/** A session as far as the choice goes. */
export interface PoolMember {
  row: SendingRow;
  /** when the person and this session last wrote to each other, or 1 for a chat of its phone; 0: never */
  knownSince: number;
  /** when a message to the person was queued that is still on its way here; 0: none is */
  pendingSince: number;
  /** messages that wait in it */
  waiting: number;
  /** messages that it has begun within the last hour */
  begun: number;
  /** what it sends in an hour at most */
  perHour: number;
  /** first contacts that it has left; null: no limit */
  strangersLeft: number | null;
  /** with none left: when there will be some, epoch milliseconds; null: not known */
  strangersFrom: number | null;
  /** of those who wait in it, how many may be first contacts */
  strangersAhead: number;
  /** whether the person's own message that is on its way here is one of these */
  countsPending: boolean;
}

/**
 * `now`: it would send at once. `later`: it will, and is the best there is. `ended`: it will not before somebody acts.
 */
export type Readiness = 'now' | 'later' | 'ended';

export interface Ranked<M> {
  member: M;
  readiness: Readiness;
  /** when it sends again, epoch milliseconds; now when it would at once; null: not known */
  until: number | null;
  /** what is in the way that lasts longest; null: nothing is */
  reason: string | null;
}

/** The members, the best first. Pure. */
export function rankPool<M extends PoolMember>(
  members: readonly M[],
  { now, priority }: { now: number; priority: Priority },
): Ranked<M>[] {
  const judged = members.map((member) => judge(member, now, priority));
  return judged
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        b.tie - a.tie ||
        a.until - b.until ||
        // Of two whose end nobody knows the one that is there.
        a.away - b.away ||
        a.load - b.load ||
        a.member.waiting - b.member.waiting,
    )
    .map(({ member, readiness, reason, endsAt }) => ({
      member,
      readiness,
      reason,
      until: endsAt === UNKNOWN ? null : endsAt,
    }));
}

function judge<M extends PoolMember>(member: M, now: number, priority: Priority) {
  const { row, knownSince, pendingSince, waiting, begun, perHour } = member;
  const { connected, usable, holds } = sendingState(row, now, priority);
  const isKnown = knownSince > 0;
  const room = hasRoomFor(member) ? [] : [{ reason: NEW_CONTACTS, until: member.strangersFrom }];
  const inTheWay = [...holds.filter(({ everybody }) => everybody || !isKnown), ...room].sort(byLength);
  const isReady = connected && inTheWay.length === 0;
  const until = isReady ? now : endOf(inTheWay.map((hold) => hold.until));
  // A message that only waits does not make the person known: it holds them here, and lifts no hold.
  const hasTie = isKnown || pendingSince > 0;
  const staysWith = hasTie && connected && until - now <= STAY_MS;
  const load = (waiting + begun) / Math.max(1, perHour);
  const of = (rank: number, readiness: Readiness) => ({
    member,
    rank,
    readiness,
    reason: readiness === 'now' ? null : (inTheWay[0]?.reason ?? row.status),
    endsAt: until,
    until: readiness === 'now' ? 0 : until,
    tie: Math.max(knownSince, pendingSince),
    away: connected ? 0 : 1,
    load,
  });
  if (!usable) return of(4, 'ended');
  if (hasTie && isReady) return of(0, 'now');
  if (staysWith) return of(1, 'later');
  if (isReady) return of(2, 'now');
  return of(3, 'later');
}

/** Whether the person knows it, or it has a first contact left for them, with those who wait before counted. */
export function hasRoomFor(member: PoolMember): boolean {
  const { knownSince, strangersLeft, strangersAhead, pendingSince, countsPending } = member;
  if (knownSince > 0) return true;
  const isCounted = countsPending && pendingSince > 0;
  return strangersLeft === null || strangersLeft > (isCounted ? strangersAhead - 1 : strangersAhead);
}

/** When all of it is over; what has no end that is known counts as the longest. */
function endOf(untils: readonly (number | null)[]): number {
  if (untils.length === 0) return UNKNOWN;
  return Math.max(...untils.map((until) => until ?? UNKNOWN));
}

/** An end that nobody knows. */
const UNKNOWN = Number.MAX_SAFE_INTEGER;

/** A session's row with what the choice reads of it. */
export interface PoolSession extends SendingRow, PaceRow {
  id: string;
  userId: number;
  /** since when it has its number; null: it never had another */
  knownFrom: number | null;
}

/** Reads the facts that decide among these sessions, for one person. */
export async function readPool<S extends PoolSession>(
  deps: IntakeDeps & { config: { pacing: Pacing } },
  sessions: readonly S[],
  person: Addressee,
  { now, priority }: { now: number; priority: Priority },
): Promise<(PoolMember & { session: S })[]> {
  const known = await readTies(deps.db, sessions, person);
  return Promise.all(
    sessions.map(async (session) => {
      const { knownSince, pendingSince } = known.get(session.id) ?? NO_TIE;
      const pace = paceOf(deps.config.pacing, session, now);
      const limit = contactLimitOf(deps.config.pacing, session, now);
      const counts = knownSince === 0 && limitsContacts(limit);
      const room = counts ? await readContactRoom(deps.db, session.id, { limit, pace, priority, now }) : null;
      const waiting = await readWaiting(deps, session.id);
      return {
        session,
        row: session,
        knownSince,
        pendingSince,
        waiting,
        begun: await readBegun(deps, session.id),
        perHour: pace.perHour,
        strangersLeft: room?.left ?? null,
        strangersFrom: room?.until ?? null,
        strangersAhead: waiting,
        countsPending: true,
      };
    }),
  );
}

/** Of the newest messages of a chat so many are looked through. */
const SCAN_LIMIT = 50;

export type Tie = Pick<PoolMember, 'knownSince' | 'pendingSince'>;
export const NO_TIE: Tie = { knownSince: 0, pendingSince: 0 };

/** Which of the sessions the person knows, since when they last wrote, and where a message to them is on its way. */
export async function readTies(
  db: Db,
  sessions: readonly Pick<PoolSession, 'id' | 'userId' | 'knownFrom'>[],
  { peer, phone, lid }: Addressee,
): Promise<Map<string, Tie>> {
  const known = new Map<string, Tie>();
  const [first] = sessions;
  if (!first) return known;
  const ids = sessions.map(({ id }) => id);
  const subscribers = phone === null ? null : await findSubscribers(db, first.userId, [phone]);
  const phones = phone === null ? [] : (subscribers?.get(phone)?.spellings ?? [phone]);
  const pairs =
    phones.length === 0
      ? []
      : await db
          .select({ lid: waContacts.lid })
          .from(waContacts)
          .where(and(inArray(waContacts.accountId, ids), inArray(waContacts.phone, phones)));
  const lids = [...pairs.map((pair) => pair.lid), ...(lid === null ? [] : [lid])];
  const peers = [...new Set([peer, ...phones.map(phoneJid), ...lids.map(lidJid)])];
  const chats = await db
    .select({ accountId: waPeople.accountId })
    .from(waPeople)
    .where(and(inArray(waPeople.accountId, ids), eq(waPeople.hasChat, true), inArray(waPeople.jid, peers)));
  for (const { accountId } of chats) known.set(accountId, { ...NO_TIE, knownSince: 1 });
  const since = new Map(sessions.map(({ id, knownFrom }) => [id, knownFrom ?? 0]));
  for (const one of peers) {
    const rows = await db
      .select({ accountId: messages.accountId, status: messages.status, at: messages.createdAt })
      .from(messages)
      .where(and(eq(messages.userId, first.userId), eq(messages.peer, one)))
      .orderBy(desc(messages.createdAt), desc(messages.id))
      .limit(SCAN_LIMIT);
    for (const { accountId, status, at } of rows) {
      const fact = KNOWING.has(status) ? 'knownSince' : PENDING.has(status) ? 'pendingSince' : null;
      if (fact === null || (fact === 'knownSince' && at < (since.get(accountId) ?? 0))) continue;
      const tie = known.get(accountId) ?? NO_TIE;
      known.set(accountId, { ...tie, [fact]: Math.max(tie[fact], at) });
    }
  }
  return known;
}

const KNOWING: ReadonlySet<string> = new Set(['sent', 'delivered', 'read', 'received']);
/** Still on its way: the next message to that person should not go elsewhere. */
const PENDING: ReadonlySet<string> = new Set(['queued', 'sending']);
