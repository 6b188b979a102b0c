/** The history as pages, newest first. What no index gives is looked for beside the event loop. */

import { and, desc, eq, gte, inArray, lt, type SQL } from 'drizzle-orm';
import type { z } from 'zod';
import { type Cursor, encodeCursor, isNotOlder, isOlder, parseCursor } from '../../db/keyset.ts';
import { messages } from '../../db/schema.ts';
import { idAt } from '../../utils/ids.ts';
import { requireScope, tenantOf } from '../access.ts';
import { type FoundPage, findPage, type LogSource } from '../analytics/keyset.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { PageInput, TenantInput } from '../fields.ts';
import { findSession } from '../sessions/find.ts';
import { toMessages } from './names.ts';
import { toOtherSide } from './recipient.ts';
import type { ListFilters, MessageOutput } from './schemas.ts';

/** `since` and `until`: epoch milliseconds, from, inclusive, and until, exclusive. */
export interface ListInput extends TenantInput, PageInput, z.output<z.ZodObject<typeof ListFilters>> {}

export interface MessageList {
  data: MessageOutput[];
  /** null when there are more than are counted, and with a cursor, with which nothing is counted */
  totalItems: number | null;
  nextCursor: string | null;
}

/** Rows that one request looks through for what no index gives. */
const MAX_LOOKED_AT = 10_000;

/** A limit that only keeps a table of its own what it is. */
const UNCUT = 2 ** 31 - 1;

/**
 * The history by page or by cursor. `direction`, `status` and `type` are looked for among 10,000 messages a request;
 * `nextCursor` then leads on, also when none of them fitted. Throws SESSION_NOT_FOUND, INVALID_NUMBER,
 * VALIDATION_FAILED (a foreign cursor, pages beyond the first 10,000 messages).
 */
export async function listMessages(ctx: Ctx, input: ListInput): Promise<MessageList> {
  requireScope(ctx, 'read');
  const { source, where, rest } = await filterOf(ctx, input);
  const page =
    rest === undefined
      ? await findPage(ctx.db, source, [where], input)
      : await lookForPage(ctx, { source, where, rest }, input);
  const rows =
    page.ids.length === 0 ? [] : await ctx.db.select().from(messages).where(inArray(messages.id, page.ids));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const { totalItems, nextCursor } = page;
  return {
    data: await toMessages(
      ctx,
      page.ids.flatMap((id) => byId.get(id) ?? []),
    ),
    totalItems,
    nextCursor,
  };
}

interface HistoryFilter {
  source: LogSource;
  /** what an index gives in order */
  where: SQL | undefined;
  /** what else each row needs */
  rest: SQL | undefined;
}

async function filterOf(ctx: Ctx, input: ListInput): Promise<HistoryFilter> {
  const tenant = tenantOf(ctx, input);
  const names = input.session === undefined ? ctx.actor.sessionIds : [input.session];
  const peer = input.to === undefined ? undefined : toOtherSide(input.to, ctx.config.defaultCountry).peer;
  const account =
    input.session === undefined || tenant === null
      ? undefined
      : (await findSession(ctx, { sessionId: input.session, userId: input.userId })).id;
  const rest = and(
    input.direction ? eq(messages.direction, input.direction) : undefined,
    input.status ? eq(messages.status, input.status) : undefined,
    input.type ? eq(messages.type, input.type) : undefined,
    // A session has an index of its own; by its name alone, or with a number, whose is better, it has none.
    account === undefined ? ofBound(names, messages.sessionId) : undefined,
    account !== undefined && peer !== undefined ? eq(messages.accountId, account) : undefined,
    tenant === null && peer !== undefined ? eq(messages.peer, peer) : undefined,
  );
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

async function lookForPage(
  ctx: Ctx,
  { source, where, rest }: HistoryFilter,
  input: ListInput,
): Promise<FoundPage> {
  const cursor = parseCursor(input.cursor);
  const offset = cursor ? 0 : (input.page - 1) * input.limit;
  const behind = and(where, isOlder(source, cursor));
  const edge = await findEdge(ctx, source, behind, MAX_LOOKED_AT);
  // A page with more rows behind it than are scanned is not counted.
  const counted = cursor === null && edge === null;
  // As a table of its own: MariaDB would go on to the tenant's oldest message in search of a rare one. It ends at the edge,
  // not after so many: what has come since the edge was read must not push the last ones out of every page.
  const newest = placesOf(ctx, source, and(behind, isNotOlder(source, edge)))
    .limit(UNCUT)
    .as('newest');
  const found = await ctx.database.scan
    .select({ id: messages.id, at: messages.createdAt })
    .from(newest)
    .innerJoin(messages, eq(messages.id, newest.id))
    .where(rest)
    .orderBy(...orderOf(source))
    .limit(counted ? MAX_LOOKED_AT : offset + input.limit + 1);
  const shown = found.slice(offset, offset + input.limit);
  const end = found.length > offset + input.limit ? shown.at(-1) : edge;
  return {
    ids: shown.map(({ id }) => id),
    totalItems: counted ? found.length : null,
    nextCursor: end ? encodeCursor(end) : null,
  };
}

/** The row that ends the next `n`; null when fewer are left. By the index alone. */
async function findEdge(
  ctx: Ctx,
  source: LogSource,
  where: SQL | undefined,
  n: number,
): Promise<Cursor | null> {
  const [edge] = await placesOf(ctx, source, where)
    .limit(1)
    .offset(n - 1);
  return edge ?? null;
}

const orderOf = ({ at }: LogSource) =>
  at === null ? [desc(messages.id)] : [desc(messages.createdAt), desc(messages.id)];

function placesOf(ctx: Ctx, source: LogSource, where: SQL | undefined) {
  return ctx.database.scan
    .select({ id: messages.id, at: messages.createdAt })
    .from(messages)
    .where(where)
    .orderBy(...orderOf(source))
    .$dynamic();
}
