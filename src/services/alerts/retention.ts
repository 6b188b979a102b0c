/** Forgets alarms that are over, with what was told of them. */
import { and, inArray, isNull, lte } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { alarms, alertNotices } from '../../db/schema.ts';

const BATCH_SIZE = 200;

/** Those that ended before that time (epoch milliseconds); how many. */
export async function forgetAlarms(
  db: Db,
  { before, signal }: { before: number; signal: AbortSignal },
): Promise<number> {
  let gone = 0;
  while (!signal.aborted) {
    const rows = await db
      .select({ id: alarms.id })
      .from(alarms)
      .where(and(isNull(alarms.openKey), lte(alarms.endedAt, before)))
      .limit(BATCH_SIZE);
    if (rows.length === 0) break;
    const ids = rows.map(({ id }) => id);
    await db.delete(alertNotices).where(inArray(alertNotices.alarmId, ids));
    await db.delete(alarms).where(inArray(alarms.id, ids));
    gone += rows.length;
  }
  return gone;
}
