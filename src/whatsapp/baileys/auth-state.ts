/** Baileys' authentication state over our credential store. */
import {
  type AuthenticationCreds,
  type AuthenticationState,
  BufferJSON,
  initAuthCreds,
  proto,
} from '@whiskeysockets/baileys';
import type { SharedCommit } from '../../db/shared-commit.ts';
import type { AccountKeys, KeyChange } from '../credential-store.ts';
import type { PairedIdentity } from '../engine.ts';
import { lidOf, phoneOf } from '../jid.ts';
import { decodeVersion, encodeVersion, VERSION } from './app-state-version.ts';
import type { RawKeys } from './transactions.ts';

export interface AuthState {
  state: AuthenticationState;
  /** the same keys, for our own transactions */
  raw: RawKeys;
  /** true from the moment a phone has linked this device: only then is there anything worth keeping */
  isPaired(): boolean;
  /** Writes the credentials as they are now. Resolves when they are durable. */
  save(): Promise<void>;
}

/** New pairs of a LID and a phone number (digits), after they are durable. */
export type MappingListener = (lid: string, phone: string) => void;

const REVERSE = '_reverse';

/** Fresh credentials, which live in memory until a phone links them, or those that were stored. */
export function createAuthState(keys: AccountKeys, onMapping: MappingListener): AuthState {
  const creds = keys.credentials ? decodeCreds(keys.credentials) : initAuthCreds();
  const setAtOnce = (changes: readonly KeyChange[], commit: SharedCommit | undefined) =>
    changes.length === 0 ? undefined : keys.set(changes, commit);
  async function setVersions(versions: Readonly<Record<string, unknown>>, commit: SharedCommit | undefined) {
    const changes: KeyChange[] = [];
    for (const [name, value] of Object.entries(versions)) {
      changes.push({ type: VERSION, name, value: isThere(value) ? await encodeVersion(value) : null });
    }
    await setAtOnce(changes, commit);
  }
  const raw: RawKeys = {
    async get(type, names) {
      const found: Record<string, unknown> = {};
      for (const [name, bytes] of await keys.get(type, names)) {
        found[name] = type === VERSION ? await decodeVersion(bytes) : decodeOnce(type, bytes);
      }
      return found;
    },
    async set(data, commit) {
      const { [VERSION]: versions, ...others } = data;
      // The others can be read at once; a long version takes some turns of the event loop.
      await Promise.all([setAtOnce(encodeChanges(others), commit), setVersions(versions ?? {}, commit)]);
      for (const [name, phoneOrLid] of Object.entries(data['lid-mapping'] ?? {})) {
        if (!name.endsWith(REVERSE) && typeof phoneOrLid === 'string') onMapping(phoneOrLid, name);
      }
    },
  };
  const isPaired = () => creds.account !== undefined && creds.account !== null;
  return {
    state: { creds, keys: asKeyStore(raw) },
    raw,
    isPaired,
    async save() {
      if (isPaired()) await keys.setCredentials(encode(creds));
    },
  };
}

/** The identity in the stored credentials. */
export function identityOf({ state: { creds } }: AuthState): PairedIdentity {
  const { me, platform } = creds;
  // Baileys puts `~` where it does not know a name yet.
  const name = me?.name && me.name !== '~' ? me.name : null;
  return { phone: phoneOf(me?.id) ?? '', lid: lidOf(me?.lid), name, platform: platform ?? null };
}

function encodeChanges(data: Readonly<Record<string, Readonly<Record<string, unknown>>>>): KeyChange[] {
  return Object.entries(data).flatMap(([type, values]) =>
    Object.entries(values).map(([name, value]) => ({ type, name, value: encodeOnce(type, value) })),
  );
}

/**
 * What is read with each message, by the bytes it is kept as. Each reads two or three Signal sessions and writes two, and reads the
 * token of its chat; libsignal and Baileys make objects of their own of what they are given and hand over fresh ones, so that
 * these are not changed.
 */
const known = new WeakMap<Buffer, unknown>();
const OFTEN_READ: ReadonlySet<string> = new Set(['session', 'tctoken']);

const isThere = (value: unknown): boolean => value !== null && value !== undefined;

function encodeOnce(type: string, value: unknown): Buffer | null {
  if (!isThere(value)) return null;
  if (type !== 'session') return encode(value);
  const bytes = ownBytes(JSON.stringify(value));
  known.set(bytes, value);
  return bytes;
}

/** In memory that is not shared: the store keeps this very Buffer, and the next message finds what it means. */
function ownBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

function decodeOnce(type: string, bytes: Buffer): unknown {
  if (!OFTEN_READ.has(type)) return decode(type, bytes);
  const before = known.get(bytes);
  if (before !== undefined) return before;
  // No bytes in a session: libsignal writes them as base64.
  const value: unknown = type === 'session' ? JSON.parse(bytes.toString()) : decode(type, bytes);
  known.set(bytes, value);
  return value;
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, BufferJSON.replacer));
}

/** Baileys' own reviver also turns every object with numbers for names into bytes, and takes longer. */
function revive(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value) || value.type !== 'Buffer')
    return value;
  return 'data' in value && typeof value.data === 'string' ? Buffer.from(value.data, 'base64') : value;
}

function decode(type: string, bytes: Buffer): unknown {
  const value: unknown = JSON.parse(bytes.toString(), revive);
  if (type !== 'app-state-sync-key') return value;
  return proto.Message.AppStateSyncKeyData.fromObject(Object(value));
}

/** Safe because only `encode` of a whole AuthenticationCreds writes this row. */
function decodeCreds(bytes: Buffer): AuthenticationCreds {
  return JSON.parse(bytes.toString(), revive) as AuthenticationCreds;
}

/** Safe because what is stored under a type is what Baileys set under that type. */
function asKeyStore(raw: RawKeys): AuthenticationState['keys'] {
  return raw as unknown as AuthenticationState['keys'];
}
