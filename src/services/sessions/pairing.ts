/** The QR code or pairing code that links a phone. */
import { eq } from 'drizzle-orm';
import { whatsappAccounts } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { may, requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { askOwner } from './ask-owner.ts';
import { findSession, type SessionRecord, type SessionRef } from './find.ts';
import { drawQr, drawQrUrl } from './qr-image.ts';
import type { QrOutput } from './schemas.ts';
import { toIso } from './view.ts';
import { createWaker } from './waker.ts';

/** How long a caller waits for the first QR or code: it takes a second or two when WhatsApp is reachable. */
export const PAIRING_WAIT_MS = 10_000;
const OPEN_TIMEOUT_MS = 10_000;
/** The owner may be another process, whose events are not heard here. */
const POLL_MS = 250;
const RETRY_AFTER_SECONDS = 2;

/**
 * The current QR (or pairing code). One that has expired is started again, unless the caller may only read; then it
 * waits up to 10 s. Throws QR_NOT_READY while there is none, ALREADY_CONNECTED when the phone is linked.
 */
export async function getQr(ctx: Ctx, ref: SessionRef): Promise<QrOutput> {
  requireScope(ctx, 'read');
  let row = await findSession(ctx, ref);
  if (isExpiredPairing(row) && mayOpen(ctx)) {
    await openSession(ctx, row);
    row = (await waitForPairing(ctx, row, PAIRING_WAIT_MS)) ?? row;
  }
  if (row.status === 'connected') {
    throw new AppError('ALREADY_CONNECTED', 'This session is connected: there is nothing to scan.');
  }
  if (!hasSecret(row) || isOver(row, ctx.clock.now())) throw qrNotReady(row);
  return {
    sessionId: row.sessionId,
    status: row.status,
    qr: row.qr,
    qrCode: row.qr === null ? null : await drawQrUrl(ctx, row.qr),
    pairingCode: row.pairingCode,
    expiresAt: toIso(row.qrExpiresAt),
  };
}

/** The QR as a PNG. Throws as `getQr`, and CONFLICT for a session that is linked by a code: no QR will come. */
export async function getQrImage(ctx: Ctx, ref: SessionRef): Promise<Buffer> {
  const { qr } = await getQr(ctx, ref);
  if (qr === null) throw linkedByCode();
  return drawQr(ctx, qr);
}

/** Whoever waits for a QR would wait for ever. */
export function linkedByCode(): AppError {
  return new AppError('CONFLICT', 'This session is linked by a pairing code, not by a QR.');
}

/** Has the owner connect the session; UNAVAILABLE when it cannot be asked. */
export async function openSession(ctx: Ctx, session: { id: string; sessionId: string }): Promise<void> {
  await askOwner(ctx, session, 'open', {}, OPEN_TIMEOUT_MS);
}

/**
 * Waits until there is something to scan or to type, the session is connected or has ended. The row as it then
 * is, at the latest after `timeoutMs`; null when it was deleted.
 */
export async function waitForPairing(
  ctx: Ctx,
  session: { id: string; userId: number },
  timeoutMs: number,
): Promise<SessionRecord | null> {
  const deadlineMs = ctx.clock.monotonic() + timeoutMs;
  const waker = createWaker(ctx, { userId: session.userId, accountId: session.id });
  try {
    for (;;) {
      const [row] = await ctx.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, session.id));
      const leftMs = deadlineMs - ctx.clock.monotonic();
      if (!row || isDecided(row) || leftMs <= 0) return row ?? null;
      await waker.wait(Math.min(POLL_MS, leftMs));
    }
  } finally {
    waker.close();
  }
}

const hasSecret = (row: SessionRecord) =>
  row.status === 'qr' && (row.pairing === 'code' ? row.pairingCode !== null : row.qr !== null);

/** Its owner was to show the next one by then, and did not: the socket behind it is gone. */
export const isOver = (row: SessionRecord, now: number) => row.qrExpiresAt !== null && row.qrExpiresAt <= now;

const isDecided = (row: SessionRecord) =>
  hasSecret(row) ||
  row.passkey !== null ||
  row.status === 'connected' ||
  row.status === 'logged_out' ||
  row.status === 'replaced' ||
  row.status === 'failed';

/** No phone scanned in time (or the server was away for too long), so the session waits to be asked again. */
const isExpiredPairing = (row: SessionRecord) =>
  row.status === 'disconnected' &&
  !row.paired &&
  row.reason !== 'user_disabled' &&
  // A scan would end it.
  row.reason !== 'importing';

/** A link to the QR page was signed for somebody who is to scan it, so it may renew the code. */
function mayOpen({ actor }: Ctx): boolean {
  if (actor.via === 'signed_link') return actor.link?.lookOnly !== true;
  if (!may(actor, 'sessions:write')) return false;
  const { scopes } = actor;
  return scopes === null || scopes.includes('*') || scopes.includes('sessions:write');
}

/** The answer about a session that has no QR at the moment. */
export function qrNotReady(row: Pick<SessionRecord, 'status' | 'reason'>): AppError {
  return new AppError('QR_NOT_READY', whyNoQr(row), {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    details: { status: row.status, reason: row.reason },
  });
}

function whyNoQr({ status, reason }: Pick<SessionRecord, 'status' | 'reason'>): string {
  if (status === 'logged_out' || status === 'replaced' || status === 'failed') {
    return `There is no QR code: the session is ${status}. POST /session/restart begins again.`;
  }
  if (status === 'passkey' || status === 'passkey_confirm') {
    return 'The code was scanned, and WhatsApp asks for a passkey now. GET /session/passkey/:sessionId says what to do.';
  }
  if (reason === 'importing') return 'A link is being imported: there is nothing to scan.';
  return 'There is no QR code at the moment: try again in a moment.';
}
