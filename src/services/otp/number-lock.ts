/** One number of a tenant at a time: sends and resends to it take its lock on its row. */
import { and, desc, eq, gt, inArray, type Placeholder, sql } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { incoming, prepared, preparedWrite, upsert } from '../../db/ops.ts';
import { otpNumbers, otps } from '../../db/schema.ts';
import type { Subscriber } from '../../whatsapp/subscribers.ts';
import { spendOtp } from '../quotas.ts';
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

/**
 * Waits until no other caller sends to the number of this subscriber, and keeps it so: the lock lasts until the transaction
 * ends.
 */
export async function lockNumber(
  tx: Tx,
  { userId, key, spellings }: Subscriber & { userId: number },
  now: number,
): Promise<LockedNumber> {
  const fresh = { userId, phone: key, sends: [], lastOtpId: null, updatedAt: now };
  // The write comes first: it is what takes the row's lock, and the read after it sees what others committed.
  await upsert(tx, otpNumbers, fresh, [otpNumbers.userId, otpNumbers.phone], {
    updatedAt: incoming<number>(otpNumbers.updatedAt),
  });
  // A spelling that was not known to be theirs before may have a row of its own: its sends count, too.
  const rows = await readNumbers(tx, userId, [...new Set([key, ...spellings])]);
  const own = rows.find((row) => row.phone === key);
  const counted = new Set(own?.sends);
  const others = rows.filter((row) => row !== own).flatMap((row) => row.sends);
  const sends = [...(own?.sends ?? []), ...others.filter((at) => !counted.has(at))];
  const lastOtpId = own?.lastOtpId ?? rows.find((row) => row.lastOtpId !== null)?.lastOtpId ?? null;
  return { userId, key, spellings, sends, lastOtpId };
}

const numbersOfTwo = prepared((db) =>
  db
    .select()
    .from(otpNumbers)
    .where(
      and(
        eq(otpNumbers.userId, sql.placeholder('userId')),
        inArray(otpNumbers.phone, [sql.placeholder('one'), sql.placeholder('other')]),
      ),
    )
    .orderBy(desc(otpNumbers.updatedAt))
    .prepare(),
);

/** What was sent to these spellings, the newest first; mostly there are one or two. */
async function readNumbers(
  tx: Tx,
  userId: number,
  phones: readonly string[],
): Promise<(typeof otpNumbers.$inferSelect)[]> {
  const [one, other = one] = phones;
  if (one !== undefined && phones.length <= 2) return numbersOfTwo(tx).execute({ userId, one, other });
  return tx
    .select()
    .from(otpNumbers)
    .where(and(eq(otpNumbers.userId, userId), inArray(otpNumbers.phone, [...phones])))
    .orderBy(desc(otpNumbers.updatedAt));
}

/**
 * Spends one send of the number, of the tenant and of the end user's address. Throws RATE_LIMITED or QUOTA_EXCEEDED with
 * `Retry-After`; the caller's transaction must then roll back.
 */
export async function spendSend(
  tx: Tx,
  deps: OtpDeps,
  number: LockedNumber,
  send: { otpId: string; endUserIp: string | null },
): Promise<void> {
  const now = deps.clock.now();
  // Nothing to cool down from: nobody need be asked whether the last code was verified.
  const hasRecent = recentSends(number.sends, now).length > 0;
  const waitMs = hasRecent ? waitForSend(number.sends, now, await isProven(tx, number)) : 0;
  if (waitMs > 0) throw tooOften('Another code may go to this number only later.', 'number', waitMs);
  const { perAddressPerHour } = deps.config.otp;
  await spendOtp(tx, deps, number.userId);
  if (send.endUserIp !== null) {
    const key = `otp:address:${number.userId}:${addressKey(send.endUserIp)}`;
    await spendWindow(tx, { key, max: perAddressPerHour }, now);
  }
  const { userId, key: phone } = number;
  const sends = JSON.stringify([...recentSends(number.sends, now), now]);
  await noteSend(tx, { userId, phone, sends, lastOtpId: send.otpId });
}

const noteSend = preparedWrite<{ userId: number; phone: string; sends: string; lastOtpId: string }>((db) =>
  db
    .update(otpNumbers)
    .set({ sends: sql`${sql.placeholder('sends')}`, lastOtpId: sql`${sql.placeholder('lastOtpId')}` })
    .where(
      and(eq(otpNumbers.userId, sql.placeholder('userId')), eq(otpNumbers.phone, sql.placeholder('phone'))),
    ),
);

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
  const { userId, spellings } = number;
  // An OTP lives for a day at most, so its attempts are at most that much younger than it.
  const from = now - 2 * FAILURES_WINDOW_MS;
  const [one, other = one] = spellings;
  const past =
    one !== undefined && spellings.length <= 2
      ? await endedOfTwo(tx).execute({ userId, from, one, other })
      : await endedOtps(tx, userId, from, [...spellings]);
  const { left, waitMs } = failureBudget(past, now);
  if (left === 0) throw tooOften('Too many wrong codes for this number.', 'number_failures', waitMs);
  return left;
}

type Value<T> = T | Placeholder;

function endedOtps(db: Db, userId: Value<number>, from: Value<number>, phones: Value<string>[]) {
  return db
    .select({ status: otps.status, attempts: otps.attempts, lastAttemptAt: otps.lastAttemptAt })
    .from(otps)
    .where(
      and(
        eq(otps.userId, userId),
        inArray(otps.phone, phones),
        gt(otps.createdAt, from),
        inArray(otps.status, ['verified', 'expired', 'failed', 'canceled']),
      ),
    );
}

const endedOfTwo = prepared((db) =>
  endedOtps(db, sql.placeholder('userId'), sql.placeholder('from'), [
    sql.placeholder('one'),
    sql.placeholder('other'),
  ]).prepare(),
);
