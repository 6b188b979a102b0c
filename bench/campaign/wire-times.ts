import { and, asc, eq, gte, isNotNull } from 'drizzle-orm';
import type { Db } from '../../src/db/client.ts';
import { messages, sendAttempts } from '../../src/db/schema.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';

/** Read at most. */
const MAX_ROWS = 20_000;

/**
 * Milliseconds on the wire, from leaving to WhatsApp's acknowledgement, of a campaign's messages that left since then
 * (epoch milliseconds). Each recipient has one.
 */
export async function readWireTimes(db: Db, since: number): Promise<number[]> {
  const { recipient, at, priority } = sendAttempts;
  const attempts = await db
    .select({ recipient, at })
    .from(sendAttempts)
    .where(and(eq(priority, PRIORITIES.low), gte(at, since)))
    .orderBy(asc(at))
    .limit(MAX_ROWS);
  const leftAt = new Map(attempts.map((row) => [row.recipient, row.at]));
  const { peer, sentAt, campaignId } = messages;
  const sent = await db
    .select({ peer, sentAt })
    .from(messages)
    .where(and(isNotNull(campaignId), gte(sentAt, since)))
    .limit(MAX_ROWS);
  return sent.flatMap((row) => {
    const from = leftAt.get(row.peer);
    return from === undefined || row.sentAt === null ? [] : [row.sentAt - from];
  });
}
