/**
 * Searching the history by any mix of filters, newest first, in bounded time: a page looks at so many messages at
 * most, whatever it finds among them, and says where to go on.
 */

import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import type { z } from 'zod';
import { encodeCursor, isOlder, parseCursor } from '../../db/keyset.ts';
import { messages } from '../../db/schema.ts';
import { requireScope } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import { findOtherSide, inItsSession, withPeer } from './chats.ts';
import { toMessages } from './names.ts';
import type { ListFilters, MessageOutput, WaitingFor } from './schemas.ts';
import { findOwnSession } from './session.ts';
import type { MessageRecord } from './view.ts';
import { headlinesOf } from './waiting-for.ts';

/** As the list of the API is filtered, but for the name of the other side. */
export interface SearchInput extends Omit<z.output<z.ZodObject<typeof ListFilters>>, 'to'> {
  /** the other side, in any usual spelling; the JID of a LID, a group, a channel or the status */
  number?: string | undefined;
  limit: number;
  /** `nextCursor` of the page before */
  cursor?: string | undefined;
}

export interface FoundMessages {
  data: MessageOutput[];
  /** null: that was all */
  nextCursor: string | null;
  /** when the page ended before it was full, because so many were looked at: the time of the oldest of them */
  lookedUntil: string | null;
}

const HISTORY = { table: messages, at: messages.createdAt, id: messages.id };
/** Messages that one page looks at, where no index knows the answer. */
const MAX_LOOKED_AT = 10_000;
/** Sorts before every id: what was created in the same millisecond has been looked at. */
const FIRST_ID = '0'.repeat(32);

/** The caller's messages that match. Throws SESSION_NOT_FOUND, INVALID_NUMBER, VALIDATION_FAILED (cursor). */
export async function searchMessages(ctx: Ctx, input: SearchInput): Promise<FoundMessages> {
  const { rows, ...found } = await searchRows(ctx, input);
  return { ...found, data: await toMessages(ctx, rows) };
}

export interface FoundWithReasons extends FoundMessages {
  /** for each message what it waits for longest; null for one that waits for nothing */
  reasons: (WaitingFor[number] | null)[];
}

/** The same, with the reasons for which messages wait. Throws as `searchMessages`. */
export async function searchWithReasons(ctx: Ctx, input: SearchInput): Promise<FoundWithReasons> {
  const { rows, ...found } = await searchRows(ctx, input);
  const [data, reasons] = await Promise.all([toMessages(ctx, rows), headlinesOf(ctx, rows)]);
  return { ...found, data, reasons };
}

type FoundRows = Omit<FoundMessages, 'data'> & { rows: MessageRecord[] };

async function searchRows(ctx: Ctx, input: SearchInput): Promise<FoundRows> {
  requireScope(ctx, 'read');
  await ctx.signals.writeTold(ctx.actor.userId);
  const places = await placesOf(ctx, input);
  const pieces = await Promise.all(places.map((place) => searchPlace(ctx, place, input)));
  // Below the end of the piece that ends first it is not known what the others would have.
  const end = Math.max(...pieces.map(({ end }) => end ?? 0), 0);
  const rows = pieces
    .flatMap((piece) => piece.rows)
    .filter((row) => row.createdAt >= end)
    .sort(newestFirst);
  const shown = rows.slice(0, input.limit);
  const last = shown.at(-1);
  const isFull = rows.length > input.limit && last !== undefined;
  return {
    rows: shown,
    nextCursor: cursorOf(isFull ? last : null, end),
    lookedUntil: !isFull && end > 0 ? new Date(end).toISOString() : null,
  };
}

/** A part of the history with an index in the order of time, and what else its messages need. */
interface Place {
  where: SQL | undefined;
  rest: SQL | undefined;
}

async function placesOf(ctx: Ctx, { session, number }: SearchInput): Promise<Place[]> {
  if (number !== undefined) {
    const chat = await findOtherSide(ctx, { number, session });
    return chat.peers.map((peer) => ({ where: withPeer(ctx, peer), rest: inItsSession(ctx, chat) }));
  }
  if (session !== undefined) {
    const { id } = await findOwnSession(ctx, session);
    return [{ where: eq(messages.accountId, id), rest: undefined }];
  }
  const { userId, sessionIds } = ctx.actor;
  const bound = ofBound(sessionIds, messages.sessionId);
  return [{ where: eq(messages.userId, userId), rest: bound }];
}

interface Piece {
  rows: MessageRecord[];
  /** creation time of the oldest that was looked at, when there are older ones; null: all were */
  end: number | null;
}

async function searchPlace(ctx: Ctx, place: Place, input: SearchInput): Promise<Piece> {
  const { direction, status, type, since, until, cursor, limit } = input;
  const span = and(
    place.where,
    since === undefined ? undefined : gte(messages.createdAt, since),
    until === undefined ? undefined : lt(messages.createdAt, until),
    cursor === undefined ? undefined : isOlder(HISTORY, parseCursor(cursor)),
  );
  const rest = and(
    place.rest,
    direction && eq(messages.direction, direction),
    status && eq(messages.status, status),
    type === undefined ? undefined : eq(messages.type, type),
  );
  const end = rest === undefined ? null : await findEnd(ctx, span);
  const rows = await (rest === undefined ? ctx.db : ctx.database.scan)
    .select()
    .from(messages)
    .where(and(span, rest, end === null ? undefined : gte(messages.createdAt, end)))
    .orderBy(desc(messages.createdAt), desc(messages.id))
    .limit(limit + 1);
  return { rows, end };
}

/** Only the index is read, so that it is quick. */
async function findEnd(ctx: Ctx, span: SQL | undefined): Promise<number | null> {
  const [row] = await ctx.database.scan
    .select({ createdAt: messages.createdAt })
    .from(messages)
    .where(span)
    .orderBy(desc(messages.createdAt), desc(messages.id))
    .limit(1)
    .offset(MAX_LOOKED_AT - 1);
  return row?.createdAt ?? null;
}

function cursorOf(last: MessageRecord | null, end: number): string | null {
  if (last !== null) return encodeCursor({ at: last.createdAt, id: last.id });
  return end > 0 ? encodeCursor({ at: end, id: FIRST_ID }) : null;
}

function newestFirst(a: MessageRecord, b: MessageRecord): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}
