/** Actions on a campaign: pause, resume, stop, change, clone, retry. */
import { sql } from 'drizzle-orm';
import { campaigns, messages } from '../../db/schema.ts';
import { sleep } from '../../utils/clock.ts';
import { AppError } from '../../utils/errors.ts';
import { timeZoneOf } from '../auth/settings.ts';
import { type Ctx, originOf, withParts } from '../context.ts';
import { type Answer, claimIdempotency } from '../idempotency.ts';
import { findList } from '../lists/lists.ts';
import type { SessionRecord } from '../sessions/find.ts';
import { saysContent } from './content.ts';
import { cancelOpen, withdrawOpen } from './dequeue-open.ts';
import { type CampaignRef, enterCampaign, viewCampaign } from './read.ts';
import { viewRecall } from './recall-view.ts';
import {
  activeKeyOf,
  type CampaignOptions,
  type CampaignRow,
  derivedName,
  moveCampaign,
  optionsOf,
  storedJson,
  type Transition,
  totalOf,
} from './row.ts';
import { firstRun } from './schedule.ts';
import type { CampaignOutput, CloneCampaignInput, MadeCampaign, UpdateCampaignInput } from './schemas.ts';
import { copySenders, readSenders, requireAnyLinked } from './senders.ts';
import { contentFor, delayOf, insertCampaign, type MadeAnswer, newRow, optionsFrom } from './start.ts';

/**
 * A message that has passed its last look when a pause commits needs some milliseconds to be on the wire; the answer comes
 * after that, so that nothing leaves behind it.
 */
const RELAY_GRACE_MS = 250;

/**
 * Nothing more than what is on the wire already is sent after this resolves: what waits comes off the queue in the
 * same transaction. One that is paused already stays so. Throws NOT_FOUND, or CONFLICT for one that is not running.
 */
export async function pauseCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignOutput> {
  const { session, campaign } = await enter(ctx, ref);
  let claimed = 0;
  const moved = await moveCampaign(ctx, campaign.id, {
    from: ['running'],
    changes: { status: 'paused', reason: 'user', reasonMessage: null, pausedAt: ctx.clock.now() },
    event: 'campaign.paused',
    origin: originOf(ctx),
    also: async (tx, row) => {
      claimed = (await withdrawOpen(tx, ctx, row.id)).claimed;
    },
  });
  if (claimed > 0) await sleep(ctx.clock, RELAY_GRACE_MS);
  return moved ? viewCampaign(ctx, moved, session) : already(ctx, ref, 'paused');
}

/** Ends a campaign for good; what was on the wire still arrives. Throws NOT_FOUND, or CONFLICT for one that is over. */
export async function stopCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignOutput> {
  const { session, campaign } = await enter(ctx, ref);
  let claimed = 0;
  const moved = await moveCampaign(ctx, campaign.id, {
    from: ['running', 'paused', 'scheduled'],
    changes: {
      status: 'stopped',
      reason: 'user',
      reasonMessage: null,
      activeKey: null,
      dueAt: null,
      retryAt: null,
      finishedAt: ctx.clock.now(),
    },
    event: 'campaign.stopped',
    origin: originOf(ctx),
    also: async (tx, row) => {
      claimed = (await cancelOpen(tx, ctx, row.id, originOf(ctx))).claimed;
    },
  });
  if (claimed > 0) await sleep(ctx.clock, RELAY_GRACE_MS);
  return moved ? viewCampaign(ctx, moved, session) : already(ctx, ref, 'stopped');
}

/**
 * Goes on where it was paused, or begins a clone. Throws NOT_FOUND, NOT_CONNECTED, BROADCAST_IN_PROGRESS, or CONFLICT
 * for one that is not paused.
 */
export async function resumeCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignOutput> {
  const { session, campaign } = await enter(ctx, ref);
  if (campaign.status === 'paused') {
    await requireSenders(ctx, campaign);
    if (campaign.frozenAt === null && campaign.listId !== null) {
      await findList(ctx.db, campaign.userId, campaign.listId);
    }
  }
  const now = ctx.clock.now();
  const moved = await moveCampaign(ctx, campaign.id, {
    from: ['paused'],
    changes: {
      status: 'running',
      reason: null,
      reasonMessage: null,
      activeKey: activeKeyOf(campaign),
      startedAt: campaign.startedAt ?? now,
      resumedAt: now,
    },
    event: campaign.startedAt === null ? 'campaign.started' : 'campaign.resumed',
    origin: originOf(ctx),
  });
  return moved ? viewCampaign(ctx, moved, session) : already(ctx, ref, 'running');
}

/**
 * Sends what failed once more, each under the id that it has: whoever got it in spite of the failure sees it once.
 * Throws NOT_FOUND, NOT_CONNECTED, BROADCAST_IN_PROGRESS, or CONFLICT while it runs or is recalled, or when nothing failed.
 */
export async function retryCampaign(
  ctx: Ctx,
  ref: CampaignRef,
  answer: (campaign: CampaignOutput) => Answer,
): Promise<CampaignOutput> {
  const { session, campaign } = await enter(ctx, ref);
  await requireSenders(ctx, campaign);
  if ((await viewRecall(ctx, campaign))?.isOver === false) throw isRecalled();
  const now = ctx.clock.now();
  const moved = await moveCampaign(ctx, campaign.id, {
    from: ['completed', 'paused'],
    where: sql`(${campaigns.recallAt} is null or ${campaigns.dueAt} is null) and exists (select 1 from ${messages} where ${messages.campaignId} = ${campaign.id} and ${messages.status} = 'failed')`,
    changes: {
      status: 'running',
      reason: null,
      reasonMessage: null,
      activeKey: activeKeyOf(campaign),
      retryAt: now + 1,
      retryCursor: null,
      // What is sent from now on is wanted: a late proof does not begin the recall again.
      recallAt: null,
      recallCursor: null,
      resumedAt: now,
      finishedAt: null,
    },
    event: 'campaign.resumed',
    data: { retry: true },
    origin: originOf(ctx),
    also: async (tx, row) => {
      if (!ctx.idempotency) return;
      await claimIdempotency(ctx, tx, answer(await viewCampaign(withParts(ctx, { db: tx }), row, session)));
    },
  });
  if (moved) return viewCampaign(ctx, moved, session);
  const { status, recallAt, dueAt } = (await enter(ctx, ref)).campaign;
  if (recallAt !== null && dueAt !== null) throw isRecalled();
  throw new AppError('CONFLICT', 'Only a completed or paused campaign with failures can be retried.', {
    details: { status },
  });
}

/** Changes what is given of a campaign that is paused or has not begun. Throws NOT_FOUND, CONFLICT, VALIDATION_FAILED. */
export async function updateCampaign(
  ctx: Ctx,
  ref: CampaignRef,
  input: UpdateCampaignInput,
): Promise<CampaignOutput> {
  const { session, campaign } = await enter(ctx, ref);
  const said =
    input.templateId !== undefined || saysContent(input)
      ? await contentFor(ctx, requireAnySession(session), input, campaign.dueAt ?? ctx.clock.now())
      : {};
  const delayMs = delayOf(input);
  const changes: Transition['changes'] = {
    ...said,
    ...(input.campaignName === undefined ? {} : { name: input.campaignName }),
    ...(delayMs === undefined ? {} : { delayMs }),
    options: storedJson(changedOptions(campaign, input)),
    ...(await newTimes(ctx, campaign, input)),
  };
  const moved = await moveCampaign(ctx, campaign.id, {
    from: [campaign.status === 'scheduled' ? 'scheduled' : 'paused'],
    changes,
    event: 'campaign.updated',
    data: { changed: Object.keys(input) },
    origin: originOf(ctx),
  });
  if (moved) return viewCampaign(ctx, moved, session);
  throw new AppError('CONFLICT', 'A campaign can be changed while it is paused or has not begun.', {
    details: { status: campaign.status },
  });
}

function changedOptions(campaign: CampaignRow, input: UpdateCampaignInput): CampaignOptions {
  const { quietHours, dailyCap, failurePercent, ...kept } = optionsOf(campaign);
  // null: it goes; not given: it stays.
  const changed = <T>(given: T | null | undefined, was: T | undefined) =>
    given === undefined ? was : (given ?? undefined);
  return {
    ...kept,
    ...optionsFrom({
      ...input,
      quietHours: changed(input.quietHours, quietHours),
      dailyCap: changed(input.dailyCap, dailyCap),
      failurePercent: changed(input.failurePercent, failurePercent),
    }),
  };
}

async function newTimes(
  ctx: Ctx,
  campaign: CampaignRow,
  input: UpdateCampaignInput,
): Promise<Transition['changes']> {
  if (input.scheduledAt === undefined && input.timezone === undefined) return {};
  if (campaign.status !== 'scheduled') {
    throw new AppError('CONFLICT', 'It has begun: its time cannot be changed any more.', {
      details: { status: campaign.status },
    });
  }
  const timeZone = input.timezone ?? campaign.timeZone ?? (await timeZoneOf(ctx, campaign.userId));
  const kept = campaign.scheduledAt === null ? undefined : new Date(campaign.scheduledAt).toISOString();
  const cron = campaign.cron ?? undefined;
  const scheduledAt = input.scheduledAt ?? (cron === undefined ? kept : undefined);
  const at = firstRun({ scheduledAt, timeZone, cron }, ctx.clock.now());
  return { scheduledAt: at, dueAt: at, timeZone };
}

/**
 * A new campaign with the same content, recipients and settings: scheduled when a time is given, else paused, to be
 * looked at, changed and resumed. A list is taken as it is then; single numbers are the same. Throws NOT_FOUND.
 */
export async function cloneCampaign(
  ctx: Ctx,
  ref: CampaignRef,
  input: CloneCampaignInput,
  answer: MadeAnswer,
): Promise<MadeCampaign> {
  const { session, campaign } = await enter(ctx, ref);
  const timeZone = input.timezone ?? campaign.timeZone ?? (await timeZoneOf(ctx, campaign.userId));
  const at =
    input.scheduledAt === undefined
      ? null
      : firstRun({ scheduledAt: input.scheduledAt, timeZone }, ctx.clock.now());
  const list = campaign.listId === null ? null : await findList(ctx.db, campaign.userId, campaign.listId);
  const own = requireAnySession(session);
  const { senders, poolId } = await copySenders(ctx.db, own, campaign);
  const { listId, numbers, templateId, type, content, delayMs, options } = campaign;
  const name = input.campaignName ?? derivedName(campaign.name, ' (copy)');
  const row: CampaignRow = {
    ...newRow(ctx, own, {
      name,
      senders,
      poolId,
      listId,
      numbers,
      templateId,
      type,
      content,
      delayMs,
      options,
    }),
    origin: 'clone',
    // One that has no recipients of its own yet takes them where the other one would have.
    originId:
      listId === null && numbers === null && campaign.frozenAt === null ? campaign.originId : campaign.id,
    ...(at === null
      ? { status: 'paused' as const, reason: 'cloned', pausedAt: ctx.clock.now() }
      : { scheduledAt: at, dueAt: at, timeZone }),
  };
  const total = list?.contactCount ?? campaign.numbers?.length ?? totalOf(campaign);
  return insertCampaign(ctx, row, total, answer);
}

interface Entered {
  session: SessionRecord | null;
  campaign: CampaignRow;
}

const enter = (ctx: Ctx, ref: CampaignRef): Promise<Entered> => enterCampaign(ctx, ref, 'broadcast');

/** A session of that name that was made later is another number. Throws CONFLICT, NOT_CONNECTED. */
async function requireSenders(ctx: Ctx, campaign: CampaignRow): Promise<void> {
  const rows = await readSenders(ctx.db, campaign);
  if (rows.length === 0) throw sessionGone();
  requireAnyLinked(rows);
}

/** Throws CONFLICT when there is none of that name. */
function requireAnySession(session: SessionRecord | null): SessionRecord {
  if (session) return session;
  throw sessionGone();
}

const isRecalled = () => new AppError('CONFLICT', 'The campaign is being recalled. Wait until that is over.');

function sessionGone(): AppError {
  return new AppError('CONFLICT', 'The session that this campaign belongs to is gone.');
}

/** The campaign is in that state already, or can no longer reach it. */
async function already(ctx: Ctx, ref: CampaignRef, wanted: CampaignRow['status']): Promise<CampaignOutput> {
  const { campaign, session } = await enter(ctx, ref);
  if (campaign.status === wanted) return viewCampaign(ctx, campaign, session);
  throw new AppError('CONFLICT', `The campaign is ${campaign.status}.`, {
    details: { status: campaign.status },
  });
}
