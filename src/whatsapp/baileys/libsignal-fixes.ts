/** Faults of libsignal 6 that can be mended from outside, on its classes. */
import { AsyncLocalStorage } from 'node:async_hooks';
import libsignal from 'libsignal';

interface Session {
  indexInfo: { used: number };
  serialize(): object;
  constructor: { deserialize(data: object): Session };
}

interface Cipher {
  storage: object;
  queueJob<R>(job: () => Promise<R>): Promise<R>;
  doDecryptWhisperMessage(data: Uint8Array, session: Session): Promise<Buffer>;
  decryptWithSessions(
    data: Uint8Array,
    sessions: readonly Session[],
  ): Promise<{ session: Session; plaintext: Buffer }>;
}

interface Builder {
  storage: object;
  initOutgoing(bundle: unknown): Promise<void>;
}

interface Chain {
  chainType: number;
  messageKeys: Record<string, Buffer>;
}

/** All ratchets with one device, by the time they were made. Their chains are, too. */
interface SessionRecord {
  sessions: Record<string, { _chains: Record<string, Chain> }>;
  removeOldSessions(): void;
}

/** The parts of libsignal that its type declarations leave out; pinned by the lock file, proven by the tests. */
interface LibsignalClasses {
  SessionCipher: { prototype: Cipher };
  SessionBuilder: { prototype: Builder };
  SessionRecord: { prototype: SessionRecord };
  SessionError: new (message: string) => Error;
}

/** Safe because these classes are what libsignal 6.0.0 exports; see LibsignalClasses. */
function classesOf(module: unknown): LibsignalClasses {
  return module as LibsignalClasses;
}

let installed = false;

/** Installs the fixes for the whole process. May be called again. */
export function fixLibsignal(): void {
  if (installed) return;
  installed = true;
  const { SessionCipher, SessionBuilder, SessionRecord, SessionError } = classesOf(libsignal);
  keepContextInQueue(SessionCipher.prototype, SessionBuilder.prototype);
  tellUsedKeys(SessionCipher.prototype, SessionError);
  boundRecords(SessionRecord.prototype);
}

/**
 * libsignal queues its work by the recipient's address for the whole process and runs it in the async context of
 * whoever came first: with two sessions that write to one number, the second one left its own transaction.
 */
function keepContextInQueue(cipher: Cipher, builder: Builder): void {
  const queueJob = cipher.queueJob;
  cipher.queueJob = function inOwnContext<R>(this: Cipher, job: () => Promise<R>): Promise<R> {
    const inContext = AsyncLocalStorage.snapshot();
    // With a name of its own: libsignal gives one to each function that has none, which takes longer than the call.
    const named = () => inContext(job);
    return queueJob.call(this, named) as Promise<R>;
  };
  const initOutgoing = builder.initOutgoing;
  builder.initOutgoing = function inOwnContext(this: Builder, bundle: unknown): Promise<void> {
    this.storage = bindMethods(this.storage);
    return initOutgoing.call(this, bundle);
  };
}

function bindMethods(target: object): object {
  const inContext = AsyncLocalStorage.snapshot();
  return new Proxy(target, {
    get(storage, name) {
      const value: unknown = Reflect.get(storage, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => inContext(() => value.apply(storage, args));
    },
  });
}

/** The name of libsignal's error for a message key that was used before. */
const USED_KEY = 'MessageCounterError';

/**
 * A message that was decrypted before is told apart from one that cannot be read (libsignal says "no matching
 * sessions" of both), and a failed attempt no longer leaves its marks in the session it was tried on.
 */
function tellUsedKeys(cipher: Cipher, SessionError: LibsignalClasses['SessionError']): void {
  cipher.decryptWithSessions = async function decryptWithSessions(data, sessions) {
    let used: unknown;
    for (const session of sessions) {
      const before = sessions.length > 1 ? session.serialize() : null;
      try {
        const plaintext = await this.doDecryptWhisperMessage(data, session);
        session.indexInfo.used = Date.now();
        return { session, plaintext };
      } catch (error) {
        if (error instanceof Error && error.name === USED_KEY) used = error;
        if (before) Object.assign(session, session.constructor.deserialize(before));
      }
    }
    throw used ?? new SessionError('No matching sessions found for message');
  };
}

/** Whether a decryption failed because the very message was decrypted, and so stored, before. */
export function isUsedKeyError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // The second is what Baileys' own sender keys (groups) say.
  return error.name === USED_KEY || error.message.startsWith('Received message with old counter');
}

/** libsignal's number for a chain of what the other side sends. */
const RECEIVING = 2;
/**
 * Chains of the other side that are kept for what comes late, or twice. It begins one with each answer to ours; Signal's own library
 * keeps 5 (`MAX_RECEIVER_CHAINS`).
 */
const MAX_CHAINS = 10;
/** Keys of messages that were passed over, of all chains with one device. As many as Signal's own keeps of a chain (`MAX_MESSAGE_KEYS`). */
const MAX_MESSAGE_KEYS = 2_000;

/**
 * libsignal keeps all chains for ever, and all keys that were passed over: what is read and written with each message grows with
 * the conversation, or as its other side likes. The newest stay.
 */
function boundRecords(record: SessionRecord): void {
  const { removeOldSessions } = record;
  record.removeOldSessions = function bounded(this: SessionRecord): void {
    removeOldSessions.call(this);
    let left = MAX_MESSAGE_KEYS;
    for (const { _chains: chains } of Object.values(this.sessions).reverse()) {
      const receiving = Object.entries(chains).filter(([, { chainType }]) => chainType === RECEIVING);
      const old = receiving.splice(0, Math.max(0, receiving.length - MAX_CHAINS));
      for (const [id] of old) delete chains[id];
      for (const [, chain] of receiving.reverse()) {
        const counters = Object.keys(chain.messageKeys);
        for (const counter of counters.slice(0, Math.max(0, counters.length - left))) {
          delete chain.messageKeys[counter];
        }
        left = Math.max(0, left - counters.length);
      }
    }
  };
}
