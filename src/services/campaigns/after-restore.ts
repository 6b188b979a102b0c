/** Campaigns in a database that was restored: whom they have reached since the backup is not known. */

import { and, asc, eq, gt, inArray, lte, or, type SQL } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import { campaigns } from '../../db/schema.ts';
import { pauseItself, SESSION_REASONS } from './feed-end.ts';
import { type CampaignRow, type MoveDeps, moveCampaign } from './row.ts';
import { nextRun } from './schedule.ts';

const BATCH_SIZE = 200;
const RESTORED = {
  reason: 'restored',
  message:
    'The database was restored from a backup: whoever was reached after the backup would get it again. Look, then resume or stop it.',
};

/**
 * Holds every campaign that would go on by itself: those that run, that wait for their session or whose time has
 * passed are paused with the reason `restored`; a recurring one goes on with its next time. How many were held.
 */
export async function holdCampaigns(deps: MoveDeps): Promise<number> {
  const now = deps.clock.now();
  const wanted = or(
    eq(campaigns.status, 'running'),
    and(eq(campaigns.status, 'paused'), inArray(campaigns.reason, SESSION_REASONS)),
    and(eq(campaigns.status, 'scheduled'), lte(campaigns.dueAt, now)),
  );
  let held = 0;
  const read = (last: CampaignRow | null) => readAfter(deps, wanted, last?.id ?? '');
  for await (const rows of readBatches(BATCH_SIZE, read)) {
    for (const row of rows) if (await hold(deps, row, now)) held++;
  }
  return held;
}

function readAfter({ db }: MoveDeps, wanted: SQL | undefined, after: string): Promise<CampaignRow[]> {
  return db
    .select()
    .from(campaigns)
    .where(and(wanted, gt(campaigns.id, after)))
    .orderBy(asc(campaigns.id))
    .limit(BATCH_SIZE);
}

async function hold(deps: MoveDeps, row: CampaignRow, now: number): Promise<boolean> {
  if (row.status === 'running') return (await pauseItself(deps, row.id, RESTORED)) !== null;
  if (row.cron !== null) {
    const dueAt = nextRun(row.cron, row.timeZone ?? 'UTC', now);
    const changes = dueAt === null ? { status: 'completed' as const, dueAt, finishedAt: now } : { dueAt };
    await moveCampaign(deps, row.id, { from: ['scheduled'], changes, event: null });
    return false;
  }
  const { reason, message: reasonMessage } = RESTORED;
  const changes = { status: 'paused' as const, reason, reasonMessage, pausedAt: now, dueAt: null };
  const from = [row.status];
  const data = { reasonMessage };
  return (await moveCampaign(deps, row.id, { from, changes, event: 'campaign.paused', data })) !== null;
}
