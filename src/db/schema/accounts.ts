/** Sign-ins, and the quotas that a tenant is using at this moment. */
import { id, index, int, oneOf, primaryKey, string, table, timestamp } from '../kit.ts';

/** Tokens that were signed out before their time. */
export const endedTokens = table(
  'ended_tokens',
  {
    /** SHA-256 of the token, in hex */
    digest: string(64).primaryKey(),
    userId: int().notNull(),
    /** of the token itself: the row is of no use after that */
    expiresAt: timestamp().notNull(),
  },
  (t) => [index('ended_tokens_expiry_ix').on(t.expiresAt)],
);

/** Networks from which a user has signed in with the right password. */
export const knownNetworks = table(
  'known_networks',
  {
    userId: int().notNull(),
    /** an IPv4 address or an IPv6 /64 */
    network: string(64).notNull(),
    lastSeenAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.network] }), index('known_networks_seen_ix').on(t.lastSeenAt)],
);

const HOLD_KINDS = ['upload'] as const;

/** A running request's use of a quota; the row goes with the request, or at `expiresAt` after a crash. */
export const quotaHolds = table(
  'quota_holds',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    kind: oneOf(...HOLD_KINDS).notNull(),
    expiresAt: timestamp().notNull(),
  },
  (t) => [
    index('quota_holds_user_ix').on(t.userId, t.kind, t.expiresAt),
    index('quota_holds_expiry_ix').on(t.expiresAt),
  ],
);
