/** All that one subscriber is written to under, for limits that hold for the person. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { waContacts } from '../db/schema.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { lidJid, phoneJid } from '../whatsapp/jid.ts';
import { findSubscribers } from '../whatsapp/subscribers.ts';
import type { MessageRef } from './claim.ts';

/** Whom a message goes to. */
export type Addressee = Pick<MessageRef, 'peer' | 'phone'> & { lid: string | null };

/**
 * The canonical JIDs of the subscriber, the one of the message first: each spelling of the number, and the LIDs that the
 * session knows it by. A group is itself alone.
 */
export async function peersOf(
  db: Db,
  account: Pick<AccountRef, 'id' | 'userId'>,
  { peer, phone, lid }: Addressee,
): Promise<string[]> {
  if (phone === null && lid === null) return [peer];
  const own = eq(waContacts.accountId, account.id);
  const columns = { phone: waContacts.phone, lid: waContacts.lid };
  const behind =
    lid === null
      ? []
      : await db
          .select(columns)
          .from(waContacts)
          .where(and(own, eq(waContacts.lid, lid)));
  const named = [...(phone === null ? [] : [phone]), ...behind.map((row) => row.phone)];
  const subscribers = await findSubscribers(db, account.userId, [...new Set(named)]);
  const phones = [...new Set([...subscribers.values()].flatMap(({ spellings }) => spellings))];
  const known =
    phones.length === 0
      ? []
      : await db
          .select(columns)
          .from(waContacts)
          .where(and(own, inArray(waContacts.phone, phones)));
  const lids = [...(lid === null ? [] : [lid]), ...known.map((row) => row.lid)];
  return [...new Set([peer, ...phones.map(phoneJid), ...lids.map(lidJid)])];
}
