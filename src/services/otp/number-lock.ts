/** One number of a tenant at a time: sends and resends to it take its lock on its row. */
import { and, eq, gt, inArray, type Placeholder, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import {
  incoming,
  placeholders,
  preparedFor,
  preparedWrite,
  unanswered,
  upsert,
  valuesAt,
} from '../../db/ops.ts';
import { otpNumbers, otps } from '../../db/schema.ts';
import type { Subscriber } from '../../whatsapp/subscribers.ts';
import { spendOtp } from '../quotas.ts';
import type { OtpDeps } from './deps.ts';
import {
  FAILURES_WINDOW_MS,
  failureBudget,
  type PastOtp,
  recentSends,
  tooOften,
  waitForSend,
} from './limits.ts';
import { addressKey, spendWindow } from './windows.ts';

export interface LockedNumber {
  userId: number;
  /** E.164 digits that stand for the subscriber, whichever of their numbers was dialled */
  key: string;
  spellings: readonly string[];
  sends: number[];
  lastOtpId: string | null;
  /** its row was made for this code, and holds its send already */
  noted: boolean;
  /** the OTPs that count against its budget, exact while none is open; null: one is */
  ended: PastOtp[] | null;
}

/**
 * Waits until no other caller sends to the number of this subscriber, and keeps it so: the lock lasts until the transaction
 * ends. All that is kept of the number is read at once. `otpId`: the new code it is for; null for one that was sent before.
 */
export async function lockNumber(
  tx: Tx,
  { userId, key, spellings }: Subscriber & { userId: number },
  { otpId, now }: { otpId: string | null; now: number },
): Promise<LockedNumber> {
  const sent = otpId === null ? [] : [now];
  const fresh = { userId, phone: key, sends: sent, lastOtpId: otpId, updatedAt: now };
  // The write comes first: it is what takes the row's lock, and the read after it sees what others committed.
  await upsert(unanswered(tx), otpNumbers, fresh, NUMBER, USED_NOW);
  const phones = [...new Set([key, ...spellings])];
  const kept = await keptOf(tx, phones.length).execute({
    ...valuesAt(phones.map((phone) => ({ phone }))),
    userId,
    from: now - BUDGET_REACH_MS,
  });
  const ofKind = (kind: number) => kept.filter((row) => Number(row.kind) === kind);
  const isNew = (row: KeptRow) => otpId !== null && row.otpId === otpId;
  const numbers = ofKind(KINDS.number);
  const before = numbers.filter((row) => !isNew(row)).sort((a, b) => Number(b.at) - Number(a.at));
  const { sends, lastOtpId } = together(before, key);
  const ended = ofKind(KINDS.open).length > 0 ? null : ofKind(KINDS.ended).map(toPast);
  const noted = sends.length === 0 && numbers.some(isNew);
  return { userId, key, spellings, sends, lastOtpId, noted, ended };
}

const NUMBER = [otpNumbers.userId, otpNumbers.phone];
const USED_NOW = { updatedAt: incoming<number>(otpNumbers.updatedAt) };

/** What the rows of one subscriber, the newest first, say together. */
function together(rows: readonly KeptRow[], key: string): Pick<LockedNumber, 'sends' | 'lastOtpId'> {
  const own = rows.find(({ phone }) => phone === key);
  // A spelling that was not known to be theirs before may have a row of its own: its sends count, too.
  const others = rows.filter((row) => row !== own);
  const sends = own ? sendsOf(own) : [];
  const counted = new Set(sends);
  const more = others.flatMap(sendsOf).filter((at) => !counted.has(at));
  const last = [...(own ? [own] : []), ...others].find(({ otpId }) => otpId !== null);
  return { sends: [...sends, ...more], lastOtpId: last?.otpId ?? null };
}

const KINDS = { number: 0, open: 1, ended: 2 } as const;

interface KeptRow {
  kind: number;
  phone: string | null;
  /** as JSON, of a number */
  sends: string | null;
  otpId: string | null;
  status: string | null;
  attempts: number;
  /** when it was used, of a number; when it was last guessed at, of an OTP */
  at: number | null;
}

const sendsOf = ({ sends }: KeptRow): number[] => JSON.parse(sends ?? '[]');

function toPast({ status, attempts, at }: KeptRow): PastOtp {
  return { status: status ?? '', attempts: Number(attempts), lastAttemptAt: at === null ? null : Number(at) };
}

/** The rows of these spellings, their open OTPs, and those that have ended: a part for each index. */
const keptOf = preparedFor((db, named, count) => {
  const phones = placeholders(named, 'phone', count);
  const userId = sql.placeholder('userId');
  const numbers = db
    .select({
      kind: sql<number>`${sql.raw(String(KINDS.number))}`.as('kind'),
      phone: sql<string | null>`${otpNumbers.phone}`,
      sends: sql<string | null>`${otpNumbers.sends}`.as('sends'),
      otpId: sql<string | null>`${otpNumbers.lastOtpId}`,
      status: sql<string | null>`null`.as('status'),
      attempts: sql<number>`0`.as('attempts'),
      at: sql<number | null>`${otpNumbers.updatedAt}`,
    })
    .from(otpNumbers)
    .where(and(eq(otpNumbers.userId, userId), inArray(otpNumbers.phone, phones)));
  const ofKind = (kind: number, where: SQL | undefined) =>
    db
      .select({
        kind: sql<number>`${sql.raw(String(kind))}`.as('kind'),
        phone: sql<string | null>`${otps.phone}`,
        sends: sql<string | null>`null`.as('sends'),
        otpId: sql<string | null>`${otps.id}`,
        status: sql<string | null>`${otps.status}`.as('status'),
        attempts: sql<number>`${otps.attempts}`.as('attempts'),
        at: sql<number | null>`${otps.lastAttemptAt}`,
      })
      .from(otps)
      .where(where);
  return numbers
    .unionAll(ofKind(KINDS.open, and(eq(otps.userId, userId), inArray(otps.openPhone, phones))))
    .unionAll(ofKind(KINDS.ended, isEndedOf(userId, sql.placeholder('from'), phones)))
    .prepare();
});

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
  if (number.noted) return;
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
 * How many wrong codes the number has left in 24 h. Exact because no OTP was open, or the open one was closed before in this
 * transaction, so no check can spend an attempt meanwhile. Throws RATE_LIMITED when none is left.
 */
export async function readBudget(tx: Tx, number: LockedNumber, now: number): Promise<number> {
  const past = number.ended ?? (await readEnded(tx, number, now - BUDGET_REACH_MS));
  const { left, waitMs } = failureBudget(past, now);
  if (left === 0) throw tooOften('Too many wrong codes for this number.', 'number_failures', waitMs);
  return left;
}

/** An OTP lives for a day at most, so its attempts are at most that much younger than it. */
const BUDGET_REACH_MS = 2 * FAILURES_WINDOW_MS;

function readEnded(tx: Tx, { userId, spellings }: LockedNumber, from: number): PromiseLike<PastOtp[]> {
  return tx
    .select({ status: otps.status, attempts: otps.attempts, lastAttemptAt: otps.lastAttemptAt })
    .from(otps)
    .where(isEndedOf(userId, from, [...spellings]));
}

type Value<T> = T | Placeholder;

function isEndedOf(userId: Value<number>, from: Value<number>, phones: Value<string>[]): SQL | undefined {
  return and(
    eq(otps.userId, userId),
    inArray(otps.phone, phones),
    gt(otps.createdAt, from),
    inArray(otps.status, ['verified', 'expired', 'failed', 'canceled']),
  );
}
