import { and, eq, inArray } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { tryInsert, tryInsertMany } from '../../db/ops.ts';
import { optOuts } from '../../db/schema.ts';
import { readLedgerKeys } from './ledger-keys.ts';

/**
 * Which of these phones (E.164 digits, or keys of LIDs; 1,000 at most) want no broadcasts of this tenant: whoever opted
 * out under one spelling of their number, or under its LID, did so for all.
 */
export async function isOptedOut(
  db: Db | Tx,
  userId: number,
  phones: readonly string[],
): Promise<Set<string>> {
  if (phones.length === 0) return new Set();
  const keys = await readLedgerKeys(db, userId, phones);
  const rows = await db
    .select({ phone: optOuts.phone })
    .from(optOuts)
    .where(and(eq(optOuts.userId, userId), inArray(optOuts.phone, [...new Set([...keys.values()].flat())])));
  const out = new Set(rows.map(({ phone }) => phone));
  return new Set(phones.filter((phone) => keys.get(phone)?.some((key) => out.has(key))));
}

/** Those who are in the ledger under none of their keys, each subscriber once (keys as `isOptedOut` takes them). */
export async function withoutOptedOut(
  db: Db | Tx,
  userId: number,
  phones: readonly string[],
): Promise<string[]> {
  const out = await isOptedOut(db, userId, phones);
  const keys = await readLedgerKeys(db, userId, phones);
  const fresh: string[] = [];
  for (const phone of phones) {
    if (out.has(phone)) continue;
    fresh.push(phone);
    for (const key of keys.get(phone) ?? []) out.add(key);
  }
  return fresh;
}

export type NewOptOut = typeof optOuts.$inferInsert;

/** Adds up to 500 rows in one statement, those that somebody else has put there at this moment left out; which were added. */
export async function insertNewOptOuts(tx: Tx, rows: readonly NewOptOut[]): Promise<readonly NewOptOut[]> {
  if (rows.length > 1 && (await tryInsertMany(tx, optOuts, rows))) return rows;
  const added: NewOptOut[] = [];
  for (const row of rows) if (await tryInsert(tx, optOuts, row)) added.push(row);
  return added;
}
