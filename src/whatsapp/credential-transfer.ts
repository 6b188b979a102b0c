/** Credentials and keys that come from another program, or go to one: sealed and opened a few at a time. */
import { and, asc, eq, type SQL } from 'drizzle-orm';
import { readBatches } from '../db/batches.ts';
import type { Db } from '../db/client.ts';
import { isAfter } from '../db/keyset.ts';
import { deleteInBatches } from '../db/ops.ts';
import { waContacts, waCredentials, waKeys, waPeople } from '../db/schema.ts';
import { type CredentialStoreDeps, credentialsContext, keyContext } from './credential-rows.ts';
import type { StoredKey } from './credential-writer.ts';

/** Keys that are sealed and written, or read and opened, at a time: some milliseconds. */
export const KEYS_AT_A_TIME = 100;

/** The reason of a session while the keys of another program's link come in. */
export const IMPORTING = 'importing';
/** The process that imported has died. */
export const IMPORT_INTERRUPTED = 'import_interrupted';

/**
 * Removes what an import that did not end has stored. `hadPhone`: people and LIDs may be known from before, and stay. Each
 * statement requires `isOurs` as well: nothing of an import that has begun meanwhile is touched.
 */
export async function deleteImported(
  db: Db,
  accountId: string,
  { hadPhone, isOurs }: { hadPhone: boolean; isOurs: SQL },
): Promise<void> {
  await deleteKeys(db, accountId, isOurs);
  if (hadPhone) return;
  await db.delete(waContacts).where(and(eq(waContacts.accountId, accountId), isOurs));
  await db.delete(waPeople).where(and(eq(waPeople.accountId, accountId), isOurs));
}

/** Removes the keys of a session without credentials, which mean nothing, as long as `isOurs` holds where it is given. */
export async function deleteKeys(db: Db, accountId: string, isOurs?: SQL): Promise<void> {
  const keys = and(eq(waKeys.accountId, accountId), isOurs);
  const types = await db.selectDistinct({ type: waKeys.type }).from(waKeys).where(keys);
  for (const { type } of types) {
    // Names are unique within a type.
    await deleteInBatches(db, { table: waKeys, key: waKeys.name, where: and(keys, eq(waKeys.type, type)) });
  }
}

/** The credentials of a session, opened; null when there are none. Throws when none of our keys opens them. */
export async function readCredentials(
  { db, secrets }: Pick<CredentialStoreDeps, 'db' | 'secrets'>,
  accountId: string,
): Promise<Buffer | null> {
  const [row] = await db
    .select({ keyId: waCredentials.keyId, sealed: waCredentials.sealed })
    .from(waCredentials)
    .where(eq(waCredentials.accountId, accountId));
  return row ? secrets.open(row.sealed, row.keyId, credentialsContext(accountId)) : null;
}

/** All keys of a session, opened, in the order of their names. Throws when none of our keys opens one. */
export async function* readAllKeys(
  { db, secrets }: Pick<CredentialStoreDeps, 'db' | 'secrets'>,
  accountId: string,
): AsyncGenerator<StoredKey[]> {
  const { type, name, keyId, sealed } = waKeys;
  const batches = readBatches<Omit<typeof waKeys.$inferSelect, 'accountId'>>(KEYS_AT_A_TIME, (last) =>
    db
      .select({ type, name, keyId, sealed })
      .from(waKeys)
      .where(and(eq(waKeys.accountId, accountId), isAfter([type, name], last && [last.type, last.name])))
      .orderBy(asc(type), asc(name))
      .limit(KEYS_AT_A_TIME),
  );
  for await (const rows of batches) {
    yield rows.map((row) => ({
      type: row.type,
      name: row.name,
      value: secrets.open(row.sealed, row.keyId, keyContext(accountId, row.type, row.name)),
    }));
  }
}
