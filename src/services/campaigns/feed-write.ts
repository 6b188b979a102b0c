/** Handing recipients to the queue: who is queued, skipped or deferred, and the message of each, in one transaction. */
import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { campaignRecipients, campaigns } from '../../db/schema.ts';
import { enqueueMany, type NewMessage } from '../../queue/enqueue.ts';
import { isHeld } from '../../queue/fence.ts';
import { NEW_CONTACTS } from '../../queue/first-contacts.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { countedAs } from '../../queue/usage.ts';
import { AppError } from '../../utils/errors.ts';
import { newMessageId } from '../../utils/ids.ts';
import type { Candidate, Picked, Verdict } from './feed-pick.ts';
import type { SendingSession } from './feed-state.ts';
import { createRenderer } from './render-content.ts';
import { type CampaignDeps, type CampaignRow, contentOf } from './row.ts';
import { findSurplus } from './strangers.ts';

/** Somebody else has changed the campaign since it was read: nothing was written. */
class FeedConflict extends Error {
  override name = 'FeedConflict';
}

/** A message that was queued, and by which session. */
export interface Given {
  id: string;
  accountId: string;
}

interface Outgoing {
  recipient: Candidate;
  sender: SendingSession;
  message: NewMessage;
  variant: string | null;
}

/**
 * Writes what was picked, provided that the campaign still runs at the same position and its feeder is still this
 * process's. A message gets its id in the same transaction as its recipient's mark: after a crash both are there or
 * neither. What was queued, or null when the campaign has changed meanwhile.
 */
export async function writePicked(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  picked: Picked,
  availableAt: number | null,
): Promise<Given[] | null> {
  const prepared = prepare(campaign, picked.verdicts, availableAt);
  try {
    return await transact(deps.database, async (tx) => {
      // The order in which rows are locked, here and everywhere: the campaign, the turns of first contacts by session, what the
      // workspace has used, the rows of sessions (`record`, `noteHighPriority`), which no feeding needs, and at the very end the
      // lanes of webhooks. In another order two of a feeding, a pause and a code would wait for each other.
      if (!(await takeCampaign(tx, deps, campaign, sender, picked.through))) return null;
      const { outgoing, verdicts } = await withinRoom(tx, deps, campaign, prepared);
      const now = deps.clock.now();
      const queued = await enqueueMany(
        tx,
        deps,
        outgoing.map(({ message }) => message),
      );
      const ids = queued.map(({ id }) => id);
      await markQueued(tx, deps, campaign, picked.source, { outgoing, ids, now });
      await markLeft(tx, campaign, picked.source, verdicts, now);
      return outgoing.map(({ message: { accountId } }, i) => ({ id: ids[i] ?? '', accountId }));
    });
  } catch (error) {
    if (error instanceof FeedConflict) return null;
    // Somebody else has used the last messages of the workspace since they were counted.
    if (error instanceof AppError && error.code === 'QUOTA_EXCEEDED') return null;
    throw error;
  }
}

/** Takes the campaign's row for this transaction: pause and stop wait for it, or it finds them done. */
export async function takeCampaign(
  tx: Tx,
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  feedPosition = campaign.feedPosition,
): Promise<boolean> {
  const taken = await tx
    .update(campaigns)
    .set({
      feedPosition,
      feederId: sender.id === campaign.accountId ? null : sender.id,
      waitingReason: null,
      waitingUntil: null,
      updatedAt: deps.clock.now(),
    })
    .where(
      and(
        eq(campaigns.id, campaign.id),
        eq(campaigns.status, 'running'),
        eq(campaigns.feedPosition, campaign.feedPosition),
        // Of two that feed, because each sees other sessions, one finds that the other has.
        campaign.feederId === null ? isNull(campaigns.feederId) : eq(campaigns.feederId, campaign.feederId),
        isHeld(tx, { id: sender.id, owner: sender.owner ?? '', fence: sender.fence }),
      ),
    );
  return affected(taken) > 0;
}

interface Prepared {
  outgoing: Outgoing[];
  /** of those who are not written to now */
  verdicts: Verdict[];
}

/** The same with those deferred for whom another campaign has left no first contact. */
async function withinRoom(
  tx: Tx,
  deps: CampaignDeps,
  campaign: CampaignRow,
  { outgoing, verdicts }: Prepared,
): Promise<Prepared> {
  const chosen = outgoing.map(({ recipient: { phone }, sender, message: { peer, lid } }) => ({
    sender,
    person: { phone, peer, lid },
  }));
  const surplus = await findSurplus(tx, deps, campaign, chosen);
  if (surplus.size === 0) return { outgoing, verdicts };
  const deferred = outgoing.flatMap(({ recipient }): Verdict[] => {
    const until = surplus.get(recipient.phone);
    return until === undefined ? [] : [{ action: 'defer', recipient, until, reason: NEW_CONTACTS }];
  });
  return {
    outgoing: outgoing.filter(({ recipient }) => !surplus.has(recipient.phone)),
    verdicts: [...verdicts, ...deferred],
  };
}

function prepare(campaign: CampaignRow, verdicts: readonly Verdict[], availableAt: number | null): Prepared {
  const render = createRenderer(contentOf(campaign), campaign.seed);
  const outgoing: Outgoing[] = [];
  const left: Verdict[] = [];
  for (const verdict of verdicts) {
    if (verdict.action !== 'send') {
      left.push(verdict);
      continue;
    }
    const { recipient, peer, lid, sender } = verdict;
    const rendered = render(recipient);
    if (typeof rendered === 'string') {
      left.push({ action: 'skip', recipient, reason: rendered });
      continue;
    }
    const message: NewMessage = {
      userId: campaign.userId,
      accountId: sender.id,
      sessionId: sender.sessionId,
      messageId: newMessageId(),
      peer,
      phone: recipient.phone,
      lid,
      campaignId: campaign.id,
      type: rendered.content.type,
      content: rendered.content,
      priority: PRIORITIES.low,
      scheduledAt: availableAt,
      expiresAt: null,
    };
    outgoing.push({ recipient, sender, message, variant: rendered.variant });
  }
  return { outgoing, verdicts: left };
}

async function markQueued(
  tx: Tx,
  deps: CampaignDeps,
  campaign: CampaignRow,
  from: Picked['source'],
  { outgoing, ids, now }: { outgoing: readonly Outgoing[]; ids: readonly string[]; now: number },
): Promise<void> {
  if (outgoing.length === 0) return;
  const positions = outgoing.map(({ recipient }) => recipient.position);
  const marked = await tx
    .update(campaignRecipients)
    .set({
      state: 'queued',
      reason: null,
      dueAt: null,
      messageRowId: byPosition(positions, (i) => ids[i] ?? null),
      countedAs: byPosition(positions, (i) => {
        const message = outgoing[i]?.message;
        return message === undefined ? null : countedAs(deps, message);
      }),
      variant: byPosition(positions, (i) => outgoing[i]?.variant ?? null),
      queuedAt: now,
      updatedAt: now,
    })
    .where(areStill(campaign, from, positions));
  if (affected(marked) !== positions.length) throw new FeedConflict('a recipient was queued meanwhile');
}

async function markLeft(
  tx: Tx,
  campaign: CampaignRow,
  from: Picked['source'],
  verdicts: readonly Verdict[],
  now: number,
): Promise<void> {
  const groups = new Map<
    string,
    { changes: Partial<typeof campaignRecipients.$inferInsert>; at: number[] }
  >();
  for (const verdict of verdicts) {
    if (verdict.action === 'send') continue;
    const skip = verdict.action === 'skip';
    const key = skip ? verdict.reason : `${verdict.reason}:${verdict.until}`;
    const changes = skip
      ? { state: 'skipped' as const, reason: verdict.reason, dueAt: null }
      : { state: 'deferred' as const, reason: verdict.reason, dueAt: verdict.until };
    const group = groups.get(key) ?? { changes, at: [] as number[] };
    group.at.push(verdict.recipient.position);
    groups.set(key, group);
  }
  for (const { changes, at } of groups.values()) {
    await tx
      .update(campaignRecipients)
      .set({ ...changes, updatedAt: now })
      .where(areStill(campaign, from, at));
  }
}

const areStill = (campaign: CampaignRow, state: Picked['source'], positions: readonly number[]) =>
  and(
    eq(campaignRecipients.campaignId, campaign.id),
    inArray(campaignRecipients.position, [...positions]),
    eq(campaignRecipients.state, state),
  );

function byPosition(positions: readonly number[], pick: (i: number) => string | null): SQL {
  const whens = positions.map((position, i) => sql`when ${position} then ${pick(i)}`);
  return sql`case ${campaignRecipients.position} ${sql.join(whens, sql` `)} end`;
}
