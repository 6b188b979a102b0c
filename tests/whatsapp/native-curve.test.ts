import '../../src/whatsapp/baileys/native-curve.ts';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LibsignalCurve, nativeCurve } from '../../src/whatsapp/baileys/native-curve.ts';

const require = createRequire(import.meta.url);
const run = promisify(execFile);

/** libsignal's own functions, loaded once more: the ones in use are replaced. */
function loadOwn(): LibsignalCurve {
  const path = require.resolve('libsignal/src/curve.js');
  const inUse = require.cache[path];
  Reflect.deleteProperty(require.cache, path);
  const own: LibsignalCurve = require(path);
  require.cache[path] = inUse;
  return own;
}

const own = loadOwn();
const bytes = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((a) => Buffer.from(a));
const messages = fc.uint8Array({ maxLength: 400 }).map((a) => Buffer.from(a));
/** libsignal's own need 10 ms for a signature. */
const runs = { numRuns: 40 };

describe('libsignal by native means', () => {
  it('is what libsignal and Baileys use', async () => {
    expect(require('libsignal/src/curve.js')).toMatchObject(nativeCurve);
    expect(own.calculateSignature).not.toBe(nativeCurve.calculateSignature);
    // In a process of its own: here another file may have loaded Baileys before.
    const code = `
      const { nativeCurve } = await import(process.argv[1]);
      const named = await import('libsignal/src/curve.js');
      console.log(Object.keys(nativeCurve).every((name) => named[name] === nativeCurve[name]));
    `;
    const path = fileURLToPath(new URL('../../src/whatsapp/baileys/native-curve.ts', import.meta.url));
    const args = ['--import', 'tsx', '--input-type=module', '--eval', code, path];
    expect((await run(process.execPath, args)).stdout.trim()).toBe('true');
  }, 60_000);

  it('agrees on the same secrets and public keys', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (a, b) => {
        const [publicA, publicB] = [own.getPublicFromPrivateKey(a), nativeCurve.getPublicFromPrivateKey(b)];
        expect(nativeCurve.getPublicFromPrivateKey(a)).toEqual(publicA);
        const secret = own.calculateAgreement(publicB, a);
        expect(nativeCurve.calculateAgreement(publicB, a)).toEqual(secret);
        expect(nativeCurve.calculateAgreement(publicA, b)).toEqual(secret);
        expect(nativeCurve.calculateAgreement(publicA.subarray(1), b)).toEqual(secret);
      }),
      runs,
    );
  });

  it('makes pairs that fit', () => {
    const { pubKey, privKey } = nativeCurve.generateKeyPair();
    expect([pubKey.length, privKey.length]).toEqual([33, 32]);
    expect(own.getPublicFromPrivateKey(privKey)).toEqual(pubKey);
  });

  it('makes many pairs while the garbage collector runs, and waits for nothing', async () => {
    // In a process of its own: one that hangs cannot be stopped from within.
    const code = `
      const { createPair } = await import(process.argv[1]);
      for (let n = 0; n < 3_000; n++) createPair();
      console.log('done');
    `;
    const path = fileURLToPath(new URL('../../src/whatsapp/x25519.ts', import.meta.url));
    const args = ['--max-semi-space-size=1', '--import', 'tsx', '--input-type=module', '--eval', code, path];
    const { stdout } = await run(process.execPath, args, { timeout: 40_000, killSignal: 'SIGKILL' });
    expect(stdout.trim()).toBe('done');
  }, 60_000);

  it('signs what libsignal verifies, and verifies what libsignal signs', () => {
    fc.assert(
      fc.property(bytes(32), messages, (key, message) => {
        const publicKey = own.getPublicFromPrivateKey(key);
        const signature = nativeCurve.calculateSignature(key, message);
        expect(own.verifySignature(publicKey, message, signature)).toBe(true);
        expect(nativeCurve.verifySignature(publicKey, message, signature)).toBe(true);
        expect(nativeCurve.calculateSignature(key, message)).not.toEqual(signature);
        const theirs = own.calculateSignature(key, message);
        expect(nativeCurve.verifySignature(publicKey, message, theirs)).toBe(true);
      }),
      runs,
    );
  });

  it('takes no signature that was changed in one bit', () => {
    const { pubKey, privKey } = nativeCurve.generateKeyPair();
    const message = Buffer.from('a message');
    const signature = nativeCurve.calculateSignature(privKey, message);
    for (let bit = 0; bit < 512; bit++) {
      const changed = Buffer.from(signature);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(nativeCurve.verifySignature(pubKey, message, changed), `bit ${bit}`).toBe(false);
    }
    const other = nativeCurve.generateKeyPair().pubKey;
    expect(nativeCurve.verifySignature(other, message, signature)).toBe(false);
    expect(nativeCurve.verifySignature(pubKey, Buffer.from('a massage'), signature)).toBe(false);
  });

  it('fails wherever libsignal fails, and agrees with no key that hides the secret', () => {
    const { pubKey, privKey } = nativeCurve.generateKeyPair();
    const wrongType = Buffer.concat([Buffer.from([6]), pubKey.subarray(1)]);
    for (const curve of [own, nativeCurve]) {
      for (const bad of [Buffer.alloc(0), Buffer.alloc(31), Buffer.alloc(34), wrongType]) {
        expect(() => curve.calculateAgreement(bad, privKey)).toThrow();
        expect(() => curve.verifySignature(bad, pubKey, Buffer.alloc(64))).toThrow();
      }
      for (const bad of [Buffer.alloc(0), Buffer.alloc(33)]) {
        expect(() => curve.calculateAgreement(pubKey, bad)).toThrow();
        expect(() => curve.calculateSignature(bad, pubKey)).toThrow();
      }
      expect(() => curve.verifySignature(pubKey, privKey, Buffer.alloc(63))).toThrow();
      // Zero and one have a small order: every private key gets the same secret with them.
      for (const small of [0, 1]) {
        const key = Buffer.concat([Buffer.from([5, small]), Buffer.alloc(31)]);
        expect(() => curve.calculateAgreement(key, privKey)).toThrow();
      }
    }
  });
});
