/** The overview of a session's broadcasts. */

import { and, count, desc, eq, gte, isNull, sum } from 'drizzle-orm';
import { z } from 'zod';
import { broadcastLists, CAMPAIGN_STATUSES, campaigns, optOuts } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { SessionRecord, SessionRef } from '../sessions/find.ts';
import { enterBroadcast } from '../sessions/tenant.ts';
import { type Counted, countPage } from './counts.ts';
import { seenBy, sentBy } from './senders.ts';

const PERIOD_DAYS = 30;
/** The newest of the period: a campaign costs some milliseconds to count. */
const MAX_CAMPAIGNS = 200;

const n = z.int();
export const BroadcastStats = z
  .object({
    lists: n,
    contacts: n.describe('of all lists'),
    optOuts: n,
    campaigns: z.object({ total: n, ...Object.fromEntries(CAMPAIGN_STATUSES.map((name) => [name, n])) }),
    messages: z
      .object({
        periodDays: n,
        campaigns: n.describe('campaigns of the period, the newest 200 at most'),
        recipients: n,
        sent: n,
        delivered: n,
        read: n,
        failed: n,
        skipped: n,
        deliveryPercent: z.number(),
        readPercent: z.number(),
      })
      .describe('of the campaigns that were made in the last 30 days'),
  })
  .meta({ id: 'BroadcastStats' });
export type BroadcastStats = z.infer<typeof BroadcastStats>;

/** Lists, opt-outs, campaigns by status, and what the campaigns of the last 30 days came to. Throws SESSION_NOT_FOUND. */
export async function broadcastStats(ctx: Ctx, ref: SessionRef): Promise<BroadcastStats> {
  const { userId, session } = await enterBroadcast(ctx, ref, 'read');
  const bound = ctx.actor.sessionIds;
  const seen = await seenBy(ctx.db, userId, bound);
  const own = and(eq(campaigns.userId, userId), sentBy(session), seen);
  const [lists] = await ctx.db
    .select({ n: count(), contacts: sum(broadcastLists.contactCount) })
    .from(broadcastLists)
    .where(
      and(
        eq(broadcastLists.userId, userId),
        isNull(broadcastLists.deletedAt),
        ofBound(bound, broadcastLists.sessionId),
      ),
    );
  const [out] = await ctx.db
    .select({ n: count() })
    .from(optOuts)
    .where(and(eq(optOuts.userId, userId), ofBound(bound, optOuts.sessionId)));
  const byStatus = await ctx.db
    .select({ status: campaigns.status, n: count() })
    .from(campaigns)
    .where(own)
    .groupBy(campaigns.status);
  const statuses = CAMPAIGN_STATUSES.map(
    (name) => [name, byStatus.find(({ status }) => status === name)?.n ?? 0] as const,
  );
  return {
    lists: lists?.n ?? 0,
    contacts: Number(lists?.contacts ?? 0),
    optOuts: out?.n ?? 0,
    campaigns: {
      total: statuses.reduce((all, [, value]) => all + value, 0),
      ...Object.fromEntries(statuses),
    },
    messages: await sumMessages(ctx, session, own),
  };
}

type Summed = 'total' | 'sent' | 'delivered' | 'read' | 'failed' | 'skipped';

/** What this session has of a campaign: of several sessions those whom it was given, and none who was skipped. */
function partOf({ id }: SessionRecord, { counts, bySender }: Counted): Record<Summed, number> {
  if (bySender === null) return counts;
  const { queued = 0, sent = 0, delivered = 0, read = 0, failed = 0 } = bySender.get(id) ?? {};
  return { total: queued + sent + failed, sent, delivered, read, failed, skipped: 0 };
}

async function sumMessages(
  ctx: Ctx,
  session: SessionRecord,
  own: ReturnType<typeof and>,
): Promise<BroadcastStats['messages']> {
  const since = ctx.clock.now() - PERIOD_DAYS * DAY_MS;
  const rows = await ctx.db
    .select()
    .from(campaigns)
    .where(and(own, gte(campaigns.createdAt, since)))
    .orderBy(desc(campaigns.createdAt))
    .limit(MAX_CAMPAIGNS);
  const counts = [...(await countPage(ctx, rows)).values()].map((counted) => partOf(session, counted));
  const of = (name: Summed) => counts.reduce((all, one) => all + one[name], 0);
  const percent = (part: number, whole: number) => (whole === 0 ? 0 : Math.round((part / whole) * 1000) / 10);
  return {
    periodDays: PERIOD_DAYS,
    campaigns: rows.length,
    recipients: of('total'),
    sent: of('sent'),
    delivered: of('delivered'),
    read: of('read'),
    failed: of('failed'),
    skipped: of('skipped'),
    deliveryPercent: percent(of('delivered'), of('sent')),
    readPercent: percent(of('read'), of('sent')),
  };
}
