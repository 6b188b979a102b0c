/** The history: one message, or many. */
import { and, count, desc, eq, gte, lt, or, type SQL, sql } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope, tenantOf } from '../access.ts';
import type { Ctx } from '../context.ts';
import { findSession } from '../sessions/find.ts';
import { toPeer } from './recipient.ts';
import type { MessageOutput } from './schemas.ts';
import { type MessageRecord, toMessage } from './view.ts';

interface TenantInput {
  userId?: number | undefined;
  all?: boolean | undefined;
}

export interface ListInput extends TenantInput {
  session?: string | undefined;
  direction?: 'in' | 'out' | undefined;
  status?: MessageRecord['status'] | undefined;
  to?: string | undefined;
  type?: string | undefined;
  /** epoch milliseconds: from, inclusive, and until, exclusive */
  since?: number | undefined;
  until?: number | undefined;
  page: number;
  limit: number;
  cursor?: string | undefined;
}

export interface MessageList {
  data: MessageOutput[];
  /** null when there are more than 10,000, and with a cursor, where nobody counts */
  totalItems: number | null;
  nextCursor: string | null;
}

const MAX_COUNTED = 10_000;

function messageNotFound(): AppError {
  return new AppError('NOT_FOUND', 'There is no such message.');
}

/** The row behind a public message id: the caller's own only, outbound before inbound. Throws NOT_FOUND. */
export async function findMessage(
  ctx: Ctx,
  messageId: string,
  asked: TenantInput & { direction?: 'in' | 'out' } = {},
): Promise<MessageRecord> {
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(
      and(
        eq(messages.messageId, messageId),
        whoseMessages(ctx, asked),
        asked.direction === undefined ? undefined : eq(messages.direction, asked.direction),
      ),
    )
    .orderBy(desc(messages.direction))
    .limit(1);
  const [row] = rows;
  if (!row) throw messageNotFound();
  return row;
}

/** Status, timestamps of every step, attempts and error of one message. Throws NOT_FOUND. */
export async function getMessage(
  ctx: Ctx,
  input: TenantInput & { messageId: string },
): Promise<MessageOutput> {
  requireScope(ctx, 'read');
  return toMessage(ctx, await findMessage(ctx, input.messageId, input));
}

/** The history, newest first, by page or by cursor. Throws SESSION_NOT_FOUND, INVALID_NUMBER, VALIDATION_FAILED. */
export async function listMessages(ctx: Ctx, input: ListInput): Promise<MessageList> {
  requireScope(ctx, 'read');
  const where = and(
    whoseMessages(ctx, input),
    await inSession(ctx, input),
    input.direction ? eq(messages.direction, input.direction) : undefined,
    input.status ? eq(messages.status, input.status) : undefined,
    input.type ? eq(messages.type, input.type) : undefined,
    input.to ? eq(messages.peer, toPeer(input.to, undefined, ctx.config.defaultCountry).peer) : undefined,
    input.since === undefined ? undefined : gte(messages.createdAt, input.since),
    input.until === undefined ? undefined : lt(messages.createdAt, input.until),
  );
  const after = input.cursor === undefined ? undefined : isAfter(parseCursor(input.cursor));
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(and(where, after))
    .orderBy(desc(messages.createdAt), desc(messages.id))
    .limit(input.limit + 1)
    .offset(after ? 0 : (input.page - 1) * input.limit);
  const shown = rows.slice(0, input.limit);
  const last = shown.at(-1);
  return {
    data: shown.map((row) => toMessage(ctx, row)),
    totalItems: after ? null : await countUpTo(ctx, where),
    nextCursor: rows.length > shown.length && last ? `${last.createdAt}.${last.id}` : null,
  };
}

function whoseMessages(ctx: Ctx, asked: TenantInput): SQL | undefined {
  const tenant = tenantOf(ctx, asked);
  const bound = ctx.actor.sessionId;
  return and(
    tenant === null ? undefined : eq(messages.userId, tenant),
    bound === null ? undefined : eq(messages.sessionId, bound),
  );
}

/** By the account's id, which has the index. With `all` a name means everybody's sessions of that name. */
async function inSession(ctx: Ctx, input: ListInput): Promise<SQL | undefined> {
  if (input.session === undefined) return undefined;
  if (input.all === true) return eq(messages.sessionId, input.session);
  const session = await findSession(ctx, { sessionId: input.session, userId: input.userId });
  return eq(messages.accountId, session.id);
}

async function countUpTo(ctx: Ctx, where: SQL | undefined): Promise<number | null> {
  const rows = ctx.db
    .select({ one: sql<number>`1`.as('one') })
    .from(messages)
    .where(where)
    .limit(MAX_COUNTED + 1)
    .as('found');
  const [row] = await ctx.db.select({ n: count() }).from(rows);
  const n = row?.n ?? 0;
  return n > MAX_COUNTED ? null : n;
}

interface Cursor {
  createdAt: number;
  id: string;
}

function parseCursor(text: string): Cursor {
  const match = /^(\d{1,15})\.([0-9a-f]{32})$/.exec(text);
  const [, createdAt, id] = match ?? [];
  if (createdAt === undefined || id === undefined) {
    throw new AppError('VALIDATION_FAILED', 'Not valid: cursor.', {
      details: { cursor: 'must be the nextCursor of an earlier answer' },
    });
  }
  return { createdAt: Number(createdAt), id };
}

function isAfter({ createdAt, id }: Cursor): SQL | undefined {
  return or(lt(messages.createdAt, createdAt), and(eq(messages.createdAt, createdAt), lt(messages.id, id)));
}
