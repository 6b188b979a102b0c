/** One search for everything that has a name or an id: each kind by its own verb, so that its rules hold here too. */
import { and, desc, eq, or } from 'drizzle-orm';
import { campaigns, users, whatsappAccounts, workspaceMembers } from '../db/schema.ts';
import { contains } from '../db/search.ts';
import { AppError } from '../utils/errors.ts';
import { readingsIn } from '../utils/phone.ts';
import { requireScope, seesPeople } from './access.ts';
import { ofBound } from './bound.ts';
import { seenBy } from './campaigns/senders.ts';
import type { Ctx } from './context.ts';
import { recentChats, sessionsWith } from './messages/chats.ts';
import { findMessage } from './messages/read.ts';
import { type Peer, toOtherSide } from './messages/recipient.ts';
import { addressOf } from './messages/view.ts';
import { holdsNumber, toSearchedNumber } from './number-search.ts';
import { listRequests } from './requests/log.ts';

export type Found =
  | { kind: 'session'; sessionId: string; label: string | null; phone: string | null }
  | { kind: 'chat'; sessionId: string; number: string; name: string | null }
  /** a number that nobody has written with */
  | { kind: 'number'; number: string }
  | { kind: 'message'; messageId: string; sessionId: string; direction: 'in' | 'out'; number: string }
  | { kind: 'request'; id: string; method: string; path: string; status: number }
  | { kind: 'member'; userId: number; name: string; email: string }
  | { kind: 'campaign'; id: string; name: string };

/** Of each kind. */
const MAX_FOUND = 5;
const NUMBER = /^\+?\d[\d\s().-]{4,24}$/;
/** An address of WhatsApp's: of a person, a group, a channel or the status. */
const ADDRESS = /^[\w.-]{5,64}@(?:s\.whatsapp\.net|c\.us|lid|g\.us|newsletter|broadcast)$/i;
const ID = /^[\w:.-]{8,64}$/;
/** Shorter texts are in nearly every name. */
export const MIN_TEXT = 2;

/**
 * What the caller may see of sessions, people, messages, calls of the API, members and campaigns that `q` (1 to 100
 * characters) names: five of each kind at most, newest first where there is an order. Ids and numbers must be whole,
 * names may be parts.
 */
export async function searchEverything(ctx: Ctx, { q }: { q: string }): Promise<Found[]> {
  requireScope(ctx, 'read');
  const text = q.trim();
  if (text.length < MIN_TEXT) return [];
  const found = await Promise.all([
    NUMBER.test(text) || ADDRESS.test(text) ? findNumber(ctx, text) : [],
    ID.test(text) ? findMessages(ctx, text) : [],
    ID.test(text) ? findRequests(ctx, text) : [],
    findSessions(ctx, text),
    findChats(ctx, text),
    findMembers(ctx, text),
    findCampaigns(ctx, text),
  ]);
  return found.flat();
}

/** Each number that the text can be: somebody who searches sees at once which of them is known. */
async function findNumber(ctx: Ctx, text: string): Promise<Found[]> {
  const found = await Promise.all(peersNamed(ctx, text).map((peer) => findPeer(ctx, peer)));
  return found.flat().slice(0, MAX_FOUND);
}

/** Only a refused number is no answer; everything else is an error. */
function peersNamed({ config }: Ctx, text: string): Peer[] {
  try {
    return [toOtherSide(text, config.defaultCountry)];
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'INVALID_NUMBER')) throw error;
    return readingsIn(text, config.defaultCountry).map((one) => toOtherSide(one, config.defaultCountry));
  }
}

async function findPeer(ctx: Ctx, { phone, peer }: Peer): Promise<Found[]> {
  const number = addressOf({ phone, peer });
  const sessions = await sessionsWith(ctx, { number });
  if (sessions.length === 0) return phone === null ? [] : [{ kind: 'number', number }];
  return sessions
    .slice(0, MAX_FOUND)
    .map((sessionId): Found => ({ kind: 'chat', sessionId, number, name: null }));
}

async function findMessages(ctx: Ctx, messageId: string): Promise<Found[]> {
  try {
    const row = await findMessage(ctx, messageId);
    const { sessionId, direction } = row;
    return [{ kind: 'message', messageId: row.messageId, sessionId, direction, number: addressOf(row) }];
  } catch (error) {
    if (error instanceof AppError && error.code === 'NOT_FOUND') return [];
    throw error;
  }
}

async function findRequests(ctx: Ctx, requestId: string): Promise<Found[]> {
  const { data } = await listRequests(ctx, { requestId, limit: MAX_FOUND });
  return data.map(({ id, method, path, status }) => ({ kind: 'request', id, method, path, status }));
}

async function findSessions(ctx: Ctx, text: string): Promise<Found[]> {
  const { sessionId, label, phoneNumber, userId, createdAt } = whatsappAccounts;
  const number = toSearchedNumber(text, ctx.config.defaultCountry);
  const rows = await ctx.db
    .select({ sessionId, label, phone: phoneNumber })
    .from(whatsappAccounts)
    .where(
      and(
        eq(userId, ctx.actor.userId),
        ofBound(ctx.actor.sessionIds, sessionId),
        or(
          contains([sessionId, label], text),
          NUMBER.test(text) ? holdsNumber(phoneNumber, number) : undefined,
        ),
      ),
    )
    .orderBy(desc(createdAt))
    .limit(MAX_FOUND);
  return rows.map((row) => ({ kind: 'session', ...row }));
}

/** By name, among those who wrote or were written to lately. */
async function findChats(ctx: Ctx, text: string): Promise<Found[]> {
  const chats = await recentChats(ctx, { limit: MAX_FOUND, named: text });
  return chats.map(({ sessionId, number, name }) => ({ kind: 'chat', sessionId, number, name }));
}

async function findMembers(ctx: Ctx, text: string): Promise<Found[]> {
  if (!seesPeople(ctx)) return [];
  const rows = await ctx.db
    .select({ userId: users.id, name: users.name, email: users.email })
    .from(workspaceMembers)
    .innerJoin(users, eq(users.id, workspaceMembers.userId))
    .where(and(eq(workspaceMembers.workspaceId, ctx.actor.userId), contains([users.email, users.name], text)))
    .limit(MAX_FOUND);
  return rows.map((row) => ({ kind: 'member', ...row }));
}

async function findCampaigns(ctx: Ctx, text: string): Promise<Found[]> {
  const { userId, sessionIds } = ctx.actor;
  const rows = await ctx.db
    .select({ id: campaigns.id, name: campaigns.name })
    .from(campaigns)
    .where(
      and(
        eq(campaigns.userId, userId),
        await seenBy(ctx.db, userId, sessionIds),
        contains([campaigns.name], text),
      ),
    )
    .orderBy(desc(campaigns.createdAt))
    .limit(MAX_FOUND);
  return rows.map((row) => ({ kind: 'campaign', ...row }));
}
