/** Numbers under other spellings: what WhatsApp's directory has said of them, per user. */
import type { Db, Tx } from '../../db/client.ts';
import { upsert } from '../../db/ops.ts';
import { waAliases } from '../../db/schema.ts';

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
