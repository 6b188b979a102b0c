/** Linking an account that asks for a passkey: the real client against the emulator. */
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PasskeyFault } from 'wa-emulator';
import { type Clock, systemClock } from '../../src/utils/clock.ts';
import {
  comparisonCode,
  createPrologue,
  handoffKey,
  handoffProof,
  openContinuation,
  sealPairingRequest,
} from '../../src/whatsapp/baileys/passkey-protocol.ts';
import type { AccountRef, CloseReason, EngineEvent } from '../../src/whatsapp/engine.ts';
import { startTestEngine, type TestEngine } from '../helpers/engine.ts';

type Step = Extract<EngineEvent, { type: 'passkey' }>;

let test: TestEngine;
/** Types of the notifications that the client has acknowledged. */
const acknowledged: (string | undefined)[] = [];
beforeAll(async () => {
  test = await startTestEngine({}, undefined, {
    onStanza({ tag, attrs }) {
      if (tag === 'ack' && attrs.class === 'notification') acknowledged.push(attrs.type);
    },
  });
});
beforeEach(() => {
  acknowledged.length = 0;
});
afterAll(() => test.stop());

let numbers = 0;
function nextPhone(): string {
  numbers += 1;
  return `62811000${9000 + numbers}`;
}

async function demanded(phone: string): Promise<{ account: AccountRef; step: Step }> {
  const account = await test.addAccount();
  await test.engine.open(account, { mode: 'qr' });
  const { qr } = await test.callbacks.next(account.id, 'qr');
  expect(await test.emulator.scan({ qr, phone })).toEqual({ phone, passkey: 'asked' });
  return { account, step: await test.callbacks.next(account.id, 'passkey') };
}

async function sign(account: AccountRef, phone: string, step: Step): Promise<void> {
  if (step.stage !== 'asked') throw new Error(`not asked but ${step.stage}`);
  await test.engine.answerPasskey(account.id, test.emulator.signPasskey({ phone, options: step.options }));
}

/** The next demand; what was said of the signature in between is passed over. */
async function askedAgain(account: AccountRef): Promise<Step> {
  const step = await test.callbacks.next(account.id, 'passkey');
  return step.stage === 'answered' ? askedAgain(account) : step;
}

async function expectLinked(account: AccountRef, phone: string): Promise<void> {
  expect((await test.callbacks.next(account.id, 'paired')).phone).toBe(phone);
  expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('restart_required');
  await test.engine.open(account, { mode: 'qr' });
  expect((await test.callbacks.next(account.id, 'connected')).phone).toBe(phone);
  await test.emulator.deliver({ to: phone, from: '6281999000111', text: 'after the passkey' });
  await expect
    .poll(() => test.callbacks.inbound.map(({ content }) => Object(content).text))
    .toContain('after the passkey');
}

describe('an account that asks for a passkey', () => {
  it('is linked once its owner has signed, without comparing a code', async () => {
    const phone = nextPhone();
    test.emulator.setPasskey({ number: phone, passkey: true });
    const { account, step } = await demanded(phone);
    expect(step).toMatchObject({ stage: 'asked', failed: null, options: { rpId: 'whatsapp.com' } });
    expect(await test.store.hasCredentials(account.id)).toBe(false);
    await sign(account, phone, step);
    expect((await test.callbacks.next(account.id, 'passkey')).stage).toBe('answered');
    await expectLinked(account, phone);
    expect(test.emulator.passkey({ phone })).toMatchObject({ stage: 'linked', code: null, refusal: null });
    expect(acknowledged.slice(0, 2)).toEqual(['passkey_prologue_request', 'crsc_continuation']);
  });

  it('is linked by a pairing code, too', async () => {
    const phone = nextPhone();
    test.emulator.setPasskey({ number: phone, passkey: true });
    const account = await test.addAccount();
    await test.engine.open(account, { mode: 'code', phone });
    const { code } = await test.callbacks.next(account.id, 'pairing_code');
    await test.emulator.pair({ code, phone });
    await sign(account, phone, await test.callbacks.next(account.id, 'passkey'));
    await expectLinked(account, phone);
    expect(acknowledged.filter((type) => type === 'passkey_prologue_request')).toHaveLength(1);
  });

  it('fetches the options when the demand comes without them', async () => {
    const phone = nextPhone();
    test.emulator.setPasskey({ number: phone, passkey: true, fault: 'no_options' });
    const { account, step } = await demanded(phone);
    await sign(account, phone, step);
    await expectLinked(account, phone);
  });

  it.each(['refused', 'iq_error', 'expired'] as const)(
    'asks again after %s, and the second try works',
    async (fault) => {
      const phone = nextPhone();
      test.emulator.setPasskey({ number: phone, passkey: true, fault });
      const { account, step } = await demanded(phone);
      await expect(sign(account, phone, step)).rejects.toMatchObject({ code: 'PASSKEY_REFUSED' });
      expect(await test.store.hasCredentials(account.id)).toBe(false);
      const again = await askedAgain(account);
      expect(again).toMatchObject({ stage: 'asked', failed: 'passkey_refused' });
      await sign(account, phone, again);
      await expectLinked(account, phone);
    },
  );

  it('refuses a signature of another passkey, of another challenge and of another site', async () => {
    const [phone, stranger] = [nextPhone(), nextPhone()];
    test.emulator.setPasskey({ number: phone, passkey: true });
    const { account, step } = await demanded(phone);
    if (step.stage !== 'asked') throw new Error('not asked');
    const { allowCredentials: _, ...forAnyone } = step.options;
    const wrong = [
      test.emulator.signPasskey({ phone: stranger, options: forAnyone }),
      test.emulator.signPasskey({ phone, options: { ...step.options, challenge: 'AAAA' } }),
    ];
    for (const assertion of wrong) {
      await expect(test.engine.answerPasskey(account.id, assertion)).rejects.toMatchObject({
        code: 'PASSKEY_REFUSED',
      });
      await askedAgain(account);
    }
    // Three challenges are all that one pairing gets.
    const elsewhere = test.emulator.signPasskey({
      phone,
      options: forAnyone,
      origin: 'https://whatsapp.com.evil.example',
    });
    await expect(test.engine.answerPasskey(account.id, elsewhere)).rejects.toMatchObject({
      code: 'PASSKEY_REFUSED',
    });
    expect((await test.callbacks.next(account.id, 'closed')).reason).toBe('passkey_refused');
    expect(await test.store.hasCredentials(account.id)).toBe(false);
  });

  it('knows when nothing is to be signed or compared', async () => {
    const account = await test.addAccount();
    const assertion = test.emulator.signPasskey({ phone: nextPhone(), options: { challenge: 'AAAA' } });
    await expect(test.engine.answerPasskey(account.id, assertion)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await test.engine.open(account, { mode: 'qr' });
    await test.callbacks.next(account.id, 'qr');
    await expect(test.engine.answerPasskey(account.id, assertion)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(test.engine.confirmPasskey(account.id, true)).rejects.toMatchObject({ code: 'CONFLICT' });
    await test.engine.close(account.id);
  });
});

describe('after the hand-off window', () => {
  /** A clock that is ahead of the system's by what a test says. */
  function laterClock() {
    let aheadMs = 0;
    return {
      clock: { ...systemClock, now: () => systemClock.now() + aheadMs },
      skip: (ms: number) => {
        aheadMs += ms;
      },
    };
  }

  async function signedLate(phone: string, fault?: 'wrong_code') {
    const { clock, skip } = laterClock();
    const { engine, callbacks, store } = test.another({ clock });
    test.emulator.setPasskey({ number: phone, passkey: true, ...(fault ? { fault } : {}) });
    const account = await test.addAccount();
    await engine.open(account, { mode: 'qr' });
    const { qr } = await callbacks.next(account.id, 'qr');
    await test.emulator.scan({ qr, phone });
    const step = await callbacks.next(account.id, 'passkey');
    skip(5 * 60_000 + 1);
    if (step.stage !== 'asked') throw new Error('not asked');
    await engine.answerPasskey(account.id, test.emulator.signPasskey({ phone, options: step.options }));
    expect((await callbacks.next(account.id, 'passkey')).stage).toBe('answered');
    const compare = await callbacks.next(account.id, 'passkey');
    if (compare.stage !== 'confirm') throw new Error(`not to be compared but ${compare.stage}`);
    expect(compare.code).toMatch(/^[1-9A-HJ-NP-TV-Z]{4}-[1-9A-HJ-NP-TV-Z]{4}$/);
    return { account, engine, callbacks, store, code: compare.code };
  }

  it('a person compares a code, which both sides show', async () => {
    const phone = nextPhone();
    const { account, engine, callbacks, code } = await signedLate(phone);
    expect(test.emulator.passkey({ phone }).code).toBe(code);
    await engine.confirmPasskey(account.id, true);
    expect((await callbacks.next(account.id, 'paired')).phone).toBe(phone);
  });

  it('nothing is linked when the codes differ', async () => {
    const phone = nextPhone();
    const { account, engine, callbacks, store, code } = await signedLate(phone, 'wrong_code');
    expect(test.emulator.passkey({ phone }).code).not.toBe(code);
    await engine.confirmPasskey(account.id, false);
    expect((await callbacks.next(account.id, 'closed')).reason).toBe('passkey_code_differed');
    expect(await store.hasCredentials(account.id)).toBe(false);
  });
});

describe('each end has a reason of its own, stores nothing, and a second try works', () => {
  /** Waits of a minute and more end when a test says so. */
  function handClock() {
    const waiting = new Set<{ act: () => void; ms: number }>();
    let aheadMs = 0;
    const clock: Clock = {
      ...systemClock,
      now: () => systemClock.now() + aheadMs,
      setTimer(act, ms) {
        if (ms < 60_000) return systemClock.setTimer(act, ms);
        const timer = { act, ms };
        waiting.add(timer);
        return () => waiting.delete(timer);
      },
    };
    return {
      clock,
      skip: (ms: number) => {
        aheadMs += ms;
      },
      /** The wait of that length, the youngest if there are several, is over. */
      end(ms: number) {
        const timer = [...waiting].findLast((one) => one.ms === ms);
        if (!timer) throw new Error(`nothing waits ${ms} ms: ${[...waiting].map((one) => one.ms)}`);
        waiting.delete(timer);
        aheadMs += ms;
        timer.act();
      },
    };
  }
  const MINUTE = 60_000;
  type Trial = ReturnType<typeof test.another> & { account: AccountRef; phone: string } & Pick<
      ReturnType<typeof handClock>,
      'end' | 'skip'
    >;

  const nextStep = async ({ callbacks, account }: Trial, stage: Step['stage']): Promise<Step> => {
    for (;;) {
      const step = await callbacks.next(account.id, 'passkey');
      if (step.stage === stage) return step;
    }
  };
  async function signed(trial: Trial): Promise<void> {
    const step = await nextStep(trial, 'asked');
    if (step.stage !== 'asked') throw new Error('not asked');
    const assertion = test.emulator.signPasskey({ phone: trial.phone, options: step.options });
    await trial.engine.answerPasskey(trial.account.id, assertion);
  }
  async function scanned({ engine, callbacks, account, phone }: Trial): Promise<void> {
    await engine.open(account, { mode: 'qr' });
    const { qr } = await callbacks.next(account.id, 'qr');
    await test.emulator.scan({ qr, phone });
  }
  async function compared(trial: Trial): Promise<void> {
    const step = await nextStep(trial, 'asked');
    if (step.stage !== 'asked') throw new Error('not asked');
    const assertion = test.emulator.signPasskey({ phone: trial.phone, options: step.options });
    // The challenge is younger than ten minutes, the scan older than five.
    trial.skip(6 * MINUTE);
    await trial.engine.answerPasskey(trial.account.id, assertion);
    await nextStep(trial, 'confirm');
  }

  it.each<[CloseReason, PasskeyFault | undefined, (trial: Trial) => Promise<void>]>([
    [
      'passkey_phone_away',
      'phone_away',
      async (trial) => {
        await signed(trial);
        trial.end(MINUTE);
      },
    ],
    [
      'passkey_expired',
      undefined,
      async (trial) => {
        for (let challenge = 1; challenge <= 3; challenge += 1) {
          await nextStep(trial, 'asked');
          trial.end(10 * MINUTE);
        }
      },
    ],
    [
      'passkey_expired',
      undefined,
      async (trial) => {
        await compared(trial);
        trial.end(5 * MINUTE);
      },
    ],
    [
      'passkey_code_differed',
      'wrong_code',
      async (trial) => {
        await compared(trial);
        await trial.engine.confirmPasskey(trial.account.id, false);
      },
    ],
    ['passkey_malformed', 'malformed', async () => undefined],
  ])('%s (%s)', async (reason, fault, fail) => {
    const { clock, end, skip } = handClock();
    const account = await test.addAccount();
    const trial: Trial = { ...test.another({ clock }), account, phone: nextPhone(), end, skip };
    test.emulator.setPasskey({ number: trial.phone, passkey: true, ...(fault ? { fault } : {}) });
    await scanned(trial);
    await fail(trial);
    expect((await trial.callbacks.next(account.id, 'closed')).reason).toBe(reason);
    expect(await trial.store.hasCredentials(account.id)).toBe(false);

    await scanned(trial);
    await signed(trial);
    expect((await trial.callbacks.next(account.id, 'paired')).phone).toBe(trial.phone);
    expect(await trial.store.hasCredentials(account.id)).toBe(true);
  });
});

describe('the computed values, a second way', () => {
  const bytes = (length: number, from: number) =>
    Buffer.from(Array.from({ length }, (_, at) => (from + at) & 0xff));
  const hkdf = (ikm: Buffer, salt: Buffer, info: string) =>
    Buffer.from(hkdfSync('sha256', ikm, salt, info, 32));
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const rawPublic = (key: KeyObject) => Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url');

  it('derives the hand-off key and proves it', () => {
    const key = Buffer.from(handoffKey(bytes(32, 1)));
    expect(key).toEqual(hkdf(bytes(32, 1), Buffer.alloc(0), 'shortcake-passkey-handoff-v1'));
    expect(key.toString('hex')).toMatchInlineSnapshot(
      `"6d5631336e8e224412543a97f576889396610c5addf03cf44e8602c27200a92d"`,
    );
    const proof = createHmac('sha256', key).update('payload').digest();
    expect(Buffer.from(handoffProof(key, Buffer.from('payload')))).toEqual(proof);
  });

  it('commits to the nonce, agrees on a key and a code, and seals the request', () => {
    const { PlatformType } = proto.DeviceProps;
    const prologue = createPrologue('3@reference', PlatformType.CHROME);
    const { companionEphemeralIdentity, commitment } = proto.ProloguePayload.decode(prologue.payload);
    const identity = Buffer.from(companionEphemeralIdentity ?? []);
    expect(Buffer.from(commitment?.hash ?? [])).toEqual(sha256(identity, prologue.nonce));

    const phone = generateKeyPairSync('x25519');
    const phoneKey = rawPublic(phone.publicKey);
    const phoneNonce = bytes(32, 7);
    const answer = proto.PrimaryEphemeralIdentity.encode({ publicKey: phoneKey, nonce: phoneNonce }).finish();
    const { requestKey, code } = openContinuation(prologue, answer);

    const shared = diffieHellman({
      privateKey: phone.privateKey,
      publicKey: publicKeyOf(prologue.keyPair.public),
    });
    const salt = Buffer.from('Companion Pairing 1 with ref 3@reference');
    expect(Buffer.from(requestKey)).toEqual(hkdf(shared, salt, 'Pairing Information Encryption Key'));
    const mask = sha256(prologue.nonce, phoneKey);
    expect(code).toBe(crockford(phoneNonce.subarray(0, 5).map((byte, at) => byte ^ (mask[at] ?? 0))));

    const keys = { noisePublic: bytes(32, 2), identityPublic: bytes(32, 3), advSecret: bytes(32, 4) };
    const sealed = proto.EncryptedPairingRequest.decode(sealPairingRequest(requestKey, keys));
    expect(sealed.iv).toHaveLength(12);
    const encrypted = Buffer.from(sealed.encryptedPayload ?? []);
    const decipher = createDecipheriv('aes-256-gcm', requestKey, Buffer.from(sealed.iv ?? []));
    decipher.setAuthTag(encrypted.subarray(-16));
    const opened = Buffer.concat([decipher.update(encrypted.subarray(0, -16)), decipher.final()]);
    // Fields 1 to 3 of `PairingRequest`, 32 bytes each, as protobuf writes them.
    const field = (at: number, value: Buffer) => Buffer.concat([Buffer.from([(at << 3) | 2, 32]), value]);
    const { noisePublic, identityPublic, advSecret } = keys;
    expect(opened).toEqual(
      Buffer.concat([field(1, noisePublic), field(2, identityPublic), field(3, advSecret)]),
    );
  });

  it('refuses an identity without a key and a nonce of 32 bytes', () => {
    const prologue = createPrologue('3@reference', proto.DeviceProps.PlatformType.CHROME);
    for (const answer of [
      {},
      { publicKey: bytes(31, 0), nonce: bytes(32, 0) },
      { publicKey: bytes(32, 0) },
    ]) {
      const encoded = proto.PrimaryEphemeralIdentity.encode(answer).finish();
      expect(() => openContinuation(prologue, encoded)).toThrow('malformed');
    }
  });

  it('writes codes in the alphabet of pairing codes', () => {
    const zero = Buffer.alloc(32);
    const mask = sha256(zero, zero).subarray(0, 5);
    expect(comparisonCode(mask, zero, zero)).toBe('1111-1111');
    expect(
      comparisonCode(
        mask.map((byte) => byte ^ 0xff),
        zero,
        zero,
      ),
    ).toBe('ZZZZ-ZZZZ');
  });

  function crockford(code: Uint8Array): string {
    const bits = [...code].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const text = (bits.match(/.{5}/g) ?? [])
      .map((five) => '123456789ABCDEFGHJKLMNPQRSTVWXYZ'[Number.parseInt(five, 2)])
      .join('');
    return `${text.slice(0, 4)}-${text.slice(4)}`;
  }

  function publicKeyOf(raw: Uint8Array): KeyObject {
    const { publicKey } = generateKeyPairSync('x25519');
    const jwk = { ...publicKey.export({ format: 'jwk' }), x: Buffer.from(raw).toString('base64url') };
    return createPublicKey({ key: jwk, format: 'jwk' });
  }
});
