/** The conversations of one session: as pages, and as the phone keeps them. */
import { and, desc, eq, inArray, isNull, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { encodeCursor, isNotOlder, isOlder, parseCursor } from '../../db/keyset.ts';
import { rawRows } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import { formatE164 } from '../../utils/phone.ts';
import { isGroupJid, isPostedJid, lidJid, lidOf, phoneJid, phoneOf } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import type { ChatChange, LastMessage } from '../../whatsapp/requests.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { findChat, inItsSession, readRows, withPeer } from '../messages/chats.ts';
import { markChatRead } from '../messages/mark-read.ts';
import { readNames, toMessages } from '../messages/names.ts';
import { isMessageOfChat, isOfChat } from '../messages/of-chat.ts';
import { findOwnSession, requireConnected, type SendingSession } from '../messages/session.ts';
import { askWhatsApp } from '../sessions/ask-whatsapp.ts';
import { NOTHING_KEPT, readKeptChats } from './chat-states.ts';
import { type ChatRef, enterSession, peerOf } from './enter.ts';
import type { ChangeChatInput, PageInput } from './schemas.ts';

/** Messages that one page looks at; the next one goes on from there. */
const SCAN_LIMIT = 2_000;
/** Of these the unread ones are counted. */
const UNREAD_AMONG = 1_000;
/** Chats of one statement, which asks for each whether there is something newer. */
const SEEKS = 50;

const KEYSET = { at: messages.createdAt, id: messages.id };

interface Head {
  id: string;
  at: number;
  /** the JID of its newest message */
  peer: string;
  /** by number and by LID */
  peers: string[];
}

/**
 * The chats of a session, the one with the newest message first. A chat is on the page of its newest message; a page may hold fewer
 * than asked for, or none, and `nextCursor` leads on. Throws SESSION_NOT_FOUND, VALIDATION_FAILED for a foreign cursor.
 */
export async function listChats(ctx: Ctx, input: PageInput & { sessionId: string }) {
  requireScope(ctx, 'read');
  const session = await findOwnSession(ctx, input.sessionId);
  const cursor = parseCursor(input.cursor);
  const rows = await ctx.database.scan
    .select({ id: messages.id, at: messages.createdAt, peer: messages.peer, type: messages.type })
    .from(messages)
    .where(and(eq(messages.accountId, session.id), isOlder(KEYSET, cursor)))
    .orderBy(desc(messages.createdAt), desc(messages.id))
    .limit(SCAN_LIMIT);
  const looked = rows.filter(({ type, peer }) => isOfChat(type) && !isPostedJid(peer));
  const own = await notYetShown(ctx, session, await headsOf(ctx, session, looked), {
    cursor,
    limit: input.limit,
  });
  const shown = own.slice(0, input.limit);
  // Everything that was looked at is done with, unless the page is full before its end.
  const last =
    own.length > shown.length ? shown.at(-1) : rows.length === SCAN_LIMIT ? rows.at(-1) : undefined;
  return {
    data: await toChats(ctx, session, shown),
    nextCursor: last ? encodeCursor(last) : null,
  };
}

type Cursor = { at: number; id: string } | null;

/** Those that were on no earlier page, in pieces, until there is one more than `limit`. */
async function notYetShown(
  ctx: Ctx,
  session: SendingSession,
  heads: readonly Head[],
  { cursor, limit }: { cursor: Cursor; limit: number },
): Promise<Head[]> {
  if (cursor === null) return heads.slice(0, limit + 1);
  const own: Head[] = [];
  for (let at = 0; at < heads.length && own.length <= limit; at += SEEKS) {
    const piece = heads.slice(at, at + SEEKS);
    const newer = await withNewer(ctx, session, piece, cursor);
    own.push(...piece.filter(({ peers }) => !peers.some((peer) => newer.has(peer))));
  }
  return own.slice(0, limit + 1);
}

/** The newest row of each chat among these. */
async function headsOf(
  ctx: Ctx,
  session: SendingSession,
  rows: readonly { id: string; at: number; peer: string }[],
): Promise<Head[]> {
  const peers = [...new Set(rows.map(({ peer }) => peer))];
  const owner = { accountId: session.id };
  const lids = peers.flatMap((peer) => lidOf(peer) ?? []);
  const phones = peers.flatMap((peer) => phoneOf(peer) ?? []);
  const pairs = [
    ...(await findLidPairs(ctx.db, owner, 'lid', lids)),
    ...(await findLidPairs(ctx.db, owner, 'phone', phones)),
  ];
  const phoneBehind = new Map(pairs.map(({ lid, phone }) => [lidJid(lid), phoneJid(phone)]));
  const lidsOf = new Map<string, Set<string>>();
  for (const [lid, phone] of phoneBehind) lidsOf.set(phone, (lidsOf.get(phone) ?? new Set()).add(lid));
  const heads = new Map<string, Head>();
  for (const row of rows) {
    const key = phoneBehind.get(row.peer) ?? row.peer;
    if (!heads.has(key))
      heads.set(key, { ...row, peers: [...new Set([key, row.peer, ...(lidsOf.get(key) ?? [])])] });
  }
  return [...heads.values()];
}

/** Names of chats among these that have a message at the cursor or newer: they were on an earlier page. */
async function withNewer(
  ctx: Ctx,
  session: SendingSession,
  heads: readonly Head[],
  cursor: { at: number; id: string },
): Promise<Set<string>> {
  const peers = heads.flatMap((head) => head.peers);
  const found = await forEachPeer<{ peer: string }>(ctx, peers, (peer) =>
    ctx.database.scan
      .select({ peer: messages.peer })
      .from(messages)
      .where(and(ofChat(session, peer), isNotOlder(KEYSET, cursor), isMessageOfChat()))
      .limit(1),
  );
  return new Set(found.map(({ peer }) => peer));
}

/** The rows of a read for each of these names, by one statement for 50 of them. */
async function forEachPeer<R>(
  ctx: Ctx,
  peers: readonly string[],
  read: (peer: string) => SQLWrapper,
): Promise<R[]> {
  const found: R[] = [];
  for (let at = 0; at < peers.length; at += SEEKS) {
    const reads = peers
      .slice(at, at + SEEKS)
      .map((peer, i) => sql`select * from (${read(peer)}) as ${sql.identifier(`s${i}`)}`);
    found.push(...(await rawRows<R>(ctx.database.scan, sql.join(reads, sql` union all `))));
  }
  return found;
}

const ofChat = ({ id, userId }: SendingSession, peer: string): SQL | undefined =>
  and(eq(messages.userId, userId), eq(messages.peer, peer), eq(messages.accountId, id));

async function toChats(ctx: Ctx, session: SendingSession, heads: readonly Head[]) {
  const rows = await readRows(
    ctx,
    heads.map(({ id }) => id),
  );
  const kept = heads.flatMap((head) => {
    const row = rows.get(head.id);
    return row ? [{ head, row }] : [];
  });
  const last = await toMessages(
    ctx,
    kept.map(({ row }) => row),
  );
  const known = kept.map(({ head }) => ({ accountId: session.id, jids: head.peers }));
  const names = await readNames(ctx, known);
  const keptChats = await readKeptChats(ctx, known);
  const unreadOf = await readUnread(
    ctx,
    session,
    kept.flatMap(({ head }) => head.peers),
  );
  return kept.flatMap(({ head }, i) => {
    const message = last[i];
    const [chat = head.peer] = head.peers;
    const phone = phoneOf(chat);
    const number = phone === null ? chat : formatE164(phone);
    const name = names[i] ?? null;
    const isGroup = isGroupJid(chat);
    const unread = head.peers.reduce((sum, peer) => sum + (unreadOf.get(peer) ?? 0), 0);
    const keeping = keptChats[i] ?? NOTHING_KEPT;
    return message ? [{ chat, number, name, isGroup, unread, ...keeping, last: message }] : [];
  });
}

/** How many of the newest messages under each name wait to be marked read. */
async function readUnread(
  ctx: Ctx,
  session: SendingSession,
  peers: readonly string[],
): Promise<Map<string, number>> {
  const found = await forEachPeer<{ peer: string; n: number }>(ctx, peers, (peer) => {
    const newest = ctx.database.scan
      .select({ direction: messages.direction, readAt: messages.readAt, type: messages.type })
      .from(messages)
      .where(ofChat(session, peer))
      .orderBy(desc(messages.createdAt), desc(messages.id))
      .limit(UNREAD_AMONG)
      .as('newest');
    return ctx.database.scan
      .select({ peer: sql<string>`${peer}`.as('peer'), n: sql<number>`count(*)`.as('n') })
      .from(newest)
      .where(and(eq(newest.direction, 'in'), isNull(newest.readAt), isMessageOfChat(newest.type)));
  });
  return new Map(found.map(({ peer, n }) => [peer, Number(n)]));
}

/**
 * One chat as the session knows it: its name, how the phone keeps it, and its labels; also one without messages. Throws
 * SESSION_NOT_FOUND, INVALID_NUMBER.
 */
export async function getChat(ctx: Ctx, ref: ChatRef) {
  requireScope(ctx, 'read');
  const session = await findOwnSession(ctx, ref.sessionId);
  const { peer: jid } = peerOf(ctx, ref.chat);
  const { peers } = await findChat(ctx, { session: ref.sessionId, number: ref.chat });
  const known = [{ accountId: session.id, jids: peers }];
  const [name = null] = await readNames(ctx, known);
  const [kept = NOTHING_KEPT] = await readKeptChats(ctx, known);
  return { jid, isGroup: isGroupJid(jid), name, ...kept };
}

/** The messages of a chat, newest first, in and out, by number and by LID. Throws SESSION_NOT_FOUND, INVALID_NUMBER. */
export async function chatMessages(ctx: Ctx, ref: ChatRef & PageInput) {
  requireScope(ctx, 'read');
  const chat = await findChat(ctx, { session: ref.sessionId, number: ref.chat });
  const cursor = parseCursor(ref.cursor);
  const pieces = await Promise.all(
    chat.peers.map((peer) =>
      ctx.database.scan
        .select()
        .from(messages)
        .where(and(withPeer(ctx, peer), inItsSession(ctx, chat), isOlder(KEYSET, cursor)))
        .orderBy(desc(messages.createdAt), desc(messages.id))
        .limit(ref.limit + 1),
    ),
  );
  const rows = pieces.flat().sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  const shown = rows.slice(0, ref.limit);
  const last = rows.length > shown.length ? shown.at(-1) : undefined;
  return {
    data: await toMessages(ctx, shown),
    nextCursor: last ? encodeCursor({ at: last.createdAt, id: last.id }) : null,
  };
}

/**
 * Archives, pins, mutes or marks a chat, on the phone and all of its devices; one after another. Throws SESSION_NOT_FOUND,
 * INVALID_NUMBER, NOT_CONNECTED, NOT_SUPPORTED, RATE_LIMITED, UNAVAILABLE.
 */
export async function changeChat(ctx: Ctx, ref: ChatRef, changes: ChangeChatInput): Promise<void> {
  const session = await enterSession(ctx, ref.sessionId, 'messages:write', 'chats');
  const { peer: jid } = peerOf(ctx, ref.chat);
  requireConnected(session);
  // Only these say up to which message.
  const { archived, read } = changes;
  const last = archived === undefined && read === undefined ? null : await lastOf(ctx, ref);
  for (const change of changesOf(changes, ctx.clock.now())) {
    const input = { jid, change, last };
    await askWhatsApp(ctx, session, { name: 'chat.set', input, changes: true });
  }
}

function changesOf({ archived, pinned, mutedForSeconds, read }: ChangeChatInput, now: number): ChatChange[] {
  return [
    ...(archived === undefined ? [] : [{ archived }]),
    ...(pinned === undefined ? [] : [{ pinned }]),
    ...(mutedForSeconds === undefined
      ? []
      : [{ mutedUntil: mutedForSeconds === 0 ? 0 : now + mutedForSeconds * 1000 }]),
    ...(read === undefined ? [] : [{ read }]),
  ];
}

/** WhatsApp knows of what was sent and of what came in; of a group only what we have sent can be named. */
async function lastOf(ctx: Ctx, ref: ChatRef): Promise<LastMessage | null> {
  const chat = await findChat(ctx, { session: ref.sessionId, number: ref.chat });
  const pieces = await Promise.all(
    chat.peers.map((peer) =>
      ctx.db
        .select()
        .from(messages)
        .where(
          and(
            withPeer(ctx, peer),
            inItsSession(ctx, chat),
            inArray(messages.status, ['sent', 'delivered', 'read', 'received']),
            isMessageOfChat(),
          ),
        )
        .orderBy(desc(messages.createdAt), desc(messages.id))
        .limit(1),
    ),
  );
  const [last] = pieces.flat().sort((a, b) => b.createdAt - a.createdAt);
  if (!last || (last.direction === 'in' && isGroupJid(last.peer))) return null;
  return {
    messageId: last.messageId,
    fromMe: last.direction === 'out',
    participant: null,
    at: last.sentAt ?? last.createdAt,
  };
}

/** Tells the senders that the newest 100 unread messages were read. Throws as `markChatRead` does. */
export function readChat(ctx: Ctx, { sessionId, chat }: ChatRef): Promise<{ marked: number }> {
  return markChatRead(ctx, { session: sessionId, number: chat });
}
