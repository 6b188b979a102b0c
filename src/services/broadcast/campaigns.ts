/** Reading campaigns: one, many, and their recipients. */
import { and, asc, count, desc, eq, gt, type SQL } from 'drizzle-orm';
import { campaignRecipients, campaigns, messages } from '../../db/schema.ts';
import type { Ctx } from '../context.ts';
import type { SessionRecord, SessionRef } from '../sessions/find.ts';
import { type CampaignDeps, type CampaignRow, type CampaignStatus, findCampaign } from './campaign-row.ts';
import type { CampaignOutput, CampaignRecipient } from './campaign-schemas.ts';
import { type Counts, countCampaign, countPage, statisticsOf } from './counts.ts';
import { enterBroadcast } from './tenant.ts';

type Sender = Pick<SessionRecord, 'limits'>;

/** The campaigns of a session, newest first. Throws SESSION_NOT_FOUND. */
export async function listCampaigns(
  ctx: Ctx,
  input: SessionRef & { status?: CampaignStatus | undefined; page: number; limit: number },
): Promise<{ data: CampaignOutput[]; totalItems: number }> {
  const { session, userId } = await enterBroadcast(ctx, input, 'read');
  const where = and(
    eq(campaigns.userId, userId),
    eq(campaigns.sessionId, session.sessionId),
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
    const known = counts.get(row.id) ?? (await countCampaign(ctx.db, row.id));
    data.push(await toCampaign(ctx, row, known, session));
  }
  return { data, totalItems: total?.n ?? 0 };
}

/** One campaign with its numbers as they are now. Throws NOT_FOUND. */
export async function getCampaign(ctx: Ctx, ref: SessionRef & { id: string }): Promise<CampaignOutput> {
  const { session } = await enterBroadcast(ctx, ref, 'read');
  return viewCampaign(ctx, await findCampaign(ctx.db, session, ref.id), session);
}

/** The campaign as answers show it. */
export async function viewCampaign(
  deps: CampaignDeps,
  row: CampaignRow,
  session: Sender,
): Promise<CampaignOutput> {
  return toCampaign(deps, row, await countCampaign(deps.db, row.id), session);
}

async function toCampaign(
  deps: CampaignDeps,
  row: CampaignRow,
  counts: Counts,
  session: Sender,
): Promise<CampaignOutput> {
  const statistics = await statisticsOf(deps, row, counts, session.limits);
  const running = row.status === 'running';
  return {
    id: row.id,
    campaignId: row.id,
    name: row.name,
    campaignName: row.name,
    sessionId: row.sessionId,
    status: row.status,
    reason: row.reason,
    reasonMessage: row.reasonMessage,
    waitingFor: running ? (row.frozenAt === null ? 'recipients' : row.waitingReason) : null,
    waitingUntil: running ? iso(row.waitingUntil) : null,
    listId: row.listId,
    templateId: row.templateId,
    type: row.type,
    content: row.content,
    delayBetweenMessages: row.delayMs,
    options: showOptions(row.options),
    totalContacts: row.total,
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

/** What became of the recipients, in the order of sending. `cursor` is the `nextCursor` of the page before. */
export async function listRecipients(
  ctx: Ctx,
  input: SessionRef & { id: string; limit: number; cursor?: number | undefined },
): Promise<{ data: CampaignRecipient[]; nextCursor: string | null }> {
  const { session } = await enterBroadcast(ctx, input, 'read');
  const campaign = await findCampaign(ctx.db, session, input.id);
  const rows = await readRecipients(ctx, campaign, input.cursor ?? 0, input.limit);
  const last = rows.at(-1);
  return {
    data: rows.map(({ recipient }) => recipient),
    nextCursor: rows.length === input.limit && last ? String(last.position) : null,
  };
}

export interface RecipientRow {
  position: number;
  peer: string | null;
  lid: string | null;
  times: {
    sentAt: number | null;
    deliveredAt: number | null;
    readAt: number | null;
    failedAt: number | null;
  };
  recipient: CampaignRecipient;
}

/** The recipients after a position, with what their messages have come to. */
export async function readRecipients(
  { db }: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
  after: number,
  limit: number,
  where?: SQL,
): Promise<RecipientRow[]> {
  const rows = await db
    .select({
      position: campaignRecipients.position,
      phone: campaignRecipients.phone,
      name: campaignRecipients.name,
      state: campaignRecipients.state,
      reason: campaignRecipients.reason,
      variant: campaignRecipients.variant,
      queuedAt: campaignRecipients.queuedAt,
      messageId: messages.messageId,
      peer: messages.peer,
      lid: messages.lid,
      status: messages.status,
      errorCode: messages.errorCode,
      sentAt: messages.sentAt,
      deliveredAt: messages.deliveredAt,
      readAt: messages.readAt,
      failedAt: messages.failedAt,
    })
    .from(campaignRecipients)
    .leftJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(and(eq(campaignRecipients.campaignId, campaign.id), gt(campaignRecipients.position, after), where))
    .orderBy(asc(campaignRecipients.position))
    .limit(limit);
  return rows.map(({ position, phone, name, variant, messageId, peer, lid, queuedAt, ...row }) => {
    const { sentAt, deliveredAt, readAt, failedAt } = row;
    return {
      position,
      peer,
      lid,
      times: { sentAt, deliveredAt, readAt, failedAt },
      recipient: {
        number: phone,
        name,
        ...fateOf(campaign, row),
        variant,
        messageId,
        queuedAt: iso(queuedAt),
        sentAt: iso(sentAt),
        deliveredAt: iso(deliveredAt),
        readAt: iso(readAt),
        failedAt: iso(failedAt),
      },
    };
  });
}

interface FateRow {
  state: (typeof campaignRecipients.$inferSelect)['state'];
  reason: string | null;
  status: (typeof messages.$inferSelect)['status'] | null;
  errorCode: string | null;
}

function fateOf(campaign: CampaignRow, row: FateRow): Pick<CampaignRecipient, 'state' | 'reason'> {
  if (row.state === 'skipped') return { state: 'skipped', reason: row.reason };
  switch (row.status) {
    case null:
      return campaign.status === 'stopped' || campaign.status === 'failed'
        ? { state: 'skipped', reason: campaign.status }
        : { state: 'pending', reason: row.reason };
    case 'sent':
    case 'delivered':
    case 'read':
      return { state: row.status, reason: null };
    case 'failed':
    case 'expired':
      return { state: 'failed', reason: row.errorCode ?? row.status };
    case 'canceled':
      return { state: 'skipped', reason: campaign.status === 'stopped' ? 'stopped' : 'canceled' };
    default:
      return { state: 'queued', reason: null };
  }
}
