/** The feeder's view of a running campaign: its row, its session, and what this process has seen of it. */

import { and, count, eq, gte, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { campaigns, messages, sendAttempts, whatsappAccounts } from '../../db/schema.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { type Hold, queueHold, type SendingRow, sendingColumns } from '../../queue/session-state.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import type { CampaignDeps, CampaignRow } from './row.ts';
import type { CountedOutcome } from './safety.ts';
import { zonesOf } from './time-zones.ts';

const accounts = whatsappAccounts;

export interface SendingSession extends SendingRow {
  id: string;
  owner: string | null;
  fence: number;
  phoneNumber: string | null;
  lastHighAt: number | null;
  createdAt: number;
}

export interface Running {
  campaign: CampaignRow;
  /** null: the session was deleted */
  sender: SendingSession | null;
}

/** The campaign with its session; null when there is no such campaign. */
export async function readRunning(db: Db, campaignId: string): Promise<Running | null> {
  const [row] = await db
    .select({
      campaign: campaigns,
      id: accounts.id,
      ...sendingColumns,
      owner: accounts.owner,
      fence: accounts.fence,
      phoneNumber: accounts.phoneNumber,
      lastHighAt: accounts.lastHighAt,
      createdAt: accounts.createdAt,
    })
    .from(campaigns)
    .leftJoin(accounts, eq(accounts.id, campaigns.accountId))
    .where(eq(campaigns.id, campaignId));
  if (!row) return null;
  const { campaign, id, status, paired, fence, createdAt, ...rest } = row;
  if (id === null || status === null || paired === null || fence === null || createdAt === null)
    return { campaign, sender: null };
  return { campaign, sender: { id, status, paired, fence, createdAt, ...rest } };
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
  /** with a delay: when the message that waits may leave */
  nextAt: number;
  /** with a delay: the message that was queued last, after whose sending the next one's delay begins */
  lastId: string | null;
  /** campaign messages of the session today, as counted and as added since */
  today: { dayStart: number; spent: number; countAgainAt: number } | null;
}

export function newMemory(): LineMemory {
  return {
    restoredFor: undefined,
    withdrawn: false,
    open: new Set(),
    outcomes: [],
    checkFailures: 0,
    nextAt: 0,
    lastId: null,
    today: null,
  };
}

/** Messages on the queue or on the wire. */
export async function readOpen(
  db: Db,
  campaignId: string,
): Promise<{ id: string; status: 'queued' | 'sending' }[]> {
  const rows = await db
    .select({ id: messages.id, status: messages.status })
    .from(messages)
    .where(and(eq(messages.campaignId, campaignId), inArray(messages.status, ['queued', 'sending'])));
  return rows.map(({ id, status }) => ({ id, status: status === 'sending' ? 'sending' : 'queued' }));
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
  if (memory.today?.dayStart !== dayStart || memory.today.countAgainAt <= now) {
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
    memory.today = { dayStart, spent: row?.n ?? 0, countAgainAt: now + COUNT_EVERY_MS };
  }
  return { room: Math.max(0, cap - memory.today.spent), until };
}
