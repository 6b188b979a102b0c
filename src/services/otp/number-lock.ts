/** One number of a tenant at a time: sends and resends to it take its lock on its row. */
import { and, desc, eq, gt, inArray } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, tryInsert } from '../../db/ops.ts';
import { otpNumbers, otps } from '../../db/schema.ts';
import { findSubscriber } from '../../whatsapp/subscribers.ts';
import type { OtpDeps } from './deps.ts';
import { FAILURES_WINDOW_MS, failureBudget, recentSends, tooOften, waitForSend } from './limits.ts';
import { addressKey, spendWindow } from './windows.ts';

export interface LockedNumber {
  userId: number;
  /** E.164 digits that stand for the subscriber, whichever of their numbers was dialled */
  key: string;
  spellings: readonly string[];
  sends: number[];
  lastOtpId: string | null;
}

const isNumber = (userId: number, phone: string) =>
  and(eq(otpNumbers.userId, userId), eq(otpNumbers.phone, phone));

/** Waits until no other caller sends to the number, and keeps it so: the lock lasts until the transaction ends. */
export async function lockNumber(
  tx: Tx,
  ref: { userId: number; phone: string },
  now: number,
): Promise<LockedNumber> {
  const { userId } = ref;
  const { key, spellings } = await findSubscriber(tx, userId, ref.phone);
  const where = isNumber(userId, key);
  // The write comes first: it is what takes the row's lock, and the read after it sees what others committed.
  const lock = () => tx.update(otpNumbers).set({ updatedAt: now }).where(where);
  if (affected(await lock()) === 0) {
    const fresh = { userId, phone: key, sends: [], lastOtpId: null, updatedAt: now };
    if (!(await tryInsert(tx, otpNumbers, fresh))) await lock();
  }
  // A spelling that was not known to be theirs before may have a row of its own: its sends count, too.
  const rows = await tx
    .select()
    .from(otpNumbers)
    .where(and(eq(otpNumbers.userId, userId), inArray(otpNumbers.phone, [...new Set([key, ...spellings])])))
    .orderBy(desc(otpNumbers.updatedAt));
  const own = rows.find((row) => row.phone === key);
  const counted = new Set(own?.sends);
  const others = rows.filter((row) => row !== own).flatMap((row) => row.sends);
  const sends = [...(own?.sends ?? []), ...others.filter((at) => !counted.has(at))];
  const lastOtpId = own?.lastOtpId ?? rows.find((row) => row.lastOtpId !== null)?.lastOtpId ?? null;
  return { userId, key, spellings, sends, lastOtpId };
}

/**
 * Spends one send of the number, of the tenant and of the end user's address. Throws RATE_LIMITED with
 * `Retry-After`; the caller's transaction must then roll back.
 */
export async function spendSend(
  tx: Tx,
  deps: OtpDeps,
  number: LockedNumber,
  send: { otpId: string; endUserIp: string | null },
): Promise<void> {
  const now = deps.clock.now();
  const waitMs = waitForSend(number.sends, now, await isProven(tx, number));
  if (waitMs > 0) throw tooOften('Another code may go to this number only later.', 'number', waitMs);
  const { sendsPerHour, perAddressPerHour } = deps.config.otp;
  await spendWindow(tx, { key: `otp:tenant:${number.userId}`, max: sendsPerHour }, now);
  if (send.endUserIp !== null) {
    const key = `otp:address:${number.userId}:${addressKey(send.endUserIp)}`;
    await spendWindow(tx, { key, max: perAddressPerHour }, now);
  }
  await tx
    .update(otpNumbers)
    .set({ sends: [...recentSends(number.sends, now), now], lastOtpId: send.otpId })
    .where(isNumber(number.userId, number.key));
}

/** The number's newest code was verified: whoever holds the phone asked for it. */
async function isProven(tx: Tx, number: LockedNumber): Promise<boolean> {
  if (number.lastOtpId === null) return false;
  const [last] = await tx.select({ status: otps.status }).from(otps).where(eq(otps.id, number.lastOtpId));
  return last?.status === 'verified';
}

/**
 * How many wrong codes the number has left in 24 h. Exact because the one open OTP was closed before in this
 * transaction, so no check can spend an attempt meanwhile. Throws RATE_LIMITED when none is left.
 */
export async function readBudget(tx: Tx, number: LockedNumber, now: number): Promise<number> {
  const past = await tx
    .select({ status: otps.status, attempts: otps.attempts, lastAttemptAt: otps.lastAttemptAt })
    .from(otps)
    .where(
      and(
        eq(otps.userId, number.userId),
        inArray(otps.phone, [...number.spellings]),
        // An OTP lives for a day at most, so its attempts are at most that much younger than it.
        gt(otps.createdAt, now - 2 * FAILURES_WINDOW_MS),
        inArray(otps.status, ['verified', 'expired', 'failed', 'canceled']),
      ),
    );
  const { left, waitMs } = failureBudget(past, now);
  if (left === 0) throw tooOften('Too many wrong codes for this number.', 'number_failures', waitMs);
  return left;
}
