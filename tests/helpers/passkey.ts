/** A software authenticator for our own site: what a browser gives when a passkey is made, and when it signs. */
import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { createAuthenticator } from '../../packages/wa-emulator/src/authenticator.ts';

/** User present, user verified, attested credential data. */
const FLAGS = 0x45;

interface CreationOptions {
  challenge: string;
  rp: { id: string };
}

export interface SoftPasskey {
  create(options: unknown): Record<string, unknown>;
  get(options: unknown): Record<string, unknown>;
}

/** A passkey that a browser on `origin` keeps. */
export function softPasskey(origin: string, seed = randomBytes(32)): SoftPasskey {
  const rpId = new URL(origin).hostname;
  const authenticator = createAuthenticator(seed, rpId);
  const id = authenticator.credentialId;
  return {
    create(given) {
      const options = given as CreationOptions;
      if (options.rp.id !== rpId) throw new Error(`this browser is on ${rpId}`);
      const clientData = {
        type: 'webauthn.create',
        challenge: options.challenge,
        origin,
        crossOrigin: false,
      };
      const attestation = cborMap([
        ['fmt', cborText('none')],
        ['attStmt', Buffer.from([0xa0])],
        ['authData', cborBytes(authData(rpId, id, publicKeyOf(authenticator.exportKey().privateKey)))],
      ]);
      return {
        id,
        rawId: id,
        type: 'public-key',
        response: {
          clientDataJSON: Buffer.from(JSON.stringify(clientData)).toString('base64url'),
          attestationObject: attestation.toString('base64url'),
          transports: ['internal'],
        },
        clientExtensionResults: {},
      };
    },
    get: (options) => ({ ...authenticator.sign(options as { challenge: string }, origin) }),
  };
}

function publicKeyOf(pkcs8: string): Buffer {
  const key = createPrivateKey({ key: Buffer.from(pkcs8, 'base64'), format: 'der', type: 'pkcs8' });
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  // COSE: EC2, ES256, P-256.
  return Buffer.concat([
    Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]),
    cborBytes(Buffer.from(x, 'base64url')),
    Buffer.from([0x22]),
    cborBytes(Buffer.from(y, 'base64url')),
  ]);
}

function authData(rpId: string, credentialId: string, publicKey: Buffer): Buffer {
  const id = Buffer.from(credentialId, 'base64url');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(id.length);
  const head = Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([FLAGS, 0, 0, 0, 0])]);
  return Buffer.concat([head, Buffer.alloc(16), length, id, publicKey]);
}

function cborBytes(bytes: Buffer): Buffer {
  const head = bytes.length < 24 ? [0x40 + bytes.length] : [0x58, bytes.length];
  return Buffer.concat([Buffer.from(head), bytes]);
}

function cborText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)]);
}

function cborMap(entries: [string, Buffer][]): Buffer {
  const pairs = entries.flatMap(([key, value]) => [cborText(key), value]);
  return Buffer.concat([Buffer.from([0xa0 + entries.length]), ...pairs]);
}
