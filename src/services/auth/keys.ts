/** The form of an API key, and the part of it that is stored. */
import { randomBytes } from 'node:crypto';
import { inArray, sql } from 'drizzle-orm';
import { apiKeys } from '../../db/schema.ts';
import { sha256Hex } from '../../utils/crypto.ts';

/** `wahub_<prefix>_<secret>`: the prefix finds the row, 32 random bytes are the secret. */
const FORMAT = /^wahub_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;
const MAX_LENGTH = 200;

/** Makes a key that cannot be guessed. */
export function newApiKey(): string {
  return `wahub_${randomBytes(8).toString('hex')}_${randomBytes(32).toString('base64url')}`;
}

export interface StoredKey {
  /** finds the key's row: the visible prefix, or for a key that an operator chose (`KEY`) a part of its hash */
  prefix: string;
  /** of `keyHash` */
  hash: string;
}

/** What is stored of a key; null for what cannot be one. */
export function storedKey(key: string): StoredKey | null {
  if (key === '' || key.length > MAX_LENGTH) return null;
  const hash = keyHash(key);
  return { prefix: FORMAT.exec(key)?.[1] ?? `h${hash.slice(0, 24)}`, hash };
}

/** SHA-256: the key is random, so a slow hash would add nothing. */
export function keyHash(key: string): string {
  return sha256Hex(key);
}

/** users.id of who made a key; that of a release before was made by whoever has the number of the workspace. */
export const KEY_MAKER = sql<number>`coalesce(${apiKeys.createdBy}, ${apiKeys.userId})`;

/**
 * The one key of a member: `own` of whoever has the number of the workspace, `member` of everybody else. A process of the
 * release before workspaces takes every `own` key of a tenant for the tenant's.
 */
export const IS_MEMBERS_KEY = inArray(apiKeys.kind, ['own', 'member']);
