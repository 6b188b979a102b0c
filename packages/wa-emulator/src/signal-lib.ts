import { createRequire } from 'node:module';

/** A key pair as libsignal takes it: the public key carries the type byte 5 (33 bytes). */
export interface LibKeyPair {
  pubKey: Buffer;
  privKey: Buffer;
}

/** One ratchet with one peer. */
interface LibSession {
  registrationId: number;
  indexInfo: { baseKey: Buffer; closed: number; used: number };
  getChain(key: Buffer): unknown;
}

/** All ratchets with one address. */
export interface LibRecord {
  sessions: Record<string, LibSession>;
  getSession(baseKey: Buffer): LibSession | undefined;
  getOpenSession(): LibSession | undefined;
  getSessions(): LibSession[];
  setSession(session: LibSession): void;
  serialize(): unknown;
}

/** The interface through which libsignal asks for an identity. */
export interface LibStorage {
  getOurIdentity(): LibKeyPair;
  getOurRegistrationId(): number;
  isTrustedIdentity(): boolean;
  loadSession(): Promise<LibRecord | undefined>;
  storeSession(address: string, record: LibRecord): Promise<void>;
}

/** A peer's published keys, as libsignal's session builder takes them. */
export interface LibBundle {
  registrationId: number;
  identityKey: Buffer;
  signedPreKey: { keyId: number; publicKey: Buffer; signature: Buffer };
  preKey?: { keyId: number; publicKey: Buffer };
}

interface LibAddress {
  toString(): string;
}

interface LibSignal {
  ProtocolAddress: new (id: string, device: number) => LibAddress;
  SessionRecord: { new (): LibRecord; deserialize(data: unknown): LibRecord };
  SessionBuilder: new (
    storage: LibStorage,
    address: LibAddress,
  ) => {
    initOutgoing(bundle: LibBundle): Promise<void>;
    initSession(
      isInitiator: false,
      ourEphemeral: LibKeyPair | undefined,
      ourSigned: LibKeyPair,
      theirIdentity: Buffer,
      theirEphemeral: Buffer,
      theirSigned: undefined,
      registrationId: number,
    ): Promise<LibSession>;
  };
  SessionCipher: new (
    storage: LibStorage,
    address: LibAddress,
  ) => {
    encrypt(data: Buffer): Promise<{ type: number; body: Buffer }>;
    doDecryptWhisperMessage(message: Buffer, session: LibSession): Promise<Buffer>;
  };
}

interface PreKeyMessage {
  registrationId: number;
  preKeyId: number;
  signedPreKeyId: number;
  baseKey: Buffer;
  identityKey: Buffer;
  message: Buffer;
}

interface LibProtobufs {
  PreKeyWhisperMessage: { decode(bytes: Buffer): PreKeyMessage };
  WhisperMessage: { decode(bytes: Buffer): { ephemeralKey: Buffer } };
}

const require = createRequire(import.meta.url);

/** libsignal's types leave out most of what it exports; these are the parts of 6.0.0 used here. */
function loadUntyped<T>(name: string): T {
  return require(name) as T;
}

export const signal = loadUntyped<LibSignal>('libsignal');
export const signalProtobufs = loadUntyped<LibProtobufs>('libsignal/src/protobufs.js');
