import { randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import * as curve from 'libsignal/src/curve.js';
import { describe, expect, it } from 'vitest';
import { loadIdentity } from '../src/identity.ts';
import { lidJid, lidOf, parseJid, phoneOfLid } from '../src/jids.ts';
import { keyPairFromSeed, signXeddsa, verifyXeddsa } from '../src/xeddsa.ts';

const typed = (key: Uint8Array) => Buffer.concat([Buffer.from([5]), key]);

describe('signatures', () => {
  it('are what libsignal verifies, and refuses when the message changes', () => {
    for (let round = 0; round < 4; round++) {
      const pair = keyPairFromSeed(randomBytes(32));
      const message = randomBytes(40);
      const signature = signXeddsa(pair, message);
      expect(curve.verifySignature(typed(pair.public), message, signature)).toBe(true);
      expect(curve.verifySignature(typed(pair.public), randomBytes(40), signature)).toBe(false);
    }
  });

  it('of libsignal are verified, and refused when key or message differ', () => {
    for (let round = 0; round < 4; round++) {
      const { pubKey, privKey } = curve.generateKeyPair();
      const message = randomBytes(40);
      const signature = curve.calculateSignature(privKey, message);
      const key = Buffer.from(pubKey).subarray(1);
      expect(verifyXeddsa(key, message, signature)).toBe(true);
      expect(verifyXeddsa(key, randomBytes(40), signature)).toBe(false);
      expect(verifyXeddsa(randomBytes(32), message, signature)).toBe(false);
    }
  });

  it('agree with libsignal on the shared secret of a derived key', () => {
    const mine = keyPairFromSeed(randomBytes(32));
    const theirs = curve.generateKeyPair();
    const secret = curve.calculateAgreement(theirs.pubKey, mine.private);
    expect(curve.calculateAgreement(typed(mine.public), theirs.privKey)).toEqual(secret);
  });
});

describe('the Noise certificate chain', () => {
  it('verifies from the root key down to the static key', async () => {
    const { noise, rootKey } = await loadIdentity(undefined);
    const { intermediate, leaf } = proto.CertChain.decode(noise.certificateChain);
    const { Details } = proto.CertChain.NoiseCertificate;
    const issuer = Details.decode(intermediate?.details ?? new Uint8Array());
    const certified = Details.decode(leaf?.details ?? new Uint8Array());
    const verify = (key: Uint8Array, part: proto.CertChain.INoiseCertificate | null | undefined) =>
      curve.verifySignature(
        typed(key),
        part?.details ?? new Uint8Array(),
        part?.signature ?? new Uint8Array(),
      );
    expect(issuer.issuerSerial).toBe(0);
    expect(certified.issuerSerial).toBe(issuer.serial);
    expect(verify(Buffer.from(rootKey, 'hex'), intermediate)).toBe(true);
    expect(verify(issuer.key ?? new Uint8Array(), leaf)).toBe(true);
    expect(verify(randomBytes(32), intermediate)).toBe(false);
    expect(Buffer.from(certified.key ?? [])).toEqual(noise.staticKey.public);
  });
});

describe('LIDs', () => {
  it('are the same every time, differ between numbers and lead back to them', () => {
    const phones = ['62812', '6281234567890', '999999999999999', '12025550123'];
    for (const phone of phones) {
      expect(phoneOfLid(lidOf(phone))).toBe(phone);
    }
    expect(new Set(phones.map(lidOf)).size).toBe(phones.length);
    expect(parseJid(lidJid('6281234567890', 3))).toEqual({
      kind: 'user',
      phone: '6281234567890',
      device: 3,
      via: 'lid',
    });
  });
});
