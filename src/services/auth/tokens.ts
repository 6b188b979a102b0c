/** The JWTs of users: HS256, who, in which workspace, and which version of the user's credentials. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { Clock } from '../../utils/clock.ts';
import type { Config } from '../../utils/config.ts';

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

export function createTokens(deps: { config: Config; clock: Clock }): Tokens {
  const { config, clock } = deps;
  // Of a text the library first finds out that it is no key pair: that takes most of a millisecond each time.
  const secret = createSecretKey(config.jwtSecret, 'utf8');
  const nowSeconds = () => Math.floor(clock.now() / 1000);
  return {
    sign({ userId, version, workspaceId, signInId, endsAt }) {
      const ws = workspaceId === userId ? {} : { ws: workspaceId };
      const sid = signInId === null ? {} : { sid: signInId };
      const iat = nowSeconds();
      const exp = endsAt ?? iat + config.jwtExpiresInSeconds;
      return jwt.sign({ ver: version, iat, exp, ...ws, ...sid }, secret, {
        algorithm: 'HS256',
        subject: String(userId),
        issuer: ISSUER,
      });
    },
    verify(token) {
      if (token.length > MAX_TOKEN_LENGTH) return null;
      return readClaims(token, secret, nowSeconds());
    },
  };
}

function readClaims(token: string, secret: KeyObject, clockTimestamp: number): TokenClaims | null {
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
