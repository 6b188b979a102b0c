/** Taking all identities off an account: whoever had it before may have linked their own. */
import { eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { identities } from '../../db/schema.ts';
import { type Origin, record } from '../../events/record.ts';
import type { Ctx } from '../context.ts';
import { accountOf } from '../workspaces/own.ts';

/** Unlinks every identity of a person, in the transaction that gives the account a new password. */
export async function endIdentitiesOf(tx: Tx, ctx: Ctx, personId: number, origin: Origin): Promise<void> {
  const own = eq(identities.userId, personId);
  const rows = await tx
    .select({ subject: identities.id, provider: identities.provider })
    .from(identities)
    .where(own);
  if (rows.length === 0) return;
  await tx.delete(identities).where(own);
  const account = await accountOf(tx, personId);
  const facts = rows.map(({ subject, provider }) => {
    return { ...account, event: 'auth.identity_unlinked' as const, subject, data: { provider }, origin };
  });
  await record(tx, ctx, facts);
}
