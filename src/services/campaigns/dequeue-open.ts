/** Takes a campaign's messages off the queue, in the transaction that pauses or stops the campaign. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import { type Origin, record } from '../../events/record.ts';
import { CAMPAIGN_END } from '../../queue/settle-attempts.ts';
import { cancelUnbegun, dequeue } from '../../queue/take-off.ts';
import type { CampaignDeps } from './row.ts';

async function openIds(tx: Tx, campaignId: string): Promise<string[]> {
  const rows = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(and(eq(messages.campaignId, campaignId), inArray(messages.status, ['queued', 'sending'])));
  return rows.map(({ id }) => id);
}

/** Off the queue, to be put back by the feeder when the campaign goes on. How many were just being sent. */
export async function withdrawOpen(
  tx: Tx,
  deps: Pick<CampaignDeps, 'signals'>,
  campaignId: string,
): Promise<{ claimed: number }> {
  return dequeue(tx, deps, await openIds(tx, campaignId));
}

/** Off the queue for good: what has not begun ends as `canceled`, what has begun by its proof or with its attempt. */
export async function cancelOpen(
  tx: Tx,
  deps: CampaignDeps,
  campaignId: string,
  origin: Origin,
): Promise<{ claimed: number }> {
  const ids = await openIds(tx, campaignId);
  const { claimed, facts } = await cancelUnbegun(tx, deps, { ids, ...CAMPAIGN_END, origin });
  await record(tx, deps, facts);
  return { claimed };
}
