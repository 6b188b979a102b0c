import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord,
} from '@whiskeysockets/baileys/lib/Signal/Group/index.js';
import type { Lane } from './lane.ts';
import type { Store } from './store.ts';

/** One member's knowledge of the sender keys of a group, and its own. */
export interface SenderKeys {
  /** Takes over a sender key that a peer (`phone:device`) distributed. */
  learn(group: string, peer: string, distribution: Uint8Array): Promise<void>;
  /** Opens a group message of that peer. Rejects when it cannot be read. */
  decrypt(group: string, peer: string, ciphertext: Buffer): Promise<Buffer>;
  /** Seals a group message as this member, with the distribution message its readers need. */
  encrypt(group: string, plaintext: Buffer): Promise<{ distribution: Buffer; ciphertext: Buffer }>;
}

/** The sender keys of one phone number, kept in `store`. */
export function createSenderKeys(phone: string, store: Store, exclusively: Lane): SenderKeys {
  const keyOf = (name: SenderKeyName) => `signal|${phone}|sender|${name.toString()}`;
  const storage = {
    async loadSenderKey(name: SenderKeyName) {
      const stored = store.get(keyOf(name));
      return stored === undefined
        ? new SenderKeyRecord()
        : SenderKeyRecord.deserialize(Buffer.from(stored, 'utf8'));
    },
    async storeSenderKey(name: SenderKeyName, record: SenderKeyRecord) {
      store.set(keyOf(name), JSON.stringify(record.serialize()));
    },
  };
  return {
    learn: (group, peer, distribution) =>
      exclusively(() => {
        const message = new SenderKeyDistributionMessage(null, null, null, null, distribution);
        return new GroupSessionBuilder(storage).process(senderName(group, peer), message);
      }),
    decrypt: (group, peer, ciphertext) =>
      exclusively(async () =>
        Buffer.from(await new GroupCipher(storage, senderName(group, peer)).decrypt(ciphertext)),
      ),
    encrypt: (group, plaintext) =>
      exclusively(async () => {
        const name = senderName(group, phone);
        const distribution = await new GroupSessionBuilder(storage).create(name);
        const ciphertext = await new GroupCipher(storage, name).encrypt(plaintext);
        return { distribution: Buffer.from(distribution.serialize()), ciphertext: Buffer.from(ciphertext) };
      }),
  };
}

function senderName(group: string, peer: string): SenderKeyName {
  return new SenderKeyName(group, { id: peer, deviceId: 0, toString: () => `${peer}.0` });
}
