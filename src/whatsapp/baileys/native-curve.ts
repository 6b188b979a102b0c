/**
 * libsignal's key operations by Node's own OpenSSL. Import it before Baileys, which takes the functions by name when it
 * is loaded; without it everything works as well, but slowly.
 *
 * libsignal reads a key as DER for each agreement, which OpenSSL 3 does in 0.35 ms, and signs and verifies in JavaScript,
 * which takes 10 ms each: every message to and from a group.
 */
import { createRequire } from 'node:module';
import { agree, createPair, KEY_BYTES, publicKeyOf } from '../x25519.ts';
import { signXeddsa, verifyXeddsa } from '../xeddsa.ts';

/** `libsignal/src/curve.js` of libsignal 6.0.0; keys are 32 bytes, public ones with Signal's type byte before them. */
export interface LibsignalCurve {
  getPublicFromPrivateKey(privateKey: Uint8Array): Buffer;
  generateKeyPair(): { pubKey: Buffer; privKey: Buffer };
  calculateAgreement(publicKey: Uint8Array, privateKey: Uint8Array): Buffer;
  calculateSignature(privateKey: Uint8Array, message: Uint8Array): Buffer;
  verifySignature(
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
    isInit?: boolean,
  ): boolean;
}

const KEY_TYPE = Buffer.from([5]);
const SIGNATURE_BYTES = 64;

/** The same answers as libsignal's own, and an error wherever it has one. */
export const nativeCurve: LibsignalCurve = {
  getPublicFromPrivateKey: (privateKey) => withType(publicKeyOf(privateKey)),
  generateKeyPair() {
    const pair = createPair();
    return { pubKey: withType(pair.public), privKey: pair.private };
  },
  calculateAgreement: (publicKey, privateKey) => agree(privateKey, withoutType(publicKey)),
  calculateSignature(privateKey, message) {
    if (privateKey?.length !== KEY_BYTES) throw new Error('Invalid private key');
    return signXeddsa(privateKey, message);
  },
  verifySignature(publicKey, message, signature, isInit) {
    const key = withoutType(publicKey);
    if (signature?.length !== SIGNATURE_BYTES) throw new Error('Invalid signature');
    // Whoever begins a conversation has looked at the bundle before (trust.ts).
    return isInit === true || verifyXeddsa(key, message, signature);
  },
};

function withType(publicKey: Buffer): Buffer {
  return Buffer.concat([KEY_TYPE, publicKey]);
}

/** @throws Error unless the key is one that libsignal takes */
function withoutType(publicKey: Uint8Array): Uint8Array {
  const isTyped = publicKey?.length === KEY_BYTES + 1 && publicKey[0] === KEY_TYPE[0];
  if (!isTyped && publicKey?.length !== KEY_BYTES) throw new Error('Invalid public key');
  return isTyped ? publicKey.subarray(1) : publicKey;
}

// For the whole process: libsignal's own files call them through this object.
Object.assign(createRequire(import.meta.url)('libsignal/src/curve.js'), nativeCurve);
