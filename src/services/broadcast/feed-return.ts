/** Messages that go onto the queue a second time, under the id they have: after a pause, and when failures are retried. */
import { and, asc, eq, gt, inArray, isNull, lt } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { transact } from '../../db/ops.ts';
import { campaignRecipients, campaigns, messageQueue, messages } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { messageRefColumns } from '../../queue/claim.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { messageFact } from '../../queue/settle-proofs.ts';
import { putRowsBack } from '../../queue/withdraw.ts';
import { type CampaignDeps, type CampaignRow, contentOf } from './campaign-row.ts';
import type { Sender } from './feed-state.ts';
import { takeCampaign } from './feed-write.ts';
import { renderContent } from './render-content.ts';

/** More than a pause ever takes off the queue. */
const MAX_WITHDRAWN = 200;

const columns = { ...messageRefColumns, attempts: messages.attempts };

/**
 * Puts back what a pause took off the queue, with the text as it may have been changed since where nothing of it
 * can have left. The ids, or null when the campaign has changed meanwhile.
 */
export function restoreWithdrawn(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: Sender,
): Promise<string[] | null> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, sender))) return null;
    const rows = await tx
      .select(columns)
      .from(messages)
      .leftJoin(messageQueue, eq(messageQueue.id, messages.id))
      .where(
        and(
          eq(messages.campaignId, campaign.id),
          inArray(messages.status, ['queued', 'sending']),
          isNull(messageQueue.id),
        ),
      )
      .orderBy(asc(messages.id))
      .limit(MAX_WITHDRAWN);
    await renderAgain(
      tx,
      campaign,
      rows.filter(({ attempts }) => attempts === 0).map(({ id }) => id),
    );
    const now = deps.clock.now();
    await putRowsBack(
      tx,
      deps,
      rows.map((row, i) => ({
        ...row,
        priority: PRIORITIES.low,
        availableAt: now + i * campaign.delayMs,
      })),
    );
    return rows.map(({ id }) => id);
  });
}

async function renderAgain(db: Db, campaign: CampaignRow, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const recipients = await db
    .select()
    .from(campaignRecipients)
    .innerJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(and(eq(campaignRecipients.campaignId, campaign.id), inArray(messages.id, [...ids])));
  for (const { campaign_recipients: recipient, messages: message } of recipients) {
    const rendered = renderContent(contentOf(campaign), recipient, campaign.seed);
    if (rendered === null) continue;
    const { content, variant } = rendered;
    await db.update(messages).set({ content, type: content.type }).where(eq(messages.id, message.id));
    await db
      .update(campaignRecipients)
      .set({ variant })
      .where(
        and(
          eq(campaignRecipients.campaignId, campaign.id),
          eq(campaignRecipients.position, recipient.position),
        ),
      );
  }
}

/**
 * Puts the next failed messages back onto the queue, at most `want`, each once a round. The ids; empty when the round
 * is over, null when the campaign has changed meanwhile.
 */
export function retryFailed(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: Sender,
  want: number,
  availableAt: number | null,
): Promise<string[] | null> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, sender))) return null;
    const rows = await tx
      .select(columns)
      .from(messages)
      .where(
        and(
          eq(messages.campaignId, campaign.id),
          eq(messages.status, 'failed'),
          gt(messages.id, campaign.retryCursor ?? ''),
          lt(messages.failedAt, campaign.retryAt ?? 0),
        ),
      )
      .orderBy(asc(messages.id))
      .limit(want);
    const last = rows.at(-1);
    await tx
      .update(campaigns)
      .set(last ? { retryCursor: last.id } : { retryAt: null, retryCursor: null })
      .where(eq(campaigns.id, campaign.id));
    const now = deps.clock.now();
    const at = availableAt ?? now;
    const data = { status: 'queued', retry: true };
    await record(
      tx,
      deps,
      rows.map((row) => messageFact(row, 'message.queued', now, data)),
    );
    await putRowsBack(
      tx,
      deps,
      rows.map((row) => ({ ...row, priority: PRIORITIES.low, availableAt: at })),
    );
    return rows.map(({ id }) => id);
  });
}
