/** One message of the history. */

import { and, desc, eq, type SQL, sql } from 'drizzle-orm';
import { messageQueue, messages } from '../../db/schema.ts';
import { countBefore } from '../../queue/counts.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope, tenantOf } from '../access.ts';
import { ofBound } from '../bound.ts';
import type { Ctx } from '../context.ts';
import type { TenantInput } from '../fields.ts';
import { estimateSendAt } from './estimate.ts';
import { otherSideOf, readNames } from './names.ts';
import type { MessageDetail } from './schemas.ts';
import { readSendingSession } from './session.ts';
import { type MessageRecord, toIso, toMessage } from './view.ts';
import { holdsOf, onQueue, toWaitingFor } from './waiting-for.ts';

/** Two of the tenant's own sessions may know a message by one id: as its sender and its recipient, or in one group. */
interface WhichOne {
  direction?: 'in' | 'out' | undefined;
  session?: string | undefined;
}

/** A message, and which one where several are known by its id: what was sent before what came in when `direction` is missing. */
export interface WhichMessage extends WhichOne {
  messageId: string;
}

/** NOT_FOUND, for a message. */
export function messageNotFound(): AppError {
  return new AppError('NOT_FOUND', 'There is no such message.');
}

/**
 * The row behind a public message id: the caller's own only, outbound before inbound. It shows what the caller was told of it.
 * Outside of transactions. Throws NOT_FOUND.
 */
export async function findMessage(
  ctx: Ctx,
  messageId: string,
  asked: TenantInput & WhichOne = {},
): Promise<MessageRecord> {
  const row = await findOrNull(ctx, messageId, asked);
  if (row === null) throw messageNotFound();
  return row;
}

/** The same; null when there is none. */
export async function findOrNull(
  ctx: Ctx,
  messageId: string,
  asked: TenantInput & WhichOne,
): Promise<MessageRecord | null> {
  await ctx.signals.writeTold(tenantOf(ctx, asked));
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(
      and(
        eq(messages.messageId, messageId),
        whoseMessages(ctx, asked),
        asked.direction === undefined ? undefined : eq(messages.direction, asked.direction),
        asked.session === undefined ? undefined : eq(messages.sessionId, asked.session),
      ),
    )
    .orderBy(desc(messages.direction))
    .limit(1);
  return rows[0] ?? null;
}

/** Status, timestamps of every step, attempts, error and what it waits for, of one message. Throws NOT_FOUND. */
export async function getMessage(ctx: Ctx, input: TenantInput & WhichMessage): Promise<MessageDetail> {
  requireScope(ctx, 'read');
  const row = await findMessage(ctx, input.messageId, input);
  const [[name], waiting] = await Promise.all([readNames(ctx, [otherSideOf(row)]), waitingOf(ctx, row)]);
  return { ...toMessage(ctx, row, name), ...waiting };
}

/** What a queued message waits for, and when it may be sent; nothing once it is being sent, or when its session is gone. */
export async function waitingOf(
  ctx: Ctx,
  row: MessageRecord,
): Promise<Pick<MessageDetail, 'waitingFor' | 'estimatedSendAt'>> {
  const nothing = { waitingFor: [], estimatedSendAt: null };
  if (row.direction !== 'out' || row.status !== 'queued') return nothing;
  const [session, [queued]] = await Promise.all([
    readSendingSession(ctx.db, row.accountId),
    ctx.db.select().from(messageQueue).where(eq(messageQueue.id, row.id)),
  ]);
  if (session === null || queued === undefined || queued.status !== 'pending') return nothing;
  const waiting = onQueue(row, queued);
  const [holds, ahead] = await Promise.all([holdsOf(ctx, session, waiting), countBefore(ctx, queued)]);
  const { priority } = waiting;
  const estimatedSendAt = toIso(estimateSendAt(ctx, session, { priority, ahead, holds }));
  return { waitingFor: toWaitingFor(holds), estimatedSendAt };
}

function whoseMessages(ctx: Ctx, asked: TenantInput): SQL | undefined {
  const tenant = tenantOf(ctx, asked);
  const bound = ctx.actor.sessionIds;
  return and(
    // The plus keeps SQLite from going through all of the tenant's messages instead of the few with this id.
    tenant === null ? undefined : eq(sql`+${messages.userId}`, tenant),
    ofBound(bound, messages.sessionId),
  );
}
