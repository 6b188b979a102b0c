/** One step of a running campaign: a little ahead of what is sent, so that pause and stop act at once. */

import { desc, eq, sql } from 'drizzle-orm';
import { isUnavailable } from '../../db/ops.ts';
import { campaignRecipients, campaigns, messages } from '../../db/schema.ts';
import { NEW_CONTACTS } from '../../queue/first-contacts.ts';
import { backoffMs } from '../../utils/backoff.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { areNewest } from './counts.ts';
import { failForSession, pauseItself, sessionEnd } from './feed-end.ts';
import { nextDeferred, pickNext } from './feed-pick.ts';
import { restoreWithdrawn, retryFailed, withdrawForNow } from './feed-return.ts';
import {
  heldBySession,
  type LineMemory,
  readOpen,
  readRunning,
  roomToday,
  type SendingSession,
} from './feed-state.ts';
import { writePicked } from './feed-write.ts';
import { freezePiece } from './freeze.ts';
import { type CampaignDeps, type CampaignRow, moveCampaign, optionsOf } from './row.ts';
import { DEFAULT_FAILURE_PERCENT, jitteredDelay, mustPause } from './safety.ts';

/** Messages of a campaign that may wait in the queue: what a pause has to take back. */
const AHEAD = 20;
/** Below this the queue is filled up again. */
const REFILL_AT = 10;
/** How soon a campaign with a delay looks whether its message has left. */
const MAX_PACED_LOOK_MS = MINUTE_MS;
const PACED_LOOK_MS = 200;
/** A look for outcomes that were settled in another process. */
const LOOK_MS = 1_000;
/** Shorter pauses of the session are pacing. */
const LONG_PAUSE_MS = 600_000;
const CHECK_PAUSE = { firstMs: 1_000, maxMs: 30_000 };

/** `over`: this process has nothing more to do for the campaign. */
export type Step = { over: true } | { over: false; waitMs: number };

const OVER: Step = { over: true };
const wait = (waitMs: number): Step => ({ over: false, waitMs });

export interface StepOptions {
  /** processes.id of this process */
  processId: string;
  memory: LineMemory;
  /** between 0 and 1 */
  random: () => number;
}

/** Does what is next for the campaign, a few milliseconds of work. Throws when the database is away. */
export async function stepCampaign(deps: CampaignDeps, id: string, options: StepOptions): Promise<Step> {
  const { memory, processId } = options;
  const seen = await readRunning(deps.db, id);
  if (seen?.campaign.status !== 'running') return OVER;
  const { campaign, sender } = seen;
  if (sender === null) {
    await failForSession(deps, id);
    return OVER;
  }
  const end = sessionEnd(sender.status);
  if (end !== null) {
    await pauseItself(deps, id, end);
    return OVER;
  }
  if (sender.owner !== processId) return OVER;
  if (campaign.frozenAt === null) {
    await freezePiece(deps, id);
    return wait(0);
  }
  const breach = mustPause(memory.outcomes, optionsOf(campaign).failurePercent ?? DEFAULT_FAILURE_PERCENT);
  if (breach) {
    memory.outcomes = [];
    await pauseItself(deps, id, breach);
    return OVER;
  }
  const away = awayOf(sender, deps.clock.now());
  if (away !== null && !memory.withdrawn && optionsOf(campaign).quietHours !== undefined) {
    // The night may begin before it can send again, and what is on the queue would leave at once.
    memory.withdrawn = await withdrawForNow(deps, campaign, sender);
    return wait(0);
  }
  if (away !== null && (memory.withdrawn || sender.status !== 'connected')) {
    return hold(deps, campaign, away.reason, away.until);
  }
  if (memory.withdrawn || memory.restoredFor !== campaign.resumedAt) {
    return restore(deps, campaign, sender, memory);
  }
  return feed(deps, campaign, sender, options);
}

/** Why the session sends nothing at all for some time; null when it does, or will in some minutes. */
function awayOf(sender: SendingSession, now: number): { reason: string; until: number | null } | null {
  if (sender.status !== 'connected') return { reason: `session_${sender.status}`, until: null };
  const held = heldBySession(sender, now);
  if (held === null || !held.everybody) return null;
  return held.until !== null && held.until - now < LONG_PAUSE_MS ? null : held;
}

async function restore(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  memory: LineMemory,
): Promise<Step> {
  const restored = await restoreWithdrawn(deps, campaign, sender);
  if (restored === null) return wait(0);
  memory.lastId = restored.at(-1) ?? memory.lastId;
  // Outcomes before a resume are forgiven; that the session was away for a while changes nothing.
  if (memory.restoredFor !== campaign.resumedAt) memory.outcomes = [];
  memory.restoredFor = campaign.resumedAt;
  memory.withdrawn = false;
  memory.open = new Set((await readOpen(deps.db, campaign.id)).map(({ id }) => id));
  return wait(0);
}

async function feed(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  { memory, random }: StepOptions,
): Promise<Step> {
  const open = await readOpen(deps.db, campaign.id);
  const paced = campaign.delayMs > 0;
  const waiting = paced ? open.filter(({ status }) => status === 'queued').length : open.length;
  if (paced && waiting > 0) {
    // A clock that was set back must not stretch the wait.
    const untilDueMs = Math.min(memory.nextAt - deps.clock.now(), MAX_PACED_LOOK_MS);
    return waitForQueue(deps, campaign, sender, Math.max(PACED_LOOK_MS, untilDueMs));
  }
  if (waiting > REFILL_AT) return waitForQueue(deps, campaign, sender, LOOK_MS);
  const cap = optionsOf(campaign).dailyCap ?? null;
  const today = cap === null ? null : await roomToday(deps, memory, sender, cap);
  const room = today === null ? AHEAD : today.room - waiting;
  const want = Math.min(paced ? 1 : AHEAD - waiting, room);
  if (today !== null && want <= 0) return hold(deps, campaign, 'daily_cap', today.until);
  const availableAt = paced ? await nextSlot(deps, campaign, memory, random()) : null;
  const given = await giveNext(deps, campaign, sender, memory, { want, availableAt });
  if (typeof given === 'string') return hold(deps, campaign, given, null, checkPauseMs(memory));
  if (given === null) return wait(0);
  for (const id of given.ids) memory.open.add(id);
  memory.lastId = given.ids.at(-1) ?? memory.lastId;
  memory.nextAt = availableAt ?? 0;
  if (memory.today) memory.today.spent += given.ids.length;
  if (!given.exhausted) return wait(0);
  return finish(deps, campaign, sender, open.length);
}

/** There is enough on the queue; when the session holds that back, the campaign says why. */
async function waitForQueue(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  waitMs: number,
): Promise<Step> {
  const held = heldBySession(sender, deps.clock.now());
  if (held !== null) return hold(deps, campaign, held.reason, held.until, waitMs);
  if (campaign.waitingReason !== null) {
    await moveCampaign(deps, campaign.id, { from: ['running'], changes: {}, event: null });
  }
  return wait(waitMs);
}

interface Given {
  ids: string[];
  /** no recipient can be queued now */
  exhausted: boolean;
}

/** Failures that are to be tried again go first. A text: why no recipient can be queued at the moment. */
async function giveNext(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  memory: LineMemory,
  { want, availableAt }: { want: number; availableAt: number | null },
): Promise<Given | string | null> {
  if (campaign.retryAt !== null) {
    const ids = await retryFailed(deps, campaign, sender, want, availableAt);
    return ids && { ids, exhausted: false };
  }
  try {
    const picked = await pickNext(deps, campaign, sender, want, availableAt ?? 0);
    memory.checkFailures = 0;
    if (picked.exhausted) return { ids: [], exhausted: true };
    const ids = await writePicked(deps, campaign, sender, picked, availableAt);
    return ids && { ids, exhausted: false };
  } catch (error) {
    // No number is written to unchecked: the numbers may be what gets the sender banned.
    if (!(error instanceof AppError) || isUnavailable(error)) throw error;
    memory.checkFailures++;
    return 'number_check';
  }
}

const checkPauseMs = (memory: LineMemory) => backoffMs(CHECK_PAUSE, memory.checkFailures);

/** No recipient is left to be queued: wait for those in quiet hours, for what is on its way, or be done. */
async function finish(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  openCount: number,
): Promise<Step> {
  const deferred = await nextDeferred(deps, campaign.id);
  if (deferred !== null) {
    const reason = deferred.reason === NEW_CONTACTS ? NEW_CONTACTS : 'quiet_hours';
    return hold(deps, campaign, reason, deferred.dueAt);
  }
  if (openCount > 0) return waitForQueue(deps, campaign, sender, LOOK_MS);
  const done = await moveCampaign(deps, campaign.id, {
    from: ['running'],
    where: sql`${campaigns.feedPosition} = ${campaign.feedPosition} and ${campaigns.retryAt} is null`,
    changes: {
      status: 'completed',
      activeKey: null,
      finishedAt: deps.clock.now(),
      reason: null,
      reasonMessage: null,
    },
    event: 'campaign.completed',
  });
  return done ? OVER : wait(0);
}

/** When the next message of a campaign with a delay may leave: after the one before it has. */
async function nextSlot(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { lastId }: LineMemory,
  random: number,
): Promise<number> {
  const known = lastId === null ? null : await sendingOf(deps, lastId);
  const now = deps.clock.now();
  const last = Math.min(known ?? (await lastSending(deps, campaign)) ?? 0, now);
  return Math.max(now, last + jitteredDelay(campaign.delayMs, random));
}

/** When it left, the last time if it was sent again. Null: it was taken off the queue before that, or is gone. */
async function sendingOf({ db }: CampaignDeps, id: string): Promise<number | null> {
  const { sendingAt, attempts, queuedAt, updatedAt } = messages;
  const [row] = await db
    .select({ sendingAt, attempts, queuedAt, updatedAt })
    .from(messages)
    .where(eq(messages.id, id));
  if (!row || row.sendingAt === null) return null;
  // `sendingAt` is that of the first attempt; what came after it shows in the last change.
  const again = row.attempts > 1 || (row.queuedAt ?? 0) > row.sendingAt;
  return again ? row.updatedAt : row.sendingAt;
}

/** For a line that remembers nothing: of the recipient furthest down, who is mostly the last one. */
async function lastSending({ db }: CampaignDeps, campaign: CampaignRow): Promise<number | null> {
  const [row] = await db
    .select({ sendingAt: messages.sendingAt })
    .from(campaignRecipients)
    .innerJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(areNewest(campaign))
    .orderBy(desc(campaignRecipients.position))
    .limit(1);
  return row?.sendingAt ?? null;
}

/** Shows why nothing is sent; written once, not at every look. */
async function hold(
  deps: CampaignDeps,
  campaign: CampaignRow,
  reason: string,
  until: number | null,
  waitMs = LOOK_MS,
): Promise<Step> {
  if (campaign.waitingReason !== reason || campaign.waitingUntil !== until) {
    await moveCampaign(deps, campaign.id, {
      from: ['running'],
      changes: { waitingReason: reason, waitingUntil: until },
      event: null,
    });
  }
  const untilMs = until === null ? waitMs : Math.min(MINUTE_MS, Math.max(waitMs, until - deps.clock.now()));
  return wait(untilMs);
}
