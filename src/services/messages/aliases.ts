/** Numbers under other spellings: what WhatsApp's directory has said of them, per user. */
import { and, eq, inArray } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { waAliases } from '../../db/schema.ts';
import { findSubscriber } from '../../whatsapp/subscribers.ts';

/** The directory's answer: who is behind a number that was dialled. Digits without `+`. */
export interface Alias {
  /** E.164 digits as they were dialled */
  alias: string;
  /** E.164 digits of the account behind it */
  phone: string;
  lid: string | null;
}

/** Keeps the directory's newest answer for the user. `now` in epoch milliseconds. */
export async function learnAlias(db: Db | Tx, userId: number, told: Alias, now: number): Promise<void> {
  const fresh = { phone: told.phone, lid: told.lid, updatedAt: now };
  await upsert(db, waAliases, { userId, alias: told.alias, ...fresh }, [waAliases.userId, waAliases.alias], {
    ...fresh,
  });
}

/** The accounts behind dialled numbers (E.164 digits), as far as they are known under another spelling. */
export async function findAccounts(
  db: Db | Tx,
  userId: number,
  phones: readonly string[],
): Promise<Map<string, Alias>> {
  if (phones.length === 0) return new Map();
  const rows = await db
    .select({ alias: waAliases.alias, phone: waAliases.phone, lid: waAliases.lid })
    .from(waAliases)
    .where(and(eq(waAliases.userId, userId), inArray(waAliases.alias, [...phones])));
  return new Map(rows.map((row) => [row.alias, row]));
}

/** Every spelling that is known of the subscriber behind a number (E.164 digits), this one included. */
export async function findSpellings(db: Db | Tx, userId: number, phone: string): Promise<string[]> {
  return (await findSubscriber(db, userId, phone)).spellings;
}
