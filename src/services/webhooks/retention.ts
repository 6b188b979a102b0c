/** Forgetting what was told long ago. */

import { and, eq, lt, ne, or } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { deleteInBatches } from '../../db/ops.ts';
import { webhookDeliveries, webhookOutbox, webhookReplays } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';

const DELIVERED_DAYS = 7;
/** Dead events wait this long for a replay. */
const DEAD_DAYS = 30;

/** Deletes delivered events after 7 days, everything else after 30; how many rows went. For the housekeeper. */
export async function cleanWebhookHistory(
  db: Db,
  { now, signal }: { now: number; signal: AbortSignal },
): Promise<number> {
  const { id, state, createdAt } = webhookOutbox;
  const where = or(
    lt(createdAt, now - DEAD_DAYS * DAY_MS),
    and(eq(state, 'delivered'), lt(createdAt, now - DELIVERED_DAYS * DAY_MS)),
  );
  const events = await deleteInBatches(db, { table: webhookOutbox, key: id, where, signal });
  const attempts = await deleteInBatches(db, {
    table: webhookDeliveries,
    key: webhookDeliveries.id,
    where: lt(webhookDeliveries.at, now - DEAD_DAYS * DAY_MS),
    signal,
  });
  const replays = await deleteInBatches(db, {
    table: webhookReplays,
    key: webhookReplays.id,
    where: and(lt(webhookReplays.createdAt, now - DEAD_DAYS * DAY_MS), ne(webhookReplays.state, 'running')),
    signal,
  });
  return events + attempts + replays;
}
