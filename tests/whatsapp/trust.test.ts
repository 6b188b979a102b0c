import { randomBytes } from 'node:crypto';
import libsignal from 'libsignal';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { acceptConnection } from '../../packages/wa-emulator/src/connection.ts';
import { loadIdentity, type NoiseIdentity } from '../../packages/wa-emulator/src/identity.ts';
import { createTimers } from '../../packages/wa-emulator/src/timers.ts';
import { startWaServer } from '../../packages/wa-emulator/src/wa-server.ts';
import * as xeddsa from '../../packages/wa-emulator/src/xeddsa.ts';
import type { CloseReason } from '../../src/whatsapp/engine.ts';
import { verifyXeddsa } from '../../src/whatsapp/xeddsa.ts';
import { startTestEngine, type TestEngine } from '../helpers/engine.ts';

/** The emulator signs honestly unless a test says which signature (by its position) is to be a forgery. */
const forgery = { isForged: (_nth: number): boolean => false, count: 0 };
const { keyPairFromSeed, signXeddsa } = xeddsa;
vi.spyOn(xeddsa, 'signXeddsa').mockImplementation((pair, message) => {
  const forged = forgery.isForged(forgery.count++);
  return signXeddsa(forged ? keyPairFromSeed(Buffer.alloc(32, 7)) : pair, message);
});

function forge(isForged: (nth: number) => boolean): void {
  forgery.count = 0;
  forgery.isForged = isForged;
}

let test: TestEngine;
beforeAll(async () => {
  test = await startTestEngine();
});
afterEach(() => forge(() => false));
afterAll(() => test.stop());

/** How a session ends that meets a server with this identity, when `rootKey` is trusted. */
async function meet(identity: NoiseIdentity, rootKey: string | null): Promise<CloseReason | 'trusted'> {
  const timers = createTimers();
  let reached = false;
  const server = await startWaServer('127.0.0.1', 0, (socket) => {
    acceptConnection(socket, identity, timers, {
      onHello: (connection) => {
        reached = true;
        connection.destroy();
      },
      onNode: () => undefined,
      onClose: () => undefined,
      onError: () => undefined,
    });
  });
  const { engine, callbacks } = test.another({ waServer: { url: server.url, rootKey, caFile: null } });
  const account = await test.addAccount();
  await engine.open(account, { mode: 'qr' });
  const closed = await callbacks.next(account.id, 'closed');
  await server.close();
  timers.stop();
  return reached ? 'trusted' : closed.reason;
}

describe("the server's certificate", () => {
  it('is accepted when it leads to the trusted root', async () => {
    const { noise, rootKey } = await loadIdentity(undefined);
    expect(await meet(noise, rootKey)).toBe('trusted');
  });

  it('is refused under another root', async () => {
    const { noise } = await loadIdentity(undefined);
    expect(await meet(noise, randomBytes(32).toString('hex'))).toBe('untrusted_server');
  });

  it("is refused when WhatsApp's own root is expected", async () => {
    const { noise } = await loadIdentity(undefined);
    expect(await meet(noise, null)).toBe('untrusted_server');
  });

  it.each([
    ['the intermediate', 0],
    ['the leaf', 1],
  ])('is refused when %s is signed by somebody else', async (_name, position) => {
    forge((nth) => nth === position);
    const { noise, rootKey } = await loadIdentity(undefined);
    expect(forgery.count).toBe(2);
    expect(await meet(noise, rootKey)).toBe('untrusted_server');
  });

  it('is refused when it is genuine but belongs to another server', async () => {
    const { noise, rootKey } = await loadIdentity(undefined);
    const thief = { ...noise, staticKey: keyPairFromSeed(randomBytes(32)) };
    expect(await meet(thief, rootKey)).toBe('untrusted_server');
  });
});

describe('identities', () => {
  it('a device identity that the phone did not sign is refused, and nothing is stored', async () => {
    const account = await test.addAccount();
    await test.engine.open(account, { mode: 'qr' });
    const { qr } = await test.callbacks.next(account.id, 'qr');
    forge(() => true);
    const scanned = test.emulator.scan({ qr, phone: '6281100000009' }).then(
      () => 'linked',
      () => 'not linked',
    );
    expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('untrusted_server');
    expect(test.callbacks.events(account.id).map((event) => event.type)).toEqual(['qr', 'closed']);
    expect(await test.store.hasCredentials(account.id)).toBe(false);
    expect(await scanned).toBe('not linked');
  });

  it("a recipient's key that his identity did not sign ends that message alone", async () => {
    const account = await test.connect('6281100000010');
    expect(await test.send(account, '6282200000001', 'hello')).toMatchObject({ outcome: 'acknowledged' });
    forge(() => true);
    const result = await test.send(account, '6282200000002', 'hello');
    expect(result).toMatchObject({ outcome: 'impossible', code: 'RECIPIENT_KEYS' });
    expect(test.emulator.stanzas({ to: '6282200000002' })).toEqual([]);
    forge(() => false);
    expect(await test.send(account, '6282200000003', 'hello')).toMatchObject({ outcome: 'acknowledged' });
    expect(test.engine.isConnected(account.id)).toBe(true);
  });
});

describe('verifying a signature', () => {
  const { curve } = Object(libsignal) as {
    curve: {
      generateKeyPair(): { pubKey: Buffer; privKey: Buffer };
      calculateSignature(key: Buffer, message: Buffer): Buffer;
      verifySignature(key: Buffer, message: Buffer, signature: Buffer): boolean;
    };
  };

  it('agrees with libsignal on good and on changed ones', () => {
    for (let i = 0; i < 25; i++) {
      const { pubKey, privKey } = curve.generateKeyPair();
      const message = randomBytes(i * 7);
      const signature = message.length > 0 ? curve.calculateSignature(privKey, message) : Buffer.alloc(64);
      expect(verifyXeddsa(pubKey, message, signature)).toBe(
        message.length > 0 && curve.verifySignature(pubKey, message, signature),
      );
      const changed = Buffer.from(signature);
      changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
      expect(verifyXeddsa(pubKey, message, changed)).toBe(false);
      expect(verifyXeddsa(curve.generateKeyPair().pubKey, message, signature)).toBe(false);
      if (message.length > 0) expect(verifyXeddsa(pubKey.subarray(1), message, signature)).toBe(true);
    }
  });

  it('says no to what is malformed', () => {
    expect(verifyXeddsa(Buffer.alloc(31), Buffer.alloc(1), Buffer.alloc(64))).toBe(false);
    expect(verifyXeddsa(Buffer.alloc(32), Buffer.alloc(1), Buffer.alloc(63))).toBe(false);
    expect(verifyXeddsa(Buffer.alloc(32, 255), Buffer.alloc(1), Buffer.alloc(64))).toBe(false);
  });
});
