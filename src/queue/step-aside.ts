/** Messages to strangers step aside while none may be written to, so that they do not delay people that the session knows. */

import { and, asc, eq, gt, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import { readBatches } from '../db/batches.ts';
import type { Db } from '../db/client.ts';
import { affected } from '../db/ops.ts';
import { messageQueue } from '../db/schema.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { readKnown } from './breaker.ts';
import type { QueueDeps } from './deps.ts';
import { isHeld } from './fence.ts';
import { personOf, readContacted } from './first-contacts.ts';
import { readCandidates } from './look-ahead.ts';
import type { Priority } from './priority.ts';

/** Rows of one statement. */
const BATCH_SIZE = 200;

/**
 * Rows for people who do not know the session step aside until then, as many as there are among the next `reach` of that
 * priority. With `exceptContacted` those go on whom the limit of first contacts counts already; `alsoId` is a row that steps aside
 * with them whoever it is for. How many rows moved.
 */
export async function deferStrangers(
  deps: QueueDeps,
  held: AccountRef,
  input: {
    priority: Priority;
    until: number;
    reach: number;
    exceptContacted: boolean;
    alsoId: string | null;
  },
): Promise<number> {
  const ahead = await readCandidates(deps.db, held.id, input.priority, input.reach);
  const known = await readKnown(deps.db, held, ahead);
  const strangers = ahead.filter(
    (row) => (row.id === input.alsoId || !known.has(row.peer)) && row.availableAt < input.until,
  );
  const contacted = input.exceptContacted
    ? await readContacted(deps.db, held.id, strangers, deps.clock.now())
    : new Set<string>();
  const ids = strangers.filter((row) => !contacted.has(personOf(row))).map((row) => row.id);
  return stepAside(deps, held, ids, input.until);
}

/** Rows step aside until then, and are due again when they were before as soon as strangers may be written to. How many moved. */
export async function stepAside(
  deps: Pick<QueueDeps, 'db'>,
  held: AccountRef,
  ids: readonly string[],
  until: number,
): Promise<number> {
  if (ids.length === 0) return 0;
  const waiting = and(
    inArray(messageQueue.id, [...ids]),
    eq(messageQueue.status, 'pending'),
    isHeld(deps.db, held),
  );
  await deps.db
    .update(messageQueue)
    .set({ dueAt: sql`${messageQueue.availableAt}` })
    .where(and(waiting, isNull(messageQueue.dueAt)));
  const moved = await deps.db.update(messageQueue).set({ availableAt: until }).where(waiting);
  return affected(moved);
}

/**
 * Strangers may be written to earlier than was thought: what has stepped aside is due again when it was before, the
 * oldest first and at most `atMost`. How many rows. Safe whoever owns the session: its line looks at each again.
 */
export async function bringBack(db: Db, accountId: string, now: number, atMost: number): Promise<number> {
  let moved = 0;
  const read = () =>
    db
      .select({ id: messageQueue.id })
      .from(messageQueue)
      .where(
        and(
          eq(messageQueue.accountId, accountId),
          eq(messageQueue.status, 'pending'),
          isNotNull(messageQueue.dueAt),
          gt(messageQueue.availableAt, now),
        ),
      )
      .orderBy(asc(messageQueue.id))
      .limit(Math.min(BATCH_SIZE, atMost - moved));
  for await (const rows of readBatches(BATCH_SIZE, read)) {
    const ids = rows.map(({ id }) => id);
    const due = await db
      .update(messageQueue)
      .set({ availableAt: sql`${messageQueue.dueAt}`, dueAt: null })
      .where(
        // Somebody else may have brought them back meanwhile.
        and(inArray(messageQueue.id, ids), eq(messageQueue.status, 'pending'), isNotNull(messageQueue.dueAt)),
      );
    moved += affected(due);
    if (moved >= atMost) break;
  }
  return moved;
}
