import '../../src/whatsapp/baileys/native-hash.ts';
import { execFile } from 'node:child_process';
import { createHmac, hkdfSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LibsignalHashes, nativeHashes } from '../../src/whatsapp/baileys/native-hash.ts';
import { secretOf } from '../../src/whatsapp/baileys/prepare-message.ts';

const require = createRequire(import.meta.url);
const run = promisify(execFile);

/** libsignal's own functions, loaded once more: the ones in use are replaced. */
function loadOwn(): LibsignalHashes {
  const path = require.resolve('libsignal/src/crypto.js');
  const inUse = require.cache[path];
  Reflect.deleteProperty(require.cache, path);
  const own: LibsignalHashes = require(path);
  require.cache[path] = inUse;
  return own;
}

const own = loadOwn();
const bytes = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((a) => Buffer.from(a));
const LABELS = ['WhisperText', 'WhisperRatchet', 'WhisperMessageKeys', 'WhisperGroup', ''];
const labels = fc.oneof(fc.constantFrom(...LABELS.map((label) => Buffer.from(label))), bytes(0, 40));

describe("libsignal's hashes by native means", () => {
  it('are what libsignal and Baileys use', async () => {
    expect(require('libsignal/src/crypto.js')).toMatchObject(nativeHashes);
    expect(own.calculateMAC).not.toBe(nativeHashes.calculateMAC);
    // In a process of its own: here another file may have loaded Baileys before.
    const code = `
      const { nativeHashes } = await import(process.argv[1]);
      const named = await import('libsignal/src/crypto.js');
      console.log(Object.keys(nativeHashes).every((name) => named[name] === nativeHashes[name]));
    `;
    const path = fileURLToPath(new URL('../../src/whatsapp/baileys/native-hash.ts', import.meta.url));
    const args = ['--import', 'tsx', '--input-type=module', '--eval', code, path];
    expect((await run(process.execPath, args)).stdout.trim()).toBe('true');
  }, 60_000);

  it('authenticate the same, with keys and messages of every length', () => {
    // RFC 4231, 4.3
    const mac = nativeHashes.calculateMAC(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'));
    expect(mac.toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
    fc.assert(
      fc.property(bytes(0, 140), bytes(0, 600), (key, message) => {
        const expected = createHmac('sha256', key).update(message).digest();
        expect(nativeHashes.calculateMAC(key, message)).toEqual(expected);
        expect(own.calculateMAC(key, message)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('derive the same', () => {
    fc.assert(
      fc.property(
        bytes(0, 160),
        bytes(32, 32),
        labels,
        fc.integer({ min: 1, max: 3 }),
        (input, salt, info, n) => {
          const derived = nativeHashes.deriveSecrets(input, salt, info, n);
          expect(derived).toEqual(own.deriveSecrets(input, salt, info, n));
          const whole = Buffer.from(hkdfSync('sha256', input, salt, info, 32 * n));
          expect(Buffer.concat(derived)).toEqual(whole);
        },
      ),
      { numRuns: 500 },
    );
    const [input, salt, info] = [Buffer.alloc(32, 1), Buffer.alloc(32), Buffer.from('WhisperText')];
    expect(nativeHashes.deriveSecrets(input, salt, info)).toEqual(own.deriveSecrets(input, salt, info));
    expect(nativeHashes.deriveSecrets(input, salt, info, 0)).toEqual(own.deriveSecrets(input, salt, info, 0));
  });

  it('make of a message the secret that its votes were sealed with in earlier releases', () => {
    const key = Buffer.alloc(32, 3);
    const keys = { signedIdentityKey: { private: new Uint8Array(key), public: key } };
    const expected = createHmac('sha256', key).update('message secret').update('3EB0É').digest();
    expect(Buffer.from(secretOf(keys, '3EB0É'))).toEqual(expected);
  });

  it('give secrets that nothing changes later', () => {
    const [input, salt, info] = [Buffer.alloc(32, 1), Buffer.alloc(32), Buffer.from('WhisperText')];
    const secrets = nativeHashes.deriveSecrets(input, salt, info);
    const mac = nativeHashes.calculateMAC(input, info);
    const before = [...secrets, mac].map((secret) => secret.toString('hex'));
    for (let n = 0; n < 1_000; n++) nativeHashes.deriveSecrets(Buffer.alloc(32, n), salt, info);
    expect([...secrets, mac].map((secret) => secret.toString('hex'))).toEqual(before);
  });

  it('take and refuse the same', () => {
    const key = Buffer.alloc(32, 7);
    const message = Buffer.from('a message');
    const mac = own.calculateMAC(key, message).subarray(0, 8);
    for (const hashes of [own, nativeHashes]) {
      expect(() => hashes.verifyMAC(message, key, mac, 8)).not.toThrow();
      for (let bit = 0; bit < 64; bit++) {
        const changed = Buffer.from(mac);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(() => hashes.verifyMAC(message, key, changed, 8)).toThrow('Bad MAC');
      }
      expect(() => hashes.verifyMAC(message, key, mac.subarray(1), 8)).toThrow('Bad MAC length');
      expect(() => hashes.verifyMAC(message, key, mac, 40)).toThrow('Bad MAC length');
      const array = new Uint8Array(32) as Buffer;
      expect(() => hashes.calculateMAC(array, message)).toThrow(TypeError);
      expect(() => hashes.calculateMAC(key, array)).toThrow(TypeError);
      for (const bad of [Buffer.alloc(31), Buffer.alloc(0)]) {
        expect(() => hashes.deriveSecrets(key, bad, message)).toThrow('salt');
      }
      expect(() => hashes.deriveSecrets(array, key, message)).toThrow(TypeError);
      expect(() => hashes.deriveSecrets(key, key, array)).toThrow(TypeError);
      expect(() => hashes.deriveSecrets(key, key, message, 4)).toThrow();
    }
  });
});
