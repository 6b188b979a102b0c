/** Forgetting what was told long ago. */

import { asc, eq, gt, inArray, lt, ne } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import { type Batches, deleteInBatches } from '../../db/ops.ts';
import { webhookDeliveries, webhookOutbox, webhookReplays, webhooks } from '../../db/schema.ts';
import { DEFAULT_WEBHOOK_ID } from '../../events/outbox.ts';
import { DAY_MS } from '../../utils/durations.ts';

const DELIVERED_DAYS = 7;
/** Dead events wait this long for a replay. */
const DEAD_DAYS = 30;

/**
 * Deletes delivered events after 7 days, everything else after 30, and all of webhooks that are gone; events take their
 * attempts along. How many events, replays and attempts without an event went. For the housekeeper.
 */
export async function cleanWebhookHistory(
  db: Db,
  { now, signal }: { now: number; signal: AbortSignal },
): Promise<number> {
  const { state, createdAt } = webhookOutbox;
  const by = [createdAt];
  const deadBefore = now - DEAD_DAYS * DAY_MS;
  const events =
    (await deleteEvents(db, { where: lt(createdAt, deadBefore), by, signal })) +
    (await deleteEvents(db, {
      where: lt(createdAt, now - DELIVERED_DAYS * DAY_MS),
      by,
      only: eq(state, 'delivered'),
      signal,
    }));
  const ofDeleted = await cleanDeletedWebhooks(db, signal);
  const attempts = await deleteInBatches(db, {
    table: webhookDeliveries,
    key: webhookDeliveries.id,
    where: lt(webhookDeliveries.at, deadBefore),
    by: [webhookDeliveries.at],
    signal,
  });
  const replays = await deleteInBatches(db, {
    table: webhookReplays,
    key: webhookReplays.id,
    where: lt(webhookReplays.createdAt, deadBefore),
    by: [webhookReplays.createdAt],
    only: ne(webhookReplays.state, 'running'),
    signal,
  });
  return events + ofDeleted + attempts + replays;
}

/** Events with their attempts, in the same transactions. */
export function deleteEvents(
  db: Db,
  which: Pick<Batches<typeof webhookOutbox>, 'where' | 'by' | 'only' | 'signal'>,
): Promise<number> {
  return deleteInBatches(db, {
    ...which,
    table: webhookOutbox,
    key: webhookOutbox.id,
    along: (tx, keys) =>
      tx.delete(webhookDeliveries).where(inArray(webhookDeliveries.outboxId, keys.map(String))),
  });
}

/** What is left of webhooks that are gone. Their ids are read one by one from the index: it has few of them, many times. */
async function cleanDeletedWebhooks(db: Db, signal: AbortSignal): Promise<number> {
  const { webhookId } = webhookDeliveries;
  let deleted = 0;
  for (let last = ''; !signal.aborted; ) {
    await yieldToEventLoop();
    const [next] = await db
      .select({ id: webhookId })
      .from(webhookDeliveries)
      .where(gt(webhookId, last))
      .orderBy(asc(webhookId))
      .limit(1);
    if (next === undefined) break;
    last = next.id;
    if (last === DEFAULT_WEBHOOK_ID) continue;
    const [known] = await db.select({ id: webhooks.id }).from(webhooks).where(eq(webhooks.id, last));
    if (known !== undefined) continue;
    deleted += await deleteEvents(db, {
      where: eq(webhookOutbox.webhookId, last),
      by: [webhookOutbox.createdAt],
      signal,
    });
    deleted += await deleteInBatches(db, {
      table: webhookDeliveries,
      key: webhookDeliveries.id,
      where: eq(webhookId, last),
      by: [webhookDeliveries.at],
      signal,
    });
  }
  return deleted;
}
