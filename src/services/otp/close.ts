/** The ends of an OTP. In each, what proves the code and what could write it again are erased. */
import { inArray, type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected } from '../../db/ops.ts';
import { messages, otps } from '../../db/schema.ts';
import type { Fact, Origin } from '../../events/record.ts';
import type { EventName } from '../../events/table.ts';
import { formatE164 } from '../../utils/phone.ts';
import { cancelWaitingCodes } from './deliver.ts';
import type { OtpDeps } from './deps.ts';
import { type CheckedOtp, type OtpRow, whileOpen } from './rows.ts';

export interface Ending {
  status: 'verified' | 'expired' | 'failed' | 'canceled';
  /** null for `verified` */
  reason: string | null;
}

const EVENTS: Record<Ending['status'], EventName> = {
  verified: 'otp.verified',
  expired: 'otp.expired',
  failed: 'otp.failed',
  canceled: 'otp.canceled',
};

/** How an OTP ends whose time has run out: one that was guessed at too often has failed, not expired. */
export function endingByTime(otp: Pick<OtpRow, 'attempts' | 'maxAttempts'>): Ending {
  if (otp.attempts >= otp.maxAttempts) return { status: 'failed', reason: 'max_attempts' };
  return { status: 'expired', reason: 'expired' };
}

/**
 * Ends the OTP if it is open: exactly one of any number of callers gets facts, which it must `record` in `tx`
 * (after its other writes); the others get null. Messages that still wait in a queue are taken out of it.
 */
export async function closeOtp(
  tx: Tx,
  deps: OtpDeps,
  otp: CheckedOtp,
  ending: Ending,
  origin?: Origin,
): Promise<Fact[] | null> {
  const now = deps.clock.now();
  const verified = ending.status === 'verified';
  const ended = await tx
    .update(otps)
    .set({
      ...ending,
      openPhone: null,
      codeMac: null,
      sealed: null,
      watchAt: null,
      verifiedAt: verified ? now : null,
      ...(verified ? await readSentAt(tx, otp, now) : {}),
      endedAt: now,
      updatedAt: now,
    })
    .where(whileOpen(otp.id));
  if (affected(ended) === 0) return null;
  // The person who typed the right code has it; only a second message may still be on its way.
  const mayWait = !verified || otp.deliveries.length > 1;
  const canceled = mayWait ? await cancelWaitingCodes(tx, deps, otp.deliveries) : [];
  const fact = otpFact(otp, EVENTS[ending.status], { status: ending.status, reason: ending.reason }, origin);
  return [...canceled, fact];
}

/**
 * When a code was sent that came back before the watcher saw the acknowledgement: as its messages say, else now at
 * the latest. Read by itself: inside the update the server would lock the messages.
 */
async function readSentAt(tx: Tx, otp: CheckedOtp, now: number): Promise<{ sentAt?: SQL }> {
  if (otp.status === 'sent') return {};
  const ids = otp.deliveries.map(({ id }) => id);
  const rows = await tx.select({ sentAt: messages.sentAt }).from(messages).where(inArray(messages.id, ids));
  const known = rows.flatMap(({ sentAt }) => sentAt ?? []);
  return { sentAt: sql`coalesce(${otps.sentAt}, ${Math.min(now, ...known)})` };
}

/** A fact about an OTP: never its code. */
export function otpFact(
  otp: Pick<OtpRow, 'id' | 'userId' | 'accountId' | 'sessionId' | 'phone' | 'messageId' | 'expiresAt'>,
  event: EventName,
  data: Record<string, unknown>,
  origin?: Origin,
): Fact {
  return {
    userId: otp.userId,
    event,
    session: { id: otp.accountId, sessionId: otp.sessionId },
    subject: otp.id,
    status: event === 'otp.failed' || event === 'otp.check_failed' ? 'failure' : 'success',
    data: {
      otpId: otp.id,
      to: formatE164(otp.phone),
      messageId: otp.messageId,
      expiresAt: new Date(otp.expiresAt).toISOString(),
      ...data,
    },
    ...(origin ? { origin } : {}),
  };
}
