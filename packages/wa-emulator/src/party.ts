import { createLane, type Lane } from './lane.ts';
import { createPreKeys } from './pre-keys.ts';
import { createSenderKeys, type SenderKeys } from './sender-keys.ts';
import type { LibBundle } from './signal-lib.ts';
import {
  decryptMessage,
  decryptPreKeyMessage,
  encryptMessage,
  endSession,
  libPair,
  type SessionOwner,
  typedKey,
} from './signal-sessions.ts';
import type { Store } from './store.ts';
import { keyPairFromSeed, type SigningKeyPair, signXeddsa } from './xeddsa.ts';

const SIGNED_PRE_KEY_ID = 1;
/** Signal work that may be done without letting timers and sockets in between. */
const CRYPTO_BUDGET_MS = 8;

/** The Signal state of one phone number: its identity, pre-keys, and sessions with linked devices. */
export interface Party {
  phone: string;
  registrationId: number;
  identity: SigningKeyPair;
  signedPreKey: { id: number; public: Buffer; signature: Buffer };
  /** Takes the next one-time pre-key; it may be used once. */
  takePreKey(): { id: number; public: Buffer };
  /** Opens a message from that peer (`phone:device`). Rejects when it cannot be read. */
  decrypt(peer: string, type: string, ciphertext: Buffer): Promise<Buffer>;
  /** Seals a message; `bundle` is asked for when there is no session yet. */
  encrypt(
    peer: string,
    plaintext: Buffer,
    bundle: () => LibBundle | undefined,
  ): Promise<{ type: 'pkmsg' | 'msg'; ciphertext: Buffer }>;
  /** Seals a message in a new session; what the peer has sealed in an older one can still be opened. */
  encryptAnew: Party['encrypt'];
  senderKeys: SenderKeys;
  /** Runs tasks of this phone in the order they came, each to its end. */
  inTurn: Lane;
}

/** All phone numbers that were ever addressed, made when first asked for. */
export interface Parties {
  of(phone: string): Party;
  count(): number;
  /** Forgets every number; identities and keys come back the same, sessions do not. */
  reset(): void;
}

/** The registry of parties; their keys are derived from the server's secret, their sessions kept in `store`. */
export function createParties(store: Store, derive: (purpose: string) => Buffer): Parties {
  const parties = new Map<string, Party>();
  const exclusively = createLane(CRYPTO_BUDGET_MS);
  return {
    of(phone) {
      let party = parties.get(phone);
      if (!party) {
        party = createParty(phone, store, derive, exclusively);
        parties.set(phone, party);
      }
      return party;
    },
    count: () => parties.size,
    reset() {
      parties.clear();
      store.clear('signal|');
    },
  };
}

function createParty(
  phone: string,
  store: Store,
  derive: (purpose: string) => Buffer,
  exclusively: Lane,
): Party {
  const identity = keyPairFromSeed(derive(`identity ${phone}`));
  const owner: SessionOwner = {
    phone,
    registrationId: (derive(`registration ${phone}`).readUInt16BE(0) & 0x3fff) + 1,
    identity: { pubKey: typedKey(identity.public), privKey: identity.private },
    signedPreKey: libPair(derive(`signed pre-key ${phone}`)),
    preKeys: createPreKeys(phone, store, derive),
    store,
  };
  return {
    phone,
    registrationId: owner.registrationId,
    identity,
    signedPreKey: {
      id: SIGNED_PRE_KEY_ID,
      public: owner.signedPreKey.pubKey.subarray(1),
      signature: signXeddsa(identity, owner.signedPreKey.pubKey),
    },
    takePreKey: owner.preKeys.take,
    decrypt(peer, type, ciphertext) {
      const decrypt = type === 'pkmsg' ? decryptPreKeyMessage : decryptMessage;
      return exclusively(() => decrypt(owner, peer, ciphertext));
    },
    encrypt: (peer, plaintext, bundle) => exclusively(() => encryptMessage(owner, peer, plaintext, bundle)),
    encryptAnew: (peer, plaintext, bundle) =>
      exclusively(() => {
        endSession(owner, peer);
        return encryptMessage(owner, peer, plaintext, bundle);
      }),
    senderKeys: createSenderKeys(phone, store, exclusively),
    inTurn: createLane(Number.POSITIVE_INFINITY),
  };
}
