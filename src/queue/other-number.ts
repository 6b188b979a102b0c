/** A session that is linked to another number than before: what was known of the former one does not count for it. */
import { and, eq, lt } from 'drizzle-orm';
import type { Changes, Tx } from '../db/client.ts';
import { waChatStates, waLabels, waLabelUses, waPeople, whatsappAccounts } from '../db/schema.ts';
import { isSamePhone } from '../utils/phone/former.ts';

/**
 * In the transaction that links `phone` (digits): what else changes on the session's row. When the row named another number,
 * people who knew that one are strangers again, its chats and labels are not known any more, and the age that its owner gave the account is forgotten. `since` (epoch
 * milliseconds): nobody can have known the new number in this session before.
 */
export async function forgetFormerNumber(
  tx: Tx,
  accountId: string,
  phone: string,
  since: number,
): Promise<Pick<Changes<typeof whatsappAccounts>, 'knownFrom' | 'limits'>> {
  const [row] = await tx
    .select({ phoneNumber: whatsappAccounts.phoneNumber, limits: whatsappAccounts.limits })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, accountId));
  if (!row || row.phoneNumber === null || isSamePhone(row.phoneNumber, phone)) return {};
  await tx.delete(waPeople).where(and(eq(waPeople.accountId, accountId), lt(waPeople.updatedAt, since)));
  for (const table of [waChatStates, waLabels, waLabelUses]) {
    await tx.delete(table).where(and(eq(table.accountId, accountId), lt(table.changedAt, since)));
  }
  const limits = Object.entries(row.limits ?? {}).filter(([name]) => name !== 'accountSince');
  return { knownFrom: since, ...(row.limits === null ? {} : { limits: Object.fromEntries(limits) }) };
}
