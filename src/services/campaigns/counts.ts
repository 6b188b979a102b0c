/** How far campaigns are: exact at the moment of the question, out of two covering indexes. */

import { and, count, desc, eq, gt, lte, type SQL, sql } from 'drizzle-orm';
import type { Db, ReadDb } from '../../db/client.ts';
import { rawRows } from '../../db/ops.ts';
import { campaignRecipients, campaigns, messages } from '../../db/schema.ts';
import { type Pace, type PaceRow, paceOf, unreserved } from '../../queue/pace.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { Deps } from '../context.ts';
import { countPlanned, isPlanned } from './planned.ts';
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

/** What one of several sessions has of a campaign. */
export type SenderCounts = Pick<Counts, 'queued' | 'sent' | 'delivered' | 'read' | 'failed'>;

/** The counts of a campaign; `bySender` by the session's id, null where a single one sends it. */
export interface Counted {
  counts: Counts;
  bySender: Map<string, SenderCounts> | null;
}

/** The counts of one campaign, for each of its sessions too. */
export async function countWithSenders(db: ReadDb, row: CampaignRow): Promise<Counted> {
  const counts = isPlanned(row) ? await countBefore(db, row) : await countCampaign(db, row.id);
  return { counts, bySender: row.senders === null ? null : await countSenders(db, row.id) };
}

/** Before it begins its recipients are those of its list as it is now. */
async function countBefore(db: ReadDb, row: CampaignRow): Promise<Counts> {
  const total = await countPlanned(db, row);
  const isOver = row.status === 'stopped' || row.status === 'failed';
  return toCounts((kind) => (kind === (isOver ? 'total_ended' : 'total') ? total : 0));
}

async function countSenders(db: ReadDb, campaignId: string): Promise<Map<string, SenderCounts>> {
  const { accountId, status } = messages;
  const rows = await db
    .select({ accountId, status, n: count() })
    .from(messages)
    .where(eq(messages.campaignId, campaignId))
    .groupBy(accountId, status);
  const byAccount = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const kinds = byAccount.get(row.accountId) ?? new Map<string, number>();
    byAccount.set(row.accountId, kinds.set(row.status, Number(row.n)));
  }
  return new Map([...byAccount].map(([id, kinds]) => [id, toCounts((kind) => kinds.get(kind) ?? 0)]));
}

export interface KeptCounts extends Counted {
  until: number;
}

/** Counting the campaigns of a page again may take a hundredth of the time at most. */
const KEEP_FACTOR = 100;
const FRESH_MS = 500;

/** The counts of a page of campaigns: long finished ones may be some seconds old. */
export async function countPage(
  deps: Pick<Deps, 'database' | 'clock' | 'statistics'>,
  rows: readonly CampaignRow[],
): Promise<Map<string, Counted>> {
  const cache = deps.statistics.campaigns;
  const found = new Map<string, Counted>();
  for (const row of rows) {
    const { id, updatedAt } = row;
    const key = `${id}:${updatedAt}`;
    const startedMs = deps.clock.monotonic();
    const known = cache.get(key);
    if (known && known.until > startedMs) {
      found.set(id, known);
      continue;
    }
    const counted = await countWithSenders(deps.database.scan, row);
    const tookMs = deps.clock.monotonic() - startedMs;
    const until = startedMs + Math.max(FRESH_MS, tookMs * KEEP_FACTOR);
    cache.set(key, { ...counted, until });
    found.set(id, counted);
  }
  return found;
}

/** Counts with rate and ETA. */
export async function statisticsOf(
  deps: CampaignDeps,
  row: CampaignRow,
  counts: Counts,
  sessions: readonly PaceRow[],
): Promise<CampaignStatistics> {
  const now = deps.clock.now();
  const left = counts.pending + counts.queued;
  const running = row.status === 'running';
  const observed = running ? await observedRate(deps.db, row, now) : null;
  const ratePerMinute = running ? (observed ?? paceRate(deps, row, sessions)) : 0;
  const etaMs = running && left > 0 && ratePerMinute > 0 ? (left / ratePerMinute) * MINUTE_MS : null;
  const waitMs = etaMs === null ? 0 : Math.max(0, (row.waitingUntil ?? now) - now);
  // Those who were left when it was stopped have got nothing.
  const done = row.status === 'stopped' || row.status === 'failed' ? counts.sent : counts.total - left;
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
function paceRate(deps: CampaignDeps, row: CampaignRow, sessions: readonly PaceRow[]): number {
  const { perMinute, perHour } = paceLimits(deps, row, sessions);
  return Math.min(perMinute, perHour / (HOUR_MS / MINUTE_MS));
}

/**
 * The number of messages that delay, gap and limits let through in a minute, until the hour's share is spent: of all
 * sessions together. The delay is one between messages of the campaign, whichever session sends them.
 */
export function paceLimits(
  deps: Pick<CampaignDeps, 'config' | 'clock'>,
  row: Pick<CampaignRow, 'delayMs'>,
  sessions: readonly PaceRow[],
): { perMinute: number; perHour: number } {
  const paces = sessions.map((session) => paceOf(deps.config.pacing, session, deps.clock.now()));
  const perMinute = sum(paces, (pace) => {
    const gapMs = Math.max((pace.delayMinMs + pace.delayMaxMs) / 2, 1);
    return Math.min(MINUTE_MS / gapMs, unreserved(pace.perMinute, pace));
  });
  return {
    perMinute: Math.min(MINUTE_MS / Math.max(row.delayMs * 1.15, 1), perMinute),
    perHour: sum(paces, (pace) => unreserved(pace.perHour, pace)),
  };
}

const sum = (paces: readonly Pace[], of: (pace: Pace) => number) =>
  paces.reduce((all, pace) => all + of(pace), 0);
