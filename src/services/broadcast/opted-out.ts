import { and, eq, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { optOuts } from '../../db/schema.ts';

/** Which of these phones (E.164 digits, 1,000 at most) want no broadcasts of this tenant. */
export async function isOptedOut(db: Db, userId: number, phones: readonly string[]): Promise<Set<string>> {
  if (phones.length === 0) return new Set();
  const rows = await db
    .select({ phone: optOuts.phone })
    .from(optOuts)
    .where(and(eq(optOuts.userId, userId), inArray(optOuts.phone, [...phones])));
  return new Set(rows.map(({ phone }) => phone));
}
