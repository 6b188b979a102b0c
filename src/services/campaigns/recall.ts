/**
 * Recalling a campaign: what it has sent is deleted for everyone, as far as WhatsApp still allows it. Batch after batch
 * goes on the queue, each in one transaction with the place that it has come to, so that a crash costs nothing and
 * nothing is asked for twice.
 */
import { and, asc, eq, gt, inArray, isNull, lte, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { campaigns, messages } from '../../db/schema.ts';
import { readWaiting } from '../../queue/counts.ts';
import { enqueueMany, type NewMessage } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { newMessageId } from '../../utils/ids.ts';
import { type Ctx, originOf } from '../context.ts';
import { REVOKE_WITHIN_MS } from '../messages/amend.ts';
import { requireCapability } from '../messages/capability.ts';
import { stopCampaign } from './control.ts';
import { type CampaignRef, enterCampaign, viewCampaign } from './read.ts';
import { type CampaignDeps, type CampaignRow, moveCampaign } from './row.ts';
import type { CampaignOutput } from './schemas.ts';

/** Deletions of one transaction. */
const BATCH_SIZE = 100;
/** Between two batches; whoever has claimed one is alone for as long. */
const PAUSE_MS = 1_000;
/** With more than these waiting in a session it waits: other messages have their turn. */
const MAX_WAITING = 1_000;
const ENDED = ['stopped', 'completed', 'failed'] as const;
const SENT = ['sent', 'delivered', 'read'] as const;

/**
 * Stops the campaign, if it is not over, and begins to delete what it has sent. Asked for again while that goes on it
 * changes nothing; afterwards it goes through what is left once more. Throws NOT_FOUND, NOT_SUPPORTED.
 */
export async function recallCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignOutput> {
  requireCapability(ctx, 'amend');
  const { campaign, session } = await enterCampaign(ctx, ref, 'broadcast');
  const isOver = ENDED.some((status) => status === campaign.status);
  if (!isOver) await stopCampaign(ctx, ref);
  const now = ctx.clock.now();
  const moved = await moveCampaign(ctx, campaign.id, {
    from: ENDED,
    where: sql`(${campaigns.recallAt} is null or ${campaigns.dueAt} is null)`,
    changes: { recallAt: now, recallCursor: null, dueAt: now },
    event: 'campaign.recalled',
    origin: originOf(ctx),
  });
  const { campaign: after } = moved ? { campaign: moved } : await enterCampaign(ctx, ref, 'broadcast');
  return viewCampaign(ctx, after, session);
}

/** Queues the next batch of each recall that is due. Safe in several processes at once. */
export async function stepRecalls(deps: CampaignDeps): Promise<void> {
  const due = await deps.db
    .select()
    .from(campaigns)
    .where(and(inArray(campaigns.status, [...ENDED]), lte(campaigns.dueAt, deps.clock.now())))
    .orderBy(asc(campaigns.dueAt))
    .limit(BATCH_SIZE);
  for (const row of due) {
    if (row.recallAt !== null) await stepRecall(deps, row);
  }
}

async function stepRecall(deps: CampaignDeps, row: CampaignRow): Promise<void> {
  const isFull = (await readWaiting(deps, row.accountId)) > MAX_WAITING;
  await transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const seen = row.dueAt === null ? isNull(campaigns.dueAt) : eq(campaigns.dueAt, row.dueAt);
    const claimed = await tx
      .update(campaigns)
      .set({ dueAt: now + PAUSE_MS })
      .where(and(eq(campaigns.id, row.id), seen));
    if (affected(claimed) === 0 || isFull) return;
    const batch = await readBatch(tx, row, now);
    await enqueueMany(tx, deps, await takeAll(tx, batch, now));
    const last = batch.at(-1);
    if (last) await tx.update(campaigns).set({ recallCursor: last.id }).where(eq(campaigns.id, row.id));
    else await endPass(tx, row);
  });
}

/** What was on its way at the stop may have been sent since: then it goes through all of it once more. */
async function endPass(tx: Tx, row: CampaignRow): Promise<void> {
  const [open] = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(and(eq(messages.campaignId, row.id), inArray(messages.status, ['queued', 'sending'])))
    .limit(1);
  const changes = open ? { recallCursor: null } : { dueAt: null };
  await tx.update(campaigns).set(changes).where(eq(campaigns.id, row.id));
}

type Sent = typeof messages.$inferSelect;

/** The next messages that can still be deleted, in the order of their ids. */
async function readBatch(tx: Tx, { id, recallCursor }: CampaignRow, now: number): Promise<Sent[]> {
  const found: Sent[] = [];
  for (const status of SENT) {
    const rows = await tx
      .select()
      .from(messages)
      .where(
        and(
          eq(messages.campaignId, id),
          eq(messages.status, status),
          gt(messages.id, recallCursor ?? ''),
          isNull(messages.amendedBy),
          isNull(messages.revokedAt),
          gt(messages.sentAt, now - REVOKE_WITHIN_MS),
        ),
      )
      .orderBy(asc(messages.id))
      .limit(BATCH_SIZE);
    found.push(...rows);
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, BATCH_SIZE);
}

/** Those that nobody else has begun to delete meanwhile. */
async function takeAll(tx: Tx, batch: readonly Sent[], now: number): Promise<NewMessage[]> {
  const taken: NewMessage[] = [];
  for (const { id, userId, accountId, sessionId, messageId: target, peer, phone, lid, sentAt } of batch) {
    const messageId = newMessageId();
    const result = await tx
      .update(messages)
      .set({ amendedBy: messageId })
      .where(and(eq(messages.id, id), isNull(messages.amendedBy)));
    if (affected(result) === 0) continue;
    const content = { type: 'delete', messageId: target } as const;
    taken.push({
      ...{ userId, accountId, sessionId, messageId, peer, phone, lid, content, type: content.type },
      priority: PRIORITIES.low,
      scheduledAt: null,
      expiresAt: (sentAt ?? now) + REVOKE_WITHIN_MS,
      counts: false,
    });
  }
  return taken;
}
