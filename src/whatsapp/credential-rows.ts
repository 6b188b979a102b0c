/** Shared by reading and writing credentials: the fence, the errors and what a sealed row is bound to. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { affected, preparedWrite, skipLocked, statementsAreCheap } from '../db/ops.ts';
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
 * The same for several sessions: those whose locks are taken. It passes over a row that is not ours any more, and over one
 * that another transaction has locked: who waited for that would keep all the others waiting.
 */
export async function lockFree<A extends AccountRef>(tx: Tx, accounts: readonly A[]): Promise<Set<A>> {
  if (accounts.length === 0) return new Set();
  if (statementsAreCheap) {
    const locked = new Set<A>();
    for (const account of accounts) {
      const { id, owner, fence } = account;
      if (affected(await touchOwned(tx, { id, owner, fence })) > 0) locked.add(account);
    }
    return locked;
  }
  const { id, owner, fence } = whatsappAccounts;
  const ids = [...new Set(accounts.map((account) => account.id))];
  const rows = await skipLocked(
    tx.select({ id, owner, fence }).from(whatsappAccounts).where(inArray(id, ids)),
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  return new Set(accounts.filter((account) => isOf(account, found.get(account.id))));
}

/** Whether the session is still ours, as far as is committed. */
export async function isOwned(db: Db, account: AccountRef): Promise<boolean> {
  const { id, owner, fence } = whatsappAccounts;
  const [row] = await db.select({ owner, fence }).from(whatsappAccounts).where(eq(id, account.id));
  return isOf(account, row);
}

const isOf = (account: AccountRef, row: { owner: string | null; fence: number } | undefined): boolean =>
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

/** Keys of one statement, and what is sealed or opened before the event loop turns. */
export const KEYS_AT_ONCE = 150;

export const keysNamed = (accountId: string, type: string, names: string[]) =>
  and(eq(waKeys.accountId, accountId), eq(waKeys.type, type), inArray(waKeys.name, names));
