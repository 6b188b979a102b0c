/** The alarm: codes that are not typed in are what a pumping attack, or a broken login page, looks like. */

import { asc, gt } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import { isNewer } from '../../db/keyset.ts';
import { transact } from '../../db/ops.ts';
import { otps } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { OtpDeps } from './deps.ts';
import { spendWindow } from './windows.ts';

const BATCH_SIZE = 1_000;

/** Of codes that have ended. */
export interface Tally {
  ended: number;
  verified: number;
}

/**
 * Counts, per tenant, the OTPs that ended in the last hour. Fewer than `minPercent` verified of at least
 * `minSends`: `otp.conversion_low` is recorded, at most once a tenant and clock hour. The tenants that were told.
 */
export async function checkConversion(deps: OtpDeps, signal?: AbortSignal): Promise<number[]> {
  const told: number[] = [];
  for (const [userId, tally] of await tallyLastHour(deps, signal)) {
    if (!isLowConversion(deps.config.otp.conversion, tally)) continue;
    if (await raise(deps, userId, tally, percentOf(tally))) told.push(userId);
  }
  return told;
}

const percentOf = ({ ended, verified }: Tally) => (100 * verified) / ended;

/** Fewer than `minPercent` of at least `minSends` codes were typed in. */
export function isLowConversion(
  { minSends, minPercent }: OtpDeps['config']['otp']['conversion'],
  tally: Tally,
): boolean {
  return tally.ended >= minSends && percentOf(tally) < minPercent;
}

/**
 * Of the OTPs that ended in the last hour, by user ID: all tenants' in one pass. In pieces by the index on the end, so that
 * neither a statement nor the event loop takes long. An aborted `signal` ends it early: what was counted until then.
 */
export async function tallyLastHour(
  deps: Pick<OtpDeps, 'db' | 'clock'>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, Tally>> {
  const tallies = new Map<number, Tally>();
  const since = deps.clock.now() - HOUR_MS;
  const place = (row: { endedAt: number | null; id: string }) => ({ at: row.endedAt ?? since, id: row.id });
  type Ended = Pick<typeof otps.$inferSelect, 'id' | 'userId' | 'status' | 'endedAt'>;
  const read = (last: Ended | null) =>
    deps.db
      .select({ id: otps.id, userId: otps.userId, status: otps.status, endedAt: otps.endedAt })
      .from(otps)
      .where(
        last === null ? gt(otps.endedAt, since) : isNewer({ at: otps.endedAt, id: otps.id }, place(last)),
      )
      .orderBy(asc(otps.endedAt), asc(otps.id))
      .limit(BATCH_SIZE);
  for await (const rows of readBatches(BATCH_SIZE, read, signal)) {
    for (const { userId, status } of rows) {
      const tally = tallies.get(userId) ?? { ended: 0, verified: 0 };
      tally.ended++;
      if (status === 'verified') tally.verified++;
      tallies.set(userId, tally);
    }
  }
  return tallies;
}

/** False when it was told in this hour already, by whichever process. */
async function raise(deps: OtpDeps, userId: number, tally: Tally, percent: number): Promise<boolean> {
  try {
    await transact(deps.database, async (tx) => {
      await spendWindow(tx, { key: `otp:alarm:${userId}`, max: 1 }, deps.clock.now());
      const data = { ...tally, percent: Math.round(percent * 10) / 10, windowMinutes: 60 };
      await record(tx, deps, [{ userId, event: 'otp.conversion_low', status: 'failure', data }]);
    });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'RATE_LIMITED') return false;
    throw error;
  }
}
