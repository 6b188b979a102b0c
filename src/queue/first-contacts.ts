/**
 * The limit of first contacts: how many people who do not know a session it may write to in any 24 hours. Counted in
 * the transaction of the claim, so that restarts, changes of owner and whatever leads to the session count the same.
 */

import { and, asc, count, eq, gt, inArray, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { added, affected, incoming, upsert } from '../db/ops.ts';
import { contactTurns, firstContacts, type NewChatCapRow } from '../db/schema.ts';
import { DAY_MS } from '../utils/durations.ts';
import { isSharedJid } from '../whatsapp/jid.ts';
import { capOf, type Pace, type Pacing } from './pace.ts';
import { PRIORITIES, type Priority } from './priority.ts';
import type { Addressee } from './subscriber-peers.ts';

/** A link, or an account, of this age is no young one. WhatsApp tells nothing of it: a month is what people report. */
const YOUNG_MS = 30 * DAY_MS;
/** The window of the limit. */
const WINDOW_MS = DAY_MS;

/** Messages on their way when WhatsApp told of its cap may not be in its count: they count as sent after that. */
const CAP_OVERLAP_MS = 5_000;

/** The reason that a message shows which waits for it. */
export const NEW_CONTACTS = 'new_contacts';

/** The columns of a session's row about first contacts. */
export interface ContactRow {
  limits: Record<string, unknown> | null;
  linkedAt: number | null;
  newChatCap: NewChatCapRow | null;
}

/** How many strangers may be written to. */
export interface ContactLimit {
  /** in any 24 hours; null: no limit on our side */
  perDay: number | null;
  /** `own`: set for the session; `young`: the service's, for a young link or one of unknown age; `none`: no limit */
  reason: 'own' | 'young' | 'none';
  /** WhatsApp's own, while it holds */
  cap: NewChatCapRow | null;
}

/** The limits of a session at a time. Pure. */
export function contactLimitOf(
  service: Pick<Pacing, 'newContactsPerDay'>,
  row: ContactRow,
  now: number,
): ContactLimit {
  const cap = row.newChatCap !== null && capEnd(row.newChatCap) > now ? row.newChatCap : null;
  const own = positive(row.limits?.newContactsPerDay);
  if (own !== null) return { perDay: own, reason: 'own', cap };
  const since = positive(row.limits?.accountSince) ?? row.linkedAt;
  const isYoung = since === null || now - since < YOUNG_MS;
  if (!isYoung || service.newContactsPerDay === 0) return { perDay: null, reason: 'none', cap };
  return { perDay: service.newContactsPerDay, reason: 'young', cap };
}

/** Whether anything limits first contacts. */
export function limitsContacts({ perDay, cap }: ContactLimit): boolean {
  return perDay !== null || cap !== null;
}

function positive(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : null;
}

/** A cap without an end is believed for a day: every connection asks again. */
function capEnd({ until, toldAt }: NewChatCapRow): number {
  return until ?? toldAt + DAY_MS;
}

/** The person that a message goes to, as the limit counts people. */
export function personOf({ peer, phone, lid }: Addressee): string {
  return phone ?? lid ?? peer;
}

/** The room that the limits leave. */
export interface ContactRoom {
  /** people written to as strangers in the last 24 hours */
  used: number;
  /** how many more may be now; null: no limit */
  left: number | null;
  /** with too little left: when there will be enough, epoch milliseconds */
  until: number | null;
}

/** A question to the limits. */
export interface RoomQuery {
  limit: ContactLimit;
  pace: Pick<Pace, 'otpReservePercent'>;
  priority: Priority;
  now: number;
}

/**
 * The room that messages of this priority may still spend: high priority all of it, the others not the reserve. `until` is for so
 * many people at once.
 */
export async function readContactRoom(
  db: Db | Tx,
  accountId: string,
  { limit, pace, priority, now }: RoomQuery,
  needed = 1,
): Promise<ContactRoom> {
  const ours = eq(firstContacts.accountId, accountId);
  const inWindow = and(ours, gt(firstContacts.at, now - WINDOW_MS));
  const used = await countOf(db, inWindow);
  const rooms: { left: number; until: number }[] = [];
  if (limit.perDay !== null) {
    const left = capOf(limit.perDay, pace, priority) - used;
    const oldest = left >= needed ? now : await nthOldest(db, inWindow, needed - 1 - left);
    rooms.push({ left, until: (oldest ?? now) + WINDOW_MS });
  }
  if (limit.cap !== null) {
    const { total, used: told, toldAt } = limit.cap;
    const since = await countOf(db, and(ours, gt(firstContacts.at, toldAt - CAP_OVERLAP_MS)));
    const most = total === null ? 0 : capOf(total, pace, priority);
    rooms.push({ left: most - told - since, until: capEnd(limit.cap) });
  }
  if (rooms.length === 0) return { used, left: null, until: null };
  const spent = rooms.filter(({ left }) => left < needed).map(({ until }) => until);
  return {
    used,
    left: Math.max(0, Math.min(...rooms.map(({ left }) => left))),
    until: spent.length === 0 ? null : Math.max(...spent),
  };
}

/** People who do not know the session, and what limits how many of them it may meet. */
export interface MeetingQuery extends RoomQuery {
  people: readonly string[];
}

/**
 * Whether all of them may be met now. Whoever was met within the window counts already: another message to them is no other
 * first contact. `fresh` are the others; `lacks` says what is left for them, and until when they must wait (epoch
 * milliseconds), when that is not enough.
 */
export async function roomFor(
  db: Db | Tx,
  accountId: string,
  { people, ...query }: MeetingQuery,
): Promise<{ fresh: string[]; lacks: { left: number; until: number } | null }> {
  const counted = await db
    .select({ person: firstContacts.person })
    .from(firstContacts)
    .where(and(arePeople(accountId, people), gt(firstContacts.at, query.now - WINDOW_MS)));
  const known = new Set(counted.map(({ person }) => person));
  const fresh = [...new Set(people)].filter((person) => !known.has(person));
  if (fresh.length === 0) return { fresh, lacks: null };
  const { left, until } = await readContactRoom(db, accountId, query, fresh.length);
  if (left === null || left >= fresh.length) return { fresh, lacks: null };
  return { fresh, lacks: { left, until: until ?? query.now + WINDOW_MS } };
}

/** Until when a message to these strangers must wait, epoch milliseconds; null: it may go now. */
export async function strangersHeldUntil(
  db: Db | Tx,
  accountId: string,
  query: MeetingQuery,
): Promise<number | null> {
  return (await roomFor(db, accountId, query)).lacks?.until ?? null;
}

async function countOf(db: Db | Tx, where: SQL | undefined): Promise<number> {
  const [row] = await db.select({ n: count() }).from(firstContacts).where(where);
  return Number(row?.n ?? 0);
}

/** The time of the n-th oldest, from 0. */
async function nthOldest(db: Db | Tx, where: SQL | undefined, n: number): Promise<number | undefined> {
  const [row] = await db
    .select({ at: firstContacts.at })
    .from(firstContacts)
    .where(where)
    .orderBy(asc(firstContacts.at))
    .limit(1)
    .offset(n);
  return row?.at;
}

/** Those among them who were written to as strangers within the window: another message to them is no first contact. */
export async function readContacted(
  db: Db,
  accountId: string,
  people: readonly Addressee[],
  now: number,
): Promise<Set<string>> {
  const names = [...new Set(people.filter(({ peer }) => !isSharedJid(peer)).map(personOf))];
  if (names.length === 0) return new Set();
  const rows = await db
    .select({ person: firstContacts.person })
    .from(firstContacts)
    .where(
      and(
        eq(firstContacts.accountId, accountId),
        inArray(firstContacts.person, names),
        gt(firstContacts.at, now - WINDOW_MS),
      ),
    );
  return new Set(rows.map(({ person }) => person));
}

/** A claim of a message to strangers: what it spends. */
export interface ContactSpending {
  /** one, or those whom a post to the status is for */
  people: readonly string[];
  limit: ContactLimit;
  pace: Pick<Pace, 'otpReservePercent'>;
}

/**
 * In the transaction of a claim, before its row is taken: true when there is a first contact left for each of them. Claims of
 * strangers take turns (`lockContacts`), also those of an owner before, so that each counts what the one before has spent.
 */
export async function takeTurn(
  tx: Tx,
  accountId: string,
  { people, limit, pace }: ContactSpending,
  { priority, now }: { priority: Priority; now: number },
): Promise<boolean> {
  await lockContacts(tx, accountId);
  return (await strangersHeldUntil(tx, accountId, { limit, pace, priority, now, people })) === null;
}

/**
 * Spends what `takeTurn` has found, in the same transaction. A person who is tried again within the window counts once, from now,
 * and for what was spent first; what is older counts no more, so that this attempt can be given back.
 */
export async function spendContact(
  tx: Tx,
  accountId: string,
  person: string,
  { attemptId, now }: { attemptId: string; now: number },
): Promise<void> {
  const known = await tx
    .update(firstContacts)
    .set({ at: now, attemptId: null })
    .where(and(isPerson(accountId, person), gt(firstContacts.at, now - WINDOW_MS)));
  if (affected(known) > 0) return;
  const { accountId: account, person: name, at, attemptId: attempt } = firstContacts;
  const row = { accountId, person, at: now, attemptId };
  await upsert(tx, firstContacts, row, [account, name], { at: incoming(at), attemptId: incoming(attempt) });
}

/** Takes back what a claim spent that provably sent nothing. An earlier attempt to the same person keeps counting. */
export async function giveBackContacts(
  tx: Tx,
  { accountId, strangers, attemptId }: { accountId: string; strangers: readonly string[]; attemptId: string },
): Promise<void> {
  if (strangers.length === 0) return;
  await tx
    .delete(firstContacts)
    .where(and(arePeople(accountId, strangers), eq(firstContacts.attemptId, attemptId)));
}

/** A message that took long to prepare leaves now: the window counts from here. */
export async function contactsLeave(
  db: Db,
  accountId: string,
  people: readonly string[],
  now: number,
): Promise<void> {
  await db.update(firstContacts).set({ at: now }).where(arePeople(accountId, people));
}

function isPerson(accountId: string, person: string) {
  return and(eq(firstContacts.accountId, accountId), eq(firstContacts.person, person));
}

function arePeople(accountId: string, people: readonly string[]) {
  return and(eq(firstContacts.accountId, accountId), inArray(firstContacts.person, [...people]));
}

/**
 * Makes whoever counts or spends first contacts of this session wait until the transaction ends, and nobody else. Call it
 * before what is counted is read.
 */
export async function lockContacts(tx: Tx, accountId: string): Promise<void> {
  const { accountId: account, turns } = contactTurns;
  await upsert(tx, contactTurns, { accountId, turns: 1 }, [account], { turns: added(turns) });
}

/** People who are to be met at once, such as those who are added to a group. */
export interface Meeting {
  people: readonly string[];
  limit: ContactLimit;
  pace: Pick<Pace, 'otpReservePercent'>;
  /** by which it is given back */
  attemptId: string;
  now: number;
}

/**
 * Spends a first contact for each of them, all or none; whoever was met within the window counts already. Null when that
 * is done, else how many more there may be and until when the rest must wait (epoch milliseconds). It takes turns with
 * the claims of messages.
 */
export async function meetAll(
  tx: Tx,
  accountId: string,
  { people, limit, pace, attemptId, now }: Meeting,
): Promise<{ left: number; until: number | null } | null> {
  await lockContacts(tx, accountId);
  const query = { people, limit, pace, priority: PRIORITIES.normal, now };
  const { fresh, lacks } = await roomFor(tx, accountId, query);
  if (lacks !== null) return lacks;
  for (const person of fresh) await spendContact(tx, accountId, person, { attemptId, now });
  return null;
}
