/** One message of the history. */
import { and, desc, eq, type SQL } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { requireScope, tenantOf } from '../access.ts';
import type { Ctx } from '../context.ts';
import type { MessageOutput } from './schemas.ts';
import { type MessageRecord, toMessage } from './view.ts';

export interface TenantInput {
  userId?: number | undefined;
  all?: boolean | undefined;
}

/** Two of the tenant's own sessions may know a message by one id: as its sender and its recipient, or in one group. */
interface WhichOne {
  direction?: 'in' | 'out' | undefined;
  session?: string | undefined;
}

function messageNotFound(): AppError {
  return new AppError('NOT_FOUND', 'There is no such message.');
}

/** The row behind a public message id: the caller's own only, outbound before inbound. Throws NOT_FOUND. */
export async function findMessage(
  ctx: Ctx,
  messageId: string,
  asked: TenantInput & WhichOne = {},
): Promise<MessageRecord> {
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
  const [row] = rows;
  if (!row) throw messageNotFound();
  return row;
}

/** Status, timestamps of every step, attempts and error of one message. Throws NOT_FOUND. */
export async function getMessage(
  ctx: Ctx,
  input: TenantInput & WhichOne & { messageId: string },
): Promise<MessageOutput> {
  requireScope(ctx, 'read');
  return toMessage(ctx, await findMessage(ctx, input.messageId, input));
}

function whoseMessages(ctx: Ctx, asked: TenantInput): SQL | undefined {
  const tenant = tenantOf(ctx, asked);
  const bound = ctx.actor.sessionId;
  return and(
    tenant === null ? undefined : eq(messages.userId, tenant),
    bound === null ? undefined : eq(messages.sessionId, bound),
  );
}
