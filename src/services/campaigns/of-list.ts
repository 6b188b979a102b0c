/** Ends campaigns whose list is deleted. */
import { and, eq, inArray, isNull } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { campaigns } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { type Ctx, originOf } from '../context.ts';
import { campaignFact } from './row.ts';

/** How a campaign ends that has no list to take its recipients from. */
export const LIST_DELETED = {
  status: 'failed' as const,
  reason: 'list_deleted',
  reasonMessage: 'The list was deleted before its recipients were taken.',
  activeKey: null,
  dueAt: null,
};

/**
 * Ends campaigns that were to take their recipients from this list later: scheduled ones, and paused ones that have
 * not begun. One that is running sees for itself that its list is gone.
 */
export async function endCampaignsOf(tx: Tx, ctx: Ctx, list: { id: string; userId: number }): Promise<void> {
  const waits = and(inArray(campaigns.status, ['scheduled', 'paused']), isNull(campaigns.frozenAt));
  const rows = await tx
    .select()
    .from(campaigns)
    .where(and(eq(campaigns.userId, list.userId), eq(campaigns.listId, list.id), waits));
  if (rows.length === 0) return;
  const now = ctx.clock.now();
  const ids = rows.map(({ id }) => id);
  await tx
    .update(campaigns)
    .set({ ...LIST_DELETED, finishedAt: now, updatedAt: now })
    .where(and(inArray(campaigns.id, ids), waits));
  const ended = await tx
    .select()
    .from(campaigns)
    .where(and(inArray(campaigns.id, ids), eq(campaigns.reason, LIST_DELETED.reason)));
  const { status, reason } = LIST_DELETED;
  await record(
    tx,
    ctx,
    ended.map((row) => campaignFact(row, 'campaign.failed', { status, reason }, originOf(ctx))),
  );
}
