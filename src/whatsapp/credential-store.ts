/** Where a session's credentials and Signal keys live: sealed rows, written by the owner only, many at a time. */

import { and, eq, inArray, lt } from 'drizzle-orm';
import { readBatches } from '../db/batches.ts';
import type { Db, Tx } from '../db/client.ts';
import { transact } from '../db/ops.ts';
import { waCredentials, waKeys, waQuarantine, whatsappAccounts } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import { newId } from '../utils/ids.ts';
import { type AccountKeys, createAccountKeys, createKeyCache, type Opening } from './credential-keys.ts';
import {
  type CredentialStoreDeps,
  credentialsContext,
  lockOwned,
  OwnershipLost,
  UnreadableCredentials,
} from './credential-rows.ts';
import { createKeyWriter } from './credential-writer.ts';
import type { AccountRef } from './engine.ts';

export type { AccountKeys } from './credential-keys.ts';
export { type CredentialStoreDeps, OwnershipLost, UnreadableCredentials } from './credential-rows.ts';
export type { KeyChange } from './credential-writer.ts';

/** Rows named in one statement. */
const BATCH_SIZE = 500;
/** Sessions whose erased credentials are purged in a row. */
const ENDED_BATCH_SIZE = 50;

export interface CredentialStore {
  /**
   * Reads a session's credentials and opens its keys for writing. Throws OwnershipLost when `account` is not (or no
   * longer) the owner, UnreadableCredentials when none of our keys opens what is stored.
   */
  load(account: AccountRef): Promise<AccountKeys>;
  hasCredentials(accountId: string): Promise<boolean>;
  /** Puts everything into quarantine, under the fence. Throws OwnershipLost. */
  erase(account: AccountRef): Promise<void>;
  /** The same for a session that no process owns any more (its row may be gone). */
  eraseUnfenced(accountId: string): Promise<void>;
  /** Deletes for good what was erased longer ago; how many sessions that were. Stops early when aborted. */
  purgeQuarantine(olderThanMs: number, signal?: AbortSignal): Promise<number>;
}

export function createCredentialStore(deps: CredentialStoreDeps): CredentialStore {
  const { db, clock } = deps;
  const cache = createKeyCache();
  const writer = createKeyWriter(deps);
  /** the last opening of each session in this process, while it is open or something that it set is in the balance */
  const openings = new Map<string, Opening>();

  /** What an earlier opening still writes is kept before the credentials are read, or never. */
  async function readAfter(earlier: Opening | undefined, account: AccountRef): Promise<Buffer | null> {
    earlier?.abandon();
    if (earlier === undefined || earlier.isSettled()) return readCredentials(deps, account);
    return transact(
      db,
      async (tx) => {
        await lockOwned(tx, account);
        return readCredentials({ ...deps, db: tx }, account);
      },
      { tries: 1 },
    );
  }

  return {
    async load(account) {
      const { id } = account;
      const creds = await readAfter(openings.get(id), account);
      if (creds === null) await deleteLeftovers(db, account);
      const opening = createAccountKeys({ ...deps, cache, writer }, account, creds);
      openings.set(id, opening);
      return {
        ...opening,
        async close(timeoutMs) {
          await opening.close(timeoutMs);
          if (opening.isSettled() && openings.get(id) === opening) openings.delete(id);
        },
      };
    },
    async hasCredentials(accountId) {
      const rows = await db
        .select({ id: waCredentials.accountId })
        .from(waCredentials)
        .where(eq(waCredentials.accountId, accountId));
      return rows.length > 0;
    },
    erase: (account) => quarantine(db, clock, account.id, (tx) => lockOwned(tx, account)),
    eraseUnfenced: (accountId) => quarantine(db, clock, accountId, async () => undefined),
    purgeQuarantine: (olderThanMs, signal) => purge(db, clock.now() - olderThanMs, signal),
  };
}

async function readCredentials(
  { db, secrets }: CredentialStoreDeps,
  account: AccountRef,
): Promise<Buffer | null> {
  const { id, owner, fence } = account;
  const accounts = whatsappAccounts;
  const [row] = await db
    .select({ keyId: waCredentials.keyId, sealed: waCredentials.sealed })
    .from(accounts)
    .leftJoin(waCredentials, eq(waCredentials.accountId, accounts.id))
    .where(and(eq(accounts.id, id), eq(accounts.owner, owner), eq(accounts.fence, fence)));
  if (!row) throw new OwnershipLost(id);
  if (row.sealed === null || row.keyId === null) return null;
  try {
    return secrets.open(row.sealed, row.keyId, credentialsContext(id));
  } catch (error) {
    throw new UnreadableCredentials(id, error);
  }
}

/** Keys without credentials are those of an earlier identity: Signal state of two identities must not mix. */
async function deleteLeftovers(db: Db, account: AccountRef): Promise<void> {
  await eachBatchOfKeys(db, account.id, (type, names) =>
    transact(db, async (tx) => {
      await lockOwned(tx, account);
      await tx.delete(waKeys).where(someKeys(account.id, type, names));
    }),
  );
}

async function quarantine(
  db: Db,
  clock: Clock,
  accountId: string,
  check: (tx: Tx) => Promise<void>,
): Promise<void> {
  const id = newId(clock.now());
  // Without its credentials a session is erased; the keys follow in pieces and mean nothing meanwhile.
  await transact(db, async (tx) => {
    await check(tx);
    await tx.insert(waQuarantine).values({ id, accountId, erasedAt: clock.now() });
    await tx.update(waCredentials).set({ accountId: id }).where(eq(waCredentials.accountId, accountId));
  });
  await eachBatchOfKeys(db, accountId, (type, names) =>
    transact(db, async (tx) => {
      await check(tx);
      await tx
        .update(waKeys)
        .set({ accountId: id })
        .where(someKeys(accountId, type, names));
    }),
  );
}

async function purge(db: Db, before: number, signal: AbortSignal | undefined): Promise<number> {
  let purged = 0;
  const read = () =>
    db
      .select({ id: waQuarantine.id })
      .from(waQuarantine)
      .where(lt(waQuarantine.erasedAt, before))
      .limit(ENDED_BATCH_SIZE);
  for await (const rows of readBatches(ENDED_BATCH_SIZE, read, signal)) {
    for (const { id } of rows) {
      if (signal?.aborted) return purged;
      await eachBatchOfKeys(db, id, (type, names) =>
        Promise.resolve(db.delete(waKeys).where(someKeys(id, type, names))),
      );
      await transact(db, async (tx) => {
        await tx.delete(waCredentials).where(eq(waCredentials.accountId, id));
        await tx.delete(waQuarantine).where(eq(waQuarantine.id, id));
      });
      purged += 1;
    }
  }
  return purged;
}

const someKeys = (accountId: string, type: string, names: string[]) =>
  and(eq(waKeys.accountId, accountId), eq(waKeys.type, type), inArray(waKeys.name, names));

/** Until no key is left: `change` must take the rows it is given away from `accountId`. */
async function eachBatchOfKeys(
  db: Db,
  accountId: string,
  change: (type: string, names: string[]) => Promise<unknown>,
): Promise<void> {
  const read = () =>
    db
      .select({ type: waKeys.type, name: waKeys.name })
      .from(waKeys)
      .where(eq(waKeys.accountId, accountId))
      .limit(BATCH_SIZE);
  for await (const rows of readBatches(BATCH_SIZE, read)) {
    for (const type of new Set(rows.map((row) => row.type))) {
      const names = rows.filter((row) => row.type === type).map((row) => row.name);
      await change(type, names);
    }
  }
}
