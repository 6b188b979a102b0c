/** Ending codes whose time is over, in pieces that never hold anybody up. */

import { and, asc, eq, lte } from 'drizzle-orm';
import { readBatches } from '../../db/batches.ts';
import { transact } from '../../db/ops.ts';
import { otpNumbers, otps } from '../../db/schema.ts';
import { type Fact, record } from '../../events/record.ts';
import { deleteOld } from '../retention.ts';
import { closeOtp, endingByTime } from './close.ts';
import type { OtpDeps } from './deps.ts';
import { FAILURES_WINDOW_MS } from './limits.ts';
import { OPEN_STATUSES } from './rows.ts';

/** OTPs of one transaction: some milliseconds of work. */
const BATCH_SIZE = 50;

/** Ends every open OTP that is past its time; how many. Two sweeps at once end each of them once. */
export async function expireOverdue(deps: OtpDeps, signal?: AbortSignal): Promise<number> {
  let total = 0;
  for (const status of OPEN_STATUSES) total += await expireOf(deps, status, signal);
  return total;
}

/** One status at a time: the index then gives the rows in order. */
async function expireOf(
  deps: OtpDeps,
  status: (typeof OPEN_STATUSES)[number],
  signal: AbortSignal | undefined,
): Promise<number> {
  let total = 0;
  const read = () =>
    deps.db
      .select()
      .from(otps)
      .where(and(eq(otps.status, status), lte(otps.expiresAt, deps.clock.now())))
      .orderBy(asc(otps.expiresAt))
      .limit(BATCH_SIZE);
  for await (const due of readBatches(BATCH_SIZE, read, signal)) {
    total += await transact(deps.database, async (tx) => {
      const facts: Fact[] = [];
      let ended = 0;
      for (const otp of due.sort((a, b) => (a.id < b.id ? -1 : 1))) {
        const own = await closeOtp(tx, deps, otp, endingByTime(otp));
        if (own === null) continue;
        facts.push(...own);
        ended++;
      }
      await record(tx, deps, facts);
      return ended;
    });
  }
  return total;
}

/** Forgets when codes were sent to numbers that have been quiet for a day; how many. */
export function forgetQuietNumbers(deps: OtpDeps, signal?: AbortSignal): Promise<number> {
  const before = deps.clock.now() - FAILURES_WINDOW_MS;
  return deleteOld(deps.db, { table: otpNumbers, by: otpNumbers.updatedAt, before, signal });
}
