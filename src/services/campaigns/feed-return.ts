/** Messages that go onto the queue a second time, under the id they have: after a pause, and when failures are retried. */
import { and, asc, eq, gt, inArray, isNull, lt } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { transact } from '../../db/ops.ts';
import { campaignRecipients, campaigns, messageQueue, messages } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { messageRefColumns } from '../../queue/claim.ts';
import { messageFact } from '../../queue/message-fact.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { requeueRows } from '../../queue/requeue.ts';
import { withdrawOpen } from './dequeue-open.ts';
import type { SendingSession } from './feed-state.ts';
import { takeCampaign } from './feed-write.ts';
import { createRenderer } from './render-content.ts';
import { type CampaignDeps, type CampaignRow, contentOf, optionsOf } from './row.ts';
import { quietUntil } from './time-zones.ts';

/** More than a pause ever takes off the queue. */
const MAX_WITHDRAWN = 200;

const columns = { ...messageRefColumns, phone: messages.phone, attempts: messages.attempts };

/** Takes what waits off the queue while the session cannot send, as a pause does. False when the campaign has changed. */
export function withdrawForNow(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
): Promise<boolean> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, sender))) return false;
    await withdrawOpen(tx, campaign.id);
    return true;
  });
}

/**
 * Puts back what was taken off the queue, with the text as it may have been changed since where nothing of it can
 * have left; whoever has gone to sleep meanwhile is asked again in the morning. The ids, or null when the campaign has
 * changed meanwhile.
 */
export function restoreWithdrawn(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
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
    const now = deps.clock.now();
    const untouched = rows.filter(({ attempts }) => attempts === 0);
    const asleep = await deferSleepers(tx, campaign, untouched, now);
    const awake = rows.filter(({ id }) => !asleep.has(id));
    await renderAgain(
      tx,
      campaign,
      untouched.filter(({ id }) => !asleep.has(id)),
    );
    await requeueRows(
      tx,
      deps,
      awake.map((row, i) => ({ ...row, priority: PRIORITIES.low, availableAt: now + i * campaign.delayMs })),
    );
    return awake.map(({ id }) => id);
  });
}

interface Untouched {
  id: string;
  phone: string | null;
}

/** Recipients by their phones: that is their index. */
const areOf = (campaign: CampaignRow, rows: readonly Untouched[]) =>
  and(
    eq(campaignRecipients.campaignId, campaign.id),
    inArray(
      campaignRecipients.phone,
      rows.flatMap(({ phone }) => phone ?? []),
    ),
  );

/** Those whose quiet hours have begun: nothing of their messages has left, and the morning makes new ones. */
async function deferSleepers(
  tx: Tx,
  campaign: CampaignRow,
  rows: readonly Untouched[],
  now: number,
): Promise<Set<string>> {
  const { quietHours } = optionsOf(campaign);
  const byMorning = new Map<number, Untouched[]>();
  for (const row of rows) {
    const until = quietHours && row.phone !== null ? quietUntil(row.phone, quietHours, now) : null;
    if (until !== null) byMorning.set(until, [...(byMorning.get(until) ?? []), row]);
  }
  for (const [dueAt, deferred] of byMorning) {
    const changes = { state: 'deferred' as const, reason: 'quiet', dueAt, updatedAt: now };
    await tx
      .update(campaignRecipients)
      .set({ ...changes, messageRowId: null, variant: null, queuedAt: null })
      .where(and(areOf(campaign, deferred), eq(campaignRecipients.state, 'queued')));
    await tx.delete(messages).where(
      inArray(
        messages.id,
        deferred.map(({ id }) => id),
      ),
    );
  }
  return new Set([...byMorning.values()].flat().map(({ id }) => id));
}

async function renderAgain(db: Db, campaign: CampaignRow, rows: readonly Untouched[]): Promise<void> {
  if (rows.length === 0) return;
  const recipients = await db
    .select()
    .from(campaignRecipients)
    .innerJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(areOf(campaign, rows));
  const render = createRenderer(contentOf(campaign), campaign.seed);
  for (const { campaign_recipients: recipient, messages: message } of recipients) {
    const rendered = render(recipient);
    if (typeof rendered === 'string') continue;
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
  sender: SendingSession,
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
    await requeueRows(
      tx,
      deps,
      rows.map((row) => ({ ...row, priority: PRIORITIES.low, availableAt: at })),
    );
    return rows.map(({ id }) => id);
  });
}
