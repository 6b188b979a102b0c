/** Forgetting old campaigns with their recipients. */

import { and, asc, eq, inArray, isNotNull, isNull, lt, notInArray } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { deleteInBatches } from '../../db/ops.ts';
import { campaignRecipients, campaigns, ENDED_CAMPAIGN_STATUSES } from '../../db/schema.ts';

const BATCH_SIZE = 100;

/**
 * Deletes campaigns that ended before `before` (epoch milliseconds) and their recipients; how many rows went. One that
 * another campaign, not yet begun, is to take its recipients from stays until then.
 */
export async function forgetCampaigns(
  db: Db,
  { before, signal }: { before: number; signal: AbortSignal },
): Promise<number> {
  const needed = await readNeeded(db);
  let total = 0;
  const read = () =>
    db
      .select({ id: campaigns.id })
      .from(campaigns)
      .where(
        and(
          inArray(campaigns.status, [...ENDED_CAMPAIGN_STATUSES]),
          lt(campaigns.finishedAt, before),
          needed.length === 0 ? undefined : notInArray(campaigns.id, needed),
        ),
      )
      .orderBy(asc(campaigns.id))
      .limit(BATCH_SIZE);
  for await (const rows of readBatches(BATCH_SIZE, read, signal)) {
    for (const { id } of rows) {
      const where = eq(campaignRecipients.campaignId, id);
      const key = campaignRecipients.position;
      total += await deleteInBatches(db, { table: campaignRecipients, key, where, signal });
      if (signal.aborted) return total;
      // Last: a campaign whose recipients are half gone is found again.
      await db.delete(campaigns).where(eq(campaigns.id, id));
      total += 1;
    }
  }
  return total;
}

/** Campaigns whose recipients will be copied. */
async function readNeeded(db: Db): Promise<string[]> {
  const rows = await db
    .selectDistinct({ id: campaigns.originId })
    .from(campaigns)
    .where(
      and(
        inArray(campaigns.status, ['scheduled', 'paused', 'running']),
        isNotNull(campaigns.originId),
        isNull(campaigns.frozenAt),
      ),
    );
  return rows.flatMap(({ id }) => (id === null ? [] : [id]));
}
