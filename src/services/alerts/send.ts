/** Sends notices that wait: they are in the database until a receiver has taken them, so that a crash loses none. */
import { and, asc, eq, gt, inArray, lte, min, notExists, or, sql } from 'drizzle-orm';
import { affected, alias } from '../../db/ops.ts';
import { ALERT_CHANNEL_TYPES, alertChannels, alertNotices } from '../../db/schema.ts';
import { refundWindow, spendFromWindow } from '../../db/windows.ts';
import { inBackground } from '../../db/work.ts';
import { type BackoffRange, backoffMs, spread } from '../../utils/backoff.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { createFairQueue } from '../../utils/fair-queue.ts';
import type { Deps } from '../context.ts';
import { type ChannelRow, type DeliverDeps, deliver, type Notice, type Outcome, restMs } from './deliver.ts';
import { noticeOf, placeOf, summaryOf, type ToldAlarm } from './notices.ts';
import { readAlarmRows } from './watch.ts';

/** A channel gets so many notices in a clock hour; the others wait for its end and come as one. */
export const NOTICES_PER_HOUR = 20;
const GIVE_UP_MS = DAY_MS;
/** The first is longer than one attempt may take, so that no other process tries meanwhile. */
const RETRY: BackoffRange = { firstMs: MINUTE_MS, maxMs: HOUR_MS };
/** Due channels that are looked at to choose those of one round. */
const MAX_DUE = 1_000;
/** Channels of one round, and those of one workspace among them: a receiver that hangs holds its place for ten seconds. */
const BATCH_SIZE = 40;
const BATCH_OF_TENANT = 4;
/** Channels that are sent to at once, and those of one workspace among them. */
const AT_ONCE = 8;
const AT_ONCE_OF_TENANT = 2;
/** After so long a channel waits for the next round, however much it has left. */
const TURN_MS = 10_000;
/** Notices of one summary. */
const MAX_SUMMARY = 1_000;

type SendDeps = DeliverDeps & Pick<Deps, 'logger'>;
type Row = typeof alertNotices.$inferSelect;

const waiting = eq(alertNotices.state, 'waiting');

/** The window that the notices of a channel are counted in, its tests included. */
export const channelWindow = (channelId: string) => ({
  key: `alerts:channel:${channelId}`,
  max: NOTICES_PER_HOUR,
  windowMs: HOUR_MS,
});

/**
 * Sends what is due, the oldest of each channel first, to several channels at once; how many were taken. Safe in several
 * processes at once. A channel that fails or hangs stops no other, and a mail server or a Telegram that is away none of the other
 * types. A notice whose process dies between the receiver's answer
 * and the row's end may come twice, under the same id.
 */
export async function sendDueNotices(deps: SendDeps, signal?: AbortSignal): Promise<number> {
  const queue = createFairQueue({
    concurrency: AT_ONCE,
    perOwner: AT_ONCE_OF_TENANT,
    maxWaiting: BATCH_OF_TENANT,
  });
  const due = await dueChannels(deps);
  const sent = await Promise.all(
    due.map(({ channelId, userId }) =>
      queue.run(String(userId), () => inBackground(userId, () => sendAll(deps, channelId, signal))),
    ),
  );
  return sent.reduce<number>((sum, n) => sum + (n ?? 0), 0);
}

/**
 * Those that wait longest first, a few of each workspace; none whose oldest notice is being sent, is put off or held back, and
 * none whose peer is left alone at this moment.
 */
async function dueChannels(deps: SendDeps): Promise<{ channelId: string; userId: number }[]> {
  const { db, clock } = deps;
  const { channelId, userId, nextAttemptAt } = alertNotices;
  const now = clock.now();
  const resting = ALERT_CHANNEL_TYPES.filter((type) => restMs(deps, type) > 0);
  const rests = db
    .select({ id: alertChannels.id })
    .from(alertChannels)
    .where(and(eq(alertChannels.id, channelId), inArray(alertChannels.type, resting)));
  const head = alias(alertNotices, 'head');
  const isHeld = db
    .select({ id: head.id })
    .from(head)
    .where(
      and(
        eq(head.channelId, channelId),
        eq(head.state, 'waiting'),
        gt(head.nextAttemptAt, now),
        or(gt(head.attempts, 0), gt(head.held, 0)),
      ),
    );
  const rows = await db
    .select({ channelId, userId })
    .from(alertNotices)
    .where(
      and(
        waiting,
        lte(nextAttemptAt, now),
        notExists(isHeld),
        resting.length === 0 ? undefined : notExists(rests),
      ),
    )
    .groupBy(channelId, userId)
    .orderBy(asc(min(nextAttemptAt)), asc(channelId))
    .limit(MAX_DUE);
  const taken = new Map<number, number>();
  const chosen = rows.filter((row) => {
    const before = taken.get(row.userId) ?? 0;
    taken.set(row.userId, before + 1);
    return before < BATCH_OF_TENANT;
  });
  return chosen.slice(0, BATCH_SIZE);
}

/** What is due for one channel; how many were taken. */
async function sendAll(deps: SendDeps, channelId: string, signal?: AbortSignal): Promise<number> {
  const endsMs = deps.clock.monotonic() + TURN_MS;
  let sent = 0;
  try {
    while (sent < NOTICES_PER_HOUR && !signal?.aborted && deps.clock.monotonic() < endsMs) {
      if (!(await sendNext(deps, channelId))) break;
      sent++;
    }
  } catch (error) {
    deps.logger.warn('alerts of a channel could not be sent', { channel: channelId, error: String(error) });
  }
  return sent;
}

/** The oldest notice of the channel, if it is due; whether it was taken. */
async function sendNext(deps: SendDeps, channelId: string): Promise<boolean> {
  const now = deps.clock.now();
  const [head] = await ofChannel(deps, channelId).limit(1);
  if (head === undefined || head.nextAttemptAt > now) return false;
  const [channel] = await deps.db.select().from(alertChannels).where(eq(alertChannels.id, channelId));
  if (channel?.status !== 'active') {
    await deps.db.delete(alertNotices).where(and(eq(alertNotices.channelId, channelId), waiting));
    return false;
  }
  if (restMs(deps, channel.type) > 0) return false;
  const retryAt = await claim(deps, head);
  if (retryAt === null) return false;
  const spent = await spendFromWindow(deps.db, channelWindow(channelId), now);
  if (spent === null) {
    await holdBack(deps, channelId);
    return false;
  }
  const all = head.held > 0 ? await ofChannel(deps, channelId).limit(MAX_SUMMARY) : [head];
  const outcome = await attempt(deps, channel, all);
  if (outcome.delivered) {
    await settle(deps, all, 'sent');
    await note(deps, channel, { failure: null, lastSentAt: deps.clock.now() });
    return true;
  }
  await refundWindow(deps.db, spent);
  const givenUp = outcome.final || now - head.createdAt >= GIVE_UP_MS;
  deps.logger.warn('an alert was not sent', {
    channel: channelId,
    type: channel.type,
    givenUp,
    reason: outcome.error,
  });
  if (givenUp) await settle(deps, all, 'dropped');
  else if (outcome.away === true) await giveBack(deps, head);
  else await putOff(deps, channelId, retryAt);
  await note(deps, channel, { failure: outcome.error });
  return false;
}

/** What fails on this side is an outcome too, so that it is given up in its time. */
async function attempt(deps: SendDeps, channel: ChannelRow, rows: readonly Row[]): Promise<Outcome> {
  try {
    return await deliver(deps, channel, await write(deps, channel, rows));
  } catch (error) {
    // Its message may hold the address, and that the token of a bot.
    const name = error instanceof Error ? error.name : typeof error;
    deps.logger.error('an alert failed on this side', { channel: channel.id, error: name });
    return { delivered: false, error: 'The service could not send it.', final: false };
  }
}

const ofChannel = ({ db }: SendDeps, channelId: string) =>
  db
    .select()
    .from(alertNotices)
    .where(and(eq(alertNotices.channelId, channelId), waiting))
    // A begin comes before the end of the same moment.
    .orderBy(asc(alertNotices.createdAt), asc(alertNotices.phase), asc(alertNotices.id));

/** When it is tried again unless this attempt ends it; null: another process has it. */
async function claim({ db, clock }: SendDeps, row: Row): Promise<number | null> {
  const pauseMs = spread(backoffMs(RETRY, row.attempts + 1) * 1.5, Math.random());
  const nextAttemptAt = clock.now() + Math.round(pauseMs);
  const claimed = await db
    .update(alertNotices)
    .set({ attempts: sql`${alertNotices.attempts} + 1`, nextAttemptAt })
    .where(and(eq(alertNotices.id, row.id), eq(alertNotices.attempts, row.attempts), waiting));
  return affected(claimed) === 1 ? nextAttemptAt : null;
}

/** As before the attempt, which says nothing of this channel. */
async function giveBack({ db, clock }: SendDeps, { id, attempts }: Row): Promise<void> {
  await db
    .update(alertNotices)
    .set({ attempts, nextAttemptAt: clock.now() })
    .where(and(eq(alertNotices.id, id), eq(alertNotices.attempts, attempts + 1), waiting));
}

/** The others of the channel wait as long as the one that failed. */
async function putOff({ db }: SendDeps, channelId: string, nextAttemptAt: number): Promise<void> {
  await db
    .update(alertNotices)
    .set({ nextAttemptAt })
    .where(and(eq(alertNotices.channelId, channelId), waiting));
}

/** Too many in this hour: what waits goes into the summary of the next one. */
async function holdBack({ db, clock }: SendDeps, channelId: string): Promise<void> {
  const now = clock.now();
  const nextHour = now - (now % HOUR_MS) + HOUR_MS;
  await db
    .update(alertNotices)
    .set({ held: 1, attempts: 0, nextAttemptAt: nextHour })
    .where(and(eq(alertNotices.channelId, channelId), waiting));
}

async function write(deps: SendDeps, channel: ChannelRow, rows: readonly Row[]): Promise<Notice> {
  const place = await placeOf(deps, channel.userId);
  const alarms = await readAlarmRows(deps.db, [...new Set(rows.map(({ alarmId }) => alarmId))]);
  const told = rows.flatMap(({ alarmId, phase }): ToldAlarm[] => {
    const alarm = alarms.get(alarmId);
    return alarm === undefined ? [] : [{ alarm, phase }];
  });
  const [first] = told;
  const id = rows[0]?.id ?? '';
  return told.length === 1 && first
    ? noticeOf(deps, channel, place, id, first)
    : summaryOf(deps, channel, place, id, told);
}

async function settle({ db }: SendDeps, rows: readonly Row[], state: 'sent' | 'dropped'): Promise<void> {
  await db
    .update(alertNotices)
    .set({ state })
    .where(
      inArray(
        alertNotices.id,
        rows.map(({ id }) => id),
      ),
    );
}

async function note(
  { db }: SendDeps,
  { id }: ChannelRow,
  changes: { failure: string | null; lastSentAt?: number },
): Promise<void> {
  await db.update(alertChannels).set(changes).where(eq(alertChannels.id, id));
}
