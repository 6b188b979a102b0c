/** Answers to login codes: phones put what is answered into the answer, and the history holds no code in the clear. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import type { InboundContent } from '../../whatsapp/inbound-content.ts';
import type { Came } from '../messages/reply.ts';

/** What stands in its place, as where we quote a code ourselves. */
const HIDDEN = '[otp]';

const quotedOf = (content: InboundContent) =>
  'quoted' in content && content.quoted && content.quoted.preview !== '' ? content.quoted : null;

/**
 * The same messages; of those that answer a login code, of whichever session of this service, without its text. One statement,
 * and none where nothing is quoted.
 */
export async function withoutQuotedCodes(db: Db, all: readonly Came[]): Promise<readonly Came[]> {
  const ids = new Set(all.flatMap(({ message }) => quotedOf(message.content)?.messageId ?? []));
  if (ids.size === 0) return all;
  const { messageId, direction, type } = messages;
  const rows = await db
    .select({ messageId })
    .from(messages)
    .where(and(inArray(messageId, [...ids]), eq(direction, 'out'), eq(type, 'otp')));
  const codes = new Set(rows.map((row) => row.messageId));
  if (codes.size === 0) return all;
  return all.map((one) => {
    const quoted = quotedOf(one.message.content);
    if (quoted === null || !codes.has(quoted.messageId)) return one;
    const content = { ...one.message.content, quoted: { ...quoted, preview: HIDDEN } };
    return { ...one, message: { ...one.message, content } };
  });
}
