/** The key of an opt-out: a number, or a LID while the number behind it is not known. */

import { and, eq, inArray } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { waAliases } from '../../db/schema.ts';
import { lidJid } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { findSubscribers } from '../../whatsapp/subscribers.ts';
import { toPeer } from '../messages/recipient.ts';

/** Before the digits of a LID in `opt_outs.phone`, which holds 20 characters. LIDs have 15 digits or so. */
const LID_MARK = '@';

/** The key of somebody whose number is not known. */
export function lidKey(lid: string): string {
  return `${LID_MARK}${lid}`.slice(0, 20);
}

/** As clients read and write it: E.164 digits, or `…@lid`. */
export function showKey(key: string): string {
  return key.startsWith(LID_MARK) ? lidJid(key.slice(LID_MARK.length)) : key;
}

/** The key of a number in any usual spelling, or of `…@lid`. Throws INVALID_NUMBER. */
export function toLedgerKey(text: string, defaultCountry: string): string {
  const { phone, lid } = toPeer(text, false, defaultCountry);
  return phone ?? lidKey(lid ?? '');
}

/**
 * For each key (1,000 at most), all keys that the same subscriber may be kept under: the spellings of the number, and the
 * LIDs that the tenant's sessions know it by.
 */
export async function readLedgerKeys(
  db: Db | Tx,
  userId: number,
  keys: readonly string[],
): Promise<Map<string, string[]>> {
  const lids = keys.filter((key) => key.startsWith(LID_MARK)).map((key) => key.slice(LID_MARK.length));
  const behind = await findLidPairs(db, { userId }, 'lid', lids);
  const phonesOf = (key: string) =>
    key.startsWith(LID_MARK)
      ? behind.filter(({ lid }) => lidKey(lid) === key).map(({ phone }) => phone)
      : [key];
  const subscribers = await findSubscribers(db, userId, [...new Set(keys.flatMap(phonesOf))]);
  const spellingsOf = (key: string) =>
    phonesOf(key).flatMap((phone) => subscribers.get(phone)?.spellings ?? [phone]);
  const all = [...new Set(keys.flatMap(spellingsOf))];
  const lidsOf = new Map<string, string[]>();
  const known = [
    ...(await findLidPairs(db, { userId }, 'phone', all)),
    ...(await readAliasLids(db, userId, all)),
  ];
  for (const { phone, lid } of known) lidsOf.set(phone, [...(lidsOf.get(phone) ?? []), lidKey(lid)]);
  return new Map(
    keys.map((key) => {
      const spellings = spellingsOf(key);
      return [
        key,
        [...new Set([key, ...spellings, ...spellings.flatMap((phone) => lidsOf.get(phone) ?? [])])],
      ];
    }),
  );
}

interface Known {
  phone: string;
  lid: string;
}

/** As the directory told with an account's number. */
async function readAliasLids(db: Db | Tx, userId: number, phones: readonly string[]): Promise<Known[]> {
  if (phones.length === 0) return [];
  const rows = await db
    .select({ phone: waAliases.alias, lid: waAliases.lid })
    .from(waAliases)
    .where(and(eq(waAliases.userId, userId), inArray(waAliases.alias, [...phones])));
  return rows.flatMap(({ phone, lid }) => (lid === null ? [] : [{ phone, lid }]));
}
