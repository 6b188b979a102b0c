/** Campaigns whose time has come, and those whose sessions have ended or come back. */
import { and, asc, eq, gt, inArray, lte, or, sql } from 'drizzle-orm';
import { inBatches, readBatches } from '../../db/batches.ts';
import { affected, isUnavailable, prepared, skipLocked, transact, tryInsert } from '../../db/ops.ts';
import { campaigns, whatsappAccounts } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { zoneClock } from '../../utils/time-zone.ts';
import { endOfAll, failForSession, pauseItself, resumeItself, SESSION_REASONS } from './feed-end.ts';
import { feederOf } from './feed-state.ts';
import {
  activeKeyOf,
  type CampaignDeps,
  type CampaignRow,
  campaignFact,
  derivedName,
  findOverlap,
  moveCampaign,
} from './row.ts';
import { nextRun } from './schedule.ts';
import { sendersIn } from './senders.ts';

const BATCH_SIZE = 200;
/** One that must wait for another campaign to its list, or could not be started, looks again after this. */
const BUSY_PAUSE_MS = 30_000;

/** Those that nobody has locked. */
const dueCampaigns = prepared((db) =>
  skipLocked(
    db
      .select()
      .from(campaigns)
      .where(and(eq(campaigns.status, 'scheduled'), lte(campaigns.dueAt, sql.placeholder('now'))))
      .orderBy(asc(campaigns.dueAt))
      .limit(BATCH_SIZE),
  ).prepare(),
);

/**
 * Starts what is due; how many. Safe in several processes at once: each start is bound to the time that was seen. One that
 * cannot be started stops no other: it is due again after a while.
 */
export async function startDue(deps: CampaignDeps): Promise<number> {
  const due = await dueCampaigns(deps.db).execute({ now: deps.clock.now() });
  const states = await readStates(deps, due);
  for (const row of due) {
    try {
      if (!sendersIn(row).some(({ accountId }) => states.has(accountId))) await failForSession(deps, row.id);
      else await (row.cron === null ? startOnce(deps, row) : startOccurrence(deps, row, row.cron));
    } catch (error) {
      deps.logger.error('a campaign could not be started', { campaignId: row.id, error });
      await putOff(deps, row);
    }
  }
  return due.length;
}

async function putOff({ db, clock, logger }: CampaignDeps, row: CampaignRow): Promise<void> {
  const isStill = and(eq(campaigns.id, row.id), eq(campaigns.status, 'scheduled'), asSeen(row));
  try {
    await db
      .update(campaigns)
      .set({ dueAt: clock.now() + BUSY_PAUSE_MS })
      .where(isStill);
  } catch (error) {
    if (isUnavailable(error)) throw error;
    logger.error('a campaign could not be put off', { campaignId: row.id, error });
  }
}

const asSeen = (row: CampaignRow) => (row.dueAt === null ? undefined : eq(campaigns.dueAt, row.dueAt));

async function startOnce(deps: CampaignDeps, row: CampaignRow): Promise<void> {
  try {
    await moveCampaign(deps, row.id, {
      from: ['scheduled'],
      where: asSeen(row),
      changes: {
        status: 'running',
        activeKey: activeKeyOf(row),
        startedAt: deps.clock.now(),
        dueAt: null,
      },
      event: 'campaign.started',
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'BROADCAST_IN_PROGRESS') throw error;
    const dueAt = deps.clock.now() + BUSY_PAUSE_MS;
    const changes = { dueAt, waitingReason: 'broadcast_in_progress', waitingUntil: dueAt };
    await moveCampaign(deps, row.id, { from: ['scheduled'], where: asSeen(row), changes, event: null });
  }
}

/**
 * One run of a recurring campaign is a campaign of its own. Runs that were missed while the service was down become
 * one; a run that would meet the one before it still running is left out.
 */
async function startOccurrence(deps: CampaignDeps, row: CampaignRow, cron: string): Promise<void> {
  await transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const timeZone = row.timeZone ?? 'UTC';
    const dueAt = nextRun(cron, timeZone, now);
    const changes = dueAt === null ? { status: 'completed' as const, dueAt, finishedAt: now } : { dueAt };
    const taken = await tx
      .update(campaigns)
      .set({ ...changes, updatedAt: now })
      .where(and(eq(campaigns.id, row.id), eq(campaigns.status, 'scheduled'), asSeen(row)));
    if (affected(taken) === 0) return;
    const child: CampaignRow = {
      ...row,
      id: newId(now),
      status: 'running',
      activeKey: activeKeyOf(row),
      name: derivedName(row.name, ` ${zoneClock(timeZone).at(now).date}`),
      originId: row.id,
      origin: 'recurrence',
      cron: null,
      dueAt: null,
      scheduledAt: row.dueAt,
      seed: newId(now),
      createdAt: now,
      startedAt: now,
      updatedAt: now,
    };
    if ((await findOverlap(tx, child)) !== null || !(await tryInsert(tx, campaigns, child))) return;
    await record(tx, deps, [campaignFact(child, 'campaign.started', { status: 'running' })]);
    tx.afterCommitAsked(() => deps.signals.wake(child.accountId));
  });
}

export interface RunningRef {
  id: string;
  userId: number;
  /** its sessions: it may have something to do when one of them has */
  accountIds: string[];
  /** processes.id that holds its feeder; null: none does at the moment */
  owner: string | null;
}

/**
 * Every running campaign of whose sessions one can send. Those whose sessions have all ended are paused, those whose
 * sessions are gone have failed, and those that only their end had paused go on once one is connected.
 */
export async function reviewCampaigns(deps: CampaignDeps): Promise<RunningRef[]> {
  const running: RunningRef[] = [];
  const read = (last: Reviewed | null) => readActive(deps, last?.id ?? '');
  for await (const rows of readBatches(BATCH_SIZE, read)) {
    const states = await readStates(deps, rows);
    for (const row of rows) {
      const senders = sendersIn(row).flatMap(({ accountId }) => states.get(accountId) ?? []);
      if (!(await tryToReview(deps, row, senders))) continue;
      const accountIds = senders.map(({ id }) => id);
      running.push({ id: row.id, userId: row.userId, accountIds, owner: feederOf(senders)?.owner ?? null });
    }
  }
  return running;
}

type Reviewed = Pick<
  CampaignRow,
  'id' | 'userId' | 'accountId' | 'sessionId' | 'senders' | 'status' | 'reason'
>;

const activeCampaigns = prepared((db) =>
  db
    .select({
      id: campaigns.id,
      userId: campaigns.userId,
      accountId: campaigns.accountId,
      sessionId: campaigns.sessionId,
      senders: campaigns.senders,
      status: campaigns.status,
      reason: campaigns.reason,
    })
    .from(campaigns)
    .where(
      and(
        or(
          eq(campaigns.status, 'running'),
          and(eq(campaigns.status, 'paused'), inArray(campaigns.reason, SESSION_REASONS)),
        ),
        gt(campaigns.id, sql.placeholder('after')),
      ),
    )
    .orderBy(asc(campaigns.id))
    .limit(BATCH_SIZE)
    .prepare(),
);

const readActive = ({ db }: CampaignDeps, after: string): Promise<Reviewed[]> =>
  activeCampaigns(db).execute({ after });

type SenderState = Pick<typeof whatsappAccounts.$inferSelect, 'id' | 'status' | 'owner'>;

/** The sessions of these campaigns that are there, by id. */
async function readStates(
  { db }: CampaignDeps,
  rows: readonly Pick<CampaignRow, 'accountId' | 'sessionId' | 'senders'>[],
): Promise<Map<string, SenderState>> {
  const ids = [...new Set(rows.flatMap((row) => sendersIn(row).map(({ accountId }) => accountId)))];
  const states = new Map<string, SenderState>();
  for await (const batch of inBatches(ids, BATCH_SIZE)) {
    const { id, status, owner } = whatsappAccounts;
    const found = await db
      .select({ id, status, owner })
      .from(whatsappAccounts)
      .where(inArray(id, [...batch]));
    for (const state of found) states.set(state.id, state);
  }
  return states;
}

/** One that cannot be reviewed stops no other: the next look reviews it again. */
async function tryToReview(
  deps: CampaignDeps,
  row: Reviewed,
  senders: readonly SenderState[],
): Promise<boolean> {
  try {
    return await review(deps, row, senders);
  } catch (error) {
    deps.logger.error('a campaign could not be looked at', { campaignId: row.id, error });
    return false;
  }
}

/** True for one that is to be fed. */
async function review(deps: CampaignDeps, row: Reviewed, senders: readonly SenderState[]): Promise<boolean> {
  if (senders.length === 0) {
    await failForSession(deps, row.id);
    return false;
  }
  if (row.status === 'running') {
    const end = endOfAll(senders);
    if (end) await pauseItself(deps, row.id, end);
    return end === null;
  }
  if (row.reason === null || !senders.some(({ status }) => status === 'connected')) return false;
  return (await resumeItself(deps, row.id, row.reason)) !== null;
}
