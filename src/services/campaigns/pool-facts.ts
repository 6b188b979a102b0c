/** Which of its sessions gets the next recipients of a campaign, and which of its messages must go to another one. */
import { and, eq, inArray } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { readBegun, readWaiting } from '../../queue/counts.ts';
import {
  type ContactRoom,
  limitsContacts,
  NEW_CONTACTS,
  readContactRoom,
} from '../../queue/first-contacts.ts';
import { paceOf } from '../../queue/pace.ts';
import {
  hasRoomFor,
  NO_TIE,
  type PoolMember,
  type Ranked,
  rankPool,
  readTies,
  type Tie,
} from '../../queue/pool.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { breakerOf, type Hold, queueHold, sendingState } from '../../queue/session-state.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { sessionEnd } from './feed-end.ts';
import type { LineMemory, OpenMessage, SendingSession } from './feed-state.ts';
import { type CampaignDeps, type CampaignRow, optionsOf } from './row.ts';
import { countedOutcome, WINDOW } from './safety.ts';
import { campaignContacts, countStrangersWaiting, LOOK_AGAIN_MS, strangersAmong } from './strangers.ts';

/** Nobody's turn: none of the sessions can write to that person now. */
export const NO_SENDER = 'no_sender';

/** A message waits so long for its session; then another one writes. Limits of a minute are shorter. */
export const PATIENCE_MS = 2 * MINUTE_MS;
/** Whom no session can write to is looked at again after this at the latest, but for first contacts. */
const MAX_WAIT_MS = HOUR_MS;

/** A session of the campaign as far as the choice goes; the counts go on with what is given to it. */
export interface SenderFacts extends Omit<PoolMember, keyof Tie> {
  session: SendingSession;
  /** campaign messages that it may still get today; null: no limit */
  leftToday: number | null;
  /** of first contacts; null: no limit */
  room: ContactRoom | null;
  /** those of its open messages that are first contacts and not begun */
  strangers: OpenMessage[];
}

/** What holds all messages of a session for longer than they wait for it; null: nothing does. */
export function longHold(session: SendingSession, now: number): Pick<Hold, 'reason' | 'until'> | null {
  if (!sendingState(session, now, PRIORITIES.low).connected) {
    return { reason: `session_${session.status}`, until: null };
  }
  const held = queueHold(session, now, PRIORITIES.low);
  if (held === null || !held.everybody || isShort(held.until, now)) return null;
  return held;
}

const isShort = (until: number | null, now: number) => until !== null && until - now <= PATIENCE_MS;

/** Reads what decides about a session. `leftToday`: see SenderFacts. */
export async function readFacts(
  deps: CampaignDeps,
  campaign: CampaignRow,
  session: SendingSession,
  { open, leftToday }: { open: readonly OpenMessage[]; leftToday: number | null },
): Promise<SenderFacts> {
  const now = deps.clock.now();
  const pace = paceOf(deps.config.pacing, session, now);
  const isReal = deps.config.waServer === null;
  const limit = campaignContacts(deps.config.pacing, optionsOf(campaign), session, { now, isReal });
  const isLimited = limitsContacts(limit);
  const own = open.filter(({ accountId, status }) => accountId === session.id && status === 'queued');
  const counts = own.length > 0 && (isLimited || breakerOf(session, now) !== null);
  const found = counts ? await strangersAmong(deps, session, own) : [];
  const asked = { limit, pace, priority: PRIORITIES.low, now };
  const room = isLimited ? await readContactRoom(deps.db, session.id, asked) : null;
  // Those who were begun since they were read have spent their part of that room.
  const isShortOfRoom = room !== null && room.left !== null && found.length > room.left;
  const strangers = isShortOfRoom ? await stillQueued(deps, found) : found;
  return {
    session,
    row: session,
    leftToday,
    room,
    strangers,
    waiting: Math.max(own.length, await readWaiting(deps, session.id)),
    begun: await readBegun(deps, session.id),
    perHour: pace.perHour,
    strangersLeft: room?.left ?? null,
    strangersFrom: room?.until ?? null,
    strangersAhead: isLimited ? Math.max(strangers.length, await countStrangersWaiting(deps, session)) : 0,
    countsPending: false,
  };
}

async function stillQueued({ db }: CampaignDeps, all: readonly OpenMessage[]): Promise<OpenMessage[]> {
  const ids = all.map(({ id }) => id);
  const rows = await db
    .select({ id: messages.id })
    .from(messages)
    .where(and(inArray(messages.id, ids), eq(messages.status, 'queued')));
  const queued = new Set(rows.map(({ id }) => id));
  return all.filter(({ id }) => queued.has(id));
}

/** Messages that another session is to send. */
export interface Stuck {
  /** their session is gone, or cannot send for long */
  away: OpenMessage[];
  /** their session has no room for their people */
  surplus: OpenMessage[];
}

/** The messages that another session is to send. Nothing of these can have left. */
export function findStuck(facts: readonly SenderFacts[], open: readonly OpenMessage[], now: number): Stuck {
  const byId = new Map(facts.map((one) => [one.session.id, one]));
  const tooMany = new Set(facts.flatMap((one) => surplusOf(one, now)).map(({ id }) => id));
  const stuck: Stuck = { away: [], surplus: [] };
  for (const message of open) {
    if (message.status !== 'queued' || message.sendingAt !== null) continue;
    const session = byId.get(message.accountId)?.session;
    if (session === undefined || longHold(session, now) !== null) stuck.away.push(message);
    else if (tooMany.has(message.id)) stuck.surplus.push(message);
  }
  return stuck;
}

/** What may have left at a number that has ended waits so long for that number; then nobody waits any more. */
const LEFT_BEHIND_MS = 6 * HOUR_MS;

/** Begun messages that only sessions could end which have ended themselves, hours ago. */
export function findLeftBehind(
  senders: readonly SendingSession[],
  open: readonly OpenMessage[],
  now: number,
): OpenMessage[] {
  const ended = new Map(
    senders.flatMap(({ id, status, updatedAt }) => (sessionEnd(status) === null ? [] : [[id, updatedAt]])),
  );
  return open.filter(({ accountId, sendingAt }) => {
    const since = ended.get(accountId);
    return since !== undefined && sendingAt !== null && now - Math.max(since, sendingAt) >= LEFT_BEHIND_MS;
  });
}

/** Whether it would write to somebody who does not know it now. */
export function takesStrangers(facts: SenderFacts, now: number): boolean {
  const { session, leftToday } = facts;
  const isFree = longHold(session, now) === null && breakerOf(session, now) === null;
  return isFree && leftToday !== 0 && hasRoomFor({ ...facts, ...NO_TIE });
}

function surplusOf({ session, strangers, room }: SenderFacts, now: number): OpenMessage[] {
  const breaker = breakerOf(session, now);
  if (breaker !== null && !isShort(breaker.until, now)) return strangers;
  return room === null || room.left === null ? [] : strangers.slice(room.left);
}

/** The session that a recipient is given to; or until when nobody is, and why. */
export type Way = { to: SendingSession } | { until: number; reason: typeof NEW_CONTACTS | typeof NO_SENDER };

/**
 * The way of each of these phones, in their order: each counts for the next. Those beyond what the day lets through have
 * none.
 */
export async function findWays(
  deps: CampaignDeps,
  facts: readonly SenderFacts[],
  phones: readonly string[],
): Promise<Map<string, Way>> {
  const now = deps.clock.now();
  const sessions = facts.map(({ session }) => session);
  const ways = new Map<string, Way>();
  const isFull = () => facts.every((one) => one.leftToday === 0 || longHold(one.session, now) !== null);
  for (const phone of phones) {
    if (isFull()) break;
    const ties = await readTies(deps.db, sessions, { peer: phoneJid(phone), phone, lid: null });
    ways.set(phone, takeWay(facts, ties, now));
  }
  return ways;
}

function takeWay(facts: readonly SenderFacts[], ties: ReadonlyMap<string, Tie>, now: number): Way {
  const members = facts
    .filter(({ leftToday }) => leftToday === null || leftToday > 0)
    .map((one) => ({ ...one, ...(ties.get(one.session.id) ?? NO_TIE), facts: one }));
  const ranked = rankPool(members, { now, priority: PRIORITIES.low });
  const [best] = ranked;
  if (best && (best.readiness === 'now' || isSoon(best, now))) {
    const { facts: taken, knownSince } = best.member;
    taken.waiting++;
    if (knownSince === 0) taken.strangersAhead++;
    if (taken.leftToday !== null) taken.leftToday--;
    return { to: taken.session };
  }
  // The first end that is known: until then all of them would be judged again for nothing.
  if (best?.reason === NEW_CONTACTS) {
    return { until: Math.max(best.until ?? 0, now + LOOK_AGAIN_MS), reason: NEW_CONTACTS };
  }
  const ends = ranked.flatMap((one) => one.until ?? []);
  const until = ends.length === 0 ? 0 : Math.min(...ends, now + MAX_WAIT_MS);
  return { until: Math.max(until, now + PATIENCE_MS), reason: NO_SENDER };
}

/** What lacks room would come back as surplus. */
function isSoon({ member, readiness, until }: Ranked<PoolMember>, now: number): boolean {
  return readiness === 'later' && isShort(until, now) && hasRoomFor(member);
}

/** Counts outcomes that another process has settled: this one hears only of those of its own sessions. */
export async function noteElsewhere(
  { db }: CampaignDeps,
  memory: LineMemory,
  open: readonly OpenMessage[],
): Promise<void> {
  const still = new Set(open.map(({ id }) => id));
  const ended = [...memory.open].filter((id) => !still.has(id));
  if (ended.length === 0) return;
  const { id, status, errorCode } = messages;
  const rows = await db.select({ id, status, errorCode }).from(messages).where(inArray(id, ended));
  // What was settled here meanwhile has been counted, and is not there any more.
  const fresh = rows.filter((row) => memory.open.has(row.id));
  for (const one of ended) memory.open.delete(one);
  const counted = fresh.flatMap((row) => countedOutcome(row) ?? []);
  memory.outcomes = [...memory.outcomes, ...counted].slice(-WINDOW);
}
