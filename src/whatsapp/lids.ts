/** Which LID is whose phone number, as sessions have seen it: everything that is read of `wa_contacts`. Digits only. */

import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { inBatches } from '../db/batches.ts';
import type { Db, Tx } from '../db/client.ts';
import { prepared } from '../db/ops.ts';
import { waContacts, whatsappAccounts } from '../db/schema.ts';

/** A contact as one session knows it. */
export interface LidPair {
  accountId: string;
  lid: string;
  phone: string;
}

/** Whose sessions are asked: one session (whatsapp_accounts.id), or all of a tenant. */
export type LidOwner = { accountId: string } | { userId: number };

/** Values of one statement. */
const BATCH_SIZE = 500;
/** A LID is its phone's for good; one that is not known yet may be told any moment, so only known ones are kept. */
const MAX_KNOWN = 20_000;

/** The pairs of these LIDs or phones, as the owner's sessions know them. */
export async function findLidPairs(
  db: Db | Tx,
  owner: LidOwner,
  by: 'lid' | 'phone',
  values: readonly string[],
): Promise<LidPair[]> {
  const { accountId, lid, phone } = waContacts;
  const own =
    'accountId' in owner ? eq(accountId, owner.accountId) : inArray(accountId, accountsOf(db, owner.userId));
  const pairs: LidPair[] = [];
  for await (const batch of inBatches(values, BATCH_SIZE)) {
    const named = inArray(waContacts[by], batch);
    pairs.push(...(await db.select({ accountId, lid, phone }).from(waContacts).where(and(own, named))));
  }
  return pairs;
}

const accountsOf = (db: Db | Tx, userId: number) =>
  db.select({ id: whatsappAccounts.id }).from(whatsappAccounts).where(eq(whatsappAccounts.userId, userId));

/**
 * The statement that finds the pairs which `where` names, not run: for a read that joins it with another table's in one
 * statement. Its rows are marked with `kind`.
 */
export function selectLidPairs<K extends number>(
  db: Db,
  kind: SQL<K>,
  where: (contact: typeof waContacts) => SQL | undefined,
) {
  return db
    .select({
      kind,
      owner: sql<string | number>`${waContacts.accountId}`,
      one: waContacts.phone,
      other: waContacts.lid,
    })
    .from(waContacts)
    .where(where(waContacts));
}

/** LIDs by session and phone. */
export type LidCache = LRUCache<string, string>;

/** Makes the LIDs that this process knows. */
export function createLidCache(): LidCache {
  return new LRUCache({ max: MAX_KNOWN });
}

const lidOfPhone = prepared((db) =>
  db
    .select({ lid: waContacts.lid })
    .from(waContacts)
    .where(
      and(
        eq(waContacts.accountId, sql.placeholder('accountId')),
        eq(waContacts.phone, sql.placeholder('phone')),
      ),
    )
    .limit(1)
    .prepare(),
);

/** The LID of one contact, from the cache where it is there; null while the session has not seen it. */
export async function findLid(
  { db, lids }: { db: Db; lids: LidCache },
  accountId: string,
  phone: string,
): Promise<string | null> {
  const key = `${accountId} ${phone}`;
  const kept = lids.get(key);
  if (kept !== undefined) return kept;
  const [row] = await lidOfPhone(db).execute({ accountId, phone });
  if (row) lids.set(key, row.lid);
  return row?.lid ?? null;
}
