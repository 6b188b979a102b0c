/**
 * libsignal's message authentication and key derivation. Import it before Baileys, which takes the functions by name when it
 * is loaded; without it everything works as well, but slowly.
 *
 * Each message takes a dozen of them for each device, of a few bytes. libsignal makes an object of OpenSSL's for each, which takes
 * longer than the hashing, and again when the garbage collector frees it.
 */
import { isAscii } from 'node:buffer';
import { createRequire } from 'node:module';
import { generateIndexMac, hkdf } from 'whatsapp-rust-bridge';

/** `libsignal/src/crypto.js` of libsignal 6.0.0, as far as it is replaced. */
export interface LibsignalHashes {
  calculateMAC(key: Buffer, data: Buffer): Buffer;
  deriveSecrets(input: Buffer, salt: Buffer, info: Buffer, chunks?: number): Buffer[];
  verifyMAC(data: Buffer, key: Buffer, mac: Buffer, length: number): void;
}

// For the whole process: libsignal's own files call them through this object.
const used: LibsignalHashes = createRequire(import.meta.url)('libsignal/src/crypto.js');
const own = { ...used };
const KEY_BYTES = 32;
const SALT_BYTES = 32;
const CHUNK_BYTES = 32;
const MAX_CHUNKS = 3;
/** Bytes from which on OpenSSL is quicker. */
const LONG = 512;

/** The same answers as libsignal's own, and an error wherever it has one. */
export const nativeHashes: LibsignalHashes = {
  /** HMAC-SHA256: what WhatsApp makes of an index is nothing else. */
  calculateMAC(key, data) {
    const isUsual =
      Buffer.isBuffer(key) && Buffer.isBuffer(data) && key.length === KEY_BYTES && data.length < LONG;
    return isUsual ? asBuffer(generateIndexMac(data, key)) : own.calculateMAC(key, data);
  },
  /** RFC 5869, 32 bytes a chunk. */
  deriveSecrets(input, salt, info, wanted) {
    const chunks = wanted || MAX_CHUNKS;
    const isUsual = [input, salt, info].every(Buffer.isBuffer) && salt.length === SALT_BYTES && isAscii(info);
    if (!isUsual || !(chunks >= 1 && chunks <= MAX_CHUNKS))
      return own.deriveSecrets(input, salt, info, wanted);
    const derived = asBuffer(hkdf(input, chunks * CHUNK_BYTES, { salt, info: info.toString('latin1') }));
    const secrets: Buffer[] = [];
    for (let n = 0; n < chunks; n++) secrets.push(derived.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES));
    return secrets;
  },
  verifyMAC(data, key, mac, length) {
    const calculated = nativeHashes.calculateMAC(key, data).subarray(0, length);
    if (mac.length !== length || calculated.length !== length) throw new Error('Bad MAC length');
    if (!mac.equals(calculated)) throw new Error('Bad MAC');
  },
};

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

Object.assign(used, nativeHashes);
