/** The history as pages, newest first. What no index gives is looked for in pieces, so that nothing else waits. */
import { and, desc, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { turn } from '../../db/turns.ts';
import { idAt } from '../../utils/ids.ts';
import { requireScope, tenantOf } from '../access.ts';
import {
  type Cursor,
  encodeCursor,
  type FoundPage,
  findPage,
  isAfter,
  type LogSource,
  type PageInput,
  parseCursor,
} from '../analytics/keyset.ts';
import type { Ctx } from '../context.ts';
import { findSession } from '../sessions/find.ts';
import type { TenantInput } from './read.ts';
import { toPeer } from './recipient.ts';
import type { MessageOutput } from './schemas.ts';
import { type MessageRecord, toMessage } from './view.ts';

export interface ListInput extends TenantInput, PageInput {
  session?: string | undefined;
  direction?: 'in' | 'out' | undefined;
  status?: MessageRecord['status'] | undefined;
  to?: string | undefined;
  type?: string | undefined;
  /** epoch milliseconds: from, inclusive, and until, exclusive */
  since?: number | undefined;
  until?: number | undefined;
}

export interface MessageList {
  data: MessageOutput[];
  /** null when there are more than are counted, and with a cursor, where nobody counts */
  totalItems: number | null;
  nextCursor: string | null;
}

/** Rows that one request looks through for what no index gives. */
const MAX_LOOKED_AT = 10_000;
/** Rows of one statement: some milliseconds. */
const PIECE = 500;

/** What a row is judged by. */
const LOOKED_AT = {
  id: messages.id,
  at: messages.createdAt,
  sessionId: messages.sessionId,
  accountId: messages.accountId,
  direction: messages.direction,
  status: messages.status,
  type: messages.type,
  peer: messages.peer,
};
type LookedAt = Pick<
  MessageRecord,
  'id' | 'sessionId' | 'accountId' | 'direction' | 'status' | 'type' | 'peer'
> & { at: number };

/**
 * The history by page or by cursor. `direction`, `status` and `type` are looked for among 10,000 messages a request;
 * `nextCursor` then leads on, also when none of them fitted. Throws SESSION_NOT_FOUND, INVALID_NUMBER,
 * VALIDATION_FAILED (a foreign cursor, pages beyond the first 10,000 messages).
 */
export async function listMessages(ctx: Ctx, input: ListInput): Promise<MessageList> {
  requireScope(ctx, 'read');
  const { source, where, rest } = await filterOf(ctx, input);
  const page =
    Object.keys(rest).length === 0
      ? await findPage(ctx.db, source, [where], input)
      : await lookForPage(ctx, source, where, rest, input);
  const rows =
    page.ids.length === 0 ? [] : await ctx.db.select().from(messages).where(inArray(messages.id, page.ids));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const { totalItems, nextCursor } = page;
  return {
    data: page.ids.flatMap((id) => byId.get(id) ?? []).map((row) => toMessage(ctx, row)),
    totalItems,
    nextCursor,
  };
}

interface HistoryFilter {
  source: LogSource;
  /** what an index gives in order */
  where: SQL | undefined;
  /** what each row has to be besides */
  rest: Partial<LookedAt>;
}

async function filterOf(ctx: Ctx, input: ListInput): Promise<HistoryFilter> {
  const tenant = tenantOf(ctx, input);
  const name = input.session ?? ctx.actor.sessionId ?? undefined;
  const peer =
    input.to === undefined ? undefined : toPeer(input.to, undefined, ctx.config.defaultCountry).peer;
  const account =
    input.session === undefined || tenant === null
      ? undefined
      : (await findSession(ctx, { sessionId: input.session, userId: input.userId })).id;
  const rest = given({
    direction: input.direction,
    status: input.status,
    type: input.type,
    // A session has an index of its own; by its name alone, or with a number, whose is better, it has none.
    sessionId: account === undefined ? name : undefined,
    accountId: peer === undefined ? undefined : account,
    peer: tenant === null ? peer : undefined,
  });
  // Everybody's are in order by the primary key alone.
  const everybody = tenant === null;
  const by = everybody ? messages.id : messages.createdAt;
  const bound = (at: number) => (everybody ? idAt(at) : at);
  const where = and(
    everybody ? undefined : eq(messages.userId, tenant),
    everybody || peer === undefined ? undefined : eq(messages.peer, peer),
    account === undefined || peer !== undefined ? undefined : eq(messages.accountId, account),
    input.since === undefined ? undefined : gte(by, bound(input.since)),
    input.until === undefined ? undefined : lt(by, bound(input.until)),
  );
  return {
    source: { table: messages, at: everybody ? null : messages.createdAt, id: messages.id },
    where,
    rest,
  };
}

function given(rest: { [K in keyof LookedAt]?: LookedAt[K] | undefined }): Partial<LookedAt> {
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
}

async function lookForPage(
  ctx: Ctx,
  source: LogSource,
  where: SQL | undefined,
  rest: Partial<LookedAt>,
  input: ListInput,
): Promise<FoundPage> {
  const cursor = input.cursor === undefined ? null : parseCursor(input.cursor);
  const offset = cursor ? 0 : (input.page - 1) * input.limit;
  const found: Cursor[] = [];
  let last = cursor;
  let ended = false;
  for (let looked = 0; looked < MAX_LOOKED_AT && !ended; looked += PIECE) {
    const rows = await readPiece(ctx, source, and(where, last === null ? undefined : isAfter(source, last)));
    found.push(...rows.filter((row) => fits(row, rest)));
    last = rows.at(-1) ?? last;
    ended = rows.length < PIECE;
    // With a cursor nobody counts.
    if (cursor !== null && found.length > input.limit) break;
    await turn();
  }
  const shown = found.slice(offset, offset + input.limit);
  const end = found.length > offset + input.limit ? shown.at(-1) : ended ? undefined : last;
  return {
    ids: shown.map(({ id }) => id),
    totalItems: cursor === null && ended ? found.length : null,
    nextCursor: end ? encodeCursor(end) : null,
  };
}

function readPiece(ctx: Ctx, { at }: LogSource, where: SQL | undefined): Promise<LookedAt[]> {
  const order = at === null ? [desc(messages.id)] : [desc(messages.createdAt), desc(messages.id)];
  return ctx.db
    .select(LOOKED_AT)
    .from(messages)
    .where(where)
    .orderBy(...order)
    .limit(PIECE);
}

function fits(row: LookedAt, rest: Partial<LookedAt>): boolean {
  return (
    (rest.direction ?? row.direction) === row.direction &&
    (rest.status ?? row.status) === row.status &&
    (rest.type ?? row.type) === row.type &&
    (rest.sessionId ?? row.sessionId) === row.sessionId &&
    (rest.accountId ?? row.accountId) === row.accountId &&
    (rest.peer ?? row.peer) === row.peer
  );
}
