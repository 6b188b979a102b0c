/** Messages that go onto the queue a second time, under the id they have: after a pause, and when failures are retried. */
import { and, asc, eq, gt, inArray, isNull, lt } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { transact } from '../../db/ops.ts';
import { campaignRecipients, campaigns, messageQueue, messages } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { type MessageRef, messageRefColumns } from '../../queue/claim.ts';
import { messageFact } from '../../queue/message-fact.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { requeueRows } from '../../queue/requeue.ts';
import { cancelRows } from '../../queue/take-off.ts';
import { withdrawOpen } from './dequeue-open.ts';
import { sessionEnd } from './feed-end.ts';
import type { Crew, SendingSession } from './feed-state.ts';
import { type Given, takeCampaign } from './feed-write.ts';
import { deferRecipients, handBack, type Unsent } from './hand-back.ts';
import { createRenderer } from './render-content.ts';
import { type CampaignDeps, type CampaignRow, contentOf, optionsOf } from './row.ts';
import { quietUntil } from './time-zones.ts';

/** More than a pause ever takes off the queue. */
const MAX_WITHDRAWN = 200;

const columns = { ...messageRefColumns, sendingAt: messages.sendingAt };

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

/** Lets another session send messages that were never begun. How many; also 0 when the campaign has changed. */
export function reroute(
  deps: CampaignDeps,
  campaign: CampaignRow,
  feeder: SendingSession,
  rows: readonly Unsent[],
): Promise<number> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, feeder))) return 0;
    return handBack(tx, campaign.id, rows, deps.clock.now());
  });
}

/**
 * Puts back what was taken off the queue, with the text as it may have been changed since where nothing of it can
 * have left; whoever has gone to sleep meanwhile is asked again in the morning. Of several sessions the one that is right
 * then writes; what may have left stays with the one that has it. The ids, or null when the campaign has changed meanwhile.
 */
export function restoreWithdrawn(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { feeder, senders }: Crew,
): Promise<string[] | null> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, feeder))) return null;
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
    const untouched = rows.filter(({ sendingAt }) => sendingAt === null);
    if (campaign.senders !== null) {
      await handBack(tx, campaign.id, untouched, now);
      const begun = rows.filter(({ sendingAt }) => sendingAt !== null);
      return requeueBegun(tx, deps, campaign, senders, begun);
    }
    const asleep = await deferSleepers(tx, campaign, untouched, now);
    const awake = rows.filter(({ id }) => !asleep.has(id));
    await renderAgain(
      tx,
      campaign,
      untouched.filter(({ id }) => !asleep.has(id)),
    );
    return requeue(tx, deps, campaign, awake);
  });
}

async function requeue(
  tx: Tx,
  deps: CampaignDeps,
  campaign: CampaignRow,
  rows: readonly MessageRef[],
): Promise<string[]> {
  const now = deps.clock.now();
  await requeueRows(
    tx,
    deps,
    rows.map((row, i) => ({ ...row, priority: PRIORITIES.low, availableAt: now + i * campaign.delayMs })),
  );
  return rows.map(({ id }) => id);
}

/** What may have left goes to the same number again, or ends with it: another one would send it twice. */
async function requeueBegun(
  tx: Tx,
  deps: CampaignDeps,
  campaign: CampaignRow,
  senders: readonly SendingSession[],
  rows: readonly MessageRef[],
): Promise<string[]> {
  const there = new Set(senders.map(({ id }) => id));
  const ids = rows.flatMap(({ id, accountId }) => (there.has(accountId) ? [] : [id]));
  const { facts } = await cancelRows(tx, deps, { ids, claimedToo: true, errorCode: 'SESSION_DELETED' });
  await record(tx, deps, facts);
  return requeue(
    tx,
    deps,
    campaign,
    rows.filter(({ accountId }) => there.has(accountId)),
  );
}

/** Recipients by their phones: that is their index. */
const areOf = (campaign: CampaignRow, rows: readonly Unsent[]) =>
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
  rows: readonly Unsent[],
  now: number,
): Promise<Set<string>> {
  const { quietHours } = optionsOf(campaign);
  const byMorning = new Map<number, Unsent[]>();
  for (const row of rows) {
    const until = quietHours && row.phone !== null ? quietUntil(row.phone, quietHours, now) : null;
    if (until !== null) byMorning.set(until, [...(byMorning.get(until) ?? []), row]);
  }
  for (const [dueAt, deferred] of byMorning) {
    await deferRecipients(tx, campaign.id, deferred, { reason: 'quiet', dueAt, now });
  }
  return new Set([...byMorning.values()].flat().map(({ id }) => id));
}

async function renderAgain(db: Db, campaign: CampaignRow, rows: readonly Unsent[]): Promise<void> {
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
 * Puts the next failed messages back onto the queue, at most `want`, each once a round, of the session that had it: those
 * of one that has ended stay as they are. Empty when the round is over, null when the campaign has changed meanwhile.
 */
export function retryFailed(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { feeder, senders }: Crew,
  want: number,
  availableAt: number | null,
): Promise<Given[] | null> {
  const able = senders.flatMap(({ id, status }) => (sessionEnd(status) === null ? [id] : []));
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, feeder))) return null;
    const rows = await tx
      .select(columns)
      .from(messages)
      .where(
        and(
          eq(messages.campaignId, campaign.id),
          eq(messages.status, 'failed'),
          gt(messages.id, campaign.retryCursor ?? ''),
          lt(messages.failedAt, campaign.retryAt ?? 0),
          campaign.senders === null ? undefined : inArray(messages.accountId, able),
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
    return rows.map(({ id, accountId }) => ({ id, accountId }));
  });
}
