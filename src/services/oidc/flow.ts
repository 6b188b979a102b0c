/** The way to an OpenID provider and back: authorization code with PKCE, state and nonce (RFC 6749, 7636, OpenID Connect). */
import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  type IDToken,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type UserInfoResponse,
} from 'openid-client';
import { z } from 'zod';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { Ctx } from '../context.ts';
import { Email } from '../fields.ts';
import { InvitationToken } from '../workspaces/schemas.ts';

/** What somebody is on the way for. */
export type Purpose = z.output<typeof Purpose>;
const Purpose = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('sign-in'),
    next: z.string().max(2000).nullable(),
    /** the token of an invitation: whoever has no account yet is to join by it */
    invitation: InvitationToken.optional(),
  }),
  /** `version` of the credentials and `signInId`: they may end meanwhile */
  z.object({
    kind: z.literal('link'),
    personId: z.int(),
    version: z.int(),
    signInId: z.string().nullable(),
  }),
]);

const Trip = z.object({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  startedAt: z.number(),
  purpose: Purpose,
});

/** Who came back, as the provider says. */
export type ProvenIdentity = z.output<typeof ProvenIdentity>;
export const ProvenIdentity = z.object({
  /** its name in the configuration */
  provider: z.string(),
  issuer: z.string(),
  subject: z.string(),
  /** in lower case; null when there is none that can be used */
  email: z.string().nullable(),
  /** the provider says that the address is theirs */
  isConfirmed: z.boolean(),
  name: z.string(),
});

/** Long enough for a password and a second factor at the provider. */
export const TRIP_MS = 10 * MINUTE_MS;
const PURPOSE = 'oidc-trip';
const MAX_SUBJECT = 255;
const MAX_NAME = 120;
/** Longer than what providers send back. */
const MAX_QUERY = 8_000;
/** RFC 6749, appendix A: a provider may fail at anything else, and it would not be the provider's fault. */
const PRINTABLE = /^[\x20-\x7e]*$/;

/** Where the provider sends people back to; it has to be entered there. */
export function callbackUrl({ config }: Pick<Ctx, 'config'>, provider: string): string {
  return `${config.publicUrl}/dashboard/sign-in/oidc/${provider}/callback`;
}

/**
 * Begins: the address at the provider to go to, and a sealed text that the same browser has to bring back. Throws
 * NOT_FOUND for a provider that is not set, UNAVAILABLE for one that does not answer.
 */
export async function beginTrip(
  ctx: Pick<Ctx, 'config' | 'oidc' | 'clock' | 'secrets'>,
  input: { provider: string; purpose: Purpose },
): Promise<{ url: string; sealed: string }> {
  const trip = {
    ...input,
    state: randomState(),
    nonce: randomNonce(),
    verifier: randomPKCECodeVerifier(),
    startedAt: ctx.clock.now(),
  };
  const challenge = await calculatePKCECodeChallenge(trip.verifier);
  const url = await ctx.oidc.ask(input.provider, (_provider, about) =>
    buildAuthorizationUrl(about, {
      redirect_uri: callbackUrl(ctx, input.provider),
      scope: 'openid email profile',
      state: trip.state,
      nonce: trip.nonce,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    }),
  );
  return { url: url.href, sealed: ctx.secrets.sealText(JSON.stringify(trip), PURPOSE) };
}

/**
 * Ends: `query` is that of the address to which the provider sent the browser back, `sealed` is what the browser kept.
 * Throws UNAUTHORIZED for what was not begun in this browser, is older than ten minutes, was used, or is refused by the
 * provider; UNAVAILABLE when it does not answer.
 */
export async function endTrip(
  ctx: Pick<Ctx, 'config' | 'oidc' | 'clock' | 'secrets' | 'logger'>,
  input: { provider: string; query: string; sealed: string | undefined },
): Promise<{ identity: ProvenIdentity; purpose: Purpose }> {
  const trip = readTrip(ctx, input);
  if (input.query.length > MAX_QUERY) throw tripIsOver();
  const current = new URL(callbackUrl(ctx, input.provider));
  current.search = input.query;
  if (!PRINTABLE.test(current.searchParams.get('code') ?? '')) throw tripIsOver();
  try {
    const identity = await ctx.oidc.ask(input.provider, (_provider, about) => exchange(about, current, trip));
    return { identity, purpose: trip.purpose };
  } catch (error) {
    throw refusalOf(ctx, input.provider, error);
  }
}

type TripRow = z.output<typeof Trip>;

async function exchange(about: Configuration, current: URL, trip: TripRow): Promise<ProvenIdentity> {
  const tokens = await authorizationCodeGrant(about, current, {
    expectedState: trip.state,
    expectedNonce: trip.nonce,
    pkceCodeVerifier: trip.verifier,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (!claims) throw tripIsOver();
  return toIdentity(trip.provider, claims, await withAddress(about, claims, tokens.access_token));
}

function readTrip(
  { secrets, clock }: Pick<Ctx, 'clock' | 'secrets'>,
  { provider, sealed = '' }: { provider: string; sealed: string | undefined },
): TripRow {
  let trip: TripRow;
  try {
    trip = Trip.parse(JSON.parse(secrets.openText(sealed, PURPOSE)));
  } catch {
    throw tripIsOver();
  }
  const ageMs = clock.now() - trip.startedAt;
  if (trip.provider !== provider || ageMs > TRIP_MS) throw tripIsOver();
  return trip;
}

type Claims = IDToken | UserInfoResponse;

/** Some providers say the address only where it is asked for with the token that came along. */
async function withAddress(about: Configuration, claims: IDToken, accessToken: string): Promise<Claims> {
  if (claims.email !== undefined || !about.serverMetadata().userinfo_endpoint) return claims;
  return fetchUserInfo(about, accessToken, claims.sub);
}

function toIdentity(provider: string, { iss, sub }: IDToken, known: Claims): ProvenIdentity {
  if (sub.length > MAX_SUBJECT || iss.length > MAX_SUBJECT) throw tripIsOver();
  const address = Email.safeParse(known.email);
  const email = address.success ? address.data : null;
  const name = typeof known.name === 'string' ? known.name.trim().slice(0, MAX_NAME) : '';
  return {
    provider,
    issuer: iss,
    subject: sub,
    email,
    isConfirmed: email !== null && isConfirmed(known),
    name: name || (email?.split('@')[0] ?? provider),
  };
}

/**
 * Nothing but a clear yes counts. Microsoft has no `email_verified`: there `xms_edov` says that the domain's owner was
 * proven, and has to be added to the tokens of the application.
 */
function isConfirmed(known: Claims): boolean {
  const edov = 'xms_edov' in known ? known.xms_edov : undefined;
  return known.email_verified === true || [true, 1, '1', 'true'].some((yes) => yes === edov);
}

/** Refusals as people are told of them; an outage passes, for its pause. The library's own texts may hold tokens. */
function refusalOf({ logger }: Pick<Ctx, 'logger'>, provider: string, error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof AuthorizationResponseError) {
    logger.info('an OpenID provider let nobody in', { provider, reason: error.error.slice(0, 64) });
    return new AppError('UNAUTHORIZED', 'You were not signed in: it was refused or called off there.');
  }
  if (!(error instanceof Error)) return tripIsOver();
  const reason = 'error' in error ? error.error : 'code' in error ? error.code : error.name;
  const refused = new AppError('UNAUTHORIZED', OVER, { cause: error });
  logger.warn('a sign-in with an OpenID provider did not succeed', {
    provider,
    reason: String(reason).slice(0, 64),
  });
  return refused;
}

const OVER = 'This sign-in is over or was used: begin again.';

/** The refusal of what was not begun in this browser, took too long or was used. */
export function tripIsOver(): AppError {
  return new AppError('UNAUTHORIZED', OVER);
}
