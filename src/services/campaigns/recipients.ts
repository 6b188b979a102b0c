/** Outcomes of a campaign's recipients: in the order of sending, or only those in one state. */

import { and, asc, eq, gt, inArray, type SQL, sql } from 'drizzle-orm';
import { parseCursorParts } from '../../db/keyset.ts';
import { campaignRecipients, messages } from '../../db/schema.ts';
import type { Ctx } from '../context.ts';
import { outcomeText } from './outcome-words.ts';
import { isPlanned, listPlanned } from './planned.ts';
import { type CampaignRef, enterCampaign } from './read.ts';
import { withReadings } from './readings.ts';
import type { CampaignDeps, CampaignRow } from './row.ts';
import type { CampaignRecipient, RecipientStatus, RecipientsQuery } from './schemas.ts';

/** Up to here those in a state are few: the index of the states gives them all. */
const SCAN_LIMIT = 2_000;

/**
 * The recipients in the order of sending, or those in one state; before it begins those whom it would write to, as its
 * list is now. `cursor` is the `nextCursor` of the page before.
 * Throws NOT_FOUND, VALIDATION_FAILED for a cursor that is none.
 */
export async function listRecipients(
  ctx: Ctx,
  input: CampaignRef & RecipientsQuery,
): Promise<{ data: CampaignRecipient[]; nextCursor: string | null }> {
  const { campaign } = await enterCampaign(ctx, input, 'read');
  const page = await readPage(ctx, campaign, input);
  return { ...page, data: await withReadings(ctx, page.data) };
}

async function readPage(
  ctx: Ctx,
  campaign: CampaignRow,
  input: RecipientsQuery,
): Promise<{ data: CampaignRecipient[]; nextCursor: string | null }> {
  if (isPlanned(campaign) && (input.state ?? 'pending') === 'pending') {
    const after = parseCursorParts(input.cursor, /^(\d{1,20})$/)?.[0] ?? '';
    return listPlanned(ctx, campaign, { after, limit: input.limit });
  }
  if (input.state !== undefined) return listInState(ctx, campaign, { ...input, state: input.state });
  const after = Number(parseCursorParts(input.cursor, /^(\d{1,10})$/)?.[0] ?? 0);
  const rows = await readRecipients(ctx, campaign, after, input.limit);
  const last = rows.at(-1);
  return {
    data: rows.map(({ recipient }) => recipient),
    nextCursor: rows.length === input.limit && last ? String(last.position) : null,
  };
}

/** Where recipients in a state are found: by the status of their message, or by their own row. */
type Source =
  | { by: 'message'; status: (typeof messages.$inferSelect)['status'] }
  /** `from`: no recipient up to this position is in that state */
  | { by: 'row'; state: (typeof campaignRecipients.$inferSelect)['state']; from: number };

/** As `outcomeOf` tells them, each state from one index. */
function sourcesOf(campaign: CampaignRow, state: RecipientStatus): Source[] {
  const waiting: Source[] = [
    { by: 'row', state: 'deferred', from: 0 },
    { by: 'row', state: 'pending', from: campaign.feedPosition },
  ];
  const over = campaign.status === 'stopped' || campaign.status === 'failed';
  switch (state) {
    case 'pending':
      return over ? [] : waiting;
    case 'queued':
      return [
        { by: 'message', status: 'queued' },
        { by: 'message', status: 'sending' },
      ];
    case 'failed':
      return [
        { by: 'message', status: 'failed' },
        { by: 'message', status: 'expired' },
      ];
    case 'skipped':
      return [
        { by: 'row', state: 'skipped', from: 0 },
        { by: 'message', status: 'canceled' },
        ...(over ? waiting : []),
      ];
    default:
      return [{ by: 'message', status: state }];
  }
}

/** One source after the other; the cursor says which one and where in it. */
async function listInState(
  ctx: Ctx,
  campaign: CampaignRow,
  input: RecipientsQuery & { state: RecipientStatus },
): Promise<{ data: CampaignRecipient[]; nextCursor: string | null }> {
  const sources = sourcesOf(campaign, input.state);
  const [from = '0', after = ''] = parseCursorParts(input.cursor, /^(\d)\.([0-9a-f]{1,32})$/) ?? [];
  const data: CampaignRecipient[] = [];
  for (let at = Number(from); at < sources.length; at++) {
    const source = sources[at];
    if (source === undefined) break;
    const place = at === Number(from) ? after : '';
    const found = await readSource(ctx, campaign, source, { after: place, limit: input.limit - data.length });
    data.push(...found.map(({ recipient }) => recipient));
    const last = found.at(-1);
    if (data.length === input.limit && last) return { data, nextCursor: `${at}.${last.key}` };
  }
  return { data, nextCursor: null };
}

interface Place {
  after: string;
  limit: number;
}

async function readSource(
  deps: Pick<CampaignDeps, 'db' | 'database'>,
  campaign: CampaignRow,
  source: Source,
  place: Place,
): Promise<{ key: string; recipient: CampaignRecipient }[]> {
  if (source.by === 'message') return readByMessage(deps, campaign, source.status, place);
  const positions = await findPositions(deps, campaign, source, place);
  if (positions.length === 0) return [];
  const where = inArray(campaignRecipients.position, positions);
  const rows = await selectRecipients(deps, campaign, where, campaignRecipients.position, place.limit);
  return rows.map(({ position, recipient }) => ({ key: String(position), recipient }));
}

/** By the index of a campaign's messages; a recipient is found by its number again. */
async function readByMessage(
  deps: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
  status: (typeof messages.$inferSelect)['status'],
  { after, limit }: Place,
): Promise<{ key: string; recipient: CampaignRecipient }[]> {
  const found = await deps.db
    .select({ id: messages.id, phone: messages.phone })
    .from(messages)
    .where(and(eq(messages.campaignId, campaign.id), eq(messages.status, status), gt(messages.id, after)))
    .orderBy(asc(messages.id))
    .limit(limit);
  const phones = found.flatMap(({ phone }) => (phone === null ? [] : [phone]));
  if (phones.length === 0) return [];
  // In the order of the index that finds them.
  const where = inArray(campaignRecipients.phone, phones);
  const rows = await selectRecipients(deps, campaign, where, campaignRecipients.phone, phones.length);
  const byPhone = new Map(rows.map(({ recipient }) => [recipient.number, recipient]));
  return found.flatMap(({ id, phone }) => {
    const recipient = byPhone.get(phone ?? '');
    return recipient ? [{ key: id, recipient }] : [];
  });
}

/** Positions of recipients whose own row is in that state: from the index of the states where they are few. */
async function findPositions(
  { database }: Pick<CampaignDeps, 'database'>,
  campaign: CampaignRow,
  source: Extract<Source, { by: 'row' }>,
  { after, limit }: Place,
): Promise<number[]> {
  const { position, state, campaignId } = campaignRecipients;
  const inState = and(eq(campaignId, campaign.id), eq(state, source.state));
  const few = await database.scan
    .select({ position })
    .from(campaignRecipients)
    .where(inState)
    .limit(SCAN_LIMIT + 1);
  if (few.length <= SCAN_LIMIT) {
    const places = few.map((row) => row.position).filter((place) => place > Number(after));
    return places.sort((a, b) => a - b).slice(0, limit);
  }
  const rows = await database.scan
    .select({ position })
    .from(campaignRecipients)
    .where(
      and(
        eq(campaignId, campaign.id),
        gt(position, Math.max(Number(after), source.from)),
        // Not the column itself, whose index would be sorted as a whole.
        sql`lower(${state}) = ${source.state}`,
      ),
    )
    .orderBy(asc(position))
    .limit(limit);
  return rows.map((row) => row.position);
}

export interface RecipientRow {
  position: number;
  peer: string | null;
  lid: string | null;
  times: {
    sentAt: number | null;
    deliveredAt: number | null;
    readAt: number | null;
    failedAt: number | null;
  };
  recipient: CampaignRecipient;
}

/** The recipients after a position, with what their messages have come to. */
export function readRecipients(
  deps: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
  after: number,
  limit: number,
): Promise<RecipientRow[]> {
  const { position } = campaignRecipients;
  return selectRecipients(deps, campaign, gt(position, after), position, limit);
}

async function selectRecipients(
  { db }: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
  where: SQL,
  order: typeof campaignRecipients.position | typeof campaignRecipients.phone,
  limit: number,
): Promise<RecipientRow[]> {
  const rows = await db
    .select({
      position: campaignRecipients.position,
      phone: campaignRecipients.phone,
      name: campaignRecipients.name,
      state: campaignRecipients.state,
      reason: campaignRecipients.reason,
      dueAt: campaignRecipients.dueAt,
      variant: campaignRecipients.variant,
      queuedAt: campaignRecipients.queuedAt,
      messageId: messages.messageId,
      sessionId: messages.sessionId,
      peer: messages.peer,
      lid: messages.lid,
      status: messages.status,
      errorCode: messages.errorCode,
      sentAt: messages.sentAt,
      deliveredAt: messages.deliveredAt,
      readAt: messages.readAt,
      failedAt: messages.failedAt,
    })
    .from(campaignRecipients)
    .leftJoin(messages, eq(messages.id, campaignRecipients.messageRowId))
    .where(and(eq(campaignRecipients.campaignId, campaign.id), where))
    .orderBy(asc(order))
    .limit(limit);
  return rows.map((row) => toRecipient(campaign, row));
}

type SelectedRow = Pick<
  typeof campaignRecipients.$inferSelect,
  'position' | 'phone' | 'name' | 'variant' | 'queuedAt' | 'dueAt'
> &
  OutcomeRow &
  RecipientRow['times'] & {
    messageId: string | null;
    sessionId: string | null;
    peer: string | null;
    lid: string | null;
  };

function toRecipient(campaign: CampaignRow, row: SelectedRow): RecipientRow {
  const { position, phone, name, variant, messageId, sessionId, peer, lid, queuedAt } = row;
  const { sentAt, deliveredAt, readAt, failedAt } = row;
  const outcome = outcomeOf(campaign, row);
  return {
    position,
    peer,
    lid,
    times: { sentAt, deliveredAt, readAt, failedAt },
    recipient: {
      number: phone,
      name,
      ...outcome,
      reasonMessage: outcome.reason === null ? null : outcomeText('en', outcome.reason),
      variant,
      messageId,
      sessionId,
      queuedAt: iso(queuedAt),
      sentAt: iso(sentAt),
      deliveredAt: iso(deliveredAt),
      readAt: iso(readAt),
      failedAt: iso(failedAt),
      waitingUntil: outcome.state === 'pending' && row.state === 'deferred' ? iso(row.dueAt) : null,
      readings: [],
    },
  };
}

export interface OutcomeRow {
  state: (typeof campaignRecipients.$inferSelect)['state'];
  reason: string | null;
  status: (typeof messages.$inferSelect)['status'] | null;
  errorCode: string | null;
}

/** The outcome that a recipient's row and message tell together. */
export function outcomeOf(
  campaign: CampaignRow,
  row: OutcomeRow,
): Pick<CampaignRecipient, 'state' | 'reason'> {
  if (row.state === 'skipped') return { state: 'skipped', reason: row.reason };
  switch (row.status) {
    case null:
      return campaign.status === 'stopped' || campaign.status === 'failed'
        ? { state: 'skipped', reason: campaign.status }
        : { state: 'pending', reason: row.reason };
    case 'sent':
    case 'delivered':
    case 'read':
      return { state: row.status, reason: null };
    case 'failed':
    case 'expired':
      return { state: 'failed', reason: row.errorCode ?? row.status };
    case 'canceled':
      return { state: 'skipped', reason: campaign.status === 'stopped' ? 'stopped' : 'canceled' };
    default:
      return { state: 'queued', reason: null };
  }
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
