/** Outcomes of a campaign's recipients, counted by the database in parts that take well under a second each. */
import { and, count, eq, exists, gt, inArray, isNotNull, lte, min, or, type SQL, sql } from 'drizzle-orm';
import type { ReadDb } from '../../db/client.ts';
import { alias } from '../../db/ops.ts';
import { campaignRecipients, messages } from '../../db/schema.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { outcomeOf } from './recipients.ts';
import type { CampaignRow } from './row.ts';
import { sendersIn } from './senders.ts';

/** Recipients of one statement. */
const BATCH_SIZE = 50_000;

export interface Reason {
  n: number;
  /** the position of the first recipient of that kind: among equals it decides */
  first: number;
}

interface Hour {
  sent: number;
  delivered: number;
  read: number;
  failed: number;
}

type Variant = Omit<Hour, 'failed'> & { first: number };

export interface Sums {
  failed: Map<string, Reason>;
  skipped: Map<string, Reason>;
  /** by the hour's beginning, epoch milliseconds */
  hours: Map<number, Hour>;
  variants: Map<string, Variant>;
  /** recipients who wrote to one of its sessions after the message to them had been sent */
  replied: number;
}

/** Adds up all recipients that the campaign has taken. */
export async function sumRecipients(scan: ReadDb, campaign: CampaignRow): Promise<Sums> {
  const sums: Sums = {
    failed: new Map(),
    skipped: new Map(),
    hours: new Map(),
    variants: new Map(),
    replied: 0,
  };
  const { campaignId, position } = campaignRecipients;
  for (let after = 0; after < campaign.total; after += BATCH_SIZE) {
    const where = and(eq(campaignId, campaign.id), gt(position, after), lte(position, after + BATCH_SIZE));
    await addReasons(sums, scan, campaign, where);
    await addHours(sums, scan, where);
    await addVariants(sums, scan, where);
    sums.replied += await countReplies(scan, campaign, where);
  }
  return sums;
}

async function addReasons(
  sums: Sums,
  scan: ReadDb,
  campaign: CampaignRow,
  where: SQL | undefined,
): Promise<void> {
  const { state, reason, position } = campaignRecipients;
  const { status, errorCode } = messages;
  const groups = await scan
    .select({ state, reason, status, errorCode, n: count(), first: min(position) })
    .from(campaignRecipients)
    .leftJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(where)
    .groupBy(state, reason, status, errorCode);
  for (const group of groups) {
    const fate = outcomeOf(campaign, group);
    if (fate.state !== 'failed' && fate.state !== 'skipped') continue;
    const reasons = sums[fate.state];
    const name = fate.reason ?? 'unknown';
    const first = Number(group.first);
    const known = reasons.get(name) ?? { n: 0, first };
    reasons.set(name, { n: known.n + Number(group.n), first: Math.min(known.first, first) });
  }
}

async function addHours(sums: Sums, scan: ReadDb, where: SQL | undefined): Promise<void> {
  const { sentAt, deliveredAt, readAt, failedAt, status } = messages;
  const isFailed = and(inArray(status, ['failed', 'expired']), sql`${campaignRecipients.state} <> 'skipped'`);
  const columns = [
    { name: 'sent', at: sentAt, also: undefined },
    { name: 'delivered', at: deliveredAt, also: undefined },
    { name: 'read', at: readAt, also: undefined },
    { name: 'failed', at: failedAt, also: isFailed },
  ] as const;
  for (const { name, at, also } of columns) {
    const groups = await scan
      .select({ hour: sql<number>`${at} - ${at} % ${HOUR_MS}`.as('hour_began'), n: count() })
      .from(campaignRecipients)
      .innerJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
      .where(and(where, isNotNull(at), also))
      .groupBy(sql`hour_began`);
    for (const group of groups) {
      const hour = Number(group.hour);
      const counts = sums.hours.get(hour) ?? { sent: 0, delivered: 0, read: 0, failed: 0 };
      counts[name] += Number(group.n);
      sums.hours.set(hour, counts);
    }
  }
}

async function addVariants(sums: Sums, scan: ReadDb, where: SQL | undefined): Promise<void> {
  const { variant, position } = campaignRecipients;
  const { sentAt, deliveredAt, readAt } = messages;
  const groups = await scan
    .select({
      variant,
      first: min(position),
      sent: count(sentAt),
      delivered: count(deliveredAt),
      read: count(readAt),
    })
    .from(campaignRecipients)
    .leftJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(and(where, isNotNull(variant)))
    .groupBy(variant);
  for (const group of groups) {
    const name = group.variant ?? '';
    const first = Number(group.first);
    const known = sums.variants.get(name) ?? { first, sent: 0, delivered: 0, read: 0 };
    sums.variants.set(name, {
      first: Math.min(known.first, first),
      sent: known.sent + Number(group.sent),
      delivered: known.delivered + Number(group.delivered),
      read: known.read + Number(group.read),
    });
  }
}

/** A conversation may go by the phone number or by the LID. */
async function countReplies(scan: ReadDb, campaign: CampaignRow, where: SQL | undefined): Promise<number> {
  const answer = alias(messages, 'answer');
  const accountIds = sendersIn(campaign).map(({ accountId }) => accountId);
  const answerFrom = (peer: SQL) =>
    exists(
      scan
        .select({ one: sql`1` })
        .from(answer)
        .where(
          and(
            eq(answer.userId, campaign.userId),
            sql`${answer.peer} = ${peer}`,
            sql`${answer.createdAt} >= ${messages.sentAt}`,
            inArray(answer.accountId, accountIds),
            eq(answer.direction, 'in'),
          ),
        ),
    );
  const [row] = await scan
    .select({ n: count() })
    .from(campaignRecipients)
    .innerJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(
      and(
        where,
        isNotNull(messages.sentAt),
        or(
          answerFrom(sql`${messages.peer}`),
          and(isNotNull(messages.lid), answerFrom(sql`concat(${messages.lid}, '@lid')`)),
        ),
      ),
    );
  return Number(row?.n ?? 0);
}
