/** Credential -> actor. */
import { getCookie } from 'hono/cookie';
import { SIGN_IN } from '../services/access.ts';
import { type Actor, ANONYMOUS, type Deps } from '../services/context.ts';
import { type LinkPurpose, verifyLink } from '../services/signed-links.ts';
import { AppError } from '../utils/errors.ts';
import { type Maybe, whenThere } from '../utils/maybe.ts';
import type { HttpContext } from './http-env.ts';

/** The dashboard's cookie: HttpOnly, a JWT. */
export const SESSION_COOKIE = 'wahub_session';

/** The credential that a route asks of its caller; see Route.auth. */
export type AuthKind = 'public' | 'credential' | 'jwt' | 'browser';

type AuthDeps = Pick<Deps, 'credentials' | 'secrets' | 'clock'>;

/**
 * The actor of a request. Throws or rejects with UNAUTHORIZED without a valid credential, FORBIDDEN for an API key where a
 * signed-in user is needed. Only what a browser opens (GET, kind `browser`) takes the cookie or a signed link, and of
 * links only those for the purpose `link`.
 */
export function authenticate(
  deps: AuthDeps,
  c: HttpContext,
  kind: AuthKind,
  link: LinkPurpose | null = null,
): Maybe<Actor> {
  if (kind === 'public') return ANONYMOUS;
  const token = bearerToken(c.req.header('authorization'));
  if (token !== null)
    return whenThere(deps.credentials.fromToken(token, 'jwt'), (actor) => actor ?? refuseToken(token));
  const key = c.req.header('x-api-key')?.trim();
  if (key) return whenThere(deps.credentials.fromKey(key), (actor) => ofKey(actor, kind));
  if (kind === 'browser' && (c.req.method === 'GET' || c.req.method === 'HEAD')) {
    return fromBrowser(deps, c, link).then((actor) => actor ?? refuse(NO_CREDENTIAL));
  }
  return refuse(NO_CREDENTIAL);
}

/** Says it when an API key stands where a token belongs; whether the key is valid is not looked at. */
function refuseToken(token: string): never {
  const message = 'The token is not valid.';
  if (!token.startsWith('wahub_')) return refuse(message);
  throw new AppError('UNAUTHORIZED', message, {
    hint: 'This looks like an API key: send it as `x-api-key: <key>`, without Bearer.',
  });
}

const NO_CREDENTIAL = 'This needs a credential: Authorization: Bearer <token>, or x-api-key.';

function ofKey(actor: Actor | null, kind: AuthKind): Actor {
  if (actor === null) return refuse('The API key is not valid.');
  if (kind !== 'jwt') return actor;
  throw new AppError(
    'FORBIDDEN',
    'An API key cannot do this: sign in and use the token (Authorization: Bearer).',
    { hint: SIGN_IN },
  );
}

async function fromBrowser(
  deps: AuthDeps,
  c: HttpContext,
  wanted: LinkPurpose | null,
): Promise<Actor | null> {
  const link = verifyLink(deps.secrets, c.req.url, deps.clock.now());
  if (link && (link.scope?.purpose ?? null) === wanted) {
    return deps.credentials.fromLink(link.userId, link.scope ?? null);
  }
  const cookie = getCookie(c, SESSION_COOKIE);
  return cookie ? deps.credentials.fromToken(cookie, 'cookie') : null;
}

/** The token of an Authorization header; null when there is none. */
export function bearerToken(header: string | undefined): string | null {
  return header === undefined ? null : (/^Bearer +(\S+)\s*$/i.exec(header)?.[1] ?? null);
}

function refuse(message: string): never {
  throw new AppError('UNAUTHORIZED', message);
}
