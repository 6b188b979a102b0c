/** Passkeys (WebAuthn) as a second factor, for the site that `PUBLIC_URL` names. */
import { isIP } from 'node:net';
import type { z } from 'zod';
import type { Config } from '../../../utils/config.ts';
import { AppError } from '../../../utils/errors.ts';
import type { Assertion, Attestation } from './schemas.ts';

/** Loaded when it is needed: it brings much, and most processes never check a passkey. */
const load = () => import('@simplewebauthn/server');

const RP_NAME = 'WaHub';
/** How long a browser waits for the person, in milliseconds. */
const TIMEOUT_MS = 120_000;
const HTTPS = 'https:';

/** A passkey as it is kept. */
export interface KnownPasskey {
  credentialId: string;
  /** COSE key, base64url */
  publicKey: string;
  /** signatures so far, as the authenticator counts them */
  counter: number;
  transports: string[];
}

interface Site {
  rpId: string;
  origin: string;
}

/** Null where browsers have no passkeys: for an IP address, and without TLS anywhere but on localhost. */
export function passkeySite({ publicUrl }: Pick<Config, 'publicUrl'>): Site | null {
  const { hostname, origin, protocol } = new URL(publicUrl);
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost');
  if (isIP(hostname.replace(/[[\]]/g, '')) !== 0 || (protocol !== HTTPS && !isLocal)) return null;
  return { rpId: hostname, origin };
}

function requireSite(config: Pick<Config, 'publicUrl'>): Site {
  const site = passkeySite(config);
  if (site !== null) return site;
  throw new AppError(
    'NOT_SUPPORTED',
    'Passkeys need an address with a name and https: PUBLIC_URL of this service has none.',
  );
}

export interface NewPasskeyFor {
  userId: number;
  email: string;
  name: string;
  challenge: string;
  known: readonly Pick<KnownPasskey, 'credentialId'>[];
}

/** What `navigator.credentials.create` takes, as JSON. Throws NOT_SUPPORTED. */
export async function creationOptions(
  config: Pick<Config, 'publicUrl'>,
  { userId, email, name, challenge, known }: NewPasskeyFor,
): Promise<Record<string, unknown>> {
  const { rpId } = requireSite(config);
  const { generateRegistrationOptions } = await load();
  const options = await generateRegistrationOptions({
    rpName: RP_NAME,
    rpID: rpId,
    userName: email,
    userDisplayName: name,
    userID: Buffer.from(`wahub:${userId}`),
    challenge: Buffer.from(challenge, 'base64url'),
    timeout: TIMEOUT_MS,
    attestationType: 'none',
    excludeCredentials: known.map(({ credentialId }) => ({ id: credentialId })),
    authenticatorSelection: { residentKey: 'discouraged', userVerification: 'preferred' },
  });
  return { ...options };
}

/** What `navigator.credentials.get` takes, as JSON. Throws NOT_SUPPORTED. */
export async function requestOptions(
  config: Pick<Config, 'publicUrl'>,
  { challenge, known }: { challenge: string; known: readonly KnownPasskey[] },
): Promise<Record<string, unknown>> {
  const { rpId } = requireSite(config);
  const { generateAuthenticationOptions } = await load();
  const options = await generateAuthenticationOptions({
    rpID: rpId,
    challenge: Buffer.from(challenge, 'base64url'),
    timeout: TIMEOUT_MS,
    allowCredentials: known.map(({ credentialId, transports }) => ({ id: credentialId, transports })),
    userVerification: 'preferred',
  });
  return { ...options };
}

/** The passkey that a browser has made for the challenge; null when it is not right. Throws NOT_SUPPORTED. */
export async function checkCreation(
  config: Pick<Config, 'publicUrl'>,
  given: z.output<typeof Attestation>,
  challenge: string,
): Promise<KnownPasskey | null> {
  const { rpId, origin } = requireSite(config);
  const { verifyRegistrationResponse } = await load();
  const { transports = [], ...response } = given.response;
  const found = await verifyRegistrationResponse({
    response: { ...given, response },
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: rpId,
    requireUserVerification: false,
  }).catch(() => null);
  if (found?.verified !== true) return null;
  const { id, publicKey, counter } = found.registrationInfo.credential;
  return {
    credentialId: id,
    publicKey: Buffer.from(publicKey).toString('base64url'),
    counter,
    transports,
  };
}

/** The counter after this signature; null when it is not right for the challenge. Throws NOT_SUPPORTED. */
export async function checkAssertion(
  config: Pick<Config, 'publicUrl'>,
  given: z.output<typeof Assertion>,
  challenge: string,
  { credentialId, publicKey, counter, transports }: KnownPasskey,
): Promise<number | null> {
  const { rpId, origin } = requireSite(config);
  const { verifyAuthenticationResponse } = await load();
  const { userHandle: _userHandle, ...response } = given.response;
  const found = await verifyAuthenticationResponse({
    response: { ...given, response },
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: rpId,
    credential: {
      id: credentialId,
      publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')),
      counter,
      transports,
    },
    requireUserVerification: false,
  }).catch(() => null);
  return found?.verified === true ? found.authenticationInfo.newCounter : null;
}
