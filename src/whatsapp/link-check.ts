/**
 * Whether credentials that another program kept are those of a linked device, and its keys what they should be. What
 * is checked here is checked by arithmetic: keys belong together, and the phone has signed this device.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { lidOf, phoneOf } from './jid.ts';
import type { KeyName } from './link-files.ts';
import { createPair, KEY_BYTES, publicKeyOf } from './x25519.ts';
import { verifyXeddsa } from './xeddsa.ts';

/** Why a link cannot be imported. */
export type LinkFlaw =
  /** it is no folder, archive or JSON of a link, or a damaged one */
  | 'unreadable'
  /** more files or bytes than a link has, or they took too long */
  | 'too_large'
  /** there are several folders with credentials in it */
  | 'several_links'
  /** there is no `creds.json`, or it is not JSON */
  | 'no_credentials'
  /** fields are missing or of another kind than Baileys writes */
  | 'malformed'
  /** no phone has linked it, or it was logged out */
  | 'not_linked'
  /** a private and a public key do not belong together */
  | 'key_pair_differs'
  /** the signed pre-key, or the phone's and the device's signatures of the link, are not right */
  | 'signature_wrong';

export class BrokenLink extends Error {
  override name = 'BrokenLink';
  readonly flaw: LinkFlaw;
  /** the field that is wrong */
  readonly field: string;
  constructor(flaw: LinkFlaw, field: string) {
    super(`${flaw}: ${field}`);
    this.flaw = flaw;
    this.field = field;
  }
}

/** A link that may be stored. */
export interface CheckedLink {
  /** as our engines keep them */
  credentials: Buffer;
  /** E.164 digits */
  phone: string;
  lid: string | null;
  name: string | null;
  platform: string | null;
}

/** How Baileys writes bytes; in our own form after `parseLinkJson`. */
interface WrittenBytes {
  type: 'Buffer';
  data: string;
}

const MAX_TEXT = 1_000;
const MAX_LIST = 2_000;

/** Throws SyntaxError. Bytes in any form that some release of Baileys has written become `{type: 'Buffer', data: base64}`. */
export function parseLinkJson(text: string): unknown {
  return JSON.parse(text, (_name, value: unknown) => writtenBytesOf(value) ?? value);
}

function writtenBytesOf(value: unknown): WrittenBytes | null {
  if (typeof value !== 'object' || value === null) return null;
  const { type, buffer, data, value: older }: Record<string, unknown> = Object(value);
  if (type !== 'Buffer' && buffer !== true) return null;
  const bytes = data ?? older;
  if (typeof bytes === 'string') return written(Buffer.from(bytes, 'base64'));
  return Array.isArray(bytes) ? written(Buffer.from(bytes)) : null;
}

const written = (bytes: Uint8Array): WrittenBytes => ({
  type: 'Buffer',
  data: Buffer.from(bytes).toString('base64'),
});

/** The bytes of a field: of a message of the protocol Baileys writes them as plain base64. Empty for anything else. */
function bytesOf(value: unknown): Buffer {
  const { type, data }: Record<string, unknown> = Object(value);
  const text = type === 'Buffer' ? data : value;
  return typeof text === 'string' ? Buffer.from(text, 'base64') : Buffer.alloc(0);
}

const Pair = z.object({ private: z.unknown(), public: z.unknown() });
const number = z
  .int()
  .min(0)
  .max(2 ** 31);
const text = z.string().max(MAX_TEXT);

/** The credentials that Baileys 6.7 to 7 keeps. Fields that are not here are not taken. */
const Credentials = z.object({
  noiseKey: Pair,
  pairingEphemeralKeyPair: Pair.optional(),
  signedIdentityKey: Pair,
  signedPreKey: z.object({ keyPair: Pair, signature: z.unknown(), keyId: number }),
  registrationId: z.int().min(0).max(0xffff),
  advSecretKey: text.optional(),
  nextPreKeyId: number,
  firstUnuploadedPreKeyId: number,
  accountSyncCounter: number.optional(),
  accountSettings: z.object({ unarchiveChats: z.boolean() }).optional(),
  me: z.object({ id: text, lid: text.nullish(), name: text.nullish() }),
  account: z.object({
    details: z.unknown(),
    accountSignatureKey: z.unknown(),
    accountSignature: z.unknown(),
    deviceSignature: z.unknown(),
  }),
  signalIdentities: z
    .array(
      z.object({
        identifier: z.object({ name: text, deviceId: number }),
        identifierKey: z.unknown(),
      }),
    )
    .max(MAX_LIST)
    .optional(),
  myAppStateKeyId: text.nullish(),
  lastAccountSyncTimestamp: z.number().nullish(),
  platform: text.nullish(),
  lastPropHash: text.nullish(),
  routingInfo: z.unknown().optional(),
});
type Credentials = z.infer<typeof Credentials>;

/** The phone and the device sign other bytes where the account is hosted by a company's provider. */
const ACCOUNT_PREFIXES = [
  [6, 0],
  [6, 5],
] as const;
const DEVICE_PREFIXES = [
  [6, 1],
  [6, 6],
] as const;

/** Checks what `parseLinkJson` made of `creds.json`. Throws BrokenLink. */
export function checkCredentials(value: unknown): CheckedLink {
  const creds = readCredentials(value);
  requirePairs(creds);
  requireSignatures(creds);
  const { me, platform } = creds;
  const phone = phoneOf(me.id);
  if (!phone || !/:\d+@/.test(me.id)) throw new BrokenLink('not_linked', 'me.id');
  const name = me.name && me.name !== '~' ? me.name : null;
  return {
    credentials: Buffer.from(JSON.stringify(toStored(creds))),
    phone,
    lid: lidOf(me.lid) ?? null,
    name,
    platform: platform ?? null,
  };
}

function readCredentials(value: unknown): Credentials {
  const { me, account, noiseKey }: Record<string, unknown> = Object(value);
  if (noiseKey === undefined || noiseKey === null) throw new BrokenLink('no_credentials', 'noiseKey');
  if (!me || !account) throw new BrokenLink('not_linked', me ? 'account' : 'me');
  const read = Credentials.safeParse(value);
  if (read.success) return read.data;
  throw new BrokenLink('malformed', read.error.issues[0]?.path.map(String).join('.') || 'creds.json');
}

function requirePairs({ noiseKey, signedIdentityKey, signedPreKey }: Credentials): void {
  const pairs = { noiseKey, signedIdentityKey, 'signedPreKey.keyPair': signedPreKey.keyPair };
  for (const [field, pair] of Object.entries(pairs)) {
    if (!isPair(pair)) throw new BrokenLink('key_pair_differs', field);
  }
}

function requireSignatures({ signedIdentityKey, signedPreKey, account }: Credentials): void {
  const identity = bytesOf(signedIdentityKey.public);
  const signed = Buffer.concat([Buffer.from([5]), bytesOf(signedPreKey.keyPair.public)]);
  if (!verifyXeddsa(identity, signed, bytesOf(signedPreKey.signature))) {
    throw new BrokenLink('signature_wrong', 'signedPreKey.signature');
  }
  const details = bytesOf(account.details);
  const phoneKey = bytesOf(account.accountSignatureKey);
  const isSigned = (prefixes: readonly (readonly number[])[], key: Buffer, rest: Buffer[], by: unknown) =>
    prefixes.some((prefix) =>
      verifyXeddsa(key, Buffer.concat([Buffer.from(prefix), details, identity, ...rest]), bytesOf(by)),
    );
  if (details.length === 0 || !isSigned(ACCOUNT_PREFIXES, phoneKey, [], account.accountSignature)) {
    throw new BrokenLink('signature_wrong', 'account.accountSignature');
  }
  if (!isSigned(DEVICE_PREFIXES, identity, [phoneKey], account.deviceSignature)) {
    throw new BrokenLink('signature_wrong', 'account.deviceSignature');
  }
}

/** With what else Baileys wants to find. The pairing's own secrets are of no more use: a missing one is made. */
function toStored(creds: Credentials): Record<string, unknown> {
  return {
    accountSyncCounter: 0,
    accountSettings: { unarchiveChats: false },
    ...creds,
    pairingEphemeralKeyPair: creds.pairingEphemeralKeyPair ?? newPair(),
    advSecretKey: creds.advSecretKey ?? randomBytes(32).toString('base64'),
    processedHistoryMessages: [],
    registered: true,
  };
}

/** Whether both halves are there and belong together. */
function isPair(pair: z.infer<typeof Pair>): boolean {
  const [secret, shown] = [bytesOf(pair.private), bytesOf(pair.public)];
  return secret.length === KEY_BYTES && publicKeyOf(secret).equals(shown);
}

function newPair(): Record<string, WrittenBytes> {
  const pair = createPair();
  return { private: written(pair.private), public: written(pair.public) };
}

/** A key as our engines keep it; null when it is not what its kind should be. `value` comes from `parseLinkJson`. */
export function checkKey({ type, name }: KeyName, value: unknown): Buffer | null {
  switch (type) {
    case 'pre-key': {
      const pair = Pair.safeParse(value);
      return /^\d{1,10}$/.test(name) && pair.success && isPair(pair.data) ? encode(value) : null;
    }
    case 'session':
      return isObject(value) && isObject(value._sessions) ? encode(value) : null;
    case 'sender-key':
      // Older releases wrote the record itself instead of its bytes.
      if (Array.isArray(value)) return encode(written(encode(value)));
      return isRecordOfStates(value) ? encode(value) : null;
    case 'identity-key':
      return bytesOf(value).length === 33 ? encode(written(bytesOf(value))) : null;
    case 'lid-mapping':
      return typeof value === 'string' && /^\d{1,20}$/.test(value) ? encode(value) : null;
    case 'device-list':
      return Array.isArray(value) && value.every((one) => typeof one === 'string') ? encode(value) : null;
    case 'tctoken':
      return isObject(value) && isObject(value.token) ? encode(value) : null;
    case 'app-state-sync-key':
      return isObject(value) && bytesOf(value.keyData).length === 32 ? encode(value) : null;
    case 'app-state-sync-version':
      return isObject(value) && Number.isSafeInteger(value.version) ? encode(value) : null;
    case 'sender-key-memory':
      return isObject(value) && Object.values(value).every((one) => typeof one === 'boolean')
        ? encode(value)
        : null;
  }
}

/** The states of a group's sender as JSON, in bytes. */
function isRecordOfStates(value: unknown): boolean {
  try {
    return Array.isArray(JSON.parse(bytesOf(value).toString()));
  } catch {
    return false;
  }
}

const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
