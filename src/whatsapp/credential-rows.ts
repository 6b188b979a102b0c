/** Shared by reading and writing credentials: the fence, the errors and what a sealed row is bound to. */
import { and, eq, inArray, type Placeholder, sql } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { pause } from '../db/event-loop.ts';
import {
  affected,
  placeholders,
  preparedFor,
  preparedWrite,
  skipLocked,
  statementsAreCheap,
  valuesAt,
} from '../db/ops.ts';
import { waKeys, whatsappAccounts } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import type { SecretBox } from '../utils/crypto.ts';
import type { Logger } from '../utils/logger.ts';
import type { AccountRef } from './engine.ts';

export interface CredentialStoreDeps {
  db: Db;
  secrets: SecretBox;
  clock: Clock;
  logger: Logger;
  /** how long a read of keys waits for a database that is away, milliseconds; 90 s when missing */
  readTimeoutMs?: number;
}

/** Another process owns the session now: close the socket, write nothing. */
export class OwnershipLost extends Error {
  constructor(accountId: string) {
    super(`session ${accountId} belongs to another process now`);
    this.name = 'OwnershipLost';
  }
}

/** The opening of the session that wanted to write is over: what it wrote now would meet what the next one writes. */
export class OpeningOver extends Error {
  constructor() {
    super('the session was closed');
    this.name = 'OpeningOver';
  }
}

/** The stored credentials were sealed with a key that is not configured, or are damaged. */
export class UnreadableCredentials extends Error {
  constructor(accountId: string, cause: unknown) {
    super(`the credentials of session ${accountId} cannot be opened`, { cause });
    this.name = 'UnreadableCredentials';
  }
}

/**
 * Takes the lock on the session's row if it is still ours, until the transaction ends: a change of owner waits,
 * so nothing can be written after it. Throws OwnershipLost.
 */
export async function lockOwned(tx: Tx, account: AccountRef): Promise<void> {
  const { id, owner, fence } = account;
  if (affected(await touchOwned(tx, { id, owner, fence })) === 0) throw new OwnershipLost(id);
}

/** Somebody has held the lock of the session's row for too long: what becomes of it is not known yet. */
export class SessionRowLocked extends Error {
  override name = 'SessionRowLocked';
}

/**
 * The same for several sessions: those whose locks are taken. It waits for no lock, but looks again for a moment
 * (`patient`): a session's own facts lock its row until they are committed. It passes over a row that is not ours any more,
 * and over one that somebody holds for longer: who waited for that would keep all the others waiting.
 */
export async function lockFree<A extends AccountRef>(
  tx: Tx,
  accounts: readonly A[],
  { patient }: { patient: boolean },
): Promise<Set<A>> {
  const locked = new Set<A>();
  if (statementsAreCheap) {
    for (const account of accounts) {
      const { id, owner, fence } = account;
      if (affected(await touchOwned(tx, { id, owner, fence })) > 0) locked.add(account);
    }
    return locked;
  }
  let left = accounts;
  for (const pauseMs of patient ? [...LOOK_AGAIN_MS, 0] : [0]) {
    if (left.length === 0) break;
    const rows = await readFree(tx, [...new Set(left.map(({ id }) => id))]);
    for (const account of left) if (isOf(account, rows.get(account.id))) locked.add(account);
    left = left.filter(({ id }) => !rows.has(id));
    if (left.length > 0 && pauseMs > 0) await pause(pauseMs);
  }
  return locked;
}

/** Until a commit has reached the disk. */
const LOOK_AGAIN_MS = [2, 4, 8, 16, 32];

const freeRows = preparedFor((db, named, count) => {
  const { id, owner, fence } = whatsappAccounts;
  return skipLocked(
    db
      .select({ id, owner, fence })
      .from(whatsappAccounts)
      .where(inArray(id, placeholders(named, 'id', count))),
  ).prepare();
});

/** Locks those of the rows that nobody has locked. */
async function readFree(tx: Tx, ids: readonly string[]): Promise<Map<string, OwnerRow>> {
  const free = await freeRows(tx, ids.length).execute(valuesAt(ids.map((id) => ({ id }))));
  return new Map(free.map((row) => [row.id, row]));
}

interface OwnerRow {
  owner: string | null;
  fence: number;
}

/** Whether the session is still ours, as far as is committed. */
export async function isOwned(db: Db, account: AccountRef): Promise<boolean> {
  const { id, owner, fence } = whatsappAccounts;
  const [row] = await db.select({ owner, fence }).from(whatsappAccounts).where(eq(id, account.id));
  return isOf(account, row);
}

const isOf = (account: AccountRef, row: OwnerRow | undefined): boolean =>
  row !== undefined && row.owner === account.owner && row.fence === account.fence;

const touchOwned = preparedWrite<{ id: string; owner: string; fence: number }>((db) =>
  db
    .update(whatsappAccounts)
    .set({ fence: sql`${sql.placeholder('fence')}` })
    .where(
      and(
        eq(whatsappAccounts.id, sql.placeholder('id')),
        eq(whatsappAccounts.owner, sql.placeholder('owner')),
        eq(whatsappAccounts.fence, sql.placeholder('fence')),
      ),
    ),
);

/** The place that a sealed row is bound to: it opens in no other. */
export const credentialsContext = (accountId: string): string => `wa_credentials:${accountId}`;
export const keyContext = (accountId: string, type: string, name: string): string =>
  `wa_keys:${accountId}:${type}:${name}`;

/** Characters of a key's type and name: what the columns hold. */
const MAX_TYPE = 40;
export const MAX_KEY_NAME = 190;
/**
 * Bytes of the keys of one statement, and of one key. Written in a statement they take twice as many, and a server takes 16 MiB
 * (`max_allowed_packet` of MariaDB). A version of shared settings takes 135 bytes an entry: 54,000 entries.
 */
const MAX_KEY_BYTES = 7 * 1024 ** 2;

/** Whether a row can hold a key: others, whatever made them up, are never given to the database. */
export const fitsRow = (type: string, name: string, value: Buffer | null): boolean =>
  type.length <= MAX_TYPE && name.length <= MAX_KEY_NAME && (value?.length ?? 0) <= MAX_KEY_BYTES;

/** Keys of one statement, and what is sealed or opened before the event loop turns. */
export const KEYS_AT_ONCE = 150;

/** How many of `keys`, from `at` on, one statement writes. */
export function keysOfStatement(keys: readonly { value: Buffer | null }[], at: number): number {
  let bytes = 0;
  let end = at;
  while (end < keys.length && end - at < KEYS_AT_ONCE) {
    bytes += keys[end]?.value?.length ?? 0;
    if (bytes > MAX_KEY_BYTES) break;
    end++;
  }
  return end - at;
}

export const keysNamed = (
  accountId: string | Placeholder,
  type: string | Placeholder,
  names: (string | Placeholder)[],
) => and(eq(waKeys.accountId, accountId), eq(waKeys.type, type), inArray(waKeys.name, names));
