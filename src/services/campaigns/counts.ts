/** How far campaigns are: exact at the moment of the question, out of two covering indexes. */

import { and, desc, eq, gt, lte, type SQL, sql } from 'drizzle-orm';
import type { Db, ReadDb } from '../../db/client.ts';
import { rawRows } from '../../db/ops.ts';
import { campaignRecipients, campaigns, messages } from '../../db/schema.ts';
import { type PaceRow, paceOf, unreserved } from '../../queue/pace.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { Deps } from '../context.ts';
import type { CampaignDeps, CampaignRow } from './row.ts';
import type { CampaignStatistics } from './schemas.ts';

export type Counts = Pick<
  CampaignStatistics,
  'total' | 'pending' | 'queued' | 'sent' | 'delivered' | 'read' | 'failed' | 'skipped'
>;

/** The newest messages that tell the rate, and how old they may be. */
const RATE_SAMPLE = 100;
/** Recipients that are looked through for the newest messages: some have none, because they were skipped. */
const NEWEST_REACH = 1_000;
const RATE_WINDOW_MS = 10 * MINUTE_MS;
/** Fewer say nothing about a rate. */
const MIN_RATE_SAMPLE = 3;

/** The counts of one campaign, all of one moment: a single statement. Zeros for a campaign that is not there. */
export async function countCampaign(db: ReadDb, campaignId: string): Promise<Counts> {
  const rows = await rawRows<{ kind: string; n: number | string }>(
    db,
    sql`select ${messages.status} as kind, count(*) as n from ${messages}
          where ${messages.campaignId} = ${campaignId} group by ${messages.status}
        union all select 'skipped', count(*) from ${campaignRecipients}
          where ${campaignRecipients.campaignId} = ${campaignId} and ${campaignRecipients.state} = 'skipped'
        union all select case ${campaigns.status} when 'stopped' then 'total_ended' when 'failed' then 'total_ended' else 'total' end,
          case when ${campaigns.frozenAt} is null and ${campaigns.expectedTotal} > ${campaigns.total}
            then ${campaigns.expectedTotal} else ${campaigns.total} end from ${campaigns} where ${campaigns.id} = ${campaignId}`,
  );
  const byKind = new Map(rows.map(({ kind, n }) => [kind, Number(n)]));
  return toCounts((kind) => byKind.get(kind) ?? 0);
}

function toCounts(of: (kind: string) => number): Counts {
  const ended = of('total_ended');
  const total = of('total') + ended;
  const queued = of('queued') + of('sending');
  const read = of('read');
  const delivered = of('delivered') + read;
  const sent = of('sent') + delivered;
  const failed = of('failed') + of('expired');
  const skipped = of('skipped') + of('canceled');
  const left = total - queued - sent - failed - skipped;
  // Those who are left will not be written to any more.
  return ended > 0
    ? { total, pending: 0, queued, sent, delivered, read, failed, skipped: skipped + left }
    : { total, pending: left, queued, sent, delivered, read, failed, skipped };
}

export interface KeptCounts {
  counts: Counts;
  until: number;
}

/** Counting the campaigns of a page again may take a hundredth of the time at most. */
const KEEP_FACTOR = 100;
const FRESH_MS = 500;

/** The counts of a page of campaigns: long finished ones may be some seconds old. */
export async function countPage(
  deps: Pick<Deps, 'database' | 'clock' | 'statistics'>,
  rows: readonly CampaignRow[],
): Promise<Map<string, Counts>> {
  const cache = deps.statistics.campaigns;
  const found = new Map<string, Counts>();
  for (const { id, updatedAt } of rows) {
    const key = `${id}:${updatedAt}`;
    const startedMs = deps.clock.monotonic();
    const known = cache.get(key);
    if (known && known.until > startedMs) {
      found.set(id, known.counts);
      continue;
    }
    const counts = await countCampaign(deps.database.scan, id);
    const tookMs = deps.clock.monotonic() - startedMs;
    const until = startedMs + Math.max(FRESH_MS, tookMs * KEEP_FACTOR);
    cache.set(key, { counts, until });
    found.set(id, counts);
  }
  return found;
}

/** Counts with rate and ETA. */
export async function statisticsOf(
  deps: CampaignDeps,
  row: CampaignRow,
  counts: Counts,
  session: PaceRow,
): Promise<CampaignStatistics> {
  const now = deps.clock.now();
  const left = counts.pending + counts.queued;
  const running = row.status === 'running';
  const observed = running ? await observedRate(deps.db, row, now) : null;
  const ratePerMinute = running ? (observed ?? paceRate(deps, row, session)) : 0;
  const etaMs = running && left > 0 && ratePerMinute > 0 ? (left / ratePerMinute) * MINUTE_MS : null;
  const waitMs = etaMs === null ? 0 : Math.max(0, (row.waitingUntil ?? now) - now);
  const done = counts.total - left;
  return {
    ...counts,
    progressPercent: counts.total === 0 ? 0 : Math.round((done / counts.total) * 1000) / 10,
    ratePerMinute: Math.round(ratePerMinute * 10) / 10,
    etaSeconds: etaMs === null ? null : Math.ceil((etaMs + waitMs) / 1000),
    estimatedFinishAt: etaMs === null ? null : new Date(now + etaMs + waitMs).toISOString(),
  };
}

/** The recipients that were handed to the queue last: those behind them, perhaps a million, have no message. */
export function areNewest({ id, feedPosition }: CampaignRow): SQL | undefined {
  const { campaignId, position } = campaignRecipients;
  return and(eq(campaignId, id), gt(position, feedPosition - NEWEST_REACH), lte(position, feedPosition));
}

/** Messages a minute over the newest that were sent in the last ten minutes; null when there are too few. */
async function observedRate(db: Db, campaign: CampaignRow, now: number): Promise<number | null> {
  const newest = await db
    .select({ sentAt: messages.sentAt })
    .from(campaignRecipients)
    .innerJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(areNewest(campaign))
    .orderBy(desc(campaignRecipients.position))
    .limit(RATE_SAMPLE);
  const times = newest.flatMap(({ sentAt }) =>
    sentAt !== null && sentAt > now - RATE_WINDOW_MS ? [sentAt] : [],
  );
  if (times.length < MIN_RATE_SAMPLE) return null;
  const spanMs = Math.max(...times) - Math.min(...times);
  return spanMs <= 0 ? null : ((times.length - 1) / spanMs) * MINUTE_MS;
}

/** Messages a minute that delay, gap and limits let through, hour after hour. */
function paceRate(deps: CampaignDeps, row: CampaignRow, session: PaceRow): number {
  const { perMinute, perHour } = paceLimits(deps, row, session);
  return Math.min(perMinute, perHour / (HOUR_MS / MINUTE_MS));
}

/** The number of messages that delay, gap and limits let through in a minute, until the hour's share is spent. */
export function paceLimits(
  deps: Pick<CampaignDeps, 'config' | 'clock'>,
  row: Pick<CampaignRow, 'delayMs'>,
  session: PaceRow,
): { perMinute: number; perHour: number } {
  const pace = paceOf(deps.config.pacing, session, deps.clock.now());
  const gapMs = Math.max(row.delayMs * 1.15, (pace.delayMinMs + pace.delayMaxMs) / 2, 1);
  return {
    perMinute: Math.min(MINUTE_MS / gapMs, unreserved(pace.perMinute, pace)),
    perHour: unreserved(pace.perHour, pace),
  };
}
