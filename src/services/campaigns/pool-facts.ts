/** Which of its sessions gets the next recipients of a campaign, and which of its messages must go to another one. */
import { inArray } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { readBegun, readWaiting } from '../../queue/counts.ts';
import {
  type ContactRoom,
  limitsContacts,
  NEW_CONTACTS,
  readContactRoom,
} from '../../queue/first-contacts.ts';
import { paceOf } from '../../queue/pace.ts';
import { NO_TIE, type PoolMember, rankPool, readTies, type Tie } from '../../queue/pool.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { breakerOf, type Hold, queueHold, sendingState } from '../../queue/session-state.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import type { LineMemory, OpenMessage, SendingSession } from './feed-state.ts';
import { type CampaignDeps, type CampaignRow, optionsOf } from './row.ts';
import { countedOutcome, WINDOW } from './safety.ts';
import { campaignContacts, LOOK_AGAIN_MS, strangersAmong } from './strangers.ts';

/** Nobody's turn: none of the sessions can write to that person now. */
export const NO_SENDER = 'no_sender';

/** A message waits so long for its session; then another one writes. Limits of a minute are shorter. */
const PATIENCE_MS = 2 * MINUTE_MS;

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
  const strangers = counts ? await strangersAmong(deps, session, own) : [];
  const asked = { limit, pace, priority: PRIORITIES.low, now };
  const room = isLimited ? await readContactRoom(deps.db, session.id, asked) : null;
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
    strangersAhead: strangers.length,
  };
}

/** Messages that another session is to send: theirs is gone, cannot send for long, or has no room for their people. */
export function findStuck(
  facts: readonly SenderFacts[],
  open: readonly OpenMessage[],
  now: number,
): OpenMessage[] {
  const byId = new Map(facts.map((one) => [one.session.id, one]));
  const surplus = new Set(facts.flatMap((one) => surplusOf(one, now)).map(({ id }) => id));
  return open.filter((message) => {
    if (message.status !== 'queued' || message.sendingAt !== null) return false;
    const session = byId.get(message.accountId)?.session;
    return session === undefined || longHold(session, now) !== null || surplus.has(message.id);
  });
}

function surplusOf({ session, strangers, room }: SenderFacts, now: number): OpenMessage[] {
  const breaker = breakerOf(session, now);
  if (breaker !== null && !isShort(breaker.until, now)) return strangers;
  return room === null || room.left === null ? [] : strangers.slice(room.left);
}

/** The session that a recipient is given to; or until when nobody is, and why. */
export type Way = { to: SendingSession } | { until: number; reason: typeof NEW_CONTACTS | typeof NO_SENDER };

/** The way of each of these phones, in their order: each counts for the next. */
export async function findWays(
  deps: CampaignDeps,
  facts: readonly SenderFacts[],
  phones: readonly string[],
): Promise<Map<string, Way>> {
  const now = deps.clock.now();
  const sessions = facts.map(({ session }) => session);
  const ways = new Map<string, Way>();
  for (const phone of phones) {
    const ties = await readTies(deps.db, sessions, { peer: phoneJid(phone), phone, lid: null });
    ways.set(phone, takeWay(facts, ties, now));
  }
  return ways;
}

function takeWay(facts: readonly SenderFacts[], ties: ReadonlyMap<string, Tie>, now: number): Way {
  const members = facts
    .filter(({ leftToday }) => leftToday === null || leftToday > 0)
    .map((one) => ({ ...one, ...(ties.get(one.session.id) ?? NO_TIE), facts: one }));
  const [best] = rankPool(members, { now, priority: PRIORITIES.low });
  if (best && (best.readiness === 'now' || (best.readiness === 'later' && isShort(best.until, now)))) {
    const { facts: taken, knownSince } = best.member;
    taken.waiting++;
    if (knownSince === 0) taken.strangersAhead++;
    if (taken.leftToday !== null) taken.leftToday--;
    return { to: taken.session };
  }
  const lacksRoom = best?.reason === NEW_CONTACTS;
  const rooms = facts.flatMap(({ room }) => room?.until ?? []);
  const until = lacksRoom ? Math.min(...rooms) : Math.min(best?.until ?? 0, now + LOOK_AGAIN_MS);
  return {
    until: Math.max(Number.isFinite(until) ? until : 0, now + (lacksRoom ? LOOK_AGAIN_MS : PATIENCE_MS)),
    reason: lacksRoom ? NEW_CONTACTS : NO_SENDER,
  };
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
