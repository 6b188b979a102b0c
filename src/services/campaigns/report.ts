/** The report of a campaign: funnel, failures by reason, and times. */

import { and, asc, eq, gt } from 'drizzle-orm';
import { z } from 'zod';
import { inBatches, mapInTurns, readBatches } from '../../db/batches.ts';
import { broadcastContacts } from '../../db/schema.ts';
import { csvLines } from '../../utils/csv.ts';
import { formatE164, readingsIn } from '../../utils/phone.ts';
import type { Ctx } from '../context.ts';
import { INVALID_MARK } from './freeze.ts';
import { outcomeText } from './outcome-words.ts';
import { type CampaignRef, enterCampaign, viewCampaign } from './read.ts';
import { withReadings } from './readings.ts';
import { type RecipientRow, readRecipients } from './recipients.ts';
import { type Reason, sumRecipients } from './report-sums.ts';
import type { CampaignDeps, CampaignRow } from './row.ts';
import { CampaignOutput } from './schemas.ts';

/** Recipients read between two turns of the event loop. */
const BATCH_SIZE = 250;

const count = z.int();
const ReasonCount = z.object({
  reason: z.string(),
  message: z.string().describe('the reason in words'),
  count,
});
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
    failuresByReason: z.array(ReasonCount),
    skippedByReason: z.array(ReasonCount),
    byHour: z.array(
      z.object({ hour: z.iso.datetime(), sent: count, delivered: count, read: count, failed: count }),
    ),
    byVariant: z.array(z.object({ variant: z.string(), sent: count, delivered: count, read: count })),
    generatedAt: z.iso.datetime(),
  })
  .meta({ id: 'CampaignReport' });
export type CampaignReport = z.infer<typeof CampaignReport>;

/** Some seconds for a million recipients. Throws NOT_FOUND. */
export async function reportCampaign(ctx: Ctx, ref: CampaignRef): Promise<CampaignReport> {
  const { campaign, session } = await enterCampaign(ctx, ref, 'read');
  const { failed, skipped, hours, variants, replied } = await sumRecipients(ctx.database.scan, campaign);
  const view = await viewCampaign(ctx, campaign, session);
  const { total, sent, delivered, read } = view.statistics;
  return {
    campaign: view,
    funnel: { recipients: total, sent, delivered, read, replied },
    failuresByReason: byCount(failed),
    skippedByReason: byCount(skipped),
    byHour: [...hours]
      .sort(([a], [b]) => a - b)
      .map(([hour, counts]) => ({ hour: new Date(hour).toISOString(), ...counts })),
    byVariant: [...variants]
      .map(([variant, { first, ...counts }]) => ({ first, variant, ...counts }))
      .sort((a, b) => b.sent - a.sent || a.first - b.first)
      .slice(0, 50)
      .map(({ first: _, ...counts }) => counts),
    generatedAt: new Date(ctx.clock.now()).toISOString(),
  };
}

const byCount = (counts: ReadonlyMap<string, Reason>) =>
  [...counts]
    .sort(([, a], [, b]) => b.n - a.n || a.first - b.first)
    .map(([reason, { n }]) => ({ reason, message: outcomeText('en', reason), count: n }));

function batchesOf(deps: Pick<CampaignDeps, 'db'>, campaign: CampaignRow): AsyncGenerator<RecipientRow[]> {
  return readBatches<RecipientRow>(BATCH_SIZE, (last) =>
    readRecipients(deps, campaign, last?.position ?? 0, BATCH_SIZE),
  );
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
  deps: Pick<Ctx, 'db' | 'config'>,
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
      'session',
      'waitingUntil',
      'readings',
    ],
  ]);
  for await (const rows of batchesOf(deps, campaign)) {
    const recipients = await withReadings(
      deps,
      rows.map(({ recipient }) => recipient),
    );
    yield csvLines(
      recipients.map((r) => [
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
        r.sessionId,
        r.waitingUntil,
        r.readings.join(' '),
      ]),
    );
  }
  for await (const people of untaken(deps, campaign)) yield csvLines(people);
}

/** Columns behind the reason. */
const UNTAKEN_COLUMNS = 10;

/** Recipients that a campaign had not taken yet when it ended: number, name, state, reason, and the readings of an unclear number. */
async function* untaken(
  { db, config }: Pick<Ctx, 'db' | 'config'>,
  campaign: CampaignRow,
): AsyncGenerator<(string | null)[][]> {
  if (campaign.frozenAt !== null) return;
  const { status, listId } = campaign;
  const isOver = status === 'stopped' || status === 'failed';
  const outcome = isOver ? ['skipped', status] : ['pending', null];
  const rest = Array.from({ length: UNTAKEN_COLUMNS }, () => null);
  const texts = campaign.numbers?.slice(campaign.total) ?? [];
  for await (const batch of inBatches(texts, BATCH_SIZE)) {
    yield await mapInTurns(batch, (text) => {
      if (!text.startsWith(INVALID_MARK)) return [formatE164(text), null, ...outcome, ...rest];
      const number = text.slice(INVALID_MARK.length);
      const readings = readingsIn(number, config.defaultCountry).join(' ');
      return [number, null, 'skipped', 'invalid', ...rest.slice(1), readings];
    });
  }
  if (listId === null) return;
  const { phone, name } = broadcastContacts;
  const batches = readBatches<{ phone: string; name: string | null }>(BATCH_SIZE, (last) =>
    db
      .select({ phone, name })
      .from(broadcastContacts)
      .where(and(eq(broadcastContacts.listId, listId), gt(phone, last?.phone ?? campaign.freezeCursor ?? '')))
      .orderBy(asc(phone))
      .limit(BATCH_SIZE),
  );
  for await (const rows of batches) {
    yield rows.map((row) => [formatE164(row.phone), row.name, ...outcome, ...rest]);
  }
}
