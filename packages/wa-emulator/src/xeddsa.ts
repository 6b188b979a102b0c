import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** An X25519 key pair that can also sign; all three fields are 32 bytes, without Signal's type byte. */
export interface SigningKeyPair {
  public: Buffer;
  private: Buffer;
  /** The Ed25519 seed the X25519 key was expanded from. */
  seed: Buffer;
}

/** OpenSSL computes the public half of a private JWK itself, but wants the field to be there. */
const PLACEHOLDER = Buffer.alloc(32, 9).toString('base64url');
const FIELD_PRIME = 2n ** 255n - 19n;

/** The X25519 public key (32 bytes) of a private key of 32 bytes. */
export function publicFromPrivate(privateKey: Buffer): Buffer {
  return exportPublic(importPrivate('X25519', privateKey));
}

/** As JWK, which is read 12 times faster than DER (0.03 ms instead of 0.4 with OpenSSL 3). */
function importPrivate(curve: 'X25519' | 'Ed25519', bytes: Buffer): KeyObject {
  const jwk = { kty: 'OKP', crv: curve, d: bytes.toString('base64url'), x: PLACEHOLDER };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

function exportPublic(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
}

/**
 * Expands a 32-byte seed as RFC 8032 does and uses the scalar as an X25519 key as well, so that
 * Node's native Ed25519 can make the signatures Signal expects (0.1 ms instead of 10 ms in JavaScript).
 */
export function keyPairFromSeed(seed: Buffer): SigningKeyPair {
  const scalar = createHash('sha512').update(seed).digest().subarray(0, 32);
  scalar[0] = (scalar[0] ?? 0) & 248;
  scalar[31] = ((scalar[31] ?? 0) & 127) | 64;
  return { public: publicFromPrivate(scalar), private: scalar, seed };
}

/** An XEdDSA signature (64 bytes): Ed25519 with the public key's sign bit in the top bit of byte 63. */
export function signXeddsa(pair: SigningKeyPair, message: Uint8Array): Buffer {
  const key = importPrivate('Ed25519', pair.seed);
  const signature = sign(null, message, key);
  signature[63] = (signature[63] ?? 0) | ((exportPublic(key)[31] ?? 0) & 128);
  return signature;
}

/**
 * Whether `signature` over `message` was made with the private half of an X25519 public key
 * (32 bytes). Malformed input is simply not valid; nothing is thrown.
 */
export function verifyXeddsa(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) {
    return false;
  }
  const plain = Buffer.from(signature);
  const signBit = (plain[63] ?? 0) & 128;
  plain[63] = (plain[63] ?? 0) & 127;
  const edwards = edwardsFromMontgomery(publicKey);
  edwards[31] = (edwards[31] ?? 0) | signBit;
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: edwards.toString('base64url') };
    return verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), plain);
  } catch {
    return false;
  }
}

/** y = (u - 1) / (u + 1), RFC 7748 section 4.1. */
function edwardsFromMontgomery(montgomery: Uint8Array): Buffer {
  const bytes = Buffer.from(montgomery);
  bytes[31] = (bytes[31] ?? 0) & 127;
  const u = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const y = (((u - 1n + FIELD_PRIME) % FIELD_PRIME) * invert((u + 1n) % FIELD_PRIME)) % FIELD_PRIME;
  return Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
}

function invert(value: bigint): bigint {
  let [previous, current] = [value, FIELD_PRIME];
  let [x, next] = [1n, 0n];
  while (current !== 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [x, next] = [next, x - quotient * next];
  }
  return ((x % FIELD_PRIME) + FIELD_PRIME) % FIELD_PRIME;
}
