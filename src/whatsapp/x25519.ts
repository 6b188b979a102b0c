/**
 * X25519 (RFC 7748) by Node's own OpenSSL; keys are 32 bytes. They pass it as JWK, which OpenSSL 3 reads ten times faster
 * than DER (0.03 instead of 0.35 ms).
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';

export const KEY_BYTES = 32;
/** OpenSSL computes the public half of a private key itself, but wants the field to be there. */
const PLACEHOLDER = Buffer.alloc(KEY_BYTES, 9).toString('base64url');

export interface X25519Pair {
  public: Buffer;
  private: Buffer;
}

/**
 * A new pair from the system's random source. Node encodes it while it makes it: in Node 20 an export of a key whose maker is
 * garbage by then waits for ever, and the whole process with it, when the garbage collector runs in the middle of it.
 */
export function createPair(): X25519Pair {
  const { publicKey, privateKey } = generateJwkPair('x25519', {
    publicKeyEncoding: JWK,
    privateKeyEncoding: JWK,
  });
  return { public: bytesOf(publicKey.x), private: bytesOf(privateKey.d) };
}

const JWK = { format: 'jwk' } as const;

/** Safe because Node takes this encoding for all keys that it exports so; its types know the others only. */
const generateJwkPair = generateKeyPairSync as unknown as (
  type: 'x25519',
  encodings: { publicKeyEncoding: typeof JWK; privateKeyEncoding: typeof JWK },
) => { publicKey: JsonWebKey; privateKey: JsonWebKey };

/** @throws Error when the key has not 32 bytes */
export function publicKeyOf(privateKey: Uint8Array): Buffer {
  return bytesOf(createPublicKey(readPrivate(privateKey)).export({ format: 'jwk' }).x);
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

function bytesOf(field: string | undefined): Buffer {
  return Buffer.from(field ?? '', 'base64url');
}
