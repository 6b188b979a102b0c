/**
 * The computed values of the passkey step of linking. Facts from public clients (whatsmeow of August 2026); not yet
 * seen on WhatsApp's own server by us. Everything here is pure but for fresh keys and nonces.
 */
import { randomBytes } from 'node:crypto';
import {
  aesEncryptGCM,
  bytesToCrockford,
  Curve,
  hkdf,
  hmacSign,
  type KeyPair,
  proto,
  sha256,
} from '@whiskeysockets/baileys';

const HANDOFF_INFO = 'shortcake-passkey-handoff-v1';
const REQUEST_KEY_INFO = 'Pairing Information Encryption Key';
const KEY_BYTES = 32;
const NONCE_BYTES = 32;
const IV_BYTES = 12;
/** Five bytes make eight characters of the code. */
const CODE_BYTES = 5;

/** The companion's first message, and what it must remember of it. */
export interface Prologue {
  keyPair: KeyPair;
  nonce: Uint8Array;
  deviceType: proto.DeviceProps.PlatformType;
  ref: string;
  /** `ProloguePayload`, encoded */
  payload: Uint8Array;
}

/** The phone's answer, opened. */
export interface Continuation {
  /** encrypts the pairing request */
  requestKey: Uint8Array;
  /** `XXXX-XXXX`, which the phone shows too */
  code: string;
}

/**
 * Proves for five minutes that whoever signs is the one whose code was scanned.
 * @param advSecret the 32 bytes of the secret that the QR or the pairing code carried
 */
export function handoffKey(advSecret: Uint8Array): Uint8Array {
  return hkdf(advSecret, KEY_BYTES, { info: HANDOFF_INFO });
}

/** HMAC-SHA256 over the prologue payload; with it the phone asks for no comparison of a code. */
export function handoffProof(key: Uint8Array, payload: Uint8Array): Uint8Array {
  return hmacSign(payload, key);
}

/** A fresh key and nonce, committed to in a payload for that reference of the server's. */
export function createPrologue(ref: string, deviceType: proto.DeviceProps.PlatformType): Prologue {
  const keyPair = Curve.generateKeyPair();
  const nonce = randomBytes(NONCE_BYTES);
  const identity = proto.CompanionEphemeralIdentity.encode({
    publicKey: keyPair.public,
    deviceType,
    ref,
  }).finish();
  const hash = sha256(Buffer.concat([identity, nonce]));
  const payload = proto.ProloguePayload.encode({
    companionEphemeralIdentity: identity,
    commitment: { hash },
  }).finish();
  return { keyPair, nonce, deviceType, ref, payload };
}

/**
 * Opens the phone's `PrimaryEphemeralIdentity`.
 * @throws Error when it does not hold a key and a nonce of 32 bytes each
 */
export function openContinuation(prologue: Prologue, primaryIdentity: Uint8Array): Continuation {
  const { publicKey, nonce } = proto.PrimaryEphemeralIdentity.decode(primaryIdentity);
  if (publicKey?.length !== KEY_BYTES || nonce?.length !== NONCE_BYTES) {
    throw new Error('the phone sent a malformed ephemeral identity');
  }
  const shared = Curve.sharedKey(prologue.keyPair.private, publicKey);
  const salt = Buffer.from(`Companion Pairing ${prologue.deviceType} with ref ${prologue.ref}`);
  return {
    requestKey: hkdf(shared, KEY_BYTES, { salt, info: REQUEST_KEY_INFO }),
    code: comparisonCode(nonce, prologue.nonce, publicKey),
  };
}

/** The code that both sides show: a person compares it when the hand-off was not proved. */
export function comparisonCode(phoneNonce: Uint8Array, ourNonce: Uint8Array, phoneKey: Uint8Array): string {
  const mask = sha256(Buffer.concat([ourNonce, phoneKey]));
  const bytes = Buffer.from(phoneNonce.subarray(0, CODE_BYTES));
  for (let at = 0; at < CODE_BYTES; at += 1) bytes[at] = (bytes[at] ?? 0) ^ (mask[at] ?? 0);
  const code = bytesToCrockford(bytes);
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

/** The keys of this device for the phone, sealed: `EncryptedPairingRequest`, encoded. */
export function sealPairingRequest(
  requestKey: Uint8Array,
  keys: { noisePublic: Uint8Array; identityPublic: Uint8Array; advSecret: Uint8Array },
): Uint8Array {
  const request = proto.PairingRequest.encode({
    companionPublicKey: keys.noisePublic,
    companionIdentityKey: keys.identityPublic,
    advSecret: keys.advSecret,
  }).finish();
  const iv = randomBytes(IV_BYTES);
  const encryptedPayload = aesEncryptGCM(request, requestKey, iv, Buffer.alloc(0));
  return proto.EncryptedPairingRequest.encode({ encryptedPayload, iv }).finish();
}
