/** A session as answers show it. */
import { and, desc, eq, gt } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { activityLogs } from '../../db/schema.ts';
import { PRIORITIES } from '../../queue/priority.ts';
import { queueHold } from '../../queue/session-state.ts';
import { formatE164 } from '../../utils/phone.ts';
import type { Deps } from '../context.ts';
import { toConnection } from './connection.ts';
import type { SessionRecord } from './find.ts';
import type { SessionOutput, SessionStatusOutput } from './schemas.ts';

/** How far back among a session's events its latest QR code is looked for. */
const QR_WITHIN_EVENTS = 50;

/** Null also for what is no time that a date can say. */
export function toIso(at: number | null): string | null {
  const date = new Date(at ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** `+` and the digits of the phone that did link, null before. */
export function phoneOf({ phoneNumber }: Pick<SessionRecord, 'phoneNumber'>): string | null {
  return phoneNumber === null ? null : formatE164(phoneNumber);
}

/** `+` and the digits of the phone that is asked to link, null when any phone may. */
export function expectedPhoneOf({ expectedPhone }: Pick<SessionRecord, 'expectedPhone'>): string | null {
  return expectedPhone === null ? null : formatE164(expectedPhone);
}

export function toSession(row: SessionRecord, now: number): SessionOutput {
  return {
    sessionId: row.sessionId,
    phoneNumber: phoneOf(row),
    expectedPhone: expectedPhoneOf(row),
    name: row.name,
    label: row.label,
    status: row.status,
    reason: row.reason,
    restriction: restrictionOf(row, now),
    userId: row.userId,
    lastSeen: toIso(row.status === 'connected' ? now : row.lastSeenAt),
    createdAt: new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

/** The restriction that WhatsApp holds against the account at this time; null when there is none. */
export function restrictionOf(
  { restrictedUntil, restriction }: Pick<SessionRecord, 'restrictedUntil' | 'restriction'>,
  now: number,
): SessionOutput['restriction'] {
  if (restrictedUntil === null || restriction === null || restrictedUntil <= now) return null;
  return {
    until: new Date(restrictedUntil).toISOString(),
    since: new Date(restriction.since).toISOString(),
    kind: restriction.kind,
  };
}

export async function toSessionStatus(
  { db, clock, secrets }: Pick<Deps, 'db' | 'clock' | 'secrets'>,
  row: SessionRecord,
): Promise<SessionStatusOutput> {
  const now = clock.now();
  const phone = row.paired ? row.phoneNumber : null;
  const connection = toConnection(secrets, row);
  const isUnreadable = connection.proxy?.url === null;
  return {
    ...toSession(row, now),
    // Nothing goes out without its proxy: this is so before a connection finds it.
    ...(isUnreadable ? { reason: 'credentials_unreadable' } : {}),
    isConnected: row.status === 'connected',
    user: phone === null ? null : { id: `${phone}@s.whatsapp.net`, name: row.name, phone: formatE164(phone) },
    connectedAt: toIso(row.connectedAt),
    disconnectedAt: toIso(row.disconnectedAt),
    qrGenerated: toIso(row.paired ? null : await readLatestQrTime(db, row)),
    deviceInfo: row.deviceInfo,
    errorMessage: row.errorMessage,
    ...connection,
    rejectCalls: row.rejectCalls,
    callText: row.callText,
    autoRead: row.autoReadFrom !== null,
    receiveStatus: row.receiveStatus,
    receiveChannels: row.receiveChannels,
    ...pauseOf(row, now),
  };
}

/** The hold of the queue now: an open breaker holds new recipients only, a pause all of it (without an end: null). */
function pauseOf(
  row: SessionRecord,
  now: number,
): { pausedUntil: string | null; pauseReason: string | null } {
  const hold = queueHold(row, now, PRIORITIES.normal);
  return { pausedUntil: toIso(hold?.until ?? null), pauseReason: hold?.reason ?? null };
}

async function readLatestQrTime(db: Db, row: SessionRecord): Promise<number | null> {
  const [latest] = await db
    .select({ at: activityLogs.at })
    .from(activityLogs)
    .where(
      and(
        eq(activityLogs.accountId, row.id),
        gt(activityLogs.seq, row.seq - QR_WITHIN_EVENTS),
        eq(activityLogs.event, 'session.qr'),
      ),
    )
    .orderBy(desc(activityLogs.seq))
    .limit(1);
  return latest?.at ?? null;
}
