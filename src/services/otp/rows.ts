/** Finding OTPs. Every query names the tenant. */

import { and, desc, eq, inArray, or, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { padded, placeholders, prepared, preparedFor, valuesAt } from '../../db/ops.ts';
import { messages, otps } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { type BoundSessions, ofBound } from '../bound.ts';

export type OtpRow = typeof otps.$inferSelect;

/** While it has one of these, a code can be right. */
export const OPEN_STATUSES = ['pending', 'sent'] as const;

export function isOpen(otp: Pick<OtpRow, 'status'>): boolean {
  return otp.status === 'pending' || otp.status === 'sent';
}

/** The condition that this OTP is still open: what every change of one carries. */
export function whileOpen(id: string): SQL | undefined {
  return and(eq(otps.id, id), inArray(otps.status, [...OPEN_STATUSES]));
}

/** Which OTPs a request is about; `sessionIds` null: of every session. */
export interface NumberRef {
  userId: number;
  /** E.164 digits: every number of the subscriber */
  spellings: readonly string[];
  sessionIds: BoundSessions;
}

/** The session that a client names is the one it asked for, also when another one delivered. */
function inSessions(bound: BoundSessions): SQL | undefined {
  if (bound === null) return undefined;
  return or(ofBound(bound, otps.requestedSessionId), ofBound(bound, otps.sessionId));
}

/** The columns that a check needs: reading the other half of the row would cost it a third of its time. */
const CHECK_COLUMNS = {
  id: otps.id,
  userId: otps.userId,
  accountId: otps.accountId,
  sessionId: otps.sessionId,
  requestedSessionId: otps.requestedSessionId,
  phone: otps.phone,
  status: otps.status,
  reason: otps.reason,
  codeMac: otps.codeMac,
  attempts: otps.attempts,
  maxAttempts: otps.maxAttempts,
  messageId: otps.messageId,
  deliveries: otps.deliveries,
  expiresAt: otps.expiresAt,
} as const;
export type CheckedOtp = Pick<OtpRow, keyof typeof CHECK_COLUMNS>;

/** The columns that the watcher needs, which reads each code once. */
export const WATCH_COLUMNS = { ...CHECK_COLUMNS, failover: otps.failover, watchAt: otps.watchAt } as const;
export type WatchedOtp = Pick<OtpRow, keyof typeof WATCH_COLUMNS>;

const isOpenOf = (ref: NumberRef) =>
  and(eq(otps.userId, ref.userId), inArray(otps.openPhone, [...ref.spellings]), inSessions(ref.sessionIds));
const isOf = (ref: NumberRef) =>
  and(eq(otps.userId, ref.userId), inArray(otps.phone, [...ref.spellings]), inSessions(ref.sessionIds));

const rowOf = prepared((db) =>
  db
    .select()
    .from(otps)
    .where(eq(otps.id, sql.placeholder('otpId')))
    .prepare(),
);

/** The OTP that a message of our own names; null when it is gone. */
export async function readOtp(db: Db, otpId: string): Promise<OtpRow | null> {
  const [row] = await rowOf(db).execute({ otpId });
  return row ?? null;
}

/** The number's open OTP, else its newest one; null when there never was one. */
export async function findByNumber(db: Db, ref: NumberRef): Promise<OtpRow | null> {
  const newest = desc(otps.createdAt);
  const [open] = await db.select().from(otps).where(isOpenOf(ref)).orderBy(newest).limit(1);
  if (open) return open;
  const [row] = await db.select().from(otps).where(isOf(ref)).orderBy(newest, desc(otps.id)).limit(1);
  return row ?? null;
}

const openOfTwo = prepared((db) =>
  db
    .select()
    .from(otps)
    .where(
      and(
        eq(otps.userId, sql.placeholder('userId')),
        inArray(otps.openPhone, [sql.placeholder('one'), sql.placeholder('other')]),
      ),
    )
    .orderBy(desc(otps.createdAt))
    .limit(1)
    .prepare(),
);

/** An open OTP of the number, of whatever session, the newest first; null: none is open. */
export async function findOpen(
  db: Db,
  { userId, spellings }: Omit<NumberRef, 'sessionIds'>,
): Promise<OtpRow | null> {
  const [one, other = one] = spellings;
  const [open] =
    one !== undefined && spellings.length <= 2
      ? await openOfTwo(db).execute({ userId, one, other })
      : await db
          .select()
          .from(otps)
          .where(isOpenOf({ userId, spellings, sessionIds: null }))
          .orderBy(desc(otps.createdAt))
          .limit(1);
  return open ?? null;
}

/** The same for a check. */
export async function findByNumberToCheck(db: Db, ref: NumberRef): Promise<CheckedOtp | null> {
  const [open] = await db
    .select(CHECK_COLUMNS)
    .from(otps)
    .where(isOpenOf(ref))
    .orderBy(desc(otps.createdAt))
    .limit(1);
  return open ?? findByNumber(db, ref);
}

/** `sessionIds` bounds it to these sessions, for whoever is bound so. */
export interface IdRef {
  userId: number;
  otpId: string;
  sessionIds: BoundSessions;
}

const isThat = (ref: IdRef) =>
  and(eq(otps.id, ref.otpId), eq(otps.userId, ref.userId), inSessions(ref.sessionIds));

/** One OTP of the tenant; null when it has no such one. */
export async function findById(db: Db, ref: IdRef): Promise<OtpRow | null> {
  const [row] = await db.select().from(otps).where(isThat(ref));
  return row ?? null;
}

/** The same for a check. */
export async function findByIdToCheck(db: Db, ref: IdRef): Promise<CheckedOtp | null> {
  const [row] = await db.select(CHECK_COLUMNS).from(otps).where(isThat(ref));
  return row ?? null;
}

/** Why an OTP cannot be used any more, told as its client should be told; null while it can be. */
export function refusalOf(otp: CheckedOtp | null, now: number): AppError | null {
  if (otp === null) return otpNotFound();
  if (isOpen(otp)) {
    if (otp.attempts >= otp.maxAttempts) return tooManyAttempts();
    return otp.expiresAt <= now ? otpExpired() : null;
  }
  if (otp.status === 'expired') return otpExpired();
  if (otp.status === 'failed' && otp.reason === 'max_attempts') return tooManyAttempts();
  return otpNotFound();
}

export function otpNotFound(): AppError {
  return new AppError('OTP_NOT_FOUND', 'No code is waiting to be checked: send a new one.');
}

function otpExpired(): AppError {
  return new AppError('OTP_EXPIRED', 'This code has expired: send a new one.');
}

function tooManyAttempts(): AppError {
  return new AppError('OTP_MAX_ATTEMPTS', 'Too many wrong codes: send a new one.', {
    details: { attemptsLeft: 0 },
  });
}

const statesOf = preparedFor((db, named, count) => {
  const { id, status, sentAt, errorCode } = messages;
  return db
    .select({ id, status, sentAt, errorCode })
    .from(messages)
    .where(inArray(id, placeholders(named, 'id', count)))
    .prepare();
});

/** Deliveries up to which few sizes of the statement are made: more than most watches look at together. */
const MAX_PADDED = 64;

/** How far the messages are that brought a code, by their ids. */
export async function readDeliveries(db: Db, ids: readonly string[]) {
  if (ids.length === 0) return [];
  const some = padded(ids, MAX_PADDED);
  return statesOf(db, some.length).execute(valuesAt(some.map((id) => ({ id }))));
}
