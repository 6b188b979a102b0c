/** Linking a phone: by the QR codes that the server sends, or by a code that its owner types. */
import type { PairingRequest } from '../engine.ts';
import { type AuthState, identityOf } from './auth-state.ts';
import type { Link, LinkControl, LinkDeps } from './link-types.ts';

/** How long Baileys shows the first reference and each of the next five. */
const FIRST_QR_MS = 60_000;
const NEXT_QR_MS = 20_000;
const NEXT_QRS = 5;
/** After the scan the server restarts the stream; when it does not, we do. */
const RESTART_TIMEOUT_MS = 10_000;
/** Added to Baileys' timer of a QR, which should have shown the next one by then. */
const QR_SLACK_MS = 5_000;

/** Tells `qr` or `pairing_code`, and `paired` once the new credentials are durable. */
export function followPairing(
  link: Link,
  auth: AuthState,
  pairing: PairingRequest,
  { clock, settings }: LinkDeps,
  control: LinkControl,
): void {
  const { sock } = link;
  let shown = 0;

  function onQr(qr: string): void {
    const lifetimeMs = settings.qrTimeoutMs ?? (shown === 0 ? FIRST_QR_MS : NEXT_QR_MS);
    shown += 1;
    control.watch('pairing_expired', lifetimeMs + QR_SLACK_MS);
    if (pairing.mode === 'qr') control.tell({ type: 'qr', qr, expiresAt: clock.now() + lifetimeMs });
    // The first QR also says that the server is ready to link by code; the code lives as long as all of them.
    else if (shown === 1) requestCode(pairing.phone);
  }

  function requestCode(phone: string): void {
    const lifetimeMs =
      settings.qrTimeoutMs === undefined
        ? FIRST_QR_MS + NEXT_QRS * NEXT_QR_MS
        : settings.qrTimeoutMs * (1 + NEXT_QRS);
    const expiresAt = clock.now() + lifetimeMs;
    sock.requestPairingCode(phone).then(
      (code) => control.tell({ type: 'pairing_code', code, expiresAt }),
      () => control.finish({ reason: 'connection_lost', message: 'no pairing code could be requested' }),
    );
  }

  sock.ev.on('connection.update', ({ qr, isNewLogin }) => {
    if (qr && !auth.isPaired()) onQr(qr);
    if (!isNewLogin) return;
    control.watch('restart_required', RESTART_TIMEOUT_MS);
    // Saved already by `creds.update`; this waits for it. The socket may begin to close meanwhile.
    control.beforeClosed(auth.save().then(() => control.tellLast({ type: 'paired', ...identityOf(auth) })));
  });
}
