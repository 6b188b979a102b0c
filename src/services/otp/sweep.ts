/** Ending codes whose time is over, in pieces that never hold anybody up. */

import { and, asc, eq, lte } from 'drizzle-orm';
import { byHalves, readBatches } from '../../db/batches.ts';
import { isAfter } from '../../db/keyset.ts';
import { isUnavailable, skipLocked, transact } from '../../db/ops.ts';
import { otpNumbers, otps } from '../../db/schema.ts';
import { type Fact, record } from '../../events/record.ts';
import { deleteOld } from '../retention.ts';
import { closeOtp, endingByTime } from './close.ts';
import type { OtpDeps } from './deps.ts';
import { FAILURES_WINDOW_MS } from './limits.ts';
import { OPEN_STATUSES, type OtpRow } from './rows.ts';

/** OTPs of one transaction: some milliseconds of work. */
const BATCH_SIZE = 50;

/** Ends every open OTP that is past its time; how many. Two sweeps at once end each of them once. */
export async function expireOverdue(deps: OtpDeps, signal?: AbortSignal): Promise<number> {
  let total = 0;
  for (const status of OPEN_STATUSES) total += await expireOf(deps, status, signal);
  return total;
}

/** One status at a time: the index then gives the rows in order. Those that somebody has locked wait for the next sweep. */
async function expireOf(
  deps: OtpDeps,
  status: (typeof OPEN_STATUSES)[number],
  signal: AbortSignal | undefined,
): Promise<number> {
  let total = 0;
  const { id, expiresAt } = otps;
  const read = (last: OtpRow | null) =>
    skipLocked(
      deps.db
        .select()
        .from(otps)
        .where(
          and(
            eq(otps.status, status),
            lte(expiresAt, deps.clock.now()),
            isAfter([expiresAt, id], last && [last.expiresAt, last.id]),
          ),
        )
        .orderBy(asc(expiresAt), asc(id))
        .limit(BATCH_SIZE),
    );
  for await (const due of readBatches<OtpRow>(BATCH_SIZE, read, signal)) total += await endAll(deps, due);
  return total;
}

/** One that the database refuses stays as it is until the next sweep, and stops no other. */
async function endAll(deps: OtpDeps, due: readonly OtpRow[]): Promise<number> {
  let ended = 0;
  const refused = await byHalves(
    due,
    async (some) => {
      ended += await endTogether(deps, some);
    },
    (error) => !isUnavailable(error),
  );
  for (const { item, error } of refused)
    deps.logger.error('an OTP could not be ended', { otpId: item.id, error });
  return ended;
}

function endTogether(deps: OtpDeps, due: readonly OtpRow[]): Promise<number> {
  return transact(deps.database, async (tx) => {
    const facts: Fact[] = [];
    let ended = 0;
    // In one order everywhere: two sweeps then wait for each other and do not deadlock.
    for (const otp of [...due].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const own = await closeOtp(tx, deps, otp, endingByTime(otp));
      if (own === null) continue;
      facts.push(...own);
      ended++;
    }
    await record(tx, deps, facts);
    return ended;
  });
}

/** Forgets when codes were sent to numbers that have been quiet for a day; how many. */
export function forgetQuietNumbers(deps: OtpDeps, signal?: AbortSignal): Promise<number> {
  const before = deps.clock.now() - FAILURES_WINDOW_MS;
  return deleteOld(deps.db, { table: otpNumbers, by: otpNumbers.updatedAt, before, signal });
}
