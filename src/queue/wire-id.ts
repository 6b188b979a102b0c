/** Messages by the id that they have on the wire. */
import { and, eq, type Placeholder, type SQL } from 'drizzle-orm';
import { messages } from '../db/schema.ts';

/** What the session has sent under this id, by the index of wire ids; placeholders are for prepared queries. */
export function isSentAs(accountId: string | Placeholder, messageId: string | Placeholder): SQL | undefined {
  return and(
    eq(messages.accountId, accountId),
    eq(messages.direction, 'out'),
    eq(messages.messageId, messageId),
  );
}
