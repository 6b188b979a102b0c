import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hash,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Seals what is secret at rest with AES-256-GCM. `context` binds a text to its place: it opens nowhere else. */
export interface SecretBox {
  /** names the key that `seal` uses; kept beside what it sealed, so that keys can be rotated */
  readonly keyId: string;
  /** of every key that opens, the one of `seal` first */
  readonly keyIds: readonly string[];
  seal(plain: Uint8Array, context: string): Buffer;
  /** Throws when the key is not known, or the bytes or the context are not those that were sealed. */
  open(sealed: Uint8Array, keyId: string, context: string): Buffer;
  /** `keyId:base64url`, for text columns. */
  sealText(plain: string, context: string): string;
  openText(sealed: string, context: string): string;
  /** HMAC-SHA256 in hex under a key derived for `purpose`: for what must be compared but never read back. */
  mac(purpose: string, value: string): string;
  /** Whether `mac` was made of them, under any of the keys. Compares in constant time. */
  isMac(purpose: string, value: string, mac: string): boolean;
}

/**
 * Makes the box. `keys[0]` seals; all of them open. Keys are 32 bytes.
 * A 12-byte random nonce per text is safe for 2^32 texts under one key (NIST SP 800-38D, 8.3).
 */
export function createSecretBox(keys: readonly [Buffer, ...Buffer[]]): SecretBox {
  const byId = new Map(keys.map((key) => [keyIdOf(key), key]));
  const [current] = keys;
  const keyId = keyIdOf(current);
  const macs = [...byId.values()].map(macsUnder);
  const macOf = macsUnder(current);
  const box: SecretBox = {
    keyId,
    keyIds: [...byId.keys()],
    seal(plain, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current, iv);
      cipher.setAAD(Buffer.from(context));
      return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, id, context) {
      const key = byId.get(id);
      if (!key) throw new Error(`no encryption key ${id}`);
      if (sealed.length < IV_BYTES + TAG_BYTES) throw new Error('sealed text is too short');
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      return Buffer.concat([
        decipher.update(sealed.subarray(IV_BYTES, sealed.length - TAG_BYTES)),
        decipher.final(),
      ]);
    },
    sealText: (plain, context) => `${keyId}:${box.seal(Buffer.from(plain), context).toString('base64url')}`,
    openText(sealed, context) {
      const [id = '', body = ''] = sealed.split(':');
      return box.open(Buffer.from(body, 'base64url'), id, context).toString();
    },
    mac: (purpose, value) => macOf(purpose, value),
    isMac(purpose, value, mac) {
      // Every key is tried: how long it takes tells nothing.
      const matches = macs.map((ofKey) => equalsConstantTime(ofKey(purpose, value), mac));
      return matches.includes(true);
    },
  };
  return box;
}

/** Each key has one of its own for each purpose, of which our code has a few. */
function macsUnder(key: Buffer): (purpose: string, value: string) => string {
  const derived = new Map<string, Buffer>();
  return (purpose, value) => {
    const own = derived.get(purpose) ?? createHmac('sha256', key).update(`mac:${purpose}`).digest();
    derived.set(purpose, own);
    return createHmac('sha256', own).update(value).digest('hex');
  };
}

/** The key that a sealed text names. */
export function keyIdOfText(sealed: string): string {
  return sealed.split(':', 1)[0] ?? '';
}

/** The public name of a key: its first 32 hash bits, in hex. */
export function keyIdOf(key: Buffer): string {
  if (key.length !== 32) throw new Error('an encryption key has 32 bytes');
  return createHash('sha256').update('wahub key id').update(key).digest('hex').slice(0, 8);
}

export function sha256Hex(value: string | Uint8Array): string {
  return hash('sha256', value, 'hex');
}

/** The same of two SHA-256 digests in hex, whose length tells nothing. */
export function isSameDigest(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

/** Compares without telling by its duration where two texts differ. */
export function equalsConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));
}
