import { and, eq, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { Db } from '../../db/client.ts';
import { prepared } from '../../db/ops.ts';
import { waContacts } from '../../db/schema.ts';

/** A LID is its phone's for good; one that is not known yet may be told any moment, so only known ones are kept. */
const MAX_KNOWN = 20_000;
const known = new WeakMap<Db, LRUCache<string, string>>();

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
export async function findContactLid(db: Db, accountId: string, phone: string): Promise<string | null> {
  const cache = known.get(db) ?? new LRUCache<string, string>({ max: MAX_KNOWN });
  known.set(db, cache);
  const key = `${accountId} ${phone}`;
  const kept = cache.get(key);
  if (kept !== undefined) return kept;
  const [row] = await lidOfPhone(db).execute({ accountId, phone });
  if (row) cache.set(key, row.lid);
  return row?.lid ?? null;
}
