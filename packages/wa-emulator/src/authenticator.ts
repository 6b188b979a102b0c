/** A software authenticator for one account: what a person's phone or security key does when a site asks it to sign. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  type KeyObject,
} from 'node:crypto';

const RP_ID = 'whatsapp.com';
const ORIGIN = 'https://web.whatsapp.com';
/** Authenticator data: user present and user verified. */
const FLAGS_UP_UV = 0x05;
const FLAG_UP = 0x01;
const FLAG_UV = 0x04;
/** SHA-256 of the relying party, flags, counter. */
const AUTH_DATA_BYTES = 37;
/** PKCS #8 of a P-256 private key, up to its 32 bytes (RFC 5208, RFC 5915 without the public key). */
const PKCS8_P256 = Buffer.from(
  '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420',
  'hex',
);

/** The options of `navigator.credentials.get`, as far as they matter here. */
export interface RequestOptions {
  challenge: string;
  rpId?: string | undefined;
  allowCredentials?: { id: string; type: string }[] | undefined;
}

/** The result of `PublicKeyCredential.toJSON()`. */
export interface Assertion {
  id: string;
  rawId: string;
  type: 'public-key';
  response: { clientDataJSON: string; authenticatorData: string; signature: string; userHandle: string };
}

/** A passkey as another authenticator can take it over: a browser's virtual one, say. Binary fields are base64. */
export interface PasskeyKey {
  credentialId: string;
  userHandle: string;
  rpId: string;
  /** PKCS #8 of the P-256 key */
  privateKey: string;
}

/** One passkey. */
export interface Authenticator {
  /** base64url */
  credentialId: string;
  exportKey(): PasskeyKey;
  /** Signs a challenge as a browser on `origin` would. Throws when the options are for another site or passkey. */
  sign(options: RequestOptions, origin?: string): Assertion;
  /** Why a server refuses this assertion; null when it is right. */
  refuse(assertion: unknown, challenge: string): string | null;
}

/** A passkey for a site (its RP id) whose key and id come from `seed` (32 bytes), so that it is the same after a restart. */
export function createAuthenticator(seed: Buffer, rpId = RP_ID): Authenticator {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_P256, scalar(seed)]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey);
  const credentialId = hash('credential', seed).subarray(0, 16).toString('base64url');
  const userHandle = hash('user', seed).subarray(0, 16).toString('base64url');
  let counter = 0;

  return {
    credentialId,
    exportKey: () => ({
      credentialId: toBase64(credentialId),
      userHandle: toBase64(userHandle),
      rpId,
      privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    }),
    sign(options, origin = ORIGIN) {
      if ((options.rpId ?? rpId) !== rpId) throw new Error(`rpId: this passkey is for ${rpId}`);
      const allowed = options.allowCredentials ?? [];
      if (allowed.length > 0 && !allowed.some(({ id }) => id === credentialId)) {
        throw new Error('allowCredentials: this passkey is not among them');
      }
      counter += 1;
      const clientData = Buffer.from(
        JSON.stringify({ type: 'webauthn.get', challenge: options.challenge, origin, crossOrigin: false }),
      );
      const data = Buffer.alloc(AUTH_DATA_BYTES);
      hash(rpId).copy(data);
      data[32] = FLAGS_UP_UV;
      data.writeUInt32BE(counter, 33);
      const signature = createSign('sha256').update(signedBytes(data, clientData)).sign(privateKey);
      return {
        id: credentialId,
        rawId: credentialId,
        type: 'public-key',
        response: {
          clientDataJSON: clientData.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
          userHandle,
        },
      };
    },
    refuse(assertion, challenge) {
      const { rawId, type, response } = Object(assertion);
      if (type !== 'public-key' || rawId !== credentialId) return 'another credential';
      const [clientData, data, signature] = ['clientDataJSON', 'authenticatorData', 'signature'].map(
        (field) => Buffer.from(String(Object(response)[field]), 'base64url'),
      ) as [Buffer, Buffer, Buffer];
      return (
        refuseClientData(clientData, challenge, rpId) ??
        refuseData(data, rpId) ??
        (isSigned(publicKey, signedBytes(data, clientData), signature) ? null : 'a wrong signature')
      );
    },
  };
}

function refuseClientData(clientData: Buffer, challenge: string, rpId: string): string | null {
  let parsed: Record<string, unknown>;
  try {
    parsed = Object(JSON.parse(clientData.toString()));
  } catch {
    return 'no client data';
  }
  if (parsed.type !== 'webauthn.get') return 'client data of another ceremony';
  if (parsed.challenge !== challenge) return 'another challenge';
  const { hostname } = URL.canParse(String(parsed.origin))
    ? new URL(String(parsed.origin))
    : { hostname: '' };
  return hostname === rpId || hostname.endsWith(`.${rpId}`) ? null : 'another origin';
}

function refuseData(data: Buffer, rpId: string): string | null {
  if (data.length < AUTH_DATA_BYTES) return 'no authenticator data';
  if (!data.subarray(0, 32).equals(hash(rpId))) return 'another relying party';
  const flags = data[32] ?? 0;
  return (flags & FLAG_UP) !== 0 && (flags & FLAG_UV) !== 0 ? null : 'a user who was not verified';
}

function toBase64(base64url: string): string {
  return Buffer.from(base64url, 'base64url').toString('base64');
}

function signedBytes(data: Buffer, clientData: Buffer): Buffer {
  return Buffer.concat([data, hash(clientData)]);
}

function isSigned(key: KeyObject, bytes: Buffer, signature: Buffer): boolean {
  return createVerify('sha256').update(bytes).verify(key, signature);
}

function hash(...parts: (string | Buffer)[]): Buffer {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** Any 32 bytes with a zero in front lie below the order of P-256. */
function scalar(seed: Buffer): Buffer {
  const bytes = hash('key', seed);
  bytes[0] = 0;
  return bytes;
}
