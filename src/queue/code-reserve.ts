/** Which sessions send codes: they keep a part of their limits back for them. */

import { and, eq, inArray, isNull, lte, or } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { whatsappAccounts } from '../db/schema.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { PRIORITIES } from './priority.ts';

/** The time is kept to the hour, so that few codes write to their session's row. */
const NOTED_EVERY_MS = HOUR_MS;

/** True when high priority that is queued now is still to be noted on the session's row. */
export function isToBeNoted(lastHighAt: number | null, now: number): boolean {
  return lastHighAt === null || lastHighAt <= now - NOTED_EVERY_MS;
}

/** Notes on the rows of their sessions that high priority is queued, in the transaction that queues it. */
export async function noteHighPriority(
  tx: Tx,
  queued: readonly { accountId: string; priority: number }[],
  now: number,
): Promise<void> {
  const high = queued.filter(({ priority }) => priority === PRIORITIES.high);
  if (high.length === 0) return;
  const { id, lastHighAt } = whatsappAccounts;
  const isOld = or(isNull(lastHighAt), lte(lastHighAt, now - NOTED_EVERY_MS));
  const ids = [...new Set(high.map(({ accountId }) => accountId))];
  // Read first: an update would wait for a lock on the row, and mostly has nothing to write.
  const old = await tx
    .select({ id })
    .from(whatsappAccounts)
    .where(and(inArray(id, ids), isOld))
    .orderBy(id);
  for (const row of old) {
    await tx
      .update(whatsappAccounts)
      .set({ lastHighAt: now })
      .where(and(eq(id, row.id), isOld));
  }
}
