import { and, eq, exists, type SQL } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { whatsappAccounts } from '../db/schema.ts';
import type { AccountRef } from '../whatsapp/engine.ts';

/** Who writes, and under which ownership of the session. */
export type Held = Pick<AccountRef, 'id' | 'owner' | 'fence'>;

/** The condition that the session still belongs to this owner under this fence: a stale owner's write hits no row. */
export function isHeld(db: Db, account: Held): SQL {
  return exists(
    db
      .select({ id: whatsappAccounts.id })
      .from(whatsappAccounts)
      .where(
        and(
          eq(whatsappAccounts.id, account.id),
          eq(whatsappAccounts.owner, account.owner),
          eq(whatsappAccounts.fence, account.fence),
        ),
      ),
  );
}
