import { and, eq, inArray } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { optOuts } from '../../db/schema.ts';
import { findSubscribers } from '../../whatsapp/subscribers.ts';

/**
 * Which of these phones (E.164 digits, 1,000 at most) want no broadcasts of this tenant: whoever opted out under one
 * spelling of their number did so for all.
 */
export async function isOptedOut(
  db: Db | Tx,
  userId: number,
  phones: readonly string[],
): Promise<Set<string>> {
  if (phones.length === 0) return new Set();
  const subscribers = await findSubscribers(db, userId, phones);
  const spellings = new Set([...subscribers.values()].flatMap((subscriber) => subscriber.spellings));
  const rows = await db
    .select({ phone: optOuts.phone })
    .from(optOuts)
    .where(and(eq(optOuts.userId, userId), inArray(optOuts.phone, [...spellings])));
  const out = new Set(rows.map(({ phone }) => phone));
  return new Set(phones.filter((phone) => subscribers.get(phone)?.spellings.some((one) => out.has(one))));
}
