/** A message of a session, as what is about it names it. */
import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import type { MessageKey } from '../../whatsapp/content.ts';
import { lidJid } from '../../whatsapp/jid.ts';
import type { Ctx } from '../context.ts';
import type { SendingSession } from './session.ts';
import type { MessageRecord } from './view.ts';

/** Names a message of this session. Throws NOT_FOUND. */
export async function findMessageKey(
  ctx: Ctx,
  session: SendingSession,
  messageId: string,
): Promise<MessageKey> {
  return keyOf(await findOfSession(ctx, session, messageId));
}

/** The message itself, in or out; the newest when several have this id. Throws NOT_FOUND. */
export async function findOfSession(
  ctx: Ctx,
  session: SendingSession,
  messageId: string,
): Promise<MessageRecord> {
  const [row] = await ctx.db
    .select()
    .from(messages)
    .where(
      and(
        eq(messages.accountId, session.id),
        // With both named, the index that has the id too is the best one for either database.
        inArray(messages.direction, ['in', 'out']),
        eq(messages.messageId, messageId),
      ),
    )
    // The plus: SQLite would rather read the whole session in this order than sort the few with this id.
    .orderBy(desc(sql`+${messages.createdAt}`))
    .limit(1);
  if (!row) throw new AppError('NOT_FOUND', `There is no message ${messageId} in this session.`);
  return row;
}

/** How a message is named; `author` is null when it is ours. */
export function keyOf(row: MessageRecord): MessageKey {
  const fromMe = row.direction === 'out';
  return { messageId: row.messageId, fromMe, author: fromMe ? null : authorOf(row) };
}

function authorOf(row: MessageRecord): string {
  if (row.participant !== null) return row.participant;
  return row.lid === null ? row.peer : lidJid(row.lid);
}
