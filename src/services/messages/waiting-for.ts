/** Why a queued message has not been sent yet, and when that ends. */
import { and, asc, eq, inArray } from 'drizzle-orm';
import { messageQueue, messages } from '../../db/schema.ts';
import { audienceStrangers } from '../../queue/audience.ts';
import { readKnown } from '../../queue/breaker.ts';
import {
  type ContactRoom,
  contactLimitOf,
  limitsContacts,
  NEW_CONTACTS,
  personOf,
  type RoomQuery,
  readContacted,
  readContactRoom,
  strangersHeldUntil,
} from '../../queue/first-contacts.ts';
import { paceOf } from '../../queue/pace.ts';
import { asPriority, PRIORITIES, PRIORITY_ORDER, type Priority } from '../../queue/priority.ts';
import { limitsRecipients, recipientHeldUntil } from '../../queue/recipient-hold.ts';
import { byLength, type Hold, sendingState } from '../../queue/session-state.ts';
import { type Maybe, whenThere } from '../../utils/maybe.ts';
import { once } from '../../utils/once.ts';
import { own } from '../../utils/own.ts';
import { isSharedJid } from '../../whatsapp/jid.ts';
import type { Ctx } from '../context.ts';
import { isStorageUp } from '../health.ts';
import { KINDS } from './kinds/index.ts';
import type { Kind } from './kinds/kind.ts';
import type { WaitingFor } from './schemas.ts';
import { readSendingSessions, type SendingSession } from './session.ts';
import { type MessageRecord, toIso } from './view.ts';
import { holdAnswer } from './waiting-words.ts';

/** A message on the queue, or about to be. */
export interface WaitingMessage {
  /** null: it is being queued now */
  id: string | null;
  peer: string;
  phone: string | null;
  lid: string | null;
  priority: Priority;
  scheduledAt: number | null;
  /** when it was queued last, epoch milliseconds */
  queuedAt?: number | null;
  /** when it falls due, epoch milliseconds; null: at once */
  availableAt: number | null;
  attempts: number;
  type?: string;
  content?: unknown;
  /** messages to the same recipient that are being queued with it, before it */
  behind?: number;
}

/** Everything that is in the way of the message, what lasts longest first. */
export function holdsOf(ctx: Ctx, session: SendingSession, message: WaitingMessage): Maybe<Hold[]> {
  const now = ctx.clock.now();
  const holds = holdsOfAll(ctx, session, message, () => strangersAmong(ctx, session, [message], now));
  return whenThere(holds, (found) => withOwnHolds(ctx, session, message, { found, now }));
}

/** The holds that were found, and those of the message itself: the limit of its recipient, and an earlier attempt. */
function withOwnHolds(
  ctx: Ctx,
  session: SendingSession,
  message: WaitingMessage,
  { found, now }: { found: Hold[]; now: number },
): Maybe<Hold[]> {
  const pace = paceOf(ctx.config.pacing, session, now);
  if (!limitsRecipients(pace, message.priority)) return sortedHolds(ctx, found, message, now);
  const held = { ...message, userId: session.userId, accountId: session.id };
  return whenThere(recipientHeldUntil(ctx, pace, held, now), (until) => {
    if (until !== null) found.push({ reason: 'recipient_limit', until, everybody: true });
    return sortedHolds(ctx, found, message, now);
  });
}

/**
 * With what only the message's place in the queue tells: it was put back, or its file cannot be read. For a file the storage is
 * asked (a look is a few seconds old at most) where nothing else is in the way, and not for a message that is being queued.
 */
function sortedHolds(ctx: Ctx, holds: Hold[], message: WaitingMessage, now: number): Maybe<Hold[]> {
  const { id, availableAt, attempts, type } = message;
  const sorted = () => {
    const explained = Math.max(0, ...holds.map((hold) => hold.until ?? 0));
    if (availableAt !== null && availableAt > Math.max(now, explained)) {
      holds.push({ reason: attempts > 0 ? 'retry' : 'put_back', until: availableAt, everybody: true });
    }
    return holds.sort(byLength);
  };
  if (id === null || holds.length > 0 || !hasFile(type)) return sorted();
  return isStorageUp(ctx).then((isUp) =>
    isUp ? sorted() : [{ reason: 'storage_away', until: null, everybody: true }],
  );
}

const hasFile = (type = ''): boolean => own<Kind>(KINDS, type)?.hasFile === true;

/**
 * What holds the message without its recipient's own limit: the session, the limits of strangers, its schedule. `strangersOf` is
 * called only where it matters who is one.
 */
function holdsOfAll(
  ctx: Ctx,
  session: SendingSession,
  message: WaitingMessage,
  strangersOf: () => Strangers,
): Maybe<Hold[]> {
  const now = ctx.clock.now();
  const { scheduledAt, priority } = message;
  const { holds } = sendingState(session, now, priority);
  const stranger = holds.findIndex(({ everybody }) => !everybody);
  if (scheduledAt !== null && scheduledAt > now) {
    holds.push({ reason: 'scheduled', until: scheduledAt, everybody: true });
  }
  if (stranger < 0 && !limitsContacts(contactLimitOf(ctx.config.pacing, session, now))) return holds;
  return heldAsStranger(ctx, session, message, { holds, stranger, strangers: strangersOf(), now });
}

/** The same holds without that of strangers (at `stranger`; -1: there is none) where the recipient is none. */
async function heldAsStranger(
  ctx: Ctx,
  session: SendingSession,
  message: WaitingMessage,
  about: { holds: Hold[]; stranger: number; strangers: Strangers; now: number },
): Promise<Hold[]> {
  const { holds, stranger, strangers, now } = about;
  const isHeld = stranger >= 0;
  if (isHeld && !(await reachesStranger(ctx, session, message, strangers))) holds.splice(stranger, 1);
  else holds.push(...(await contactHolds(ctx, session, message, { now, strangers, isStranger: isHeld })));
  return holds;
}

/** As the breaker counts: of a post to the status those whom it is for. One that is being queued was looked at before. */
async function reachesStranger(
  ctx: Ctx,
  session: SendingSession,
  message: WaitingMessage,
  strangers: Strangers,
): Promise<boolean> {
  const { id, peer } = message;
  if (!(await strangers.isKnown(message))) return true;
  return id !== null && (await audienceStrangers(ctx, session, { id, peer })).length > 0;
}

/** The limit of first contacts, where it holds the message; of one that is a stranger for certain nobody is asked. */
async function contactHolds(
  ctx: Ctx,
  session: SendingSession,
  message: WaitingMessage,
  { now, strangers, isStranger }: { now: number; strangers: Strangers; isStranger: boolean },
): Promise<Hold[]> {
  const { pacing } = ctx.config;
  const limit = contactLimitOf(pacing, session, now);
  if (!limitsContacts(limit)) return [];
  const query = { limit, pace: paceOf(pacing, session, now), priority: message.priority, now };
  if (isSharedJid(message.peer)) return heldBy(await audienceHeldUntil(ctx, session, message, query));
  if (!isStranger && (await strangers.isKnown(message))) return [];
  if (await strangers.isCounted(message)) return [];
  return heldBy((await strangers.room(query)).until);
}

const heldBy = (until: number | null): Hold[] =>
  until === null ? [] : [{ reason: NEW_CONTACTS, until, everybody: false }];

/** Of a post to the status those count whom it is for. One that is being queued was looked at before. */
async function audienceHeldUntil(
  ctx: Ctx,
  session: SendingSession,
  { id, peer }: WaitingMessage,
  query: RoomQuery,
): Promise<number | null> {
  const people = id === null ? [] : await audienceStrangers(ctx, session, { id, peer });
  return strangersHeldUntil(ctx.db, session.id, { ...query, people });
}

/** Which of a session's recipients are strangers; each question is asked once for all of them, when it first comes up. */
interface Strangers {
  /** it has been written to, or has written */
  isKnown(message: WaitingMessage): Promise<boolean>;
  /** a first contact of the last 24 hours: another message to them is none */
  isCounted(message: WaitingMessage): Promise<boolean>;
  /** of the first contacts that messages of this priority may still make */
  room(query: RoomQuery): Promise<ContactRoom>;
}

function strangersAmong(
  ctx: Ctx,
  session: SendingSession,
  waiting: readonly WaitingMessage[],
  now: number,
): Strangers {
  const known = once(() => readKnown(ctx.db, session, waiting));
  const counted = once(() => readContacted(ctx.db, session.id, waiting, now));
  const rooms = new Map<Priority, Promise<ContactRoom>>();
  return {
    isKnown: async ({ peer }) => (await known()).has(peer),
    isCounted: async (message) => (await counted()).has(personOf(message)),
    room(query) {
      const room = rooms.get(query.priority) ?? readContactRoom(ctx.db, session.id, query);
      rooms.set(query.priority, room);
      return room;
    },
  };
}

/** The holds as answers show them. */
export function toWaitingFor(holds: readonly Hold[]): WaitingFor {
  return holds.map(({ reason, until }) => {
    const { text, fix } = holdAnswer(reason);
    return { reason, until: toIso(until), text, fix };
  });
}

/**
 * What each of the messages waits for longest, in their order; null for one that waits for nothing, is being sent, or whose
 * session is gone. The limit of the recipient, which takes questions of its own for each, is looked at where nothing else
 * holds the message. One after the other: a page of them keeps no connections from those who send.
 */
export async function headlinesOf(
  ctx: Ctx,
  rows: readonly MessageRecord[],
): Promise<(WaitingFor[number] | null)[]> {
  const waiting = rows.filter(({ direction, status }) => direction === 'out' && status === 'queued');
  if (waiting.length === 0) return rows.map(() => null);
  const ids = waiting.map(({ id }) => id);
  const [sessions, queued] = await Promise.all([
    readSendingSessions(ctx.db, [...new Set(waiting.map(({ accountId }) => accountId))]),
    ctx.db
      .select()
      .from(messageQueue)
      .where(and(inArray(messageQueue.id, ids), eq(messageQueue.status, 'pending'))),
  ]);
  const places = new Map(queued.map((place) => [place.id, place]));
  const now = ctx.clock.now();
  const strangersOf = new Map<string, Strangers>();
  const headlines: (WaitingFor[number] | null)[] = [];
  for (const row of rows) {
    const session = sessions.get(row.accountId);
    const place = places.get(row.id);
    if (!session || !place) {
      headlines.push(null);
      continue;
    }
    const message = onQueue(row, place);
    const known = strangersOf.get(session.id);
    const strangers = known ?? strangersAmong(ctx, session, messagesOf(waiting, places, session.id), now);
    strangersOf.set(session.id, strangers);
    const held = (await holdsOfAll(ctx, session, message, () => strangers)).sort(byLength);
    const holds = held.length > 0 ? held : await holdsOf(ctx, session, message);
    headlines.push(toWaitingFor(holds.slice(0, 1))[0] ?? null);
  }
  return headlines;
}

/** Those of a session that are on the queue. */
function messagesOf(
  rows: readonly MessageRecord[],
  places: ReadonlyMap<string, typeof messageQueue.$inferSelect>,
  accountId: string,
): WaitingMessage[] {
  return rows.flatMap((row) => {
    const place = places.get(row.id);
    return place && row.accountId === accountId ? [onQueue(row, place)] : [];
  });
}

/** A message with its place in the queue. */
export function onQueue(
  row: MessageRecord,
  { priority, availableAt, attempts }: typeof messageQueue.$inferSelect,
): WaitingMessage {
  return { ...row, priority: asPriority(priority), availableAt, attempts };
}

/** Rows of one priority that are looked through for one that nothing holds. */
const LOOK_AHEAD = 8;

export interface NextUp {
  /** a message that is due and that nothing holds */
  free: boolean;
  /** what the message waits for that comes next; of an empty queue what would hold a message */
  holds: Hold[];
}

/** The holds of the session's queue: those of the message that will be free first. */
export async function nextUp(ctx: Ctx, session: SendingSession): Promise<NextUp> {
  const now = ctx.clock.now();
  let next: { at: number; holds: Hold[] } | null = null;
  for (const priority of PRIORITY_ORDER) {
    const seen = new Set<string>();
    for (const row of await readNext(ctx, session.id, priority)) {
      if (seen.has(row.peer)) continue;
      seen.add(row.peer);
      const holds = await holdsOf(ctx, session, row);
      const [longest] = holds;
      if (longest === undefined && row.availableAt <= now) return { free: true, holds: [] };
      const at = longest === undefined ? row.availableAt : (longest.until ?? Number.POSITIVE_INFINITY);
      if (next === null || at < next.at) next = { at, holds };
      // Messages behind it in this priority fall due later still.
      if (row.availableAt > now) break;
    }
  }
  const idle = () => sendingState(session, now, PRIORITIES.normal).holds.filter(({ everybody }) => everybody);
  return { free: false, holds: next?.holds ?? idle() };
}

async function readNext(ctx: Ctx, accountId: string, priority: Priority) {
  const rows = await ctx.db
    .select({
      id: messageQueue.id,
      type: messages.type,
      peer: messages.peer,
      phone: messages.phone,
      lid: messages.lid,
      priority: messageQueue.priority,
      scheduledAt: messages.scheduledAt,
      queuedAt: messages.queuedAt,
      availableAt: messageQueue.availableAt,
      attempts: messageQueue.attempts,
    })
    .from(messageQueue)
    .innerJoin(messages, eq(messages.id, messageQueue.id))
    .where(
      and(
        eq(messageQueue.accountId, accountId),
        eq(messageQueue.status, 'pending'),
        eq(messageQueue.priority, priority),
      ),
    )
    .orderBy(asc(messageQueue.availableAt), asc(messageQueue.id))
    .limit(LOOK_AHEAD);
  return rows.map((row) => ({ ...row, priority: asPriority(row.priority) }));
}
