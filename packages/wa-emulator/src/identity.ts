import { createHmac, randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { proto } from '@whiskeysockets/baileys';
import { generate } from 'selfsigned';
import { keyPairFromSeed, type SigningKeyPair, signXeddsa } from './xeddsa.ts';

/** The identity that the Noise handshake presents. */
export interface NoiseIdentity {
  staticKey: SigningKeyPair;
  /** Encoded `CertChain`: root signs the intermediate, the intermediate signs the leaf. */
  certificateChain: Buffer;
}

/** Everything that makes this emulator the same server after a restart. */
export interface ServerIdentity {
  noise: NoiseIdentity;
  /** Hex public key of the certificate root, what `WA_SERVER_ROOT_KEY` takes. */
  rootKey: string;
  tls: { key: string; cert: string };
  /** PEM file with the TLS certificate. */
  caFile: string;
  /** A 32-byte secret for one purpose, always the same for the same purpose. */
  derive(purpose: string): Buffer;
  /** Removes the certificate file again when it was a temporary one. */
  dispose(): Promise<void>;
}

interface StoredIdentity {
  seed: string;
  tlsKey: string;
  tlsCert: string;
}

const VALID_YEARS = 10;
const ROOT_SERIAL = 0;
const INTERMEDIATE_SERIAL = 1;
const LEAF_SERIAL = 2;

/**
 * Reads the identity from `directory`, or makes one and writes it there (a temporary one without). Its TLS certificate is
 * good for loopback and for `host`.
 */
export async function loadIdentity(
  directory: string | undefined,
  host = '127.0.0.1',
): Promise<ServerIdentity> {
  const home = directory === undefined ? await mkdtemp(join(tmpdir(), 'wa-emulator-')) : resolve(directory);
  await mkdir(home, { recursive: true });
  const file = join(home, 'identity.json');
  const stored = await readOrCreate(file, host);
  const caFile = join(home, 'ca.pem');
  await writeAtomically(caFile, stored.tlsCert);
  const seed = Buffer.from(stored.seed, 'hex');
  const derive = (purpose: string) => createHmac('sha256', seed).update(purpose).digest();
  const root = keyPairFromSeed(derive('noise root'));
  return {
    noise: createNoiseIdentity(root, derive),
    rootKey: root.public.toString('hex'),
    tls: { key: stored.tlsKey, cert: stored.tlsCert },
    caFile,
    derive,
    async dispose() {
      if (directory === undefined) {
        await rm(home, { recursive: true, force: true });
      }
    },
  };
}

/** Writes a file so that a reader, or a crash, sees the old content or the new one. */
export async function writeAtomically(file: string, content: string): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temporary, content, { mode: 0o600 });
  await rename(temporary, file);
}

/** The stored identity, with a new TLS certificate when the old one is not good for `host`. */
async function readOrCreate(file: string, host: string): Promise<StoredIdentity> {
  const stored = await readStored(file);
  if (stored && isGoodFor(stored.tlsCert, host)) return stored;
  const made = { seed: stored?.seed ?? randomBytes(32).toString('hex'), ...(await createTls(host)) };
  await writeAtomically(file, JSON.stringify(made));
  return made;
}

function isGoodFor(certificate: string, host: string): boolean {
  const parsed = new X509Certificate(certificate);
  return (isIP(host) ? parsed.checkIP(host) : parsed.checkHost(host)) !== undefined;
}

async function readStored(file: string): Promise<StoredIdentity | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  return text === undefined ? undefined : parseStored(JSON.parse(text), file);
}

function parseStored(value: unknown, file: string): StoredIdentity {
  const { seed, tlsKey, tlsCert } = Object(value) as Partial<Record<keyof StoredIdentity, unknown>>;
  if (typeof seed !== 'string' || typeof tlsKey !== 'string' || typeof tlsCert !== 'string') {
    throw new Error(`${file} is not an emulator identity`);
  }
  return { seed, tlsKey, tlsCert };
}

async function createTls(host: string): Promise<Omit<StoredIdentity, 'seed'>> {
  const notAfterDate = new Date();
  notAfterDate.setFullYear(notAfterDate.getFullYear() + VALID_YEARS);
  const pems = await generate([{ name: 'commonName', value: 'WhatsApp Web emulator' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
          isIP(host) ? { type: 7, ip: host } : { type: 2, value: host },
        ],
      },
    ],
  });
  return { tlsKey: pems.private, tlsCert: pems.cert };
}

function createNoiseIdentity(root: SigningKeyPair, derive: (purpose: string) => Buffer): NoiseIdentity {
  const intermediate = keyPairFromSeed(derive('noise intermediate'));
  const staticKey = keyPairFromSeed(derive('noise static'));
  const { Details } = proto.CertChain.NoiseCertificate;
  const notBefore = Math.floor(Date.UTC(2020, 0, 1) / 1000);
  const notAfter = Math.floor(Date.UTC(2120, 0, 1) / 1000);
  const intermediateDetails = Details.encode({
    serial: INTERMEDIATE_SERIAL,
    issuerSerial: ROOT_SERIAL,
    key: intermediate.public,
    notBefore,
    notAfter,
  }).finish();
  const leafDetails = Details.encode({
    serial: LEAF_SERIAL,
    issuerSerial: INTERMEDIATE_SERIAL,
    key: staticKey.public,
    notBefore,
    notAfter,
  }).finish();
  const certificateChain = proto.CertChain.encode({
    intermediate: { details: intermediateDetails, signature: signXeddsa(root, intermediateDetails) },
    leaf: { details: leafDetails, signature: signXeddsa(intermediate, leafDetails) },
  }).finish();
  return { staticKey, certificateChain: Buffer.from(certificateChain) };
}
