/** Conversations: the newest, and where somebody is known. */

import { and, desc, eq, inArray, type SQL } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import { isPostedJid, lidJid, lidOf, phoneJid, phoneOf } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { findSubscribers } from '../../whatsapp/subscribers.ts';
import { requireScope } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Actor, Ctx } from '../context.ts';
import { type KeptChat, NOTHING_KEPT, readKeptChats } from '../people/chat-states.ts';
import { readNames } from './names.ts';
import { isOfChat } from './of-chat.ts';
import { type Peer, toOtherSide, toPeer } from './recipient.ts';
import type { MessageOutput } from './schemas.ts';
import { findOwnSession } from './session.ts';
import { type MessageRecord, toMessage } from './view.ts';

/** A conversation, as the history spells it. */
export interface Chat {
  /** canonical JIDs of the other side: its number, and the LIDs that it is known by */
  peers: string[];
  /** null: in whatever session of the caller */
  accountId: string | null;
}

/** Newest messages among which those who wrote, or what somebody wrote, are looked for. */
const MAX_LOOKED_AT = 2_000;
const MAX_CHAT_LOOKED_AT = 1_000;
/** Conversations among whose names one is looked for. */
const MAX_NAMES = 500;

/** The caller's messages with one side, over the index that has them in the order of time. */
export function withPeer(ctx: Pick<Ctx, 'actor'>, peer: string): SQL | undefined {
  return and(eq(messages.userId, ctx.actor.userId), eq(messages.peer, peer));
}

/** The further condition for a message to belong to the caller's session of that chat. */
export function inItsSession(ctx: Pick<Ctx, 'actor'>, { accountId }: Chat): SQL | undefined {
  const bound = ctx.actor.sessionIds;
  return and(
    accountId === null ? undefined : eq(messages.accountId, accountId),
    ofBound(bound, messages.sessionId),
  );
}

interface Named {
  number: string;
  session?: string | undefined;
}

/** Somebody, by number and by LID, in the named session or in all. Throws SESSION_NOT_FOUND, INVALID_NUMBER. */
export async function findChat(ctx: Ctx, { number, session }: Named): Promise<Chat> {
  return chatOf(ctx, toPeer(number, undefined, ctx.config.defaultCountry), session);
}

/** The same for what messages are filtered by: also a channel or the status, which are no conversations. */
export async function findOtherSide(ctx: Ctx, { number, session }: Named): Promise<Chat> {
  return chatOf(ctx, toOtherSide(number, ctx.config.defaultCountry), session);
}

async function chatOf(ctx: Ctx, side: Peer, session: string | undefined): Promise<Chat> {
  const accountId = session === undefined ? null : (await findOwnSession(ctx, session)).id;
  return { peers: await knownJidsOf(ctx.db, ctx.actor, side), accountId };
}

/** Whose sessions know them: a tenant's, all (null or missing) or these names. */
type Knowing = Pick<Actor, 'userId'> & Partial<Pick<Actor, 'sessionIds'>>;

/**
 * Every canonical JID under which a tenant may have kept messages with that side: each number that is known of them, and the LIDs by
 * which the sessions know these. The one that was asked for is the first.
 */
export async function knownJidsOf(db: Db, knowing: Knowing, { peer, phone, lid }: Peer): Promise<string[]> {
  const asked = phone !== null ? [phone] : lid !== null ? await readPhones(db, knowing, lid) : [];
  const found = await findSubscribers(db, knowing.userId, asked);
  const phones = [...new Set([...found.values()].flatMap(({ spellings }) => spellings))].slice(
    0,
    MAX_SPELLINGS,
  );
  const lids = phones.length === 0 ? [] : await readLids(db, knowing, phones);
  return [...new Set([peer, ...phones.map(phoneJid), ...lids.map(lidJid)])];
}

/** Numbers and LIDs of one person: two each, as a rule. */
const MAX_SPELLINGS = 10;

/** The LIDs by which the sessions know those phones: one, as a rule. */
async function readLids(db: Db, knowing: Knowing, phones: readonly string[]): Promise<string[]> {
  const pairs = await findLidPairs(db, knowing, 'phone', phones);
  return [...new Set(pairs.map(({ lid }) => lid))].slice(0, MAX_SPELLINGS);
}

/** The number behind a LID, as far as the sessions know it. */
async function readPhones(db: Db, knowing: Knowing, lid: string): Promise<string[]> {
  const pairs = await findLidPairs(db, knowing, 'lid', [lid]);
  return [...new Set(pairs.map(({ phone }) => phone))].slice(0, MAX_SPELLINGS);
}

/** The newest messages of a chat: enough to tell its state. */
async function readNewest(ctx: Ctx, chat: Chat) {
  const pieces = await Promise.all(
    chat.peers.map((peer) =>
      ctx.database.scan
        .select({
          sessionId: messages.sessionId,
          direction: messages.direction,
          readAt: messages.readAt,
          type: messages.type,
          at: messages.createdAt,
        })
        .from(messages)
        .where(and(withPeer(ctx, peer), inItsSession(ctx, chat)))
        .orderBy(desc(messages.createdAt), desc(messages.id))
        .limit(MAX_CHAT_LOOKED_AT),
    ),
  );
  return pieces.flat().sort((a, b) => b.at - a.at);
}

/** The sessions that have messages with somebody, the newest first: among the newest 1,000. Throws INVALID_NUMBER. */
export async function sessionsWith(ctx: Ctx, input: { number: string }): Promise<string[]> {
  requireScope(ctx, 'read');
  const newest = await readNewest(ctx, await findOtherSide(ctx, input));
  return [...new Set(newest.map(({ sessionId }) => sessionId))];
}

/**
 * How many of the newest 1,000 messages with somebody wait to be marked read, in one session. Throws
 * SESSION_NOT_FOUND, INVALID_NUMBER.
 */
export async function countUnread(ctx: Ctx, input: { session: string; number: string }): Promise<number> {
  requireScope(ctx, 'read');
  const newest = await readNewest(ctx, await findChat(ctx, input));
  return newest.filter(
    ({ direction, readAt, type }) => direction === 'in' && readAt === null && isOfChat(type),
  ).length;
}

/** How somebody is called in one session; null when that is not known. Throws SESSION_NOT_FOUND, INVALID_NUMBER. */
export async function chatName(ctx: Ctx, input: { session: string; number: string }): Promise<string | null> {
  requireScope(ctx, 'read');
  const { peers, accountId } = await findChat(ctx, input);
  const [name] = accountId === null ? [] : await readNames(ctx, [{ accountId, jids: peers }]);
  return name ?? null;
}

export interface RecentChat {
  sessionId: string;
  /** what `/dashboard` and searches take: `+628…`, or a JID */
  number: string;
  /** as the session knows them */
  name: string | null;
  /** the newest message, in or out */
  last: MessageOutput;
  /** inbound messages since the last one that we sent, without those marked read, among those that were looked at */
  unread: number;
  /** as the phone keeps it, with its labels */
  kept: KeptChat;
}

interface FoundChat {
  /** of the newest message */
  id: string;
  accountId: string;
  jids: Set<string>;
  wrote: boolean;
  answered: boolean;
  /** something other than a login code */
  talked: boolean;
  unread: number;
}

/** Adds one more message, older than all before. */
function addTo(chat: FoundChat, { peer, direction, readAt, type }: TenantRow): void {
  chat.jids.add(peer);
  chat.talked ||= type !== 'otp';
  if (direction === 'out') chat.answered = true;
  else {
    chat.wrote = true;
    if (!chat.answered && readAt === null) chat.unread += 1;
  }
}

/** Which conversations are wanted. */
interface WantedChats {
  limit: number;
  /** only of people who wrote */
  wrote?: boolean;
  /** only of those whose name holds this, in any case */
  named?: string;
}

/**
 * The conversations, newest first: among the newest 2,000 messages of the tenant. Those that we began are there too, but
 * for those that are nothing but login codes. Only of those that are answered the newest message is read.
 */
export async function recentChats(
  ctx: Ctx,
  { limit, wrote = false, named }: WantedChats,
): Promise<RecentChat[]> {
  requireScope(ctx, 'read');
  const found = (await findChats(ctx)).filter((chat) => (wrote ? chat.wrote : chat.talked));
  const looked = named === undefined ? found.slice(0, limit) : found.slice(0, MAX_NAMES);
  const names = await readNames(
    ctx,
    looked.map(({ accountId, jids }) => ({ accountId, jids: [...jids] })),
  );
  const shown = looked
    .map((chat, i) => ({ ...chat, name: names[i] ?? null }))
    .filter(({ name }) => named === undefined || name?.toLowerCase().includes(named.toLowerCase()))
    .slice(0, limit);
  const newest = await readRows(
    ctx,
    shown.map(({ id }) => id),
  );
  const kept = await readKeptChats(
    ctx,
    shown.map(({ accountId, jids }) => ({ accountId, jids: [...jids] })),
  );
  return shown.flatMap(({ id, unread, name }, i) => {
    const row = newest.get(id);
    if (!row) return [];
    const last = toMessage(ctx, row, name);
    const keeping = kept[i] ?? NOTHING_KEPT;
    return [{ sessionId: row.sessionId, number: numberOf(row), name, last, unread, kept: keeping }];
  });
}

async function findChats(ctx: Ctx): Promise<FoundChat[]> {
  const chats = new Map<string, FoundChat>();
  const looked = await newestOfTenant(ctx);
  const keyOf = await readSubscriberKeys(ctx, looked);
  for (const row of looked) {
    if (!isOfChat(row.type) || isPostedJid(row.peer)) continue;
    const { id, accountId } = row;
    const key = `${accountId} ${keyOf(row)}`;
    const begun = { id, accountId, jids: new Set<string>(), unread: 0 };
    const chat = chats.get(key) ?? { ...begun, wrote: false, answered: false, talked: false };
    chats.set(key, chat);
    addTo(chat, row);
  }
  return [...chats.values()];
}

/** A key that is the same for all JIDs of one subscriber: the number where it is known, else the JID. */
async function readSubscriberKeys(ctx: Ctx, rows: readonly TenantRow[]): Promise<(row: TenantRow) => string> {
  const lids = [...new Set(rows.flatMap(({ peer }) => lidOf(peer) ?? []))];
  const pairs = await findLidPairs(ctx.db, ctx.actor, 'lid', lids);
  const contacts = new Map(pairs.map(({ accountId, lid, phone }) => [`${accountId} ${lid}`, phone]));
  const phoneBehind = ({ accountId, peer }: TenantRow) =>
    phoneOf(peer) ?? contacts.get(`${accountId} ${lidOf(peer) ?? ''}`) ?? null;
  const phones = [...new Set(rows.flatMap((row) => phoneBehind(row) ?? []))];
  const subscribers = await findSubscribers(ctx.db, ctx.actor.userId, phones);
  return (row) => {
    const phone = phoneBehind(row);
    return phone === null ? row.peer : (subscribers.get(phone)?.key ?? phone);
  };
}

function newestOfTenant(ctx: Ctx): Promise<TenantRow[]> {
  const { userId, sessionIds } = ctx.actor;
  const { id, accountId, peer, direction, readAt, type, createdAt } = messages;
  return ctx.database.scan
    .select({ id, accountId, peer, direction, readAt, type })
    .from(messages)
    .where(and(eq(messages.userId, userId), ofBound(sessionIds, messages.sessionId)))
    .orderBy(desc(createdAt), desc(id))
    .limit(MAX_LOOKED_AT);
}

type TenantRow = Pick<MessageRecord, 'id' | 'accountId' | 'peer' | 'direction' | 'readAt' | 'type'>;

/** Rows of the history by their ids, in one read; the ids are the caller's own. */
export async function readRows(
  ctx: Pick<Ctx, 'db'>,
  ids: readonly string[],
): Promise<Map<string, MessageRecord>> {
  if (ids.length === 0) return new Map();
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(inArray(messages.id, [...ids]));
  return new Map(rows.map((row) => [row.id, row]));
}

/** In a group the number is a member's; the conversation is the group's. */
function numberOf({ peer, phone, participant }: MessageRecord): string {
  return phone !== null && participant === null && !peer.endsWith('@g.us') ? `+${phone}` : peer;
}
