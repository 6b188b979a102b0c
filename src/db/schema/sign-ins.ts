/** How people sign in: where they are signed in, second factors, and links for a new password. */
import { bigint, id, index, int, json, oneOf, primaryKey, string, table, text, timestamp } from '../kit.ts';

/** One sign-in of a person: the tokens made by it name it, and end with it. Tokens of a release before name none. */
export const signIns = table(
  'sign_ins',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    userAgent: string(255),
    /** the address it was made from */
    ip: string(64),
    /** when a second factor was given; null: none was */
    provenAt: timestamp(),
    createdAt: timestamp().notNull(),
    /** to the minute */
    lastSeenAt: timestamp().notNull(),
    /** when the last of its tokens is over */
    expiresAt: timestamp().notNull(),
  },
  (t) => [index('sign_ins_user_ix').on(t.userId, t.lastSeenAt), index('sign_ins_expiry_ix').on(t.expiresAt)],
);

export const FACTOR_KINDS = ['totp', 'passkey'] as const;

/** A second factor of a person. */
export const secondFactors = table(
  'second_factors',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    kind: oneOf(...FACTOR_KINDS).notNull(),
    name: string(100).notNull(),
    /** of `totp`: the sealed secret */
    secret: string(255),
    /** of a passkey: base64url */
    credentialId: text(),
    publicKey: text(),
    transports: json<string[]>(),
    /** of a passkey how often it has signed, of `totp` the time step of the last code: no code is taken twice */
    counter: bigint().notNull().default(0),
    /** null: it is being set up, and asked for by nobody */
    confirmedAt: timestamp(),
    createdAt: timestamp().notNull(),
    lastUsedAt: timestamp(),
  },
  (t) => [index('second_factors_user_ix').on(t.userId, t.kind)],
);

/** Codes for whoever has lost the second factor: each opens once, its row goes then. */
export const recoveryCodes = table(
  'recovery_codes',
  {
    userId: int().notNull(),
    /** SHA-256, in hex */
    hash: string(64).notNull(),
    createdAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.hash] })],
);

/** The steps that a second factor is asked for: it is given once, the row goes then. */
export const FACTOR_STEPS = ['sign_in', 'enrol', 'prove'] as const;

export const factorChallenges = table(
  'factor_challenges',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    step: oneOf(...FACTOR_STEPS).notNull(),
    /** what a passkey signs, base64url */
    challenge: string(64).notNull(),
    /** users.tokenVersion when it was made: a new password ends it */
    version: int().notNull(),
    createdAt: timestamp().notNull(),
    expiresAt: timestamp().notNull(),
  },
  (t) => [index('factor_challenges_expiry_ix').on(t.expiresAt)],
);

/** A link for a new password; the row goes when it is used. It holds no secret. */
export const passwordResets = table(
  'password_resets',
  {
    id: id().primaryKey(),
    /** 0: nobody has the address that was asked for */
    userId: int().notNull(),
    /** the workspace whose administrator made it; null: the service's, or it was asked for by mail */
    workspaceId: int(),
    /** users.id; null: it was asked for by mail */
    createdBy: int(),
    /** users.tokenVersion when it was made: another new password ends it */
    version: int().notNull(),
    createdAt: timestamp().notNull(),
    expiresAt: timestamp().notNull(),
  },
  (t) => [index('password_resets_user_ix').on(t.userId), index('password_resets_expiry_ix').on(t.expiresAt)],
);
