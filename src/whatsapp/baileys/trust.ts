/**
 * Who is trusted. rc14's `Curve.verify` drops libsignal's answer and says yes to every signature, so the root of
 * the server's certificate and the phone's signature at pairing went unchecked; here they are.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Curve, WA_CERT_DETAILS } from '@whiskeysockets/baileys';
import { verifyXeddsa } from './xeddsa.ts';

/** The certificate root of a server that is not WhatsApp's own, in the context of its socket. */
const rootOfServer = new AsyncLocalStorage<Uint8Array>();

/** Makes `Curve.verify` tell the truth, for the whole process. May be called again. */
export function installTrust(): void {
  Curve.verify = verifySignature;
}

function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  // The certificate check passes this very object; outside of a context WhatsApp's own root stays.
  const key = publicKey === WA_CERT_DETAILS.PUBLIC_KEY ? (rootOfServer.getStore() ?? publicKey) : publicKey;
  return verifyXeddsa(key, message, signature);
}

/** Sockets opened by `fn` accept a server whose certificates end at `root` (null: WhatsApp's own). */
export function withServerRoot<R>(root: Uint8Array | null, fn: () => R): R {
  return root === null ? fn() : rootOfServer.run(root, fn);
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

/** Someone who is not who they say: the socket is closed as `untrusted_server`. */
export class UntrustedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UntrustedError';
  }
}
