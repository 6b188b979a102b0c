/** What a campaign came to: funnel, failures by reason, and when things happened. */

import { and, asc, eq, gt, inArray, max } from 'drizzle-orm';
import { z } from 'zod';
import { broadcastContacts, messages } from '../../db/schema.ts';
import { turn } from '../../db/turns.ts';
import { csvLines } from '../../utils/csv.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { formatE164 } from '../../utils/phone.ts';
import { lidJid } from '../../whatsapp/jid.ts';
import type { Ctx } from '../context.ts';
import { INVALID_MARK } from './freeze.ts';
import { type CampaignRef, enterCampaign, viewCampaign } from './read.ts';
import { type RecipientRow, readRecipients } from './recipients.ts';
import type { CampaignDeps, CampaignRow } from './row.ts';
import { CampaignOutput } from './schemas.ts';

/** Recipients read between two turns of the event loop. */
const PIECE = 250;

const count = z.int();
export const CampaignReport = z
  .object({
    campaign: CampaignOutput,
    funnel: z.object({
      recipients: count,
      sent: count,
      delivered: count,
      read: count,
      replied: count.describe('recipients who wrote back after their message was sent'),
    }),
    failuresByReason: z.array(z.object({ reason: z.string(), count })),
    skippedByReason: z.array(z.object({ reason: z.string(), count })),
    byHour: z.array(
      z.object({ hour: z.iso.datetime(), sent: count, delivered: count, read: count, failed: count }),
    ),
    byVariant: z.array(z.object({ variant: z.string(), sent: count, delivered: count, read: count })),
    generatedAt: z.iso.datetime(),
  })
  .meta({ id: 'CampaignReport' });
export type CampaignReport = z.infer<typeof CampaignReport>;

/** Reads every recipient, in pieces: some seconds for a million. Throws NOT_FOUND. */
export async function reportCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignReport> {
  const { campaign, session } = await enterCampaign(ctx, ref, 'read');
  const sums = newSums();
  for await (const rows of pieces(ctx, campaign)) {
    for (const row of rows) add(sums, row);
    sums.replied += await countReplies(ctx, campaign, rows);
  }
  const view = await viewCampaign(ctx, campaign, session);
  const { total, sent, delivered, read } = view.statistics;
  return {
    campaign: view,
    funnel: { recipients: total, sent, delivered, read, replied: sums.replied },
    failuresByReason: byCount(sums.failed),
    skippedByReason: byCount(sums.skipped),
    byHour: [...sums.hours]
      .sort(([a], [b]) => a - b)
      .map(([hour, counts]) => ({ hour: new Date(hour).toISOString(), ...counts })),
    byVariant: [...sums.variants]
      .map(([variant, counts]) => ({ variant, ...counts }))
      .sort((a, b) => b.sent - a.sent)
      .slice(0, 50),
    generatedAt: new Date(ctx.clock.now()).toISOString(),
  };
}

async function* pieces(
  deps: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
): AsyncGenerator<RecipientRow[]> {
  for (let after = 0; ; ) {
    const rows = await readRecipients(deps, campaign, after, PIECE);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = last.position;
    await turn();
  }
}

interface Hour {
  sent: number;
  delivered: number;
  read: number;
  failed: number;
}

interface Sums {
  failed: Map<string, number>;
  skipped: Map<string, number>;
  hours: Map<number, Hour>;
  variants: Map<string, Omit<Hour, 'failed'>>;
  replied: number;
}

function newSums(): Sums {
  return { failed: new Map(), skipped: new Map(), hours: new Map(), variants: new Map(), replied: 0 };
}

function add(sums: Sums, { recipient, times }: RecipientRow): void {
  const reason = recipient.reason ?? 'unknown';
  if (recipient.state === 'failed') sums.failed.set(reason, (sums.failed.get(reason) ?? 0) + 1);
  if (recipient.state === 'skipped') sums.skipped.set(reason, (sums.skipped.get(reason) ?? 0) + 1);
  addHour(sums, times.sentAt, 'sent');
  addHour(sums, times.deliveredAt, 'delivered');
  addHour(sums, times.readAt, 'read');
  if (recipient.state === 'failed') addHour(sums, times.failedAt, 'failed');
  if (recipient.variant === null) return;
  const variant = sums.variants.get(recipient.variant) ?? { sent: 0, delivered: 0, read: 0 };
  sums.variants.set(recipient.variant, variant);
  if (times.sentAt !== null) variant.sent++;
  if (times.deliveredAt !== null) variant.delivered++;
  if (times.readAt !== null) variant.read++;
}

function addHour(sums: Sums, at: number | null, name: keyof Hour): void {
  if (at === null) return;
  const hour = at - (at % HOUR_MS);
  const counts = sums.hours.get(hour) ?? { sent: 0, delivered: 0, read: 0, failed: 0 };
  counts[name]++;
  sums.hours.set(hour, counts);
}

const byCount = (counts: Map<string, number>) =>
  [...counts].map(([reason, n]) => ({ reason, count: n })).sort((a, b) => b.count - a.count);

/** Who of these wrote to the session after the message to them had been sent. */
async function countReplies(
  { db }: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
  rows: readonly RecipientRow[],
): Promise<number> {
  const sent = rows.filter(({ peer, times }) => peer !== null && times.sentAt !== null);
  if (sent.length === 0) return 0;
  // A conversation may go by the phone number or by the LID.
  const peersOf = ({ peer, lid }: RecipientRow) => [peer ?? '', ...(lid === null ? [] : [lidJid(lid)])];
  const last = await db
    .select({ peer: messages.peer, at: max(messages.createdAt) })
    .from(messages)
    .where(
      and(
        eq(messages.userId, campaign.userId),
        eq(messages.accountId, campaign.accountId),
        inArray(messages.peer, sent.flatMap(peersOf)),
        eq(messages.direction, 'in'),
      ),
    )
    .groupBy(messages.peer);
  const newest = new Map(last.map(({ peer, at }) => [peer, Number(at ?? 0)]));
  return sent.filter((row) =>
    peersOf(row).some((peer) => (newest.get(peer) ?? 0) >= (row.times.sentAt ?? Number.POSITIVE_INFINITY)),
  ).length;
}

/** Every recipient as a line of CSV. Throws NOT_FOUND. */
export async function exportCampaign(
  ctx: Ctx,
  ref: CampaignRef,
): Promise<{ fileName: string; lines: AsyncIterable<string> }> {
  const { campaign } = await enterCampaign(ctx, ref, 'read');
  return { fileName: `campaign-${campaign.id}.csv`, lines: recipientLines(ctx, campaign) };
}

async function* recipientLines(
  deps: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
): AsyncGenerator<string> {
  yield csvLines([
    [
      'number',
      'name',
      'state',
      'reason',
      'variant',
      'messageId',
      'queuedAt',
      'sentAt',
      'deliveredAt',
      'readAt',
      'failedAt',
    ],
  ]);
  for await (const rows of pieces(deps, campaign)) {
    yield csvLines(
      rows.map(({ recipient: r }) => [
        r.reason === 'invalid' ? r.number : formatE164(r.number),
        r.name,
        r.state,
        r.reason,
        r.variant,
        r.messageId,
        r.queuedAt,
        r.sentAt,
        r.deliveredAt,
        r.readAt,
        r.failedAt,
      ]),
    );
  }
  for await (const people of untaken(deps, campaign)) yield csvLines(people);
}

/** Who would have got a campaign that has not taken its recipients, or not all of them: number, name, state, reason. */
async function* untaken(
  { db }: Pick<CampaignDeps, 'db'>,
  campaign: CampaignRow,
): AsyncGenerator<(string | null)[][]> {
  if (campaign.frozenAt !== null) return;
  const { status, listId } = campaign;
  const isOver = status === 'stopped' || status === 'failed';
  const fate = isOver ? ['skipped', status] : ['pending', null];
  const rest = Array.from({ length: 7 }, () => null);
  const texts = campaign.numbers?.slice(campaign.total) ?? [];
  for (let at = 0; at < texts.length; at += PIECE) {
    yield texts.slice(at, at + PIECE).map((text) => {
      const invalid = text.startsWith(INVALID_MARK);
      return invalid
        ? [text.slice(INVALID_MARK.length), null, 'skipped', 'invalid', ...rest]
        : [formatE164(text), null, ...fate, ...rest];
    });
    await turn();
  }
  for (let after = campaign.freezeCursor ?? ''; listId !== null; ) {
    const { phone, name } = broadcastContacts;
    const rows = await db
      .select({ phone, name })
      .from(broadcastContacts)
      .where(and(eq(broadcastContacts.listId, listId), gt(phone, after)))
      .orderBy(asc(phone))
      .limit(PIECE);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map((row) => [formatE164(row.phone), row.name, ...fate, ...rest]);
    after = last.phone;
    await turn();
  }
}
