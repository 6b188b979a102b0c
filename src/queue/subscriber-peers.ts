/** All that one subscriber is written to under, for limits that hold for the person. */
import { and, eq, inArray, or, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { waAliases } from '../db/schema.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { lidJid, phoneJid } from '../whatsapp/jid.ts';
import { selectLidPairs } from '../whatsapp/lids.ts';
import { withTwins } from '../whatsapp/subscribers.ts';
import type { MessageRef } from './claim.ts';

/** The recipient of a message. */
export type Addressee = Pick<MessageRef, 'peer' | 'phone'> & { lid: string | null };

/** An account is known by few numbers; a chain of aliases ends here. */
const MAX_STEPS = 4;

/**
 * The canonical JIDs of the subscriber, the one of the message first: each spelling of the number, and the LIDs that the
 * session knows it by. A group is itself alone. One statement, and one more for each step that finds further numbers.
 */
export async function peersOf(
  db: Db,
  account: Pick<AccountRef, 'id' | 'userId'>,
  { peer, phone, lid }: Addressee,
): Promise<string[]> {
  if (phone === null && lid === null) return [peer];
  const phones = new Set<string>();
  const lids = new Set(lid === null ? [] : [lid]);
  let next = phone === null ? [] : withTwins([phone]);
  let asked = lid;
  for (let step = 0; step < MAX_STEPS && (next.length > 0 || asked !== null); step++) {
    for (const one of next) phones.add(one);
    const { aliases, contacts } = await readAbout(db, account, next, asked);
    for (const contact of contacts) if (phones.has(contact.phone)) lids.add(contact.lid);
    const found = [
      ...aliases,
      ...contacts.filter((contact) => contact.lid === asked).map((one) => one.phone),
    ];
    next = withTwins(found).filter((one) => !phones.has(one));
    asked = null;
  }
  return [...new Set([peer, ...[...phones].map(phoneJid), ...[...lids].map(lidJid)])];
}

/** What is kept of these numbers and of the LID: other numbers of the account, and which LIDs they have. */
async function readAbout(
  db: Db,
  account: Pick<AccountRef, 'id' | 'userId'>,
  phones: readonly string[],
  lid: string | null,
): Promise<{ aliases: string[]; contacts: { phone: string; lid: string }[] }> {
  const of = {
    alias: inArray(waAliases.alias, [...phones]),
    phone: inArray(waAliases.phone, [...phones]),
  };
  const contacts = selectLidPairs(db, account.id, { phones, lid }, sql<number>`1`);
  const aliases = db
    .select({ kind: sql<number>`0`, one: waAliases.alias, other: waAliases.phone })
    .from(waAliases)
    .where(and(eq(waAliases.userId, account.userId), or(of.alias, of.phone)));
  const rows = phones.length === 0 ? await contacts : await aliases.unionAll(contacts);
  return {
    aliases: rows.flatMap(({ kind, one, other }) => (Number(kind) === 0 ? [one, other] : [])),
    contacts: rows.flatMap(({ kind, one, other }) =>
      Number(kind) === 1 ? [{ phone: one, lid: other }] : [],
    ),
  };
}
