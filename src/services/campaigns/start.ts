/** Making campaigns: now, at a time, or again and again. */

import { inBatches } from '../../db/batches.ts';
import type { Tx } from '../../db/client.ts';
import { transact, tryInsert } from '../../db/ops.ts';
import { campaigns } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { normalizePhone } from '../../utils/phone.ts';
import { minuteText } from '../../utils/time-zone.ts';
import { findSubscribers } from '../../whatsapp/subscribers.ts';
import { timeZoneOf } from '../auth/settings.ts';
import { type Ctx, originOf } from '../context.ts';
import { claimIdempotency } from '../idempotency.ts';
import { findList } from '../lists/lists.ts';
import { readNumberList, wrongNumbers } from '../number-lists.ts';
import type { SessionRecord, SessionRef } from '../sessions/find.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { checkTemplateText, findTemplate } from '../templates/templates.ts';
import { buildContent, saysContent } from './content.ts';
import { INVALID_MARK } from './freeze.ts';
import { textsOf } from './render-content.ts';
import {
  activeKeyOf,
  type CampaignOptions,
  type CampaignRow,
  campaignFact,
  findOverlap,
  inProgress,
  isRunning,
  optionsOf,
  storedJson,
} from './row.ts';
import { firstRun } from './schedule.ts';
import type { MadeCampaign, ScheduleCampaignInput, SendCampaignInput } from './schemas.ts';
import { type Chosen, chooseSenders } from './senders.ts';

/** Subscribers of one statement. */
const BATCH_SIZE = 200;
/** As campaign_recipients.phone holds. */
const MAX_PHONE = 20;

export type MadeAnswer = (made: MadeCampaign) => { status: number; body: Record<string, unknown> };
/** What becomes true in the transaction that makes the campaign. */
export type Together = (tx: Tx) => Promise<void>;

/**
 * Starts a campaign: durable when it resolves, its recipients are frozen right after. Throws SESSION_NOT_FOUND,
 * NOT_CONNECTED (no session that will connect by itself), NOT_FOUND (list, template, upload, pool), VALIDATION_FAILED,
 * INVALID_NUMBER (none of the numbers is one), BROADCAST_IN_PROGRESS and what a send of its content throws.
 */
export async function sendCampaign(
  ctx: Ctx,
  ref: SessionRef,
  input: SendCampaignInput,
  answer: MadeAnswer,
  together?: Together,
): Promise<MadeCampaign> {
  const { session } = await enterBroadcast(ctx, ref, 'broadcast');
  const chosen = await chooseSenders(ctx, session, input);
  const now = ctx.clock.now();
  const draft = await draftOf(ctx, session, chosen, input, now);
  const row = { ...draft.row, status: 'running' as const, activeKey: activeKeyOf(draft.row), startedAt: now };
  return insertCampaign(ctx, row, draft.totalContacts, answer, together);
}

/** Saves a campaign that begins later: once, or at every time of a cron expression. Throws as `sendCampaign`. */
export async function scheduleCampaign(
  ctx: Ctx,
  ref: SessionRef,
  input: ScheduleCampaignInput,
  answer: MadeAnswer,
  together?: Together,
): Promise<MadeCampaign> {
  const { session } = await enterBroadcast(ctx, ref, 'broadcast');
  const chosen = await chooseSenders(ctx, session, input);
  const timeZone = input.timezone ?? (await timeZoneOf(ctx, session.userId));
  const first = firstRun({ ...input, timeZone }, ctx.clock.now());
  const draft = await draftOf(ctx, session, chosen, input, first);
  const row: CampaignRow = {
    ...draft.row,
    scheduledAt: first,
    dueAt: first,
    timeZone,
    cron: input.cron ?? null,
  };
  return insertCampaign(ctx, row, draft.totalContacts, answer, together);
}

interface CampaignDraft {
  row: CampaignRow;
  totalContacts: number;
}

async function draftOf(
  ctx: Ctx,
  session: SessionRecord,
  { senders, poolId }: Chosen,
  input: SendCampaignInput,
  startsAt: number,
): Promise<CampaignDraft> {
  const target = await targetOf(ctx, session.userId, input);
  const said = await contentFor(ctx, session, input, startsAt);
  const row = newRow(ctx, session, {
    name: input.campaignName ?? (await defaultName(ctx, session.userId)),
    listId: target.listId,
    numbers: target.numbers,
    delayMs: delayOf(input) ?? 0,
    options: storedJson({ ...optionsFrom(input), ...target.found }),
    senders,
    poolId,
    ...said,
  });
  return { row, totalContacts: target.total };
}

/** When it was made, in the account's own time. */
async function defaultName(ctx: Ctx, userId: number): Promise<string> {
  return `Campaign ${minuteText(await timeZoneOf(ctx, userId), ctx.clock.now())}`;
}

/** A row in its first state, `scheduled`, with everything that is not given empty. */
export function newRow(
  ctx: Pick<Ctx, 'clock'>,
  session: Pick<SessionRecord, 'id' | 'userId' | 'sessionId'>,
  given: Pick<
    CampaignRow,
    | 'name'
    | 'senders'
    | 'poolId'
    | 'listId'
    | 'numbers'
    | 'templateId'
    | 'type'
    | 'content'
    | 'delayMs'
    | 'options'
  >,
): CampaignRow {
  const now = ctx.clock.now();
  return {
    id: newId(now),
    userId: session.userId,
    accountId: session.id,
    sessionId: session.sessionId,
    feederId: null,
    status: 'scheduled',
    reason: null,
    reasonMessage: null,
    activeKey: null,
    scheduledAt: null,
    timeZone: null,
    cron: null,
    originId: null,
    origin: null,
    freezeCursor: null,
    frozenAt: null,
    total: 0,
    expectedTotal: null,
    feedPosition: 0,
    dueAt: null,
    waitingReason: null,
    waitingUntil: null,
    retryAt: null,
    retryCursor: null,
    recallAt: null,
    recallCursor: null,
    seed: newId(now),
    createdAt: now,
    startedAt: null,
    pausedAt: null,
    resumedAt: null,
    finishedAt: null,
    updatedAt: now,
    ...given,
  };
}

/** The content to send, of a request or of a template. Throws VALIDATION_FAILED unless it is exactly one of them. */
export async function contentFor(
  ctx: Ctx,
  session: SessionRecord,
  input: Parameters<typeof buildContent>[2] & { templateId?: string | undefined },
  startsAt: number,
): Promise<Pick<CampaignRow, 'type' | 'content' | 'templateId'>> {
  const { templateId } = input;
  if ((templateId === undefined) !== saysContent(input)) {
    throw invalid('message', 'must be given (or type and content), or else templateId, and not both');
  }
  const said =
    templateId === undefined
      ? input
      : { message: (await findTemplate(ctx.db, session.userId, templateId)).body };
  const content = await buildContent(ctx, session, said, startsAt);
  for (const text of textsOf(content)) checkTemplateText(text, 'message');
  return { type: content.type, content: storedJson(content), templateId: templateId ?? null };
}

/** The delay under either of its names, or undefined. Throws VALIDATION_FAILED when they differ. */
export function delayOf(input: {
  delay?: number | undefined;
  delayBetweenMessages?: number | undefined;
}): number | undefined {
  const { delay, delayBetweenMessages } = input;
  if (delay !== undefined && delayBetweenMessages !== undefined && delay !== delayBetweenMessages) {
    throw invalid('delayBetweenMessages', 'is given as delay too, with another value');
  }
  return delayBetweenMessages ?? delay;
}

/** The options that a request sets. */
export function optionsFrom(
  input: Pick<SendCampaignInput, 'dailyCap' | 'warmUp' | 'quietHours' | 'checkNumbers' | 'failurePercent'>,
): CampaignOptions {
  const { dailyCap, warmUp, quietHours, checkNumbers, failurePercent } = input;
  if (quietHours && quietHours.from === quietHours.to) throw invalid('quietHours', 'must have an end');
  return {
    ...(dailyCap === undefined ? {} : { dailyCap }),
    ...(warmUp === undefined ? {} : { warmUp }),
    ...(quietHours === undefined ? {} : { quietHours }),
    ...(checkNumbers === undefined ? {} : { checkNumbers }),
    ...(failurePercent === undefined ? {} : { failurePercent }),
  };
}

interface Target {
  listId: string | null;
  numbers: string[] | null;
  total: number;
  found: Pick<CampaignOptions, 'invalid' | 'duplicates'>;
}

/** Resolves the recipients. Throws NOT_FOUND, VALIDATION_FAILED, INVALID_NUMBER when none of the numbers is one. */
export async function targetOf(
  ctx: Ctx,
  userId: number,
  input: Pick<SendCampaignInput, 'listId' | 'numbers'>,
): Promise<Target> {
  const { listId, numbers } = input;
  if ((listId === undefined) === (numbers === undefined)) {
    throw invalid('listId', 'must be given, or else numbers, and not both');
  }
  if (listId !== undefined) {
    const list = await findList(ctx.db, userId, listId, ctx.actor.sessionIds);
    if (list.contactCount === 0) throw invalid('listId', 'is a list without contacts');
    return { listId, numbers: null, total: list.contactCount, found: {} };
  }
  return readNumbers(ctx, userId, numbers ?? []);
}

async function readNumbers(ctx: Ctx, userId: number, texts: readonly string[]): Promise<Target> {
  const { found: phones, wrong } = await readNumberList(texts, (text) =>
    normalizePhone(text, ctx.config.defaultCountry),
  );
  if (wrong.length === texts.length && texts.length > 0) throw wrongNumbers(wrong, texts.length);
  const seen = new Set(
    texts.map((text, at) => phones[at] ?? `${INVALID_MARK}${text.trim().slice(0, MAX_PHONE)}`),
  );
  const invalidCount = [...seen].filter((entry) => entry.startsWith(INVALID_MARK)).length;
  const numbers = await eachOnce(ctx, userId, [...seen]);
  const found = { invalid: invalidCount, duplicates: texts.length - numbers.length };
  return { listId: null, numbers, total: numbers.length, found };
}

/** Without further spellings of a subscriber's number. */
async function eachOnce(ctx: Ctx, userId: number, entries: readonly string[]): Promise<string[]> {
  const keys = new Set<string>();
  const kept: string[] = [];
  for await (const batch of inBatches(entries, BATCH_SIZE)) {
    const subscribers = await findSubscribers(
      ctx.db,
      userId,
      batch.filter((entry) => !entry.startsWith(INVALID_MARK)),
    );
    for (const entry of batch) {
      const key = subscribers.get(entry)?.key ?? entry;
      if (!keys.has(key)) kept.push(entry);
      keys.add(key);
    }
  }
  return kept;
}

/** Writes a new campaign with its fact and its answer. Throws BROADCAST_IN_PROGRESS. */
export async function insertCampaign(
  ctx: Ctx,
  row: CampaignRow,
  totalContacts: number,
  answer: MadeAnswer,
  together?: Together,
): Promise<MadeCampaign> {
  const made = toMade(row, totalContacts);
  const inserted = await transact(ctx.database, async (tx) => {
    const other = row.activeKey === null ? null : await findOverlap(tx, row);
    if (other !== null) throw isRunning(other);
    if (!(await tryInsert(tx, campaigns, { ...row, expectedTotal: totalContacts }))) return false;
    const event = row.status === 'running' ? 'campaign.started' : 'campaign.created';
    const data = { status: row.status, total: totalContacts, scheduledAt: made.scheduledAt };
    await record(tx, ctx, [campaignFact(row, event, data, originOf(ctx))]);
    await claimIdempotency(ctx, tx, answer(made));
    await together?.(tx);
    tx.afterCommitAsked(() => ctx.signals.wake(row.accountId));
    return true;
  });
  if (!inserted) throw await inProgress(ctx.db, row.id, row.activeKey);
  return made;
}

function toMade(row: CampaignRow, totalContacts: number): MadeCampaign {
  const { invalid: invalidCount = 0, duplicates = 0 } = optionsOf(row);
  return {
    id: row.id,
    campaignId: row.id,
    name: row.name,
    status: row.status,
    totalContacts,
    scheduledAt: row.scheduledAt === null ? null : new Date(row.scheduledAt).toISOString(),
    timezone: row.timeZone,
    invalid: invalidCount,
    duplicates,
  };
}

export function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}
