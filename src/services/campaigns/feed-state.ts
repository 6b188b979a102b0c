/** The feeder's view of a running campaign: its row, its sessions, and what this process has seen of it. */

import { and, count, eq, gte, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { campaigns, messages, sendAttempts, whatsappAccounts } from '../../db/schema.ts';
import type { PoolSession } from '../../queue/pool.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { type Hold, queueHold, sendingColumns } from '../../queue/session-state.ts';
import type { Addressee } from '../../queue/subscriber-peers.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { sessionEnd } from './feed-end.ts';
import type { CampaignDeps, CampaignRow } from './row.ts';
import type { CountedOutcome } from './safety.ts';
import { sendersIn } from './senders.ts';
import { zonesOf } from './time-zones.ts';

const accounts = whatsappAccounts;

export interface SendingSession extends PoolSession {
  sessionId: string;
  owner: string | null;
  fence: number;
  phoneNumber: string | null;
  createdAt: number;
  /** when anything about it changed last */
  updatedAt: number;
}

export interface Running {
  campaign: CampaignRow;
  /** its sessions that are there still, in its order */
  senders: SendingSession[];
}

/** The sessions that a step goes by. */
export interface Crew {
  /** whose process feeds: what is written is bound to it */
  feeder: SendingSession;
  senders: SendingSession[];
}

const senderColumns = {
  id: accounts.id,
  userId: accounts.userId,
  sessionId: accounts.sessionId,
  ...sendingColumns,
  owner: accounts.owner,
  fence: accounts.fence,
  phoneNumber: accounts.phoneNumber,
  lastHighAt: accounts.lastHighAt,
  knownFrom: accounts.knownFrom,
  createdAt: accounts.createdAt,
  updatedAt: accounts.updatedAt,
} as const;

/** The campaign with its sessions; null when there is no such campaign. */
export async function readRunning(db: Db, campaignId: string): Promise<Running | null> {
  const [campaign] = await db.select().from(campaigns).where(eq(campaigns.id, campaignId));
  if (!campaign) return null;
  const ids = sendersIn(campaign).map(({ accountId }) => accountId);
  const rows = await db.select(senderColumns).from(accounts).where(inArray(accounts.id, ids));
  return { campaign, senders: ids.flatMap((id) => rows.find((row) => row.id === id) ?? []) };
}

/**
 * The session whose process feeds the campaign: the first of them that a process holds and that has not ended. Each process
 * finds the same one; what is written is bound to it.
 */
export function feederOf<S extends { status: string; owner: string | null }>(
  senders: readonly S[],
): S | null {
  return senders.find(({ status, owner }) => owner !== null && sessionEnd(status) === null) ?? null;
}

/** The hold of the campaign's messages in its session; the breaker comes last, because it holds new recipients only. */
export function heldBySession(sender: SendingSession, now: number): Hold | null {
  return queueHold(sender, now, PRIORITIES.low);
}

/** The memory of one campaign's line; all of it can be lost. */
export interface LineMemory {
  /** `campaigns.resumed_at` for which what was withdrawn has been put back */
  restoredFor: number | null | undefined;
  /** what waits was taken off the queue, because the session cannot send and the night may come first */
  withdrawn: boolean;
  /** messages of this campaign whose outcome has not been seen */
  open: Set<string>;
  /** the newest outcomes since it was resumed */
  outcomes: CountedOutcome[];
  /** lookups in a row that got no answer */
  checkFailures: number;
  /** lookups in all that got no answer: after each it is another session's turn to ask */
  unanswered: number;
  /** those who wait for a session are not looked at before their time until then */
  soonerAt: number;
  /** numbers that WhatsApp has said nothing of are not asked for again until then */
  silentAt: number;
  /** with a delay: when the message that waits may leave */
  nextAt: number;
  /** with a delay: the message that was queued last, after whose sending the next one's delay begins */
  lastId: string | null;
  /** campaign messages of each session today, as counted and as added since */
  today: Map<string, { dayStart: number; spent: number; countAgainAt: number }>;
}

export function newMemory(): LineMemory {
  return {
    restoredFor: undefined,
    withdrawn: false,
    open: new Set(),
    outcomes: [],
    checkFailures: 0,
    unanswered: 0,
    soonerAt: 0,
    silentAt: 0,
    nextAt: 0,
    lastId: null,
    today: new Map(),
  };
}

/** A message on the queue or on the wire. */
export interface OpenMessage extends Addressee {
  id: string;
  status: 'queued' | 'sending';
  accountId: string;
  /** when it was first begun; null: nothing of it can have left */
  sendingAt: number | null;
}

/** Messages on the queue or on the wire. */
export async function readOpen(db: Db, campaignId: string): Promise<OpenMessage[]> {
  const { id, status, accountId, peer, phone, lid, sendingAt } = messages;
  const rows = await db
    .select({ id, status, accountId, peer, phone, lid, sendingAt })
    .from(messages)
    .where(and(eq(messages.campaignId, campaignId), inArray(messages.status, ['queued', 'sending'])));
  return rows.map((row) => ({ ...row, status: row.status === 'sending' ? 'sending' : 'queued' }));
}

/** Counting goes over the attempts of a day: now and then is enough, because what this line adds is added here. */
const COUNT_EVERY_MS = 30_000;

/** How many more campaign messages the session may send today, and when tomorrow begins (in the sender's zone). */
export async function roomToday(
  deps: CampaignDeps,
  memory: LineMemory,
  sender: SendingSession,
  cap: number,
): Promise<{ room: number; until: number }> {
  const now = deps.clock.now();
  const zone = zoneClock((sender.phoneNumber && zonesOf(sender.phoneNumber)[0]) || 'UTC');
  const dayStart = zone.startOfDay(now);
  // Late on the day after: whatever the clocks do in between.
  const until = zone.startOfDay(dayStart + 36 * HOUR_MS);
  let today = memory.today.get(sender.id);
  if (today?.dayStart !== dayStart || today.countAgainAt <= now) {
    const [row] = await deps.db
      .select({ n: count() })
      .from(sendAttempts)
      .where(
        and(
          eq(sendAttempts.accountId, sender.id),
          gte(sendAttempts.at, dayStart),
          eq(sendAttempts.priority, PRIORITIES.low),
        ),
      );
    today = { dayStart, spent: row?.n ?? 0, countAgainAt: now + COUNT_EVERY_MS };
    memory.today.set(sender.id, today);
  }
  return { room: Math.max(0, cap - today.spent), until };
}
