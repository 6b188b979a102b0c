/** How far the recall of a campaign is. */
import { and, count, eq, inArray, notInArray, sql } from 'drizzle-orm';
import type { ReadDb } from '../../db/client.ts';
import { alias } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import { isTx } from '../../db/types.ts';
import { PROVEN, UNSENT_ENDS } from '../../queue/progress.ts';
import type { Deps } from '../context.ts';
import { REVOKE_WITHIN_MS } from '../messages/amend.ts';
import type { CampaignDeps, CampaignRow } from './row.ts';
import type { CampaignRecall } from './schemas.ts';
import { readSenders } from './senders.ts';

export interface KeptRecall {
  recall: CampaignRecall;
  /** monotonic milliseconds */
  until: number;
}

/** Counting again may take a hundredth of the time at most. */
const KEEP_FACTOR = 100;
/** One that is over changes only when somebody asks for it again, or a late proof comes: both change its row. */
const KEEP_OVER_MS = 600_000;

/** Dependencies of showing a campaign. */
export type ViewDeps = CampaignDeps & Pick<Deps, 'statistics'>;

/** How far a recall is; null when none was asked for. What takes long to count may be some seconds old. */
export async function viewRecall(deps: ViewDeps, row: CampaignRow): Promise<CampaignRecall | null> {
  const { id, recallAt, updatedAt, dueAt } = row;
  if (recallAt === null) return null;
  if (isTx(deps.db)) return countRecall(deps, deps.db, row, recallAt);
  const cache = deps.statistics.recalls;
  const key = `${id}:${recallAt}:${updatedAt}:${dueAt === null}`;
  const startedMs = deps.clock.monotonic();
  const known = cache.get(key);
  if (known && known.until > startedMs) return known.recall;
  const recall = await countRecall(deps, deps.database.scan, row, recallAt);
  const tookMs = deps.clock.monotonic() - startedMs;
  cache.set(key, { recall, until: startedMs + (recall.isOver ? KEEP_OVER_MS : tookMs * KEEP_FACTOR) });
  return recall;
}

async function countRecall(
  deps: ViewDeps,
  db: ReadDb,
  row: CampaignRow,
  recallAt: number,
): Promise<CampaignRecall> {
  const there = (await readSenders(deps.db, row)).map((sender) => sender.id);
  const deletion = alias(messages, 'deletion');
  const isGone = there.length === 0 ? sql`1 = 1` : notInArray(messages.accountId, there);
  const isDeletion = sql`${deletion.type} = 'delete'`;
  const tooLateBefore = deps.clock.now() - REVOKE_WITHIN_MS;
  const groups = await db
    .select({
      state: sql<string>`case
        when ${messages.revokedAt} is not null then 'revoked'
        when ${isGone} then 'failed'
        when ${isDeletion} and ${notInArray(deletion.status, [...UNSENT_ENDS])} then 'queued'
        when ${isDeletion} and ${deletion.createdAt} >= ${recallAt} then 'failed'
        when ${messages.sentAt} <= ${tooLateBefore} then 'tooLate'
        else 'pending' end`.as('state'),
      n: count(),
    })
    .from(messages)
    .leftJoin(
      deletion,
      and(
        eq(deletion.accountId, messages.accountId),
        eq(deletion.direction, 'out'),
        eq(deletion.messageId, messages.amendedBy),
      ),
    )
    .where(and(eq(messages.campaignId, row.id), inArray(messages.status, [...PROVEN])))
    .groupBy(sql`state`);
  const of = new Map(groups.map(({ state, n }) => [state, Number(n)]));
  const at = (state: string) => of.get(state) ?? 0;
  return {
    since: new Date(recallAt).toISOString(),
    isOver: row.dueAt === null && at('queued') === 0,
    revoked: at('revoked'),
    queued: at('queued'),
    pending: at('pending'),
    failed: at('failed'),
    tooLate: at('tooLate'),
  };
}
