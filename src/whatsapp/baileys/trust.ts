/**
 * Who is trusted. rc14's `Curve.verify` drops libsignal's answer and says yes to every signature, so the root of
 * the server's certificate and the phone's signature at pairing went unchecked; here they are.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { Curve, proto, WA_CERT_DETAILS } from '@whiskeysockets/baileys';
import { verifyXeddsa } from '../xeddsa.ts';

/** The certificate root of a server that is not WhatsApp's own, in the context of its socket. */
const rootOfServer = new AsyncLocalStorage<Uint8Array>();

let installed = false;

/** Makes `Curve.verify` tell the truth, for the whole process. May be called again. */
export function installTrust(): void {
  if (installed) return;
  installed = true;
  const agree = Curve.sharedKey;
  /** the key of the other side in the newest key agreement */
  let agreedWith: Uint8Array = Buffer.alloc(0);
  /** what the newest signature was about */
  let verified: Uint8Array = Buffer.alloc(0);
  Curve.sharedKey = (privateKey, publicKey) => {
    agreedWith = publicKey;
    return agree(privateKey, publicKey);
  };
  Curve.verify = (publicKey, message, signature) => {
    // The certificate check passes this very object; outside of a context WhatsApp's own root stays.
    const isRoot = publicKey === WA_CERT_DETAILS.PUBLIC_KEY;
    // The handshake runs in one go: key agreement with the server, then its leaf, then this one. rc14 never asks
    // whether the leaf names that key, so anyone could show WhatsApp's certificates as his own.
    if (isRoot && !isLeafOf(agreedWith, verified)) return false;
    verified = message;
    return verifyXeddsa(isRoot ? (rootOfServer.getStore() ?? publicKey) : publicKey, message, signature);
  };
}

function isLeafOf(serverKey: Uint8Array, leaf: Uint8Array): boolean {
  try {
    return Buffer.from(serverKey).equals(proto.CertChain.NoiseCertificate.Details.decode(leaf).key ?? EMPTY);
  } catch {
    return false;
  }
}

const EMPTY = Buffer.alloc(0);

/** The socket that `make` opens accepts a server whose certificates end at `root` (null: WhatsApp's own). */
export function withServerRoot<S extends { ws: EventEmitter }>(root: Uint8Array | null, make: () => S): S {
  if (root === null) return make();
  return rootOfServer.run(root, () => {
    const sock = make();
    // The handshake begins here, and a socket calls its listeners without our contexts.
    for (const listener of sock.ws.rawListeners(OPEN)) {
      sock.ws.off(OPEN, asListener(listener)).on(OPEN, AsyncLocalStorage.bind(asListener(listener)));
    }
    return sock;
  });
}

const OPEN = 'open';

/** Safe because an emitter calls its listeners with whatever it emits. */
function asListener(listener: unknown): (...args: unknown[]) => void {
  return listener as (...args: unknown[]) => void;
}

/** A pre-key bundle as libsignal takes it. */
interface Bundle {
  identityKey: Uint8Array;
  signedPreKey: { publicKey: Uint8Array; signature: Uint8Array };
}

/** Whether the signed pre-key belongs to the identity: libsignal's own check answers yes before it looks. */
export function isSignedBundle({ identityKey, signedPreKey }: Bundle): boolean {
  return verifyXeddsa(identityKey, signedPreKey.publicKey, signedPreKey.signature);
}
