/** Messages of which only a placeholder came, and which their phone may still have. */
import { and, desc, eq, gt } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import type { AbsentMessage } from '../../whatsapp/engine.ts';
import type { Deps } from '../context.ts';

/** As long as WhatsApp's own clients ask for them. */
const MAX_AGE_MS = 14 * DAY_MS;
/** Rows that are looked at, the newest first: most that could not be opened are asked for at their senders. */
const MAX_ROWS = 1_000;

/**
 * Those of a session that are younger than 14 days and have not come since, the newest first. Rejects when the database
 * cannot be used.
 */
export async function findAbsent(
  { database, clock }: Pick<Deps, 'database' | 'clock'>,
  accountId: string,
): Promise<AbsentMessage[]> {
  const { messageId, peer, author, phone, lid, content, createdAt, id } = messages;
  const since = clock.now() - MAX_AGE_MS;
  const rows = await database.scan
    .select({ messageId, peer, author, phone, lid, content })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, accountId),
        gt(createdAt, since),
        eq(messages.direction, 'in'),
        eq(messages.type, 'undecryptable'),
        gt(messages.sentAt, since),
      ),
    )
    .orderBy(desc(createdAt), desc(id))
    .limit(MAX_ROWS);
  const absent = rows.filter((row) => Reflect.get(Object(row.content), 'reason') === 'absent');
  return absent.map((row) => ({
    messageId: row.messageId,
    chat: row.peer,
    author: row.author === '' ? null : row.author,
    phone: row.phone,
    lid: row.lid,
  }));
}
