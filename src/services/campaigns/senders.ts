/** The sessions that send a campaign: one, several that were named, or those of a saved pool as it was then. */

import { and, desc, eq, inArray, isNotNull, isNull, or, type SQL } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { type CampaignSender, campaigns, whatsappAccounts } from '../../db/schema.ts';
import { contains } from '../../db/search.ts';
import { isUsable } from '../../queue/session-state.ts';
import { AppError } from '../../utils/errors.ts';
import { sessionNotFound } from '../access.ts';
import { type BoundSessions, ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { requireQueueing } from '../messages/session.ts';
import { sendersOf } from '../pools.ts';
import type { SessionRecord } from '../sessions/find.ts';
import type { CampaignRow } from './row.ts';

/** The sessions of a campaign that is to be made, its own first. */
export interface Chosen {
  rows: SessionRecord[];
  /** as the campaign keeps them; null: its own session alone */
  senders: CampaignSender[] | null;
  poolId: string | null;
}

interface SenderInput {
  sessions?: string[] | undefined;
  pool?: string | undefined;
}

/**
 * The sessions that a request names, of which `session`, that of its address, must be one. Throws SESSION_NOT_FOUND,
 * NOT_FOUND for a pool, VALIDATION_FAILED, NOT_CONNECTED when none of them is linked.
 */
export async function chooseSenders(
  ctx: Ctx,
  session: SessionRecord,
  { sessions, pool }: SenderInput,
): Promise<Chosen> {
  if (sessions === undefined && pool === undefined) {
    requireQueueing(session);
    return { rows: [session], senders: null, poolId: null };
  }
  if (sessions !== undefined && pool !== undefined) {
    throw invalidSenders('sessions', 'is given together with pool: give one of them');
  }
  const { names, poolId } = await sendersOf(ctx, { sessions, pool });
  if (!names.includes(session.sessionId)) {
    const field = poolId === null ? 'sessions' : 'pool';
    throw invalidSenders(field, `must hold the session of the address, ${session.sessionId}`);
  }
  const found = await readByName(ctx.db, session.userId, names);
  const missing = names.find((name) => !found.some(({ sessionId }) => sessionId === name));
  if (missing !== undefined && poolId === null) throw sessionNotFound(missing);
  requireAnyLinked(found);
  return inOrder(session, names, found, poolId);
}

/** The sessions that a campaign has, for another one like it; those that were deleted are left out. */
export async function copySenders(db: Db, session: SessionRecord, campaign: CampaignRow): Promise<Chosen> {
  if (campaign.senders === null) return { rows: [session], senders: null, poolId: null };
  const names = campaign.senders.map(({ sessionId }) => sessionId);
  const found = await readByName(db, session.userId, names);
  return inOrder(session, names, found, campaign.poolId);
}

/** Throws NOT_CONNECTED unless one of them is connected or will be by itself. */
export function requireAnyLinked(rows: readonly SessionRecord[]): void {
  const [only] = rows;
  if (rows.length === 1 && only) requireQueueing(only);
  if (rows.some(isUsable)) return;
  const sessions = Object.fromEntries(rows.map(({ sessionId, status }) => [sessionId, status]));
  throw new AppError('NOT_CONNECTED', 'None of the sessions is connected.', { details: { sessions } });
}

function inOrder(
  session: SessionRecord,
  names: readonly string[],
  found: readonly SessionRecord[],
  poolId: string | null,
): Chosen {
  const others = names.flatMap((name) =>
    name === session.sessionId ? [] : (found.find(({ sessionId }) => sessionId === name) ?? []),
  );
  const rows = [session, ...others];
  const senders = rows.map(({ id, sessionId }) => ({ accountId: id, sessionId }));
  return rows.length > 1 ? { rows, senders, poolId } : { rows, senders: null, poolId: null };
}

function readByName(db: Db, userId: number, names: readonly string[]): Promise<SessionRecord[]> {
  return db
    .select()
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), inArray(whatsappAccounts.sessionId, [...names])));
}

function invalidSenders(field: 'sessions' | 'pool', reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}

/** Its sessions as it keeps them, its own first. */
export function sendersIn(row: Pick<CampaignRow, 'accountId' | 'sessionId' | 'senders'>): CampaignSender[] {
  return row.senders ?? [{ accountId: row.accountId, sessionId: row.sessionId }];
}

/** Its sessions that are there still, in its order. */
export async function readSenders(
  db: Db,
  row: Pick<CampaignRow, 'accountId' | 'sessionId' | 'senders'>,
): Promise<SessionRecord[]> {
  const ids = sendersIn(row).map(({ accountId }) => accountId);
  const found = await db.select().from(whatsappAccounts).where(inArray(whatsappAccounts.id, ids));
  return ids.flatMap((id) => found.find((one) => one.id === id) ?? []);
}

/** Campaigns that this session sends, alone or with others. */
export function sentBy(session: Pick<SessionRecord, 'id' | 'sessionId'>): SQL | undefined {
  return or(eq(campaigns.sessionId, session.sessionId), contains([campaigns.senders], session.id));
}

/** Campaigns of several sessions that are looked through, the newest. */
const MAX_SEVERAL = 5_000;

/** Those that whoever is bound to these sessions may see: each session that sends them is one of these. */
export async function seenBy(db: Db, userId: number, bound: BoundSessions): Promise<SQL | undefined> {
  if (bound === null) return undefined;
  const alone = and(ofBound(bound, campaigns.sessionId), isNull(campaigns.senders));
  if (bound.length === 1) return alone;
  const { id, accountId, sessionId, senders } = campaigns;
  const several = await db
    .select({ id, accountId, sessionId, senders })
    .from(campaigns)
    .where(and(eq(campaigns.userId, userId), isNotNull(senders)))
    .orderBy(desc(campaigns.createdAt))
    .limit(MAX_SEVERAL);
  const ids = several.filter((row) => maySee(row, bound)).map((row) => row.id);
  return or(alone, inArray(id, ids));
}

/** Whether the campaign may be shown to whoever is bound to `bound`: it tells of each session that sends it. */
export function maySee(
  row: Pick<CampaignRow, 'accountId' | 'sessionId' | 'senders'>,
  bound: BoundSessions,
): boolean {
  return bound === null || sendersIn(row).every(({ sessionId }) => bound.includes(sessionId));
}

/** Whether the campaign is one of this session, and may be shown to whoever is bound to `bound`. */
export function isSentBy(
  row: Pick<CampaignRow, 'accountId' | 'sessionId' | 'senders'>,
  session: Pick<SessionRecord, 'id' | 'sessionId'>,
  bound: BoundSessions,
): boolean {
  if (!maySee(row, bound)) return false;
  const isAmong = sendersIn(row).some(({ accountId }) => accountId === session.id);
  return isAmong || row.sessionId === session.sessionId;
}
