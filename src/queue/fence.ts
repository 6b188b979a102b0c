import { and, eq, exists, type Placeholder, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { whatsappAccounts } from '../db/schema.ts';
import type { AccountRef } from '../whatsapp/engine.ts';

/** The writer, and its ownership of the session. */
export type Held = Pick<AccountRef, 'id' | 'owner' | 'fence'>;

/** For `isHeld` in prepared statements: their values are the fields of a `Held` under these names. */
export const HELD = {
  id: sql.placeholder('heldId'),
  owner: sql.placeholder('heldOwner'),
  fence: sql.placeholder('heldFence'),
} satisfies Record<keyof Held, Placeholder>;

/** The values that belong to HELD. */
export function heldValues({ id, owner, fence }: Held) {
  return { heldId: id, heldOwner: owner, heldFence: fence };
}

/** The same, of the session's row itself. */
export function isHeldRow(account: Held | typeof HELD): SQL | undefined {
  return and(
    eq(whatsappAccounts.id, account.id),
    eq(whatsappAccounts.owner, account.owner),
    eq(whatsappAccounts.fence, account.fence),
  );
}

/** The condition that the session still belongs to this owner under this fence: a stale owner's write hits no row. */
export function isHeld(db: Db, account: Held | typeof HELD): SQL {
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
