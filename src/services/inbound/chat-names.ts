/** The names of chats: a phone tells of one under a LID, under a number, or under the one and later the other. */
import { inBatches } from '../../db/batches.ts';
import type { Db } from '../../db/client.ts';
import { lidJid, lidOf, phoneJid, phoneOf } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';

export interface ChatNames {
  /** The name that a chat is kept under: by number where the session knows it. */
  keptAs(jid: string): string;
  /** All names of a chat, that one first: it may have been kept under another before its number was known. */
  all(jid: string): string[];
}

/** Names that are looked at in one turn of the event loop. */
const NAMED_AT_ONCE = 1_000;

/** What a session knows of the names of these chats (canonical JIDs). */
export async function readChatNames(db: Db, accountId: string, jids: Iterable<string>): Promise<ChatNames> {
  const [lids, phones] = [new Set<string>(), new Set<string>()];
  for await (const piece of inBatches([...jids], NAMED_AT_ONCE)) {
    for (const jid of piece) {
      const [lid, phone] = [lidOf(jid), phoneOf(jid)];
      if (lid !== null) lids.add(lid);
      if (phone !== null) phones.add(phone);
    }
  }
  const owner = { accountId };
  const byLid = await findLidPairs(db, owner, 'lid', [...lids]);
  for (const { phone } of byLid) phones.add(phone);
  const pairs = [...byLid, ...(await findLidPairs(db, owner, 'phone', [...phones]))];
  const phoneBehind = new Map<string, string>();
  const lidsOf = new Map<string, string[]>();
  for await (const piece of inBatches(pairs, NAMED_AT_ONCE)) {
    for (const pair of piece) {
      const [lid, phone] = [lidJid(pair.lid), phoneJid(pair.phone)];
      if (phoneBehind.has(lid)) continue;
      phoneBehind.set(lid, phone);
      lidsOf.set(phone, [...(lidsOf.get(phone) ?? []), lid]);
    }
  }
  const keptAs = (jid: string) => phoneBehind.get(jid) ?? jid;
  return { keptAs, all: (jid) => [keptAs(jid), ...(lidsOf.get(keptAs(jid)) ?? [])] };
}
