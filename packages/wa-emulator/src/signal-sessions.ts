import type { PreKeys } from './pre-keys.ts';
import {
  type LibBundle,
  type LibKeyPair,
  type LibRecord,
  type LibStorage,
  signal,
  signalProtobufs,
} from './signal-lib.ts';
import type { Store } from './store.ts';
import { publicFromPrivate } from './xeddsa.ts';

const MAX_CLOSED_SESSIONS = 10;
const KEY_TYPE = Buffer.from([5]);

/** A message key that was used before; a phone refuses such a message. */
export const REUSED_KEY_ERROR = 'Key used already or never filled';

/** Whose sessions they are. */
export interface SessionOwner {
  phone: string;
  registrationId: number;
  identity: LibKeyPair;
  signedPreKey: LibKeyPair;
  preKeys: PreKeys;
  store: Store;
}

/** Prefixes a public key with Signal's type byte. */
export function typedKey(key: Uint8Array): Buffer {
  return key.length === 33 ? Buffer.from(key) : Buffer.concat([KEY_TYPE, key]);
}

/** A key pair as libsignal takes it, from its private key. */
export function libPair(privateKey: Buffer): LibKeyPair {
  return { pubKey: typedKey(publicFromPrivate(privateKey)), privKey: privateKey };
}

/**
 * Opens the first message of a session, or a further one the sender still wraps that way. Rejects
 * when it cannot be read; nothing is changed then.
 */
export async function decryptPreKeyMessage(
  owner: SessionOwner,
  peer: string,
  ciphertext: Buffer,
): Promise<Buffer> {
  const { builder, cipher } = toolsFor(owner, peer);
  const message = signalProtobufs.PreKeyWhisperMessage.decode(ciphertext.subarray(1));
  const record = load(owner, peer) ?? new signal.SessionRecord();
  let session = record.getSession(message.baseKey);
  if (!session) {
    const oneTime = message.preKeyId ? owner.preKeys.find(message.preKeyId) : undefined;
    if (message.preKeyId && !oneTime) {
      throw new Error('Invalid PreKey ID');
    }
    closeSession(record);
    session = await builder.initSession(
      false,
      oneTime && libPair(oneTime),
      owner.signedPreKey,
      message.identityKey,
      message.baseKey,
      undefined,
      message.registrationId,
    );
    record.setSession(session);
  }
  const plaintext = await cipher.doDecryptWhisperMessage(message.message, session);
  session.indexInfo.used = Date.now();
  save(owner, peer, record);
  owner.preKeys.remove(message.preKeyId);
  return plaintext;
}

/** Opens a message of a running session. Rejects when no session can read it; nothing is changed then. */
export async function decryptMessage(owner: SessionOwner, peer: string, ciphertext: Buffer): Promise<Buffer> {
  const { cipher } = toolsFor(owner, peer);
  let failure = new Error('No session record');
  const candidates = load(owner, peer)?.getSessions().length ?? 0;
  for (let index = 0; index < candidates; index++) {
    // A failed attempt leaves its ratchet changed, so each one works on a fresh copy.
    const record = load(owner, peer);
    const session = record?.getSessions()[index];
    if (!record || !session) {
      break;
    }
    try {
      const plaintext = await cipher.doDecryptWhisperMessage(ciphertext, session);
      session.indexInfo.used = Date.now();
      save(owner, peer, record);
      return plaintext;
    } catch (error) {
      const current = error instanceof Error ? error : new Error(String(error));
      failure = failure.message === REUSED_KEY_ERROR ? failure : current;
    }
  }
  throw failure;
}

/** Seals a message, in a new session from `bundle` when there is none. Rejects when that is missing too. */
export async function encryptMessage(
  owner: SessionOwner,
  peer: string,
  plaintext: Buffer,
  bundle: () => LibBundle | undefined,
): Promise<{ type: 'pkmsg' | 'msg'; ciphertext: Buffer }> {
  const { builder, cipher } = toolsFor(owner, peer);
  if (!load(owner, peer)?.getOpenSession()) {
    const keys = bundle();
    if (!keys) {
      throw new Error(`no keys for ${peer}`);
    }
    await builder.initOutgoing(keys);
  }
  const { type, body } = await cipher.encrypt(plaintext);
  return { type: type === 3 ? 'pkmsg' : 'msg', ciphertext: Buffer.from(body) };
}

/** The next message to a peer begins a new session; what comes in the one of now can still be opened. */
export function endSession(owner: SessionOwner, peer: string): void {
  const record = load(owner, peer);
  if (!record) return;
  closeSession(record);
  save(owner, peer, record);
}

function toolsFor(owner: SessionOwner, peer: string) {
  const address = new signal.ProtocolAddress(`emulated ${owner.phone} ${peer}`, 0);
  const storage: LibStorage = {
    getOurIdentity: () => owner.identity,
    getOurRegistrationId: () => owner.registrationId,
    isTrustedIdentity: () => true,
    loadSession: async () => load(owner, peer),
    storeSession: async (_address, record) => save(owner, peer, record),
  };
  return {
    builder: new signal.SessionBuilder(storage, address),
    cipher: new signal.SessionCipher(storage, address),
  };
}

function sessionKey({ phone }: SessionOwner, peer: string): string {
  return `signal|${phone}|session|${peer}`;
}

function load(owner: SessionOwner, peer: string): LibRecord | undefined {
  const stored = owner.store.get(sessionKey(owner, peer));
  return stored === undefined ? undefined : signal.SessionRecord.deserialize(JSON.parse(stored));
}

function save(owner: SessionOwner, peer: string, record: LibRecord): void {
  pruneSessions(record);
  owner.store.set(sessionKey(owner, peer), JSON.stringify(record.serialize()));
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
  for (const [key] of closed.slice(MAX_CLOSED_SESSIONS)) {
    delete record.sessions[key];
  }
}
