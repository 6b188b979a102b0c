import '../../src/whatsapp/baileys/native-curve.ts';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixLibsignal, isUsedKeyError } from '../../src/whatsapp/baileys/libsignal-fixes.ts';
import { nativeCurve } from '../../src/whatsapp/baileys/native-curve.ts';

interface Sealed {
  type: number;
  body: Buffer;
}

interface Cipher {
  encrypt(data: Buffer): Promise<Sealed>;
  decryptWhisperMessage(data: Buffer): Promise<Buffer>;
  decryptPreKeyWhisperMessage(data: Buffer): Promise<Buffer>;
}

interface Libsignal {
  ProtocolAddress: new (id: string, device: number) => object;
  SessionRecord: { deserialize(data: object): object };
  SessionBuilder: new (storage: object, address: object) => { initOutgoing(bundle: object): Promise<void> };
  SessionCipher: new (storage: object, address: object) => Cipher;
}

const signal: Libsignal = createRequire(import.meta.url)('libsignal');

interface StoredRecord {
  _sessions: Record<string, { _chains: Record<string, { messageKeys: object }> }>;
}

/** Somebody with keys and a memory of one other. */
function createParty(name: string) {
  const identity = nativeCurve.generateKeyPair();
  const signed = nativeCurve.generateKeyPair();
  let stored = 'null';
  const storage = {
    loadSession: async () => {
      const data = JSON.parse(stored);
      return data && signal.SessionRecord.deserialize(data);
    },
    storeSession: async (_id: string, record: { serialize(): object }) => {
      stored = JSON.stringify(record.serialize());
    },
    isTrustedIdentity: () => true,
    getOurIdentity: () => identity,
    getOurRegistrationId: () => 1,
    loadPreKey: () => undefined,
    loadSignedPreKey: () => signed,
    removePreKey: () => undefined,
  };
  const publicKey = signed.pubKey;
  const signature = nativeCurve.calculateSignature(identity.privKey, publicKey);
  return {
    storage,
    bundle: {
      registrationId: 1,
      identityKey: identity.pubKey,
      signedPreKey: { keyId: 1, publicKey, signature },
    },
    cipherFor: (other: string) => new signal.SessionCipher(storage, new signal.ProtocolAddress(other, 1)),
    name,
    record: (): StoredRecord => JSON.parse(stored),
  };
}

async function createPair() {
  const [ours, theirs] = [createParty('ours'), createParty('theirs')];
  const builder = new signal.SessionBuilder(theirs.storage, new signal.ProtocolAddress(ours.name, 1));
  await builder.initOutgoing(ours.bundle);
  const us = ours.cipherFor(theirs.name);
  const them = theirs.cipherFor(ours.name);
  const open = (cipher: Cipher, { type, body }: Sealed) =>
    type === 3 ? cipher.decryptPreKeyWhisperMessage(body) : cipher.decryptWhisperMessage(body);
  const say = (text: string) => them.encrypt(Buffer.from(text));
  const hear = async (sealed: Sealed) => String(await open(us, sealed));
  const answer = async () => void (await open(them, await us.encrypt(Buffer.from('yes'))));
  return { say, hear, answer, record: ours.record };
}

const entriesOf = (record: StoredRecord) => Object.values(record._sessions);
const chainsOf = (record: StoredRecord) => entriesOf(record).flatMap(({ _chains }) => Object.values(_chains));
const keysOf = (record: StoredRecord) =>
  chainsOf(record).flatMap(({ messageKeys }) => Object.keys(messageKeys));

describe('what is kept of a conversation', () => {
  beforeAll(fixLibsignal);

  it('does not grow with it, and reads what comes late or twice', async () => {
    const { say, hear, answer, record } = await createPair();
    const late: Sealed[] = [];
    let last = await say('first');
    await hear(last);
    for (let n = 0; n < 60; n++) {
      await answer();
      late.push(await say(`late ${n}`));
      last = await say(`message ${n}`);
      expect(await hear(last)).toBe(`message ${n}`);
    }
    expect(chainsOf(record()).length).toBeLessThan(13);
    await expect(hear(last)).rejects.toSatisfy(isUsedKeyError);
    for (const n of [59, 55, 51]) expect(await hear(late[n] as Sealed)).toBe(`late ${n}`);
    await expect(hear(late[3] as Sealed)).rejects.toThrow();
    await answer();
    expect(await hear(await say('and on'))).toBe('and on');
  }, 30_000);

  it('does not grow with the messages that its other side leaves out', async () => {
    const { say, hear, answer, record } = await createPair();
    await hear(await say('first'));
    await answer();
    const skipped: Sealed[] = [];
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 1_500; n++) skipped.push(await say(`skipped ${round} ${n}`));
      expect(await hear(await say(`message ${round}`))).toBe(`message ${round}`);
    }
    expect(keysOf(record())).toHaveLength(2_000);
    expect(await hear(skipped.at(-1) as Sealed)).toBe('skipped 1 1499');
    expect(await hear(skipped.at(-1_999) as Sealed)).toBe('skipped 0 1001');
    await expect(hear(skipped[0] as Sealed)).rejects.toSatisfy(isUsedKeyError);
  }, 60_000);
});
