/** Shared by reading and writing credentials: the fence, the errors and what a sealed row is bound to. */
import { and, eq, inArray, or, sql } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { affected, preparedWrite, statementsAreCheap } from '../db/ops.ts';
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

/** The same for several sessions in one statement, in the order of their ids. Does not tell which one was lost. */
export async function lockAllOwned(tx: Tx, accounts: readonly AccountRef[]): Promise<void> {
  const [first] = accounts;
  if (first === undefined) return;
  if (statementsAreCheap || accounts.length === 1) {
    for (const account of accounts) await lockOwned(tx, account);
    return;
  }
  const { id, owner, fence } = whatsappAccounts;
  const ids = accounts.map((account) => account.id);
  const owned = accounts.map((account) =>
    and(eq(id, account.id), eq(owner, account.owner), eq(fence, account.fence)),
  );
  const result = await tx
    .update(whatsappAccounts)
    .set({ fence: sql`${fence}` })
    .where(and(inArray(id, ids), or(...owned)));
  if (affected(result) !== accounts.length) throw new OwnershipLost(ids.join(' or '));
}

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
