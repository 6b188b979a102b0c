/** The OpenID providers of the service: what each says of itself, and a pause for one that does not answer. */
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  type CustomFetch,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
} from 'openid-client';
import type { Clock } from '../../utils/clock.ts';
import type { OidcProvider } from '../../utils/config-oidc.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { createGuardedHttp, HttpFailure } from '../../utils/guarded-fetch.ts';
import type { Logger } from '../../utils/logger.ts';
import { createPeerPause, type PeerPause } from '../../utils/peer-pause.ts';

export interface OidcProviders {
  /** in the order of their buttons */
  readonly list: readonly Pick<OidcProvider, 'id' | 'label'>[];
  /**
   * Asks the provider, with what it says of itself. Throws NOT_FOUND for one that is not set, UNAVAILABLE when it does not
   * answer or cannot say what it is, and in a pause after that; other failures as they come, without a pause.
   */
  ask<R>(id: string, work: (provider: OidcProvider, about: Configuration) => Promise<R> | R): Promise<R>;
  /** Ends every connection. May be called twice. */
  close(): Promise<void>;
}

/** Providers change keys and addresses now and then. */
const KNOWN_MS = HOUR_MS;
/** Of one request; somebody waits for it. */
const TIMEOUT_MS = 8_000;
/** Larger than any document of a provider. */
const MAX_BYTES = 1024 * 1024;
/** While it is down nobody waits for it again so soon. */
const PAUSE = { firstMs: 2_000, maxMs: 60_000 };

interface Contact {
  provider: OidcProvider;
  http: ReturnType<typeof createGuardedHttp>;
  about: { value: Promise<Configuration>; at: number } | null;
  pause: PeerPause;
}

/** Makes the providers. Nothing is asked before somebody signs in. */
export function createOidcProviders(deps: {
  config: { oidc: readonly OidcProvider[] };
  clock: Clock;
  logger: Logger;
}): OidcProviders {
  const { clock, logger } = deps;
  const contacts = new Map(deps.config.oidc.map((provider) => [provider.id, contactOf(provider, clock)]));

  function know(contact: Contact): Promise<Configuration> {
    const now = clock.monotonic();
    if (contact.about && now - contact.about.at < KNOWN_MS) return contact.about.value;
    const value = discover(contact).catch((error: unknown) => {
      contact.about = null;
      throw noteFailure(contact, error);
    });
    contact.about = { value, at: now };
    return value;
  }

  function noteFailure(contact: Contact, error: unknown): AppError {
    const pauseMs = contact.pause.failed();
    const about = { provider: contact.provider.id, pauseMs, reason: reasonOf(error) };
    if (pauseMs !== null) logger.warn('an OpenID provider does not answer', about);
    return unavailable(contact.provider, contact.pause.waitMs());
  }

  return {
    list: deps.config.oidc.map(({ id, label }) => ({ id, label })),
    async ask(id, work) {
      const contact = contacts.get(id);
      if (!contact) throw new AppError('NOT_FOUND', 'There is no such way to sign in here.');
      const leftMs = contact.pause.waitMs();
      if (leftMs > 0) throw unavailable(contact.provider, leftMs);
      try {
        const done = await work(contact.provider, await know(contact));
        contact.pause.answered();
        return done;
      } catch (error) {
        if (isOutage(error)) throw noteFailure(contact, error);
        throw error;
      }
    },
    async close() {
      await Promise.all([...contacts.values()].map(({ http }) => http.close()));
    },
  };
}

/** The operator may have the provider in a private network; what it names elsewhere has to be public. */
function contactOf(provider: OidcProvider, clock: Clock): Contact {
  const { hostname, protocol } = new URL(provider.issuer);
  const http = createGuardedHttp({ allowHosts: [hostname], httpsOnly: protocol === 'https:' });
  const pause = createPeerPause({ clock, range: PAUSE, trialMs: TIMEOUT_MS });
  return { provider, http, about: null, pause };
}

function discover({ provider, http }: Contact): Promise<Configuration> {
  const { clientId, clientSecret } = provider;
  const issuer = new URL(provider.issuer);
  const isPlain = issuer.protocol === 'http:';
  return discovery(issuer, clientId, undefined, authOf(clientSecret), {
    [customFetch]: fetchBy(http),
    timeout: TIMEOUT_MS / 1000,
    // Only an address of this machine is without TLS, and not in production.
    execute: [enableNonRepudiationChecks, ...(isPlain ? [allowInsecureRequests] : [])],
  });
}

/** In the body where the provider takes it there, else as RFC 6749 wants it by default. */
function authOf(secret: string): ClientAuth {
  return (server, ...rest) => {
    const inBody = server.token_endpoint_auth_methods_supported?.includes('client_secret_post') === true;
    return (inBody ? ClientSecretPost(secret) : ClientSecretBasic(secret))(server, ...rest);
  };
}

function fetchBy(http: Contact['http']): CustomFetch {
  return (url, { method, headers, body, signal }) =>
    http.exchange(url, {
      method,
      headers,
      body: toText(body),
      maxBytes: MAX_BYTES,
      timeoutMs: TIMEOUT_MS,
      ...(signal ? { signal } : {}),
    });
}

/** Our requests have forms as bodies, or none. */
function toText(body: Parameters<CustomFetch>[1]['body']): string | null {
  if (body === null || body === undefined) return null;
  if (typeof body === 'string' || body instanceof URLSearchParams) return String(body);
  throw new TypeError('a request to a provider has an unexpected body');
}

/** openid-client's own; our deadline comes first as a rule. */
const TIMEOUTS = new Set<unknown>(['OAUTH_TIMEOUT', 'OAUTH_ABORT']);
const MAX_CAUSES = 5;

/**
 * Whether the provider could not be reached, or says with a status of 500 and more that it does not work. What it refuses
 * to one caller, in whatever form, tells nothing about others: anybody can make it refuse a code.
 */
function isOutage(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++) {
    if (at instanceof HttpFailure) return true;
    if (at instanceof AppError) return at.code === 'URL_REFUSED';
    // oauth4webapi gives the answer as the cause of what it does not understand.
    if (at.cause instanceof Response && at.cause.status >= 500) return true;
    if ('code' in at && TIMEOUTS.has(at.code)) return true;
  }
  return false;
}

/** Of the innermost error: a sentence without addresses, or a code of the library. */
function reasonOf(error: unknown): string {
  let reason = 'unknown';
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++) {
    if (at instanceof HttpFailure || at instanceof AppError) return at.message;
    if ('code' in at && typeof at.code === 'string') reason = at.code;
  }
  return reason;
}

function unavailable({ label }: OidcProvider, waitMs: number): AppError {
  return new AppError('UNAVAILABLE', `${label} does not answer now: try again in a moment.`, {
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  });
}
