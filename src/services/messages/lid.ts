import { and, eq, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { prepared } from '../../db/ops.ts';
import { waContacts } from '../../db/schema.ts';
import type { Deps } from '../context.ts';

/** A LID is its phone's for good; one that is not known yet may be told any moment, so only known ones are kept. */
const MAX_KNOWN = 20_000;

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

/** The LID of a contact as this session has seen it, digits; null while it has not. */
export async function findContactLid(
  { db, lids }: Pick<Deps, 'db' | 'lids'>,
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
