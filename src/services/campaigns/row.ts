/** Campaigns as rows: what is in them, and how one is found and changed. */
import { and, eq, inArray, isNotNull, ne, type SQL, sql } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { affected, isUniqueViolation, transact } from '../../db/ops.ts';
import { broadcastLists, campaigns } from '../../db/schema.ts';
import { type Fact, type Origin, record } from '../../events/record.ts';
import { AppError } from '../../utils/errors.ts';
import { cutText } from '../../utils/text.ts';
import type { DailySpan } from '../../utils/time-zone.ts';
import type { Content } from '../../whatsapp/content.ts';
import type { Deps } from '../context.ts';

export type CampaignRow = typeof campaigns.$inferSelect;
export type CampaignStatus = CampaignRow['status'];

/** As campaigns.name holds. */
const MAX_NAME = 190;

/** The name of one that was made from another: cut so that its ending is there in any case. */
export function derivedName(name: string, ending: string): string {
  return cutText(name, MAX_NAME - ending.length - 1) + ending;
}

/** Dependencies of campaigns. */
export type CampaignDeps = Pick<
  Deps,
  | 'config'
  | 'database'
  | 'db'
  | 'clock'
  | 'logger'
  | 'stream'
  | 'signals'
  | 'commands'
  | 'enqueuer'
  | 'usageSlot'
  | 'queueCounts'
  | 'peers'
  | 'allowances'
>;

/** Dependencies of changing a campaign's state. */
export type MoveDeps = Pick<Deps, 'database' | 'db' | 'clock' | 'stream' | 'signals'>;

/** Pace, caps, quiet hours, checks and thresholds that were asked for. */
export interface CampaignOptions {
  /** campaign messages of each session a day */
  dailyCap?: number;
  warmUp?: boolean;
  quietHours?: DailySpan;
  /** numbers are looked up at WhatsApp before they are written to; yes when missing */
  checkNumbers?: boolean;
  /** percent of failures among the newest messages at which it pauses itself */
  failurePercent?: number;
  /** numbers of the request that were no numbers, and that were there twice */
  invalid?: number;
  duplicates?: number;
}

/** Safe because only campaigns' own verbs write the column, from this type. */
export function optionsOf(row: Pick<CampaignRow, 'options'>): CampaignOptions {
  return row.options as CampaignOptions;
}

/** Safe because only contents that the schemas of the sends have passed are stored. */
export function contentOf(row: Pick<CampaignRow, 'content'>): Content {
  return row.content as unknown as Content;
}

/** As the column keeps it. */
export function storedJson(value: object): Record<string, unknown> {
  return { ...value };
}

/** One running campaign a session and list; null where there is no list. Of several sessions it names the first. */
export function activeKeyOf(row: Pick<CampaignRow, 'accountId' | 'listId'>): string | null {
  return row.listId === null ? null : `${row.accountId}:${row.listId}`;
}

type Senders = Pick<CampaignRow, 'accountId' | 'senders'>;

const idsOf = ({ accountId, senders }: Senders) =>
  senders === null ? [accountId] : senders.map((sender) => sender.accountId);

/**
 * The running or paused campaign to the same list that one of the same sessions sends; null when there is none, or when it
 * waits only for numbers that WhatsApp says nothing of. Takes the list's row for this transaction, so that two that begin at
 * the same moment see each other.
 */
export async function findOverlap(
  tx: Tx,
  row: Pick<CampaignRow, 'id' | 'listId'> & Senders,
): Promise<string | null> {
  if (row.listId === null) return null;
  await tx
    .update(broadcastLists)
    .set({ updatedAt: sql`${broadcastLists.updatedAt}` })
    .where(eq(broadcastLists.id, row.listId));
  const { id, accountId, senders, listId, activeKey } = campaigns;
  const others = await tx
    .select({ id, accountId, senders })
    .from(campaigns)
    .where(and(eq(listId, row.listId), isNotNull(activeKey), ne(id, row.id)));
  const ours = new Set(idsOf(row));
  return others.find((other) => idsOf(other).some((one) => ours.has(one)))?.id ?? null;
}

export function campaignNotFound(id: string): AppError {
  return new AppError('NOT_FOUND', `There is no campaign ${id}.`);
}

/** The tenant's campaign. Throws NOT_FOUND. */
export async function findCampaign(db: Db, userId: number, id: string): Promise<CampaignRow> {
  const [row] = await db
    .select()
    .from(campaigns)
    .where(and(eq(campaigns.id, id), eq(campaigns.userId, userId)));
  if (!row) throw campaignNotFound(id);
  return row;
}

type CampaignEvent = Extract<Fact['event'], `campaign.${string}`>;

/** How many recipients it has; until they are frozen, how many there were to be when it was made. */
export function totalOf(row: Pick<CampaignRow, 'total' | 'expectedTotal' | 'frozenAt'>): number {
  return row.frozenAt === null ? Math.max(row.total, row.expectedTotal ?? 0) : row.total;
}

/** A fact about a campaign: its name and counters, never what it says. */
export function campaignFact(
  row: CampaignRow,
  event: CampaignEvent,
  data: Record<string, unknown> = {},
  origin?: Origin,
): Fact {
  return {
    userId: row.userId,
    event,
    session: { id: row.accountId, sessionId: row.sessionId },
    subject: row.id,
    status: event === 'campaign.failed' ? 'failure' : 'success',
    data: { campaignId: row.id, name: row.name, total: totalOf(row), ...data },
    ...(origin ? { origin } : {}),
  };
}

export interface Transition {
  from: readonly CampaignStatus[];
  /** in addition to the status */
  where?: SQL | undefined;
  changes: Partial<typeof campaigns.$inferInsert>;
  event: CampaignEvent | null;
  data?: Record<string, unknown>;
  origin?: Origin;
  /** what else is true together with it */
  also?: (tx: Tx, row: CampaignRow) => Promise<void>;
}

/**
 * Changes a campaign's state with everything that goes with it, when it is in one of `from`; the row as it is then,
 * or null. Throws BROADCAST_IN_PROGRESS when another campaign runs on the same list and session.
 */
export async function moveCampaign(
  deps: MoveDeps,
  id: string,
  move: Transition,
): Promise<CampaignRow | null> {
  try {
    return await transact(deps.database, async (tx) => {
      const now = deps.clock.now();
      const moved = await tx
        .update(campaigns)
        .set({ waitingReason: null, waitingUntil: null, ...move.changes, updatedAt: now })
        .where(and(eq(campaigns.id, id), inArray(campaigns.status, [...move.from]), move.where));
      if (affected(moved) === 0) return null;
      const [row] = await tx.select().from(campaigns).where(eq(campaigns.id, id));
      if (!row) return null;
      if (move.changes.activeKey) {
        const other = await findOverlap(tx, row);
        if (other !== null) throw isRunning(other);
      }
      await move.also?.(tx, row);
      if (move.event) {
        const data = { status: row.status, reason: row.reason, ...move.data };
        await record(tx, deps, [campaignFact(row, move.event, data, move.origin)]);
      }
      tx.afterCommitAsked(() => deps.signals.wake(row.accountId));
      return row;
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw await inProgress(deps.db, id, null);
  }
}

/** The error that names the campaign in the way. */
export async function inProgress(db: Db, id: string, activeKey: string | null): Promise<AppError> {
  const [own] = await db.select().from(campaigns).where(eq(campaigns.id, id));
  const key = activeKey ?? (own ? activeKeyOf(own) : null);
  const [other] =
    key === null
      ? []
      : await db.select({ id: campaigns.id }).from(campaigns).where(eq(campaigns.activeKey, key)).limit(1);
  return isRunning(other?.id ?? null);
}

export function isRunning(campaignId: string | null): AppError {
  return new AppError('BROADCAST_IN_PROGRESS', 'A campaign to this list is running on this session.', {
    details: { campaignId },
  });
}
