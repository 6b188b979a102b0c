/**
 * The references that the server offers for QR codes, shown one after another. Baileys does the same, but cannot be
 * stopped: it would end the socket when the last one has run out, while somebody still signs with a passkey.
 */

import {
  type BinaryNode,
  Browsers,
  buildPairingQRData,
  getBinaryNodeChild,
  getBinaryNodeChildren,
} from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { AuthState } from './auth-state.ts';
import type { Link, LinkDeps } from './link-types.ts';

const EVENT = 'CB:iq,type:set,pair-device';
/** How long WhatsApp lets the first reference live, and each of the next five. */
export const FIRST_REF_MS = MINUTE_MS;
export const NEXT_REF_MS = 20_000;

export interface PairingRefs {
  /** No further reference is shown, and `onEnd` is not called any more. */
  stop(): void;
}

/** Takes the references in Baileys' place, and tells each as Baileys would. `onEnd`: the last one has run out. */
export function followPairingRefs(
  { sock }: Link,
  { state: { creds } }: AuthState,
  { clock, settings }: LinkDeps,
  onEnd: () => void,
): PairingRefs {
  const browser = settings.browser ?? Browsers.macOS('Chrome');
  let cancel = () => {};
  let stopped = false;

  function show(refs: readonly string[], shown: number): void {
    const ref = refs[shown];
    if (stopped || !sock.ws.isOpen) return;
    if (ref === undefined) {
      onEnd();
      return;
    }
    const lifetimeMs = settings.qrTimeoutMs ?? (shown === 0 ? FIRST_REF_MS : NEXT_REF_MS);
    cancel = clock.setTimer(() => show(refs, shown + 1), lifetimeMs);
    const [noise, identity] = [creds.noiseKey, creds.signedIdentityKey].map(({ public: key }) =>
      Buffer.from(key).toString('base64'),
    );
    const qr = buildPairingQRData(ref, noise ?? '', identity ?? '', creds.advSecretKey, browser);
    sock.ev.emit('connection.update', { qr });
  }

  sock.ws.removeAllListeners(EVENT);
  sock.ws.on(EVENT, (stanza: BinaryNode) => {
    const { id = '', from = '' } = stanza.attrs;
    // A line that is broken ends the socket elsewhere.
    sock.sendNode({ tag: 'iq', attrs: { to: from, type: 'result', id } }).catch(() => undefined);
    const offered = getBinaryNodeChildren(getBinaryNodeChild(stanza, 'pair-device'), 'ref');
    cancel();
    show(offered.map(textOf), 0);
  });
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** The content of a node as text. */
export function textOf({ content }: BinaryNode): string {
  return content instanceof Uint8Array ? Buffer.from(content).toString() : String(content ?? '');
}
