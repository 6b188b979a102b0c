/** Freezing: the recipients of a campaign are copied as they are when it starts, in pieces that can be resumed. */
import { and, eq, gt, inArray, isNull, lte, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, insertMany, rawRun, transact } from '../../db/ops.ts';
import { broadcastContacts, broadcastLists, campaignRecipients, campaigns } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { findSubscribers } from '../../whatsapp/subscribers.ts';
import { LIST_DELETED } from './of-list.ts';
import { type CampaignDeps, type CampaignRow, campaignFact } from './row.ts';

/**
 * Recipients in one transaction. SQLite copies them on the event loop: about 5 ms, so that sockets and other requests
 * get their turn. A server takes about 30 ms for them, and looking for other spellings some on the event loop: pieces that are
 * much larger keep everybody else waiting until the last one is done.
 */
const BATCH_SIZE = 250;
/** Marks what is no number in `campaigns.numbers`. */
export const INVALID_MARK = '!';

/**
 * Copies the next recipients. Position, phone and cursor move in one transaction that begins by taking the campaign's
 * row, so a crash in between repeats nothing and two processes cannot double anybody. True when all are frozen.
 */
export function freezePiece(deps: CampaignDeps, campaignId: string): Promise<boolean> {
  return transact(deps.database, async (tx) => {
    const now = deps.clock.now();
    const taken = await tx
      .update(campaigns)
      .set({ updatedAt: now })
      .where(and(eq(campaigns.id, campaignId), eq(campaigns.status, 'running'), isNull(campaigns.frozenAt)));
    if (affected(taken) === 0) return true;
    const [row] = await tx.select().from(campaigns).where(eq(campaigns.id, campaignId));
    if (!row) return true;
    if (row.listId !== null && (await isListGone(tx, row.listId))) return giveUp(tx, deps, row, now);
    const added = await copyPiece(tx, row, BATCH_SIZE, now);
    await skipSpellings(tx, row, added, now);
    const total = row.total + added;
    const done = added < BATCH_SIZE;
    await tx
      .update(campaigns)
      .set({
        total,
        freezeCursor: added === 0 ? row.freezeCursor : await phoneAt(tx, row.id, total),
        ...(done ? { frozenAt: now, numbers: null } : {}),
      })
      .where(eq(campaigns.id, row.id));
    return done;
  });
}

function copyPiece(tx: Tx, row: CampaignRow, piece: number, now: number): Promise<number> {
  if (row.numbers !== null) return copyNumbers(tx, row, row.numbers.slice(row.total, row.total + piece), now);
  return row.listId === null
    ? copyOrigin(tx, row, piece, now)
    : copyContacts(tx, row, row.listId, piece, now);
}

/** Our own numbers, which a statement may hold as they are: bound, MySQL would take them for decimals. */
const whole = (value: number) => sql.raw(String(Math.trunc(value)));

const TARGET = sql`insert into ${campaignRecipients}
  (campaign_id, position, user_id, phone, name, fields, state, reason, updated_at)`;

/** The inner query takes the piece; numbering the whole rest of the list each time would be quadratic. */
function copyContacts(tx: Tx, row: CampaignRow, listId: string, piece: number, now: number): Promise<number> {
  return rawRun(
    tx,
    sql`${TARGET}
      select ${row.id}, ${whole(row.total)} + row_number() over (order by c.phone), ${whole(row.userId)},
        c.phone, c.name, c.fields, 'pending', null, ${whole(now)}
      from (select phone, name, fields from ${broadcastContacts}
        where list_id = ${listId} and phone > ${row.freezeCursor ?? ''}
        order by phone limit ${whole(piece)}) c`,
  );
}

/** A clone of a campaign to numbers writes to those numbers. */
function copyOrigin(tx: Tx, row: CampaignRow, piece: number, now: number): Promise<number> {
  return rawRun(
    tx,
    sql`${TARGET}
      select ${row.id}, o.position, ${whole(row.userId)}, o.phone, o.name, o.fields,
        case when o.reason in ('invalid', 'duplicate') then 'skipped' else 'pending' end,
        case when o.reason in ('invalid', 'duplicate') then o.reason else null end, ${whole(now)}
      from (select position, phone, name, fields, reason from ${campaignRecipients}
        where campaign_id = ${row.originId ?? ''} and position > ${whole(row.total)}
        order by position limit ${whole(piece)}) o`,
  );
}

async function copyNumbers(tx: Tx, row: CampaignRow, piece: readonly string[], now: number): Promise<number> {
  await insertMany(
    tx,
    campaignRecipients,
    piece.map((text, i) => {
      const invalid = text.startsWith(INVALID_MARK);
      return {
        campaignId: row.id,
        position: row.total + i + 1,
        userId: row.userId,
        phone: invalid ? text.slice(INVALID_MARK.length) : text,
        name: null,
        fields: {},
        state: invalid ? ('skipped' as const) : ('pending' as const),
        reason: invalid ? 'invalid' : null,
        updatedAt: now,
      };
    }),
  );
  return piece.length;
}

/** Of the piece just copied, skips each whose subscriber comes earlier under another spelling of the number. */
async function skipSpellings(tx: Tx, row: CampaignRow, added: number, now: number): Promise<void> {
  const { campaignId, position, phone, state } = campaignRecipients;
  const piece = await tx
    .select({ position, phone })
    .from(campaignRecipients)
    .where(
      and(
        eq(campaignId, row.id),
        gt(position, row.total),
        lte(position, row.total + added),
        eq(state, 'pending'),
      ),
    );
  const subscribers = await findSubscribers(
    tx,
    row.userId,
    piece.map((one) => one.phone),
  );
  const several = piece.filter((one) => (subscribers.get(one.phone)?.spellings.length ?? 0) > 1);
  const all = [...new Set(several.flatMap((one) => subscribers.get(one.phone)?.spellings ?? []))];
  if (all.length === 0) return;
  const there = await tx
    .select({ position, phone })
    .from(campaignRecipients)
    .where(and(eq(campaignId, row.id), inArray(phone, all)));
  const positions = new Map(there.map((one) => [one.phone, one.position]));
  const later = several.filter((one) =>
    subscribers.get(one.phone)?.spellings.some((other) => (positions.get(other) ?? Infinity) < one.position),
  );
  if (later.length === 0) return;
  const ids = later.map((one) => one.position);
  await tx
    .update(campaignRecipients)
    .set({ state: 'skipped', reason: 'duplicate', updatedAt: now })
    .where(and(eq(campaignId, row.id), inArray(position, ids)));
}

async function phoneAt(tx: Tx, campaignId: string, position: number): Promise<string | null> {
  const [row] = await tx
    .select({ phone: campaignRecipients.phone })
    .from(campaignRecipients)
    .where(and(eq(campaignRecipients.campaignId, campaignId), eq(campaignRecipients.position, position)));
  return row?.phone ?? null;
}

async function isListGone(tx: Tx, listId: string): Promise<boolean> {
  const [list] = await tx
    .select({ deletedAt: broadcastLists.deletedAt })
    .from(broadcastLists)
    .where(eq(broadcastLists.id, listId));
  return list === undefined || list.deletedAt !== null;
}

/** Half a list is not what was asked for, and no message has left yet. */
async function giveUp(tx: Tx, deps: CampaignDeps, row: CampaignRow, now: number): Promise<boolean> {
  const { status, reason } = LIST_DELETED;
  await tx
    .update(campaigns)
    .set({ ...LIST_DELETED, finishedAt: now })
    .where(eq(campaigns.id, row.id));
  await record(tx, deps, [campaignFact(row, 'campaign.failed', { status, reason })]);
  return true;
}
