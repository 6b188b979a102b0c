/** How far the recall of a campaign is. */
import { and, count, eq, inArray, sql } from 'drizzle-orm';
import type { ReadDb } from '../../db/client.ts';
import { alias } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import { REVOKE_WITHIN_MS } from '../messages/amend.ts';
import type { CampaignRow } from './row.ts';
import type { CampaignRecall } from './schemas.ts';

const SENT = ['sent', 'delivered', 'read'] as const;

/** How far a recall is; null when none was asked for. */
export async function viewRecall(db: ReadDb, row: CampaignRow, now: number): Promise<CampaignRecall | null> {
  if (row.recallAt === null) return null;
  const deletion = alias(messages, 'deletion');
  const groups = await db
    .select({
      state: sql<string>`case
        when ${messages.revokedAt} is not null then 'revoked'
        when ${messages.amendedBy} is null and ${messages.sentAt} <= ${now - REVOKE_WITHIN_MS} then 'tooLate'
        when ${messages.amendedBy} is null then 'pending'
        when ${deletion.status} in ('failed', 'expired', 'canceled') then 'failed'
        else 'queued' end`.as('state'),
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
    .where(and(eq(messages.campaignId, row.id), inArray(messages.status, [...SENT])))
    .groupBy(sql`state`);
  const of = new Map(groups.map(({ state, n }) => [state, Number(n)]));
  const at = (state: string) => of.get(state) ?? 0;
  return {
    since: new Date(row.recallAt).toISOString(),
    isOver: row.dueAt === null && at('queued') === 0,
    revoked: at('revoked'),
    queued: at('queued'),
    pending: at('pending'),
    failed: at('failed'),
    tooLate: at('tooLate'),
  };
}
