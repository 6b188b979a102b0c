/** The JWTs of users: HS256, who, in which workspace, and which version of the user's credentials. */
import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../utils/clock.ts';
import type { Config } from '../../utils/config.ts';
import { sha256Hex } from '../../utils/crypto.ts';

export interface TokenSubject {
  userId: number;
  /** of a token without one, such as those of a release before, the user's own */
  workspaceId: number;
  /** users.tokenVersion when it was made */
  version: number;
  /** sign_ins.id; null in tokens of a release before */
  signInId: string | null;
}

export interface TokenClaims extends TokenSubject {
  /** epoch seconds */
  issuedAt: number;
  /** epoch seconds */
  expiresAt: number;
}

export interface Tokens {
  /** `endsAt`: epoch seconds; after `JWT_EXPIRES_IN` when it is missing. */
  sign(subject: TokenSubject & { endsAt?: number }): string;
  /** Null for a token that is not ours, was changed or has expired. */
  verify(token: string): TokenClaims | null;
}

const ISSUER = 'wahub';
const MAX_TOKEN_LENGTH = 2048;
/** A verification costs about 0.9 ms of the event loop. */
const MAX_VERIFIED = 5000;

export function createTokens(deps: { config: Config; clock: Clock }): Tokens {
  const { config, clock } = deps;
  const verified = new LRUCache<string, TokenClaims>({ max: MAX_VERIFIED });
  const nowSeconds = () => Math.floor(clock.now() / 1000);
  return {
    sign({ userId, version, workspaceId, signInId, endsAt }) {
      const ws = workspaceId === userId ? {} : { ws: workspaceId };
      const sid = signInId === null ? {} : { sid: signInId };
      const iat = nowSeconds();
      const exp = endsAt ?? iat + config.jwtExpiresInSeconds;
      return jwt.sign({ ver: version, iat, exp, ...ws, ...sid }, config.jwtSecret, {
        algorithm: 'HS256',
        subject: String(userId),
        issuer: ISSUER,
      });
    },
    verify(token) {
      if (token.length > MAX_TOKEN_LENGTH) return null;
      const digest = sha256Hex(token);
      const known = verified.get(digest);
      const claims = known ?? readClaims(token, config.jwtSecret, nowSeconds());
      if (!claims || claims.expiresAt <= nowSeconds()) return null;
      if (!known) verified.set(digest, claims);
      return claims;
    },
  };
}

function readClaims(token: string, secret: string, clockTimestamp: number): TokenClaims | null {
  try {
    const payload = jwt.verify(token, secret, { algorithms: ['HS256'], issuer: ISSUER, clockTimestamp });
    if (typeof payload === 'string') return null;
    const userId = Number(payload.sub);
    const version: unknown = payload.ver;
    if (!Number.isSafeInteger(userId) || typeof version !== 'number' || payload.exp === undefined)
      return null;
    const workspaceId: unknown = payload.ws ?? userId;
    if (typeof workspaceId !== 'number' || !Number.isSafeInteger(workspaceId)) return null;
    const signInId: unknown = payload.sid ?? null;
    if (signInId !== null && typeof signInId !== 'string') return null;
    return { userId, workspaceId, version, signInId, issuedAt: payload.iat ?? 0, expiresAt: payload.exp };
  } catch {
    return null;
  }
}
