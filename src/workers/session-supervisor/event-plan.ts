/** Decides what an event of a session's socket means for its row, and how long the next one may take. Pure. */
import { NO_PAIRING } from '../../cluster/leases.ts';
import { isSamePhone, toCurrent } from '../../utils/phone/former.ts';
import type { CloseReason, EngineEvent, PairedIdentity } from '../../whatsapp/engine.ts';
import type { RowChange, SessionStatus } from './session-row.ts';

/** A 503 on the WebSocket upgrade leaves the client connecting for ever; a real connection takes seconds. */
export const CONNECT_TIMEOUT_MS = 45_000;
/** After a QR's end the next one, or the end of the pairing, must come within this time. */
const QR_GRACE_MS = 20_000;
/** A challenge that has run out begins again, and a phone that is awaited is given up, within this time. */
const PASSKEY_GRACE_MS = 90_000;

/** Events that say how far a link has come; `closed` is decided by policy.ts, `connected` by `planConnected`. */
export type ProgressEvent = Extract<EngineEvent, { type: 'qr' | 'pairing_code' | 'passkey' | 'paired' }>;

export interface Progress {
  status: SessionStatus;
  reason: string | null;
  change: RowChange;
  /** whether credentials of a linked phone are there after it */
  paired: boolean;
  /** without another event by then the socket is closed with this reason */
  watch: { timeoutMs: number; reason: CloseReason };
}

export function isProgress(event: EngineEvent): event is ProgressEvent {
  return ['qr', 'pairing_code', 'passkey', 'paired'].includes(event.type);
}

/** `paired`: whether the session had a linked phone until now. */
export function planProgress(event: ProgressEvent, paired: boolean, now: number): Progress {
  const leftMs = 'expiresAt' in event ? Math.max(0, event.expiresAt - now) : 0;
  switch (event.type) {
    case 'qr':
    case 'pairing_code': {
      const secret = event.type === 'qr' ? { qr: event.qr } : { pairingCode: event.code };
      // Credentials that were there are gone when WhatsApp asks for a phone again.
      const unpaired = paired ? { paired: false, activePhone: null } : {};
      return {
        status: 'qr',
        reason: null,
        change: { ...unpaired, ...secret, qrExpiresAt: event.expiresAt },
        paired: false,
        watch: { timeoutMs: leftMs + QR_GRACE_MS, reason: 'pairing_expired' },
      };
    }
    case 'passkey': {
      const { stage, expiresAt } = event;
      // The stage on the row is what every process, page and program sees of it.
      const passkey = {
        stage,
        options: stage === 'asked' ? { ...event.options } : null,
        code: stage === 'confirm' ? event.code : null,
        expiresAt,
      };
      return {
        status: stage === 'confirm' ? 'passkey_confirm' : 'passkey',
        reason: stage === 'asked' ? event.failed : null,
        change: { ...NO_PAIRING, passkey },
        paired,
        watch: { timeoutMs: leftMs + PASSKEY_GRACE_MS, reason: 'passkey_expired' },
      };
    }
    case 'paired':
      return {
        status: 'connecting',
        reason: null,
        change: { ...NO_PAIRING, paired: true, linkedAt: now, appStateVersions: {} },
        paired: true,
        watch: { timeoutMs: CONNECT_TIMEOUT_MS, reason: 'stalled' },
      };
  }
}

/** The row of a session that is connected now; null when another phone than the expected one was linked. */
export function planConnected(
  identity: PairedIdentity,
  expectedPhone: string | null,
  at: number,
): RowChange | null {
  if (expectedPhone !== null && !isSamePhone(expectedPhone, identity.phone)) return null;
  return {
    ...NO_PAIRING,
    paired: true,
    phoneNumber: identity.phone,
    activePhone: toCurrent(identity.phone),
    lid: identity.lid,
    name: identity.name?.slice(0, 190) ?? null,
    deviceInfo: { platform: identity.platform },
    connectedAt: at,
    lastSeenAt: at,
  };
}

/** Endings after which the credentials are worthless: only then are they erased. */
export function endsPairing(status: SessionStatus, reason: string): boolean {
  return status === 'logged_out' || reason === 'phone_mismatch' || reason === 'duplicate_phone';
}
