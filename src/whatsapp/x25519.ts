/**
 * X25519 (RFC 7748) by Node's own OpenSSL; keys are 32 bytes. They pass it as JWK, which OpenSSL 3 reads ten times faster
 * than DER (0.03 instead of 0.35 ms).
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';

export const KEY_BYTES = 32;
/** OpenSSL computes the public half of a private key itself, but wants the field to be there. */
const PLACEHOLDER = Buffer.alloc(KEY_BYTES, 9).toString('base64url');

export interface X25519Pair {
  public: Buffer;
  private: Buffer;
}

/** A new pair from the system's random source. */
export function createPair(): X25519Pair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { public: fieldOf(publicKey, 'x'), private: fieldOf(privateKey, 'd') };
}

/** @throws Error when the key has not 32 bytes */
export function publicKeyOf(privateKey: Uint8Array): Buffer {
  return fieldOf(createPublicKey(readPrivate(privateKey)), 'x');
}

/** The secret that both sides share. @throws Error when a key has not 32 bytes, or its secret would be the same for everybody */
export function agree(privateKey: Uint8Array, publicKey: Uint8Array): Buffer {
  const jwk = { kty: 'OKP', crv: 'X25519', x: encode(publicKey) };
  return diffieHellman({
    privateKey: readPrivate(privateKey),
    publicKey: createPublicKey({ key: jwk, format: 'jwk' }),
  });
}

function readPrivate(privateKey: Uint8Array): KeyObject {
  const jwk = { kty: 'OKP', crv: 'X25519', d: encode(privateKey), x: PLACEHOLDER };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

function encode(key: Uint8Array): string {
  if (key?.length !== KEY_BYTES) throw new Error(`A key has ${KEY_BYTES} bytes, not ${key?.length}`);
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('base64url');
}

function fieldOf(key: KeyObject, field: 'x' | 'd'): Buffer {
  return Buffer.from(key.export({ format: 'jwk' })[field] ?? '', 'base64url');
}
