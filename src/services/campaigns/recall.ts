/**
 * Recalling a campaign: what it has sent is deleted for everyone, as far as WhatsApp still allows it. Batch after batch
 * goes on the queue, each in one transaction with the place that it has come to, so that a crash costs nothing and
 * nothing is asked for twice.
 */
import {
  and,
  asc,
  type Column,
  eq,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lte,
  notInArray,
  or,
  type SQL,
  sql,
} from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, prepared, transact } from '../../db/ops.ts';
import { campaigns, ENDED_CAMPAIGN_STATUSES, messages } from '../../db/schema.ts';
import { takeAmendment } from '../../queue/amend.ts';
import { messageRefColumns } from '../../queue/claim.ts';
import { readWaiting } from '../../queue/counts.ts';
import { enqueueMany, type NewMessage } from '../../queue/enqueue.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { PROVEN, UNSENT_ENDS } from '../../queue/progress.ts';
import { newMessageId } from '../../utils/ids.ts';
import { type Ctx, originOf } from '../context.ts';
import { REVOKE_WITHIN_MS } from '../messages/amend.ts';
import { requireCapability } from '../messages/capability.ts';
import { stopCampaign } from './control.ts';
import { type CampaignRef, enterCampaign, viewCampaign } from './read.ts';
import { type CampaignDeps, type CampaignRow, moveCampaign } from './row.ts';
import type { CampaignOutput } from './schemas.ts';
import { readSenders } from './senders.ts';

/** Deletions of one transaction. */
const BATCH_SIZE = 100;
/** Messages that a transaction looks at for them. */
const LOOKED = 400;
/** Recalls of one look. */
const MAX_RECALLS = 100;
/** Between two batches. */
const PAUSE_MS = 1_000;
const FAILURE_PAUSE_MS = 30_000;
/** With more than these waiting in a session it waits: other messages have their turn. */
const MAX_WAITING = 1_000;

/**
 * Stops the campaign, if it is not over, and begins to delete what it has sent. Asked for again while that goes on it
 * changes nothing; afterwards it goes through what is left once more. Throws NOT_FOUND, NOT_SUPPORTED.
 */
export async function recallCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignOutput> {
  requireCapability(ctx, 'amend');
  const { campaign, session } = await enterCampaign(ctx, ref, 'broadcast');
  const isOver = ENDED_CAMPAIGN_STATUSES.some((status) => status === campaign.status);
  if (!isOver) await stopCampaign(ctx, ref);
  const now = ctx.clock.now();
  const moved = await moveCampaign(ctx, campaign.id, {
    from: ENDED_CAMPAIGN_STATUSES,
    where: sql`(${campaigns.recallAt} is null or ${campaigns.dueAt} is null)`,
    changes: { recallAt: now, recallCursor: null, dueAt: now },
    event: 'campaign.recalled',
    origin: originOf(ctx),
  });
  const { campaign: after } = moved ? { campaign: moved } : await enterCampaign(ctx, ref, 'broadcast');
  return viewCampaign(ctx, after, session);
}

const dueRecalls = prepared((db) =>
  db
    .select()
    .from(campaigns)
    .where(
      and(
        inArray(campaigns.status, [...ENDED_CAMPAIGN_STATUSES]),
        lte(campaigns.dueAt, sql.placeholder('now')),
        isNotNull(campaigns.recallAt),
      ),
    )
    .orderBy(asc(campaigns.dueAt))
    .limit(MAX_RECALLS)
    .prepare(),
);

/** Queues the next batch of each recall that is due. Safe in several processes at once; one that fails stops no other. */
export async function stepRecalls(deps: CampaignDeps): Promise<void> {
  const due = await dueRecalls(deps.db).execute({ now: deps.clock.now() });
  for (const row of due) {
    try {
      await stepRecall(deps, row);
    } catch (error) {
      deps.logger.error('a recall could not go on', { campaignId: row.id, error });
      const dueAt = deps.clock.now() + FAILURE_PAUSE_MS;
      await deps.db.update(campaigns).set({ dueAt }).where(isStill(row));
    }
  }
}

/** Nobody has stepped since, and no proof has come that lets it begin again. */
function isStill({ id, dueAt, recallCursor }: CampaignRow): SQL | undefined {
  const is = (column: Column, value: string | number | null) =>
    value === null ? isNull(column) : eq(column, value);
  return and(eq(campaigns.id, id), is(campaigns.dueAt, dueAt), is(campaigns.recallCursor, recallCursor));
}

async function stepRecall(deps: CampaignDeps, row: CampaignRow): Promise<void> {
  const there = (await readSenders(deps.db, row)).map(({ id }) => id);
  let isFull = false;
  for (const id of there) isFull ||= (await readWaiting(deps, id)) > MAX_WAITING;
  await transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const claimed = await tx
      .update(campaigns)
      .set({ dueAt: now + PAUSE_MS })
      .where(isStill(row));
    if (affected(claimed) === 0 || isFull) return;
    const { batch, through } = await readBatch(tx, row, there, now);
    await enqueueMany(tx, deps, await takeAll(tx, batch, now));
    if (through === null) await endPass(tx, row, there);
    else await tx.update(campaigns).set({ recallCursor: through }).where(eq(campaigns.id, row.id));
  });
}

/**
 * What is on its way may be sent yet: then it goes through all of it once more. What was canceled or had failed, and turns
 * out to have left, begins it again when the proof comes (`settleProofs`).
 */
async function endPass(tx: Tx, row: CampaignRow, there: readonly string[]): Promise<void> {
  const isOpen = and(
    eq(messages.campaignId, row.id),
    inArray(messages.status, ['queued', 'sending']),
    inArray(messages.accountId, [...there]),
  );
  const [open] =
    there.length === 0 ? [] : await tx.select({ id: messages.id }).from(messages).where(isOpen).limit(1);
  const changes = open ? { recallCursor: null } : { dueAt: null };
  await tx.update(campaigns).set(changes).where(eq(campaigns.id, row.id));
}

const sentColumns = {
  ...messageRefColumns,
  lid: messages.lid,
  sentAt: messages.sentAt,
  amendedBy: messages.amendedBy,
  revokedAt: messages.revokedAt,
} as const;
type Sent = Pick<typeof messages.$inferSelect, keyof typeof sentColumns>;

/**
 * The next messages that can still be deleted, in the order of their ids, of these sessions, and the id up to which it has
 * looked; null: there are no more.
 */
async function readBatch(
  tx: Tx,
  { id, recallAt, recallCursor }: CampaignRow,
  there: readonly string[],
  now: number,
): Promise<{ batch: Sent[]; through: string | null }> {
  const found: Sent[] = [];
  for (const status of PROVEN) {
    const isNext = and(
      eq(messages.campaignId, id),
      eq(messages.status, status),
      gt(messages.id, recallCursor ?? ''),
    );
    found.push(
      ...(await tx.select(sentColumns).from(messages).where(isNext).orderBy(asc(messages.id)).limit(LOOKED)),
    );
  }
  const looked = found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, LOOKED);
  const begun = await readBegun(tx, looked, recallAt ?? 0);
  const batch = looked
    .filter(
      ({ accountId, sentAt, amendedBy, revokedAt }) =>
        there.includes(accountId) &&
        revokedAt === null &&
        (sentAt ?? 0) > now - REVOKE_WITHIN_MS &&
        (amendedBy === null || !begun.has(`${accountId} ${amendedBy}`)),
    )
    .slice(0, BATCH_SIZE);
  const last = batch.length === BATCH_SIZE ? batch.at(-1) : looked.at(-1);
  return { batch, through: last?.id ?? null };
}

/** Deletions of these messages that go their way, or that this recall has tried already. */
async function readBegun(tx: Tx, looked: readonly Sent[], recallAt: number): Promise<Set<string>> {
  const ids = looked.flatMap(({ amendedBy }) => amendedBy ?? []);
  if (ids.length === 0) return new Set();
  const { accountId, direction, messageId, type, status, createdAt } = messages;
  const rows = await tx
    .select({ accountId, messageId })
    .from(messages)
    .where(
      and(
        inArray(accountId, [...new Set(looked.map((row) => row.accountId))]),
        eq(direction, 'out'),
        inArray(messageId, ids),
        eq(type, 'delete'),
        or(notInArray(status, [...UNSENT_ENDS]), gte(createdAt, recallAt)),
      ),
    );
  return new Set(rows.map((row) => `${row.accountId} ${row.messageId}`));
}

/** Those that nobody else has begun to change meanwhile. */
async function takeAll(tx: Tx, batch: readonly Sent[], now: number): Promise<NewMessage[]> {
  const taken: NewMessage[] = [];
  for (const sent of batch) {
    const messageId = newMessageId();
    if (!(await takeAmendment(tx, sent, messageId))) continue;
    const { userId, accountId, sessionId, peer, phone, lid } = sent;
    const content = { type: 'delete', messageId: sent.messageId } as const;
    taken.push({
      ...{ userId, accountId, sessionId, messageId, peer, phone, lid, content, type: content.type },
      priority: PRIORITIES.low,
      scheduledAt: null,
      expiresAt: (sent.sentAt ?? now) + REVOKE_WITHIN_MS,
      counts: false,
    });
  }
  return taken;
}
