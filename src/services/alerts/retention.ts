/** Forgets alarms that are over, with what was told of them. */
import { and, inArray, isNull, lte } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { deleteInBatches } from '../../db/ops.ts';
import { alarms, alertNotices } from '../../db/schema.ts';

/** Those that ended before that time (epoch milliseconds); how many. */
export function forgetAlarms(
  db: Db,
  { before, signal }: { before: number; signal: AbortSignal },
): Promise<number> {
  return deleteInBatches(db, {
    table: alarms,
    key: alarms.id,
    where: and(isNull(alarms.openKey), lte(alarms.endedAt, before)),
    signal,
    along: (tx, keys) => tx.delete(alertNotices).where(inArray(alertNotices.alarmId, keys.map(String))),
  });
}
