/** Linking a phone: by the QR codes that the server sends, or by a code that its owner types. */
import { type BinaryNode, buildAckStanza } from '@whiskeysockets/baileys';
import type { PairingRequest } from '../engine.ts';
import { type AuthState, identityOf } from './auth-state.ts';
import type { Link, LinkControl, LinkDeps } from './link-types.ts';
import { FIRST_REF_MS, followPairingRefs, NEXT_REF_MS } from './pairing-refs.ts';
import { followPasskey, type PasskeyStep } from './passkey.ts';

/** After the first reference of a server's offer come so many more. */
const NEXT_REFS = 5;
/** After the scan the server restarts the stream; when it does not, we do. */
const RESTART_TIMEOUT_MS = 10_000;
/** Added to the time that a QR is shown: the next one should have come by then. */
const QR_SLACK_MS = 5_000;

/** Tells `qr` or `pairing_code`, each stage of a passkey, and `paired` once the new credentials are durable. */
export function followPairing(
  link: Link,
  auth: AuthState,
  pairing: PairingRequest,
  deps: LinkDeps,
  control: LinkControl,
): PasskeyStep {
  const { sock } = link;
  const { clock, settings } = deps;
  let shown = 0;
  const refs = followPairingRefs(link, auth, deps, () => void control.finish({ reason: 'pairing_expired' }));
  link.closed.addEventListener('abort', refs.stop, { once: true });

  function onQr(qr: string): void {
    const lifetimeMs = settings.qrTimeoutMs ?? (shown === 0 ? FIRST_REF_MS : NEXT_REF_MS);
    shown += 1;
    control.watch('pairing_expired', lifetimeMs + QR_SLACK_MS);
    if (pairing.mode === 'qr') control.tell({ type: 'qr', qr, expiresAt: clock.now() + lifetimeMs });
    // The first QR also says that the server is ready to link by code; the code lives as long as all of them.
    else if (shown === 1) requestCode(pairing.phone);
  }

  function requestCode(phone: string): void {
    const lifetimeMs =
      settings.qrTimeoutMs === undefined
        ? FIRST_REF_MS + NEXT_REFS * NEXT_REF_MS
        : settings.qrTimeoutMs * (1 + NEXT_REFS);
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
  acknowledgeNotifications(link, auth);
  return followPasskey(link, auth, deps, control, refs.stop);
}

/** Baileys acknowledges only once it knows its own number: one that is linked by a QR code does not until the end. */
function acknowledgeNotifications({ sock }: Link, { state }: AuthState): void {
  sock.ws.on('CB:notification', (stanza: BinaryNode) => {
    if (state.creds.me) return;
    // A socket that has just ended needs no acknowledgement.
    sock.sendNode(buildAckStanza(stanza, undefined, undefined)).catch(() => undefined);
  });
}
