/** Reading campaigns: one and many. */
import { and, count, desc, eq } from 'drizzle-orm';
import { campaigns } from '../../db/schema.ts';
import { isTx } from '../../db/types.ts';
import { NOTHING_KNOWN, type PaceRow } from '../../queue/pace.ts';
import type { Ctx } from '../context.ts';
import type { PageQuery } from '../fields.ts';
import { readSession, type SessionRecord } from '../sessions/find.ts';
import { type BroadcastRef, enterBroadcast } from '../sessions/tenant.ts';
import { type Counted, countPage, countWithSenders, statisticsOf } from './counts.ts';
import { type ViewDeps, viewRecall } from './recall-view.ts';
import { type CampaignDeps, type CampaignRow, campaignNotFound, findCampaign, totalOf } from './row.ts';
import type { CampaignFilter, CampaignOutput, CampaignSenderOutput } from './schemas.ts';
import { isSentBy, maySee, readSenders, seenBy, sendersIn, sentBy } from './senders.ts';
import { campaignHolds } from './waiting.ts';
import { toCampaignWaiting } from './waiting-words.ts';

export interface CampaignRef extends BroadcastRef {
  id: string;
}

/** The campaigns of a session, or of all sessions when none is named, newest first. Throws SESSION_NOT_FOUND. */
export async function listCampaigns(
  ctx: Ctx,
  input: BroadcastRef & PageQuery & CampaignFilter,
): Promise<{ data: CampaignOutput[]; totalItems: number }> {
  const { session, userId } = await enterBroadcast(ctx, input, 'read');
  const where = and(
    eq(campaigns.userId, userId),
    session === null ? undefined : sentBy(session),
    await seenBy(ctx.db, userId, ctx.actor.sessionIds),
    input.status === undefined ? undefined : eq(campaigns.status, input.status),
  );
  const rows = await ctx.db
    .select()
    .from(campaigns)
    .where(where)
    .orderBy(desc(campaigns.createdAt), desc(campaigns.id))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  const [total] = await ctx.db.select({ n: count() }).from(campaigns).where(where);
  const counts = await countPage(ctx, rows);
  const data: CampaignOutput[] = [];
  for (const row of rows) {
    const known = counts.get(row.id) ?? (await countWithSenders(ctx.database.scan, row));
    data.push(await toListed(ctx, row, known, session));
  }
  return { data, totalItems: total?.n ?? 0 };
}

/** One campaign with its numbers as they are now. Throws NOT_FOUND. */
export async function getCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignOutput> {
  const { campaign, session } = await enterCampaign(ctx, ref, 'read');
  return viewCampaign(ctx, campaign, session);
}

/**
 * The same for a page that is looked at again and again: the numbers of a very large campaign may be some seconds old.
 * Throws NOT_FOUND.
 */
export async function watchCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignOutput> {
  const { campaign, session } = await enterCampaign(ctx, ref, 'read');
  const counts = await countPage(ctx, [campaign]);
  return toCampaign(
    ctx,
    campaign,
    counts.get(campaign.id) ?? (await countWithSenders(ctx.database.scan, campaign)),
    session,
  );
}

/**
 * A campaign with its session, which is null when it is gone: the one that the surface named, or the campaign's own.
 * Throws FORBIDDEN, SESSION_NOT_FOUND, NOT_FOUND.
 */
export async function enterCampaign(
  ctx: Ctx,
  ref: CampaignRef,
  scope: 'read' | 'broadcast',
): Promise<{ campaign: CampaignRow; session: SessionRecord | null }> {
  const { userId, session } = await enterBroadcast(ctx, ref, scope);
  const campaign = await findCampaign(ctx.db, userId, ref.id);
  if (session) {
    if (!isSentBy(campaign, session, ctx.actor.sessionIds)) throw campaignNotFound(ref.id);
    return { campaign, session };
  }
  if (!maySee(campaign, ctx.actor.sessionIds)) throw campaignNotFound(ref.id);
  const own = await readSession(ctx.db, userId, campaign.sessionId);
  if (own || campaign.senders === null) return { campaign, session: own };
  const [other = null] = await readSenders(ctx.db, campaign);
  return { campaign, session: other };
}

/** The campaign as answers show it. */
export async function viewCampaign(
  deps: ViewDeps,
  row: CampaignRow,
  session: PaceRow | null,
): Promise<CampaignOutput> {
  // A transaction alone sees what it has changed.
  const reads = isTx(deps.db) ? deps.db : deps.database.scan;
  return toCampaign(deps, row, await countWithSenders(reads, row), session);
}

async function toCampaign(
  deps: ViewDeps,
  row: CampaignRow,
  counted: Counted,
  session: PaceRow | null,
): Promise<CampaignOutput> {
  return { ...(await toListed(deps, row, counted, session)), recall: await viewRecall(deps, row) };
}

/** The same without its recall, which is counted message by message. */
async function toListed(
  deps: CampaignDeps,
  row: CampaignRow,
  { counts, bySender }: Counted,
  session: PaceRow | null,
): Promise<CampaignOutput> {
  const several = bySender === null ? null : await readSenders(deps.db, row);
  // One that is away sends nothing.
  const sending = several?.filter(({ status }) => status === 'connected');
  const statistics = await statisticsOf(deps, row, counts, sending ?? [session ?? NOTHING_KNOWN]);
  const running = row.status === 'running';
  const senders = running ? (several ?? (await readSenders(deps.db, row))) : [];
  const holds = campaignHolds(row, senders, deps.clock.now());
  return {
    id: row.id,
    campaignId: row.id,
    name: row.name,
    campaignName: row.name,
    sessionId: row.sessionId,
    senders: several === null ? null : sendersOf(row, several, bySender),
    poolId: row.poolId,
    status: row.status,
    reason: row.reason,
    reasonMessage: row.reasonMessage,
    waitingFor: toCampaignWaiting(holds),
    waitingUntil: iso(holds[0]?.until ?? null),
    listId: row.listId,
    templateId: row.templateId,
    type: row.type,
    content: row.content,
    delayBetweenMessages: row.delayMs,
    options: showOptions(row.options),
    totalContacts: totalOf(row),
    statistics,
    scheduledAt: iso(row.scheduledAt),
    timezone: row.timeZone,
    cron: row.cron,
    nextRunAt: row.status === 'scheduled' ? iso(row.dueAt) : null,
    originId: row.originId,
    origin: row.origin,
    createdAt: new Date(row.createdAt).toISOString(),
    startedAt: iso(row.startedAt),
    pausedAt: iso(row.pausedAt),
    resumedAt: iso(row.resumedAt),
    finishedAt: iso(row.finishedAt),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

/** Each of its sessions with what it has sent; the status is null of one that was deleted. */
function sendersOf(
  row: CampaignRow,
  there: readonly SessionRecord[],
  bySender: Counted['bySender'],
): CampaignSenderOutput[] {
  return sendersIn(row).map(({ accountId, sessionId }) => {
    const { queued = 0, sent = 0, delivered = 0, read = 0, failed = 0 } = bySender?.get(accountId) ?? {};
    const status = there.find(({ id }) => id === accountId)?.status ?? null;
    return { sessionId, status, queued, sent, delivered, read, failed };
  });
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** Quiet hours as they were given: times of day. */
function showOptions(options: Record<string, unknown>): Record<string, unknown> {
  const { quietHours, ...rest } = options;
  if (typeof quietHours !== 'object' || quietHours === null) return rest;
  const times = Object.entries(quietHours).map(([name, minutes]) => [name, toClock(Number(minutes))]);
  return { ...rest, quietHours: Object.fromEntries(times) };
}

function toClock(minutes: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
