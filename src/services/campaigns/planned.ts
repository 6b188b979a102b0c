/** Who a campaign that has not begun would write to, as its list is now. */
import { and, asc, eq, gt } from 'drizzle-orm';
import type { ReadDb } from '../../db/client.ts';
import { broadcastContacts, broadcastLists, campaignRecipients } from '../../db/schema.ts';
import type { Ctx } from '../context.ts';
import { isOptedOut } from '../opt-outs/opted-out.ts';
import { INVALID_MARK } from './freeze.ts';
import { outcomeText } from './outcome-words.ts';
import { type CampaignRow, totalOf } from './row.ts';
import type { CampaignRecipient } from './schemas.ts';

interface Person {
  /** where the next page goes on: a phone of a list, or a place */
  key: string;
  phone: string;
  name: string | null;
  isInvalid: boolean;
}

/** True until its recipients are copied: a scheduled campaign, or a copy that was not started. */
export const isPlanned = (row: Pick<CampaignRow, 'frozenAt' | 'startedAt'>): boolean =>
  row.frozenAt === null && row.startedAt === null;

/** How many there would be; of a list as it is now. */
export async function countPlanned(db: ReadDb, row: CampaignRow): Promise<number> {
  if (row.listId === null) return totalOf(row);
  const [list] = await db
    .select({ n: broadcastLists.contactCount })
    .from(broadcastLists)
    .where(eq(broadcastLists.id, row.listId));
  return list?.n ?? totalOf(row);
}

/** One page of them. `after`: the `nextCursor` of the page before; `limit` is 500 at most. */
export async function listPlanned(
  ctx: Ctx,
  row: CampaignRow,
  { after, limit }: { after: string; limit: number },
): Promise<{ data: CampaignRecipient[]; nextCursor: string | null }> {
  const people = await peopleOf(ctx.db, row, after, limit);
  const phones = people.filter(({ isInvalid }) => !isInvalid).map(({ phone }) => phone);
  const out = await isOptedOut(ctx.db, row.userId, phones);
  const last = people.at(-1);
  return {
    data: people.map((person) => toPlanned(person, out)),
    nextCursor: people.length === limit && last ? last.key : null,
  };
}

async function peopleOf(db: Ctx['db'], row: CampaignRow, after: string, limit: number): Promise<Person[]> {
  if (row.numbers !== null) {
    const from = Number(after || 0);
    return row.numbers.slice(from, from + limit).map((text, i) => {
      const isInvalid = text.startsWith(INVALID_MARK);
      const phone = isInvalid ? text.slice(INVALID_MARK.length) : text;
      return { key: String(from + i + 1), phone, name: null, isInvalid };
    });
  }
  if (row.listId !== null) {
    const { listId, phone, name } = broadcastContacts;
    const rows = await db
      .select({ phone, name })
      .from(broadcastContacts)
      .where(and(eq(listId, row.listId), gt(phone, after)))
      .orderBy(asc(phone))
      .limit(limit);
    return rows.map((one) => ({ ...one, key: one.phone, isInvalid: false }));
  }
  return ofOrigin(db, row, Number(after || 0), limit);
}

/** A copy of a campaign to numbers writes to those numbers. */
async function ofOrigin(db: Ctx['db'], row: CampaignRow, from: number, limit: number): Promise<Person[]> {
  const { campaignId, position, phone, name, reason } = campaignRecipients;
  const rows = await db
    .select({ position, phone, name, reason })
    .from(campaignRecipients)
    .where(and(eq(campaignId, row.originId ?? ''), gt(position, from)))
    .orderBy(asc(position))
    .limit(limit);
  return rows.map((one) => ({ ...one, key: String(one.position), isInvalid: one.reason === 'invalid' }));
}

function toPlanned({ phone, name, isInvalid }: Person, out: ReadonlySet<string>): CampaignRecipient {
  const reason = isInvalid ? 'invalid' : out.has(phone) ? 'opted_out' : null;
  return {
    number: phone,
    name,
    state: reason === null ? 'pending' : 'skipped',
    reason,
    reasonMessage: reason === null ? null : outcomeText('en', reason),
    variant: null,
    messageId: null,
    sessionId: null,
    queuedAt: null,
    sentAt: null,
    deliveredAt: null,
    readAt: null,
    failedAt: null,
    waitingUntil: null,
    readings: [],
  };
}
