/** The history for engines: contents to send again. */
import { and, eq, isNull } from 'drizzle-orm';
import { isUnavailable } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import type { Outgoing } from '../../whatsapp/content.ts';
import { isOtpContent, openOtpContent } from '../otp/content.ts';

type ContentDeps = Parameters<typeof openOtpContent>[0];

/**
 * The message to send for the content that the history keeps: a code is opened here, at the last moment. Null when it
 * must not leave any more.
 */
export function openContent(deps: ContentDeps, content: unknown): Promise<Outgoing | null> | Outgoing {
  return isOtpContent(content) ? openOtpContent(deps, content) : asContent(content);
}

/** The queue stores nothing but contents that a send route has validated. */
function asContent(content: unknown): Outgoing {
  return content as Outgoing;
}

/**
 * The content of an outbound message of this session, to be sent again; null when it is not known, not valid any more or
 * cannot be opened. Rejects only when the database cannot be used: another attempt may work.
 */
export async function findOutbound(
  deps: ContentDeps,
  accountId: string,
  messageId: string,
): Promise<Outgoing | null> {
  const rows = await deps.db
    .select({ content: messages.content })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, accountId),
        eq(messages.direction, 'out'),
        eq(messages.messageId, messageId),
        // What another device of the account has sent is that device's to send again.
        isNull(messages.source),
      ),
    );
  try {
    return rows[0] ? await openContent(deps, rows[0].content) : null;
  } catch (error) {
    if (isUnavailable(error)) throw error;
    return null;
  }
}
