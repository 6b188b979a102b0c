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
import { cancelRows, failRows } from '../../queue/take-off.ts';
import { withdrawOpen } from './dequeue-open.ts';
import { sessionEnd } from './feed-end.ts';
import type { Crew, SendingSession } from './feed-state.ts';
import { type Given, takeCampaign } from './feed-write.ts';
import { deferRecipients, handBack, type Unsent } from './hand-back.ts';
import { PATIENCE_MS, type Stuck } from './pool-facts.ts';
import { createRenderer } from './render-content.ts';
import { type CampaignDeps, type CampaignRow, contentOf, optionsOf } from './row.ts';
import { quietUntil } from './time-zones.ts';

/** Messages that are put back in one go. */
const MAX_RESTORED = 200;

const columns = { ...messageRefColumns, sendingAt: messages.sendingAt };

/** Takes what waits off the queue while the session cannot send, as a pause does. False when the campaign has changed. */
export function withdrawForNow(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
): Promise<boolean> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, sender))) return false;
    await withdrawOpen(tx, deps, campaign.id);
    return true;
  });
}

/** Lets another session send messages that were never begun. How many; also 0 when the campaign has changed. */
export function reroute(
  deps: CampaignDeps,
  campaign: CampaignRow,
  feeder: SendingSession,
  { away, surplus }: Stuck,
): Promise<number> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, feeder))) return 0;
    const now = deps.clock.now();
    const gone = await handBack(tx, deps, campaign.id, away, { now });
    // Whatever gave them to a session without room may do so again: not at once.
    return gone + (await handBack(tx, deps, campaign.id, surplus, { now, dueAt: now + PATIENCE_MS }));
  });
}

/**
 * Ends what a number that has ended has left behind, where nobody will learn any more whether it left. False when the
 * campaign has changed.
 */
export function failLeftBehind(
  deps: CampaignDeps,
  campaign: CampaignRow,
  feeder: SendingSession,
  ids: readonly string[],
): Promise<boolean> {
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, feeder))) return false;
    const errorMessage = 'Its session ended before WhatsApp acknowledged it. It may have arrived.';
    await record(tx, deps, await failRows(tx, deps, ids, { errorCode: 'NO_ACK', errorMessage }));
    return true;
  });
}

/** What was put back, and whether there is more. */
interface Restored {
  ids: string[];
  more: boolean;
}

/**
 * Puts back what was taken off the queue, a part of it at a time, with the text as it may have been changed since where nothing of it can
 * have left; whoever has gone to sleep meanwhile is asked again in the morning. Of several sessions the one that is right
 * then writes; what may have left stays with the one that has it. Null when the campaign has changed meanwhile.
 */
export function restoreWithdrawn(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { feeder, senders }: Crew,
): Promise<Restored | null> {
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
      .limit(MAX_RESTORED);
    const more = rows.length === MAX_RESTORED;
    const now = deps.clock.now();
    const untouched = rows.filter(({ sendingAt }) => sendingAt === null);
    if (campaign.senders !== null) {
      await handBack(tx, deps, campaign.id, untouched, { now });
      const begun = rows.filter(({ sendingAt }) => sendingAt !== null);
      return { ids: await requeueBegun(tx, deps, campaign, senders, begun), more };
    }
    const asleep = await deferSleepers(tx, deps, campaign, untouched, now);
    const awake = rows.filter(({ id }) => !asleep.has(id));
    await renderAgain(
      tx,
      campaign,
      untouched.filter(({ id }) => !asleep.has(id)),
    );
    return { ids: await requeue(tx, deps, campaign, awake), more };
  });
}

async function requeue(
  tx: Tx,
  deps: CampaignDeps,
  campaign: CampaignRow,
  rows: readonly MessageRef[],
): Promise<string[]> {
  const now = deps.clock.now();
  const back = await requeueRows(
    tx,
    deps,
    rows.map((row, i) => ({ ...row, priority: PRIORITIES.low, availableAt: now + i * campaign.delayMs })),
    ['queued', 'sending'],
  );
  return back.map(({ id }) => id);
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
  deps: CampaignDeps,
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
    await deferRecipients(tx, deps, campaign.id, deferred, { reason: 'quiet', dueAt, now });
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

/** How many failures each session may try again now; it has no entry while it cannot. */
export type RetryRooms = ReadonlyMap<string, number>;

/** What is tried again, and whether there is more that has its turn later. */
interface Retried {
  all: Given[];
  more: boolean;
}

/**
 * Puts the next failed messages back onto the queue, at most `want`, each once a round, of the session that had it. Of
 * several sessions (`rooms` is not null) those that cannot send now keep theirs for later, while the others go on; those of
 * one that has ended stay as they are. Without `more` the round is over. Null when the campaign has changed meanwhile.
 */
export async function retryFailed(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { feeder, senders }: Crew,
  { want, rooms, availableAt }: { want: number; rooms: RetryRooms | null; availableAt: number | null },
): Promise<Retried | null> {
  const able = rooms === null ? null : [...rooms].flatMap(([id, room]) => (room > 0 ? [id] : []));
  const there = senders.flatMap(({ id, status }) => (sessionEnd(status) === null ? [id] : []));
  const isAny = async (ids: readonly string[]) => (await readFailed(deps.db, campaign, ids, 1)).length > 0;
  if (able !== null && !(await isAny(able)) && (await isAny(there))) return { all: [], more: true };
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, feeder))) return null;
    const found = await readFailed(tx, campaign, able, want);
    const taken = withinRooms(found, rooms);
    const last = taken.at(-1);
    const more =
      last !== undefined || (able !== null && (await readFailed(tx, campaign, there, 1)).length > 0);
    if (!more || rooms === null) {
      await tx
        .update(campaigns)
        .set(last ? { retryCursor: last.id } : { retryAt: null, retryCursor: null })
        .where(eq(campaigns.id, campaign.id));
    }
    const now = deps.clock.now();
    const at = availableAt ?? now;
    const back = await requeueRows(
      tx,
      deps,
      taken.map((row) => ({ ...row, priority: PRIORITIES.low, availableAt: at })),
      ['failed'],
    );
    const data = { status: 'queued', retry: true };
    await record(
      tx,
      deps,
      back.map((row) => messageFact(row, 'message.queued', now, data)),
    );
    return { all: back.map(({ id, accountId }) => ({ id, accountId })), more };
  });
}

/**
 * Ends a round of which nothing is left that could be tried again, now or later. False while something is, and when the
 * campaign has changed meanwhile.
 */
export async function endRetries(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { feeder, senders }: Crew,
): Promise<boolean> {
  const there = senders.flatMap(({ id, status }) => (sessionEnd(status) === null ? [id] : []));
  const of = campaign.senders === null ? null : there;
  const isAny = async (db: Db) => (await readFailed(db, campaign, of, 1)).length > 0;
  if (await isAny(deps.db)) return false;
  return transact(deps.database, async (tx) => {
    if (!(await takeCampaign(tx, deps, campaign, feeder)) || (await isAny(tx))) return false;
    await tx.update(campaigns).set({ retryAt: null, retryCursor: null }).where(eq(campaigns.id, campaign.id));
    return true;
  });
}

/** Failures of before the round began, of these sessions; null: of the only one. */
function readFailed(db: Db, campaign: CampaignRow, accountIds: readonly string[] | null, atMost: number) {
  return db
    .select(columns)
    .from(messages)
    .where(
      and(
        eq(messages.campaignId, campaign.id),
        eq(messages.status, 'failed'),
        gt(messages.id, campaign.retryCursor ?? ''),
        lt(messages.failedAt, campaign.retryAt ?? 0),
        accountIds === null ? undefined : inArray(messages.accountId, [...accountIds]),
      ),
    )
    .orderBy(asc(messages.id))
    .limit(atMost);
}

/** Of each session no more than it has room for. */
function withinRooms<R extends { accountId: string }>(rows: readonly R[], rooms: RetryRooms | null): R[] {
  if (rooms === null) return [...rows];
  const left = new Map(rooms);
  return rows.filter(({ accountId }) => {
    const room = left.get(accountId) ?? 0;
    left.set(accountId, room - 1);
    return room > 0;
  });
}
