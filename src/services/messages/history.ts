/** The history as pages, newest first. What no index gives is looked for beside the event loop. */

import { and, desc, eq, exists, gte, inArray, like, lt, or, type SQL, sql } from 'drizzle-orm';
import type { z } from 'zod';
import { type Cursor, encodeCursor, isNotOlder, isOlder, parseCursor } from '../../db/keyset.ts';
import { messages, waContacts } from '../../db/schema.ts';
import type { ReadDb } from '../../db/types.ts';
import { idAt } from '../../utils/ids.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { subscriberWithoutAliases } from '../../whatsapp/subscribers.ts';
import { requireScope, tenantOf } from '../access.ts';
import { type FoundPage, findPage, findRows, type LogSource, newestFirst } from '../analytics/keyset.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { PageInput, TenantInput } from '../fields.ts';
import { findSession } from '../sessions/find.ts';
import { knownJidsOf } from './chats.ts';
import { toMessages } from './names.ts';
import { type Peer, toOtherSide } from './recipient.ts';
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
  await ctx.signals.writeTold(tenantOf(ctx, input));
  const filter = await filterOf(ctx, input);
  const page =
    filter.rest === undefined
      ? await findPage(ctx.db, filter.source, filter.branches, input)
      : await lookForPage(ctx, filter, input);
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
  /** what an index gives in order; no row is in two of them */
  branches: (SQL | undefined)[];
  /** what else each row needs */
  rest: SQL | undefined;
}

async function filterOf(ctx: Ctx, input: ListInput): Promise<HistoryFilter> {
  const tenant = tenantOf(ctx, input);
  const { sessionIds } = ctx.actor;
  const names = input.session === undefined ? sessionIds : [input.session];
  const side = input.to === undefined ? undefined : toOtherSide(input.to, ctx.config.defaultCountry);
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
    account !== undefined && side !== undefined ? eq(messages.accountId, account) : undefined,
    tenant === null && side !== undefined ? isWith(ctx.database.scan, side) : undefined,
  );
  // Everybody's are in order by the primary key alone.
  const everybody = tenant === null;
  const by = everybody ? messages.id : messages.createdAt;
  const bound = (at: number) => (everybody ? idAt(at) : at);
  const where = and(
    everybody ? undefined : eq(messages.userId, tenant),
    account === undefined || side !== undefined ? undefined : eq(messages.accountId, account),
    input.since === undefined ? undefined : gte(by, bound(input.since)),
    input.until === undefined ? undefined : lt(by, bound(input.until)),
  );
  const peers =
    everybody || side === undefined ? [] : await knownJidsOf(ctx.db, { userId: tenant, sessionIds }, side);
  return {
    source: { table: messages, at: everybody ? null : messages.createdAt, id: messages.id },
    branches: peers.length === 0 ? [where] : peers.map((peer) => and(where, eq(messages.peer, peer))),
    rest,
  };
}

/** A message of anybody with that side, under its number or under a LID by which the message's own session knows it. */
function isWith(db: ReadDb, { peer, phone, lid }: Peer): SQL | undefined {
  const phones = phone === null ? [] : subscriberWithoutAliases(phone).spellings;
  const peers = inArray(messages.peer, [...new Set([peer, ...phones.map(phoneJid)])]);
  if (phone === null && lid === null) return peers;
  const contact = db
    .select({ one: sql`1` })
    .from(waContacts)
    .where(
      and(
        eq(waContacts.accountId, messages.accountId),
        phone === null
          ? and(eq(waContacts.phone, messages.phone), eq(waContacts.lid, lid ?? ''))
          : and(eq(waContacts.lid, messages.lid), inArray(waContacts.phone, phones)),
      ),
    );
  // The number and the LID of a message to a group are those of the one who wrote it.
  const isPerson = like(messages.peer, phone === null ? '%@s.whatsapp.net' : '%@lid');
  return or(peers, and(isPerson, exists(contact)));
}

async function lookForPage(
  ctx: Ctx,
  { source, branches, rest }: HistoryFilter,
  input: ListInput,
): Promise<FoundPage> {
  const { scan } = ctx.database;
  const cursor = parseCursor(input.cursor);
  const offset = cursor ? 0 : (input.page - 1) * input.limit;
  // The row that ends the next 10,000; none where fewer are left. By the index alone.
  const place = { cursor, offset: MAX_LOOKED_AT - 1, limit: 1 };
  const [edge = null] = await findRows(scan, source, branches, place);
  // A page with more rows behind it than are scanned is not counted.
  const counted = cursor === null && edge === null;
  const span = and(isOlder(source, cursor), isNotOlder(source, edge));
  const limit = counted ? MAX_LOOKED_AT : offset + input.limit + 1;
  const pieces = await Promise.all(
    branches.map((branch) => lookThrough(scan, { source, within: and(branch, span), rest, limit })),
  );
  const found = pieces.flat().sort(newestFirst(source)).slice(0, limit);
  const shown = found.slice(offset, offset + input.limit);
  const end = found.length > offset + input.limit ? shown.at(-1) : edge;
  return {
    ids: shown.map(({ id }) => id),
    totalItems: counted ? found.length : null,
    nextCursor: end ? encodeCursor(end) : null,
  };
}

/**
 * Those of one branch that fit, newest first. As a table of its own: MariaDB would go on to the tenant's oldest message in search of
 * a rare one. It ends at the edge, not after so many: what has come since the edge was read must not push the last ones out of every
 * page.
 */
function lookThrough(
  db: ReadDb,
  look: { source: LogSource; within: SQL | undefined; rest: SQL | undefined; limit: number },
): Promise<Cursor[]> {
  const { id, createdAt } = messages;
  const order = look.source.at === null ? [desc(id)] : [desc(createdAt), desc(id)];
  const newest = db
    .select({ id, at: createdAt })
    .from(messages)
    .where(look.within)
    .orderBy(...order)
    .limit(UNCUT)
    .as('newest');
  return db
    .select({ id, at: createdAt })
    .from(newest)
    .innerJoin(messages, eq(messages.id, newest.id))
    .where(look.rest)
    .orderBy(...order)
    .limit(look.limit);
}
