/** One step of a running campaign: a little ahead of what is sent, so that pause and stop act at once. */

import { desc, eq, isNull, sql } from 'drizzle-orm';
import { isUnavailable } from '../../db/ops.ts';
import { campaignRecipients, campaigns, messages } from '../../db/schema.ts';
import { byLength, type Hold } from '../../queue/session-state.ts';
import { messagesLeft } from '../../queue/usage.ts';
import { backoffMs, spread } from '../../utils/backoff.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { areNewest } from './counts.ts';
import { endOfAll, failForSession, pauseItself } from './feed-end.ts';
import {
  areOthersDeferred,
  bringForward,
  NUMBER_CHECK,
  nextDeferred,
  pickNext,
  type Source,
} from './feed-pick.ts';
import {
  endRetries,
  failLeftBehind,
  type RetryRooms,
  reroute,
  restoreWithdrawn,
  retryFailed,
  withdrawForNow,
} from './feed-return.ts';
import {
  type Crew,
  feederOf,
  heldBySession,
  type LineMemory,
  type OpenMessage,
  readOpen,
  readRunning,
  roomToday,
  type SendingSession,
} from './feed-state.ts';
import { type Given, writePicked } from './feed-write.ts';
import { freezePiece } from './freeze.ts';
import {
  findLeftBehind,
  findStuck,
  longHold,
  NO_SENDER,
  noteElsewhere,
  PATIENCE_MS,
  readFacts,
  type SenderFacts,
  takesStrangers,
} from './pool-facts.ts';
import { type CampaignDeps, type CampaignRow, moveCampaign, optionsOf } from './row.ts';
import { DEFAULT_FAILURE_PERCENT, jitteredDelay, mustPause } from './safety.ts';
import { NUMBER_SILENT, RECIPIENT_NIGHT } from './waiting.ts';

/** Messages of a campaign that may wait in the queue: what a pause has to take back. */
const AHEAD = 20;
/** Below this share of them the queue is filled up again. */
const REFILL_SHARE = 0.5;
/** Of several sessions so many count for that. */
const MAX_WIDTH = 5;
/** How soon a campaign with a delay looks whether its message has left. */
const MAX_PACED_LOOK_MS = MINUTE_MS;
const PACED_LOOK_MS = 200;
/** A look for outcomes that were settled in another process. */
const LOOK_MS = 1_000;
/** Shorter pauses of the session are pacing. */
const LONG_PAUSE_MS = 600_000;
/** Between two questions about numbers that WhatsApp has said nothing of: as slow as checks of many numbers. */
const SILENT_PACE_MS = 10_000;
const CHECK_PAUSE = { firstMs: 1_000, maxMs: 30_000 };

/** Why a campaign waits when the messages of its workspace are used up. */
const QUOTA_HOLDS = { messagesPerDay: 'quota_day', messagesPerMonth: 'quota_month' } as const;

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
  const { campaign, senders } = seen;
  if (senders.length === 0) {
    await failForSession(deps, id);
    return OVER;
  }
  const end = endOfAll(senders);
  if (end !== null) {
    await pauseItself(deps, id, end);
    return OVER;
  }
  const feeder = feederOf(senders);
  if (feeder?.owner !== processId) return OVER;
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
  const crew = { feeder, senders };
  // Of several sessions one that is away hands over what it has: `feed` does it.
  const away = campaign.senders === null ? awayOf(feeder, deps.clock.now()) : null;
  if (away !== null && !memory.withdrawn && optionsOf(campaign).quietHours !== undefined) {
    // The night may begin before it can send again, and what is on the queue would leave at once.
    memory.withdrawn = await withdrawForNow(deps, campaign, feeder);
    return wait(0);
  }
  const isClosed = feeder.status !== 'connected' || feeder.suspendedAt !== null;
  if (away !== null && (memory.withdrawn || isClosed)) {
    return hold(deps, campaign, away.reason, away.until);
  }
  if (memory.withdrawn || memory.restoredFor !== campaign.resumedAt) {
    return restore(deps, campaign, crew, memory);
  }
  return feed(deps, campaign, crew, options);
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
  crew: Crew,
  memory: LineMemory,
): Promise<Step> {
  const restored = await restoreWithdrawn(deps, campaign, crew);
  if (restored === null) return wait(0);
  memory.lastId = restored.ids.at(-1) ?? memory.lastId;
  if (restored.more) return wait(0);
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
  crew: Crew,
  { memory, random }: StepOptions,
): Promise<Step> {
  const open = await readOpen(deps.db, campaign.id);
  const look = await lookAt(deps, campaign, crew, memory, open);
  if ('over' in look) return look;
  const { facts, ahead, asker, live } = look;
  const paced = campaign.delayMs > 0;
  const waiting = paced ? live.filter(({ status }) => status === 'queued').length : live.length;
  if (paced && waiting > 0) {
    // A clock that was set back must not stretch the wait.
    const untilDueMs = Math.min(memory.nextAt - deps.clock.now(), MAX_PACED_LOOK_MS);
    return waitForQueue(deps, campaign, crew, live, Math.max(PACED_LOOK_MS, untilDueMs));
  }
  if (waiting > ahead * REFILL_SHARE) return waitForQueue(deps, campaign, crew, live, LOOK_MS);
  const most = Math.min(paced ? 1 : ahead - waiting, look.room);
  const source = { asker, facts, asksSilent: deps.clock.now() >= memory.silentAt, random };
  const nobody = { ...source, asksSilent: true, open };
  if (most <= 0) {
    return feedNobody(deps, campaign, crew, memory, nobody, { reason: 'daily_cap', until: look.until });
  }
  const { left, limit, until } = await messagesLeft(deps.db, deps, campaign.userId);
  const fresh = Math.min(most, left);
  const spent = limit !== null && fresh <= 0 ? QUOTA_HOLDS[limit] : null;
  // What is retried was counted when it was queued first.
  if (campaign.retryAt === null && spent !== null) {
    return feedNobody(deps, campaign, crew, memory, nobody, { reason: spent, until });
  }
  const availableAt = paced ? await nextSlot(deps, campaign, memory, random()) : null;
  const turn = { most, fresh, spent, availableAt, source };
  const given = await giveNext(deps, campaign, crew, memory, turn);
  if (typeof given === 'string') return hold(deps, campaign, given, null, checkPauseMs(memory));
  if (given === null) return wait(0);
  for (const { id, accountId } of given.all) {
    memory.open.add(id);
    const today = memory.today.get(accountId);
    if (today) today.spent++;
  }
  memory.lastId = given.all.at(-1)?.id ?? memory.lastId;
  memory.nextAt = availableAt ?? 0;
  if (!given.exhausted) return wait(0);
  return finish(deps, campaign, crew, memory, { ...look, open });
}

/** No message may be queued now: who needs none is told apart, and the campaign waits only while others are left. */
async function feedNobody(
  deps: CampaignDeps,
  campaign: CampaignRow,
  crew: Crew,
  memory: LineMemory,
  { open, ...source }: Source & { open: readonly OpenMessage[] },
  { reason, until }: Pick<Hold, 'reason' | 'until'>,
): Promise<Step> {
  if (campaign.retryAt !== null) {
    return (await endRetries(deps, campaign, crew)) ? wait(0) : hold(deps, campaign, reason, until);
  }
  const picked = await pickNext(deps, campaign, source, 0, 0);
  if (picked.exhausted) {
    const deferred = await nextDeferred(deps, campaign.id);
    const isSooner = deferred !== null && (deferred.dueAt ?? 0) < (until ?? 0);
    if (isSooner) return hold(deps, campaign, reason, until);
    return finish(deps, campaign, crew, memory, { facts: source.facts, open, until });
  }
  if (picked.verdicts.length === 0 && picked.through === campaign.feedPosition) {
    return hold(deps, campaign, reason, until);
  }
  await writePicked(deps, campaign, crew.feeder, picked, null);
  return wait(0);
}

/** What a step goes by. */
interface Look {
  /** of several sessions; null: there is one */
  facts: readonly SenderFacts[] | null;
  /** the session that numbers are looked up with */
  asker: SendingSession;
  /** messages that may wait in the queue */
  ahead: number;
  /** those that do; what may have left waits for its number beside the others, however long that is away */
  live: readonly OpenMessage[];
  /** how many more the daily cap lets through, and until when it does not */
  room: number;
  until: number | null;
}

async function lookAt(
  deps: CampaignDeps,
  campaign: CampaignRow,
  crew: Crew,
  memory: LineMemory,
  open: readonly OpenMessage[],
): Promise<Look | Step> {
  const days = await roomsToday(deps, campaign, memory, crew.senders, open);
  const look = { asker: crew.feeder, facts: null, ahead: AHEAD, live: open, ...togetherOf(days) };
  if (campaign.senders === null) return look;
  await noteElsewhere(deps, memory, open);
  const facts: SenderFacts[] = [];
  for (const session of crew.senders) {
    const leftToday = days.find(({ id }) => id === session.id)?.room ?? null;
    facts.push(await readFacts(deps, campaign, session, { open, leftToday }));
  }
  const now = deps.clock.now();
  const stuck = findStuck(facts, open, now);
  if (stuck.away.length + stuck.surplus.length > 0) {
    return wait((await reroute(deps, campaign, crew.feeder, stuck)) === 0 ? LOOK_MS : 0);
  }
  const behind = findLeftBehind(crew.senders, open, now).map(({ id }) => id);
  if (behind.length > 0) {
    // They say nothing about the numbers that go on.
    for (const id of behind) memory.open.delete(id);
    return wait((await failLeftBehind(deps, campaign, crew.feeder, behind)) ? 0 : LOOK_MS);
  }
  const free = crew.senders.filter((session) => longHold(session, now) === null);
  // One that does not answer lookups holds up the others no longer than one try.
  const asker = free[memory.unanswered % Math.max(1, free.length)];
  if (asker === undefined) {
    const { reason, until: heldUntil } = holdOf(crew.senders, now) ?? { reason: NO_SENDER, until: null };
    return hold(deps, campaign, reason, heldUntil);
  }
  const isFree = (accountId: string) => free.some(({ id }) => id === accountId);
  const live = open.filter(({ accountId }) => isFree(accountId));
  const today = togetherOf(days.filter(({ id }) => isFree(id)));
  return { ...look, facts, asker, live, ahead: AHEAD * Math.min(MAX_WIDTH, free.length), ...today };
}

/** How many messages these days let through together, and when the first of them that is spent is over. */
function togetherOf(days: readonly { room: number; until: number }[]): Pick<Look, 'room' | 'until'> {
  if (days.length === 0) return { room: Number.POSITIVE_INFINITY, until: null };
  const room = days.reduce((all, day) => all + day.room, 0);
  return { room, until: Math.min(...days.map((day) => day.until)) };
}

/** What the daily cap leaves to each session, with what waits in it counted; none without a cap. */
async function roomsToday(
  deps: CampaignDeps,
  campaign: CampaignRow,
  memory: LineMemory,
  senders: readonly SendingSession[],
  open: readonly OpenMessage[],
): Promise<{ id: string; room: number; until: number }[]> {
  const cap = optionsOf(campaign).dailyCap ?? null;
  if (cap === null) return [];
  const counted = (status: OpenMessage['status']) => campaign.delayMs === 0 || status === 'queued';
  const rooms = [];
  for (const sender of senders) {
    const { room, until } = await roomToday(deps, memory, sender, cap);
    const waiting = open.filter(({ accountId, status }) => accountId === sender.id && counted(status)).length;
    rooms.push({ id: sender.id, room: Math.max(0, room - waiting), until });
  }
  return rooms;
}

/** There is enough on the queue; when the sessions that have it hold that back, the campaign says why. */
async function waitForQueue(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { senders }: Crew,
  open: readonly OpenMessage[],
  waitMs: number,
): Promise<Step> {
  const busy = new Set(open.map(({ accountId }) => accountId));
  const held = holdOf(
    senders.filter(({ id }) => campaign.senders === null || busy.has(id)),
    deps.clock.now(),
  );
  if (held !== null) return hold(deps, campaign, held.reason, held.until, waitMs);
  if (campaign.waitingReason !== null) {
    await moveCampaign(deps, campaign.id, { from: ['running'], changes: {}, event: null });
  }
  return wait(waitMs);
}

/** What holds all of them, as far as the first that goes on; null when one of them is not held. */
function holdOf(senders: readonly SendingSession[], now: number): Pick<Hold, 'reason' | 'until'> | null {
  const holds = senders.map((sender) => longHold(sender, now) ?? heldBySession(sender, now));
  if (holds.includes(null)) return null;
  return holds.flatMap((held) => held ?? []).sort((a, b) => byLength(b, a))[0] ?? null;
}

interface Fed {
  all: Given[];
  /** no recipient can be queued now */
  exhausted: boolean;
}

interface Turn {
  /** messages that may be queued now */
  most: number;
  /** of these, to recipients who have not had one */
  fresh: number;
  /** the quota that lets none of those through; null: none does */
  spent: string | null;
  availableAt: number | null;
  source: Source;
}

/** Failures that are to be tried again go first. A text: why no recipient can be queued at the moment. */
async function giveNext(
  deps: CampaignDeps,
  campaign: CampaignRow,
  crew: Crew,
  memory: LineMemory,
  { most, fresh, spent, availableAt, source }: Turn,
): Promise<Fed | string | null> {
  if (campaign.retryAt !== null) {
    const rooms = source.facts && retryRooms(source.facts, deps.clock.now());
    const retried = await retryFailed(deps, campaign, crew, { want: most, rooms, availableAt });
    // What is left is of sessions that are away: it waits for them, and the others go on.
    if (retried === null || retried.all.length > 0 || !retried.more) {
      return retried && { all: retried.all, exhausted: false };
    }
    if (spent !== null) return spent;
  }
  try {
    const picked = await pickNext(deps, campaign, source, fresh, availableAt ?? 0);
    memory.checkFailures = 0;
    if (picked.silent)
      memory.silentAt = deps.clock.now() + Math.round(spread(SILENT_PACE_MS, source.random()));
    if (picked.exhausted) return { all: [], exhausted: true };
    const all = await writePicked(deps, campaign, crew.feeder, picked, availableAt);
    return all && { all, exhausted: false };
  } catch (error) {
    // No number is written to unchecked: the numbers may be what gets the sender banned.
    if (!(error instanceof AppError) || isUnavailable(error)) throw error;
    memory.checkFailures++;
    memory.unanswered++;
    return NUMBER_CHECK;
  }
}

/** Of each session that sends, what its day lets through. */
function retryRooms(facts: readonly SenderFacts[], now: number): RetryRooms {
  const free = facts.filter(({ session }) => longHold(session, now) === null);
  return new Map(free.map(({ session, leftToday }) => [session.id, leftToday ?? Number.POSITIVE_INFINITY]));
}

const checkPauseMs = (memory: LineMemory) => backoffMs(CHECK_PAUSE, memory.checkFailures);

/** No recipient is left to be queued: wait for those in quiet hours, for what is on its way, or be done. */
async function finish(
  deps: CampaignDeps,
  campaign: CampaignRow,
  crew: Crew,
  memory: LineMemory,
  { facts, open, until }: Pick<Look, 'facts' | 'until'> & { open: readonly OpenMessage[] },
): Promise<Step> {
  const deferred = await nextDeferred(deps, campaign.id);
  if (deferred !== null) {
    if (await lookSooner(deps, campaign, memory, facts)) return wait(0);
    const { reason, dueAt } = deferred;
    if (reason === NUMBER_CHECK) {
      return holdForSilent(deps, campaign, open, Math.max(dueAt ?? 0, memory.silentAt));
    }
    return hold(deps, campaign, reason === null || reason === 'quiet' ? RECIPIENT_NIGHT : reason, dueAt);
  }
  if (open.length > 0) return waitForQueue(deps, campaign, crew, open, LOOK_MS);
  if (campaign.retryAt !== null) {
    // Failures of sessions that are away, or whose day is spent.
    const away = crew.senders.flatMap((sender) => longHold(sender, deps.clock.now()) ?? [])[0];
    return hold(deps, campaign, away?.reason ?? 'daily_cap', away === undefined ? until : away.until);
  }
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

/**
 * Numbers that WhatsApp says nothing of are waited for. When nobody else is left, other campaigns may write to the list
 * meanwhile: the next run of a schedule is not left out because of one number.
 */
async function holdForSilent(
  deps: CampaignDeps,
  campaign: CampaignRow,
  open: readonly OpenMessage[],
  until: number,
): Promise<Step> {
  const holdsList = campaign.activeKey !== null && campaign.retryAt === null;
  if (holdsList && open.length === 0 && !(await areOthersDeferred(deps, campaign.id))) {
    const changes = { activeKey: null, waitingReason: NUMBER_SILENT, waitingUntil: until };
    const where = isNull(campaigns.retryAt);
    await moveCampaign(deps, campaign.id, { from: ['running'], where, changes, event: null });
    return hold(deps, { ...campaign, ...changes }, NUMBER_SILENT, until);
  }
  return hold(deps, campaign, NUMBER_SILENT, until);
}

/**
 * Those who wait for long because no session could write to them are looked at again when one can: a part of them now and
 * then, because it may not be able to write to these. True when there were some.
 */
async function lookSooner(
  deps: CampaignDeps,
  campaign: CampaignRow,
  memory: LineMemory,
  facts: readonly SenderFacts[] | null,
): Promise<boolean> {
  const now = deps.clock.now();
  if (facts === null || now < memory.soonerAt || !facts.some((one) => takesStrangers(one, now))) return false;
  memory.soonerAt = now + PATIENCE_MS;
  return (await bringForward(deps, campaign.id)) > 0;
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
