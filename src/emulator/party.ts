import { createLane, type Lane } from './lane.ts';
import { createSenderKeys, type SenderKeys } from './sender-keys.ts';
import {
  type LibBundle,
  type LibKeyPair,
  type LibRecord,
  type LibStorage,
  signal,
  signalProtobufs,
} from './signal-lib.ts';
import type { Store } from './store.ts';
import { keyPairFromSeed, publicFromPrivate, type SigningKeyPair, signXeddsa } from './xeddsa.ts';

const SIGNED_PRE_KEY_ID = 1;
const MAX_OPEN_PRE_KEYS = 1000;
const MAX_PRE_KEY_ID = 0xffffff;
const MAX_SESSIONS_PER_PEER = 10;
/** Signal work that may be done without letting timers and sockets in between. */
const CRYPTO_BUDGET_MS = 8;
const KEY_TYPE = Buffer.from([5]);

/** A message key that was used before; a phone refuses such a message. */
export const REUSED_KEY_ERROR = 'Key used already or never filled';

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
  /** Forgets the sessions with a peer. */
  forget(peer: string): void;
  senderKeys: SenderKeys;
}

/** All phone numbers that were ever addressed, made when first asked for. */
export interface Parties {
  of(phone: string): Party;
  count(): number;
  /** Forgets every number; identities and keys come back the same, sessions do not. */
  reset(): void;
}

/** Prefixes a public key with Signal's type byte. */
export function typedKey(key: Uint8Array): Buffer {
  return key.length === 33 ? Buffer.from(key) : Buffer.concat([KEY_TYPE, key]);
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
  const signedPrivate = derive(`signed pre-key ${phone}`);
  const signedPair = libPair(signedPrivate);
  const registrationId = (derive(`registration ${phone}`).readUInt16BE(0) & 0x3fff) + 1;
  const preKeys = createPreKeys(phone, store, derive);
  const libIdentity: LibKeyPair = { pubKey: typedKey(identity.public), privKey: identity.private };
  const sessionKey = (peer: string) => `signal|${phone}|session|${peer}`;
  const load = (peer: string): LibRecord | undefined => {
    const stored = store.get(sessionKey(peer));
    return stored === undefined ? undefined : signal.SessionRecord.deserialize(JSON.parse(stored));
  };
  const save = (peer: string, record: LibRecord) => {
    pruneSessions(record);
    store.set(sessionKey(peer), JSON.stringify(record.serialize()));
  };
  const tools = (peer: string) => {
    const address = new signal.ProtocolAddress(`emulated ${phone} ${peer}`, 0);
    const storage: LibStorage = {
      getOurIdentity: () => libIdentity,
      getOurRegistrationId: () => registrationId,
      isTrustedIdentity: () => true,
      loadSession: async () => load(peer),
      storeSession: async (_address, record) => save(peer, record),
    };
    return {
      builder: new signal.SessionBuilder(storage, address),
      cipher: new signal.SessionCipher(storage, address),
    };
  };

  const decryptPreKeyMessage = async (peer: string, ciphertext: Buffer): Promise<Buffer> => {
    const { builder, cipher } = tools(peer);
    const message = signalProtobufs.PreKeyWhisperMessage.decode(ciphertext.subarray(1));
    const record = load(peer) ?? new signal.SessionRecord();
    let session = record.getSession(message.baseKey);
    if (!session) {
      const oneTime = message.preKeyId ? preKeys.find(message.preKeyId) : undefined;
      if (message.preKeyId && !oneTime) {
        throw new Error('Invalid PreKey ID');
      }
      closeSession(record);
      session = await builder.initSession(
        false,
        oneTime && libPair(oneTime),
        signedPair,
        message.identityKey,
        message.baseKey,
        undefined,
        message.registrationId,
      );
      record.setSession(session);
    }
    const plaintext = await cipher.doDecryptWhisperMessage(message.message, session);
    session.indexInfo.used = Date.now();
    save(peer, record);
    preKeys.remove(message.preKeyId);
    return plaintext;
  };

  const decryptMessage = async (peer: string, ciphertext: Buffer): Promise<Buffer> => {
    const { cipher } = tools(peer);
    let failure = new Error('No session record');
    const candidates = load(peer)?.getSessions().length ?? 0;
    for (let index = 0; index < candidates; index++) {
      // A failed attempt leaves its ratchet changed, so each one works on a fresh copy.
      const record = load(peer);
      const session = record?.getSessions()[index];
      if (!record || !session) {
        break;
      }
      try {
        const plaintext = await cipher.doDecryptWhisperMessage(ciphertext, session);
        session.indexInfo.used = Date.now();
        save(peer, record);
        return plaintext;
      } catch (error) {
        const current = error instanceof Error ? error : new Error(String(error));
        failure = failure.message === REUSED_KEY_ERROR ? failure : current;
      }
    }
    throw failure;
  };

  return {
    phone,
    registrationId,
    identity,
    signedPreKey: {
      id: SIGNED_PRE_KEY_ID,
      public: signedPair.pubKey.subarray(1),
      signature: signXeddsa(identity, signedPair.pubKey),
    },
    takePreKey: preKeys.take,
    decrypt: (peer, type, ciphertext) =>
      exclusively(() =>
        type === 'pkmsg' ? decryptPreKeyMessage(peer, ciphertext) : decryptMessage(peer, ciphertext),
      ),
    encrypt: (peer, plaintext, bundle) =>
      exclusively(async () => {
        const { builder, cipher } = tools(peer);
        if (!load(peer)?.getOpenSession()) {
          const keys = bundle();
          if (!keys) {
            throw new Error(`no keys for ${peer}`);
          }
          await builder.initOutgoing(keys);
        }
        const { type, body } = await cipher.encrypt(plaintext);
        return { type: type === 3 ? 'pkmsg' : 'msg', ciphertext: Buffer.from(body) };
      }),
    forget: (peer) => store.delete(sessionKey(peer)),
    senderKeys: createSenderKeys(phone, store),
  };
}

function libPair(privateKey: Buffer): LibKeyPair {
  return { pubKey: typedKey(publicFromPrivate(privateKey)), privKey: privateKey };
}

/** libsignal's own `closeSession` prints the session's private keys. */
function closeSession(record: LibRecord): void {
  const open = record.getOpenSession();
  if (open) {
    open.indexInfo.closed = Date.now();
  }
}

/** Keeps the number of closed sessions below where libsignal would print and delete them itself. */
function pruneSessions(record: LibRecord): void {
  const closed = Object.entries(record.sessions)
    .filter(([, session]) => session.indexInfo.closed !== -1)
    .sort(([, a], [, b]) => b.indexInfo.closed - a.indexInfo.closed);
  for (const [key] of closed.slice(MAX_SESSIONS_PER_PEER)) {
    delete record.sessions[key];
  }
}

interface PreKeys {
  take(): { id: number; public: Buffer };
  find(id: number): Buffer | undefined;
  remove(id: number): void;
}

function createPreKeys(phone: string, store: Store, derive: (purpose: string) => Buffer): PreKeys {
  const key = `signal|${phone}|pre-keys`;
  const stored: unknown = JSON.parse(store.get(key) ?? '[]');
  const ids = Array.isArray(stored) ? stored.filter((id): id is number => typeof id === 'number') : [];
  let next = ids.shift() ?? 1;
  const open = new Set(ids);
  const privateKey = (id: number) => derive(`pre-key ${phone} ${id}`);
  const save = () => store.set(key, JSON.stringify([next, ...open]));
  return {
    take() {
      const id = next;
      next = id === MAX_PRE_KEY_ID ? 1 : id + 1;
      open.add(id);
      const [oldest] = open;
      if (open.size > MAX_OPEN_PRE_KEYS && oldest !== undefined) {
        open.delete(oldest);
      }
      save();
      return { id, public: publicFromPrivate(privateKey(id)) };
    },
    find: (id) => (open.has(id) ? privateKey(id) : undefined),
    remove(id) {
      if (open.delete(id)) {
        save();
      }
    },
  };
}
