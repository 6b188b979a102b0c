/** Which LID is whose phone number, as sessions have seen it: everything that is read of `wa_contacts`. Digits only. */

import { and, eq, inArray, or, type Placeholder, type SQL, sql } from 'drizzle-orm';
import { createBatcher } from '../db/batcher.ts';
import { inBatches } from '../db/batches.ts';
import type { Db, Tx } from '../db/client.ts';
import {
  alias,
  padded,
  placeholders,
  prepared,
  preparedFor,
  statementsAreCheap,
  valuesAt,
} from '../db/ops.ts';
import { waContacts, whatsappAccounts } from '../db/schema.ts';
import { createLru } from '../utils/lru.ts';
import type { Maybe } from '../utils/maybe.ts';

/** A contact as one session knows it. */
export interface LidPair {
  accountId: string;
  lid: string;
  phone: string;
}

/** Whose sessions are asked: one session (whatsapp_accounts.id), or those of a tenant, all or these names (null: all). */
export type LidOwner = { accountId: string } | TenantSessions;

interface TenantSessions {
  userId: number;
  sessionIds?: readonly string[] | null;
}

/** Values of one statement. */
const BATCH_SIZE = 500;
/** A LID is its phone's for good; one that is not known yet may be told any moment, so only known ones are kept. */
const MAX_KNOWN = 20_000;

/** The pairs of these LIDs or phones, as the owner's sessions know them. */
export async function findLidPairs(
  db: Db | Tx,
  owner: LidOwner,
  by: 'lid' | 'phone',
  values: readonly string[],
): Promise<LidPair[]> {
  const { accountId, lid, phone } = waContacts;
  const own =
    'accountId' in owner ? eq(accountId, owner.accountId) : inArray(accountId, accountsOf(db, owner));
  const pairs: LidPair[] = [];
  for await (const batch of inBatches(values, BATCH_SIZE)) {
    const named = inArray(waContacts[by], batch);
    pairs.push(...(await db.select({ accountId, lid, phone }).from(waContacts).where(and(own, named))));
  }
  return pairs;
}

function accountsOf(db: Db | Tx, { userId, sessionIds }: TenantSessions) {
  const { id, sessionId } = whatsappAccounts;
  const named = sessionIds ? inArray(sessionId, [...sessionIds]) : undefined;
  return db
    .select({ id })
    .from(whatsappAccounts)
    .where(and(eq(whatsappAccounts.userId, userId), named));
}

/**
 * The statement that finds the pairs which `where` names, not run: for a read that joins it with another table's in one
 * statement. Its rows are marked with `kind`.
 */
export function selectLidPairs<K extends number>(
  db: Db,
  kind: SQL<K>,
  where: (contact: typeof waContacts) => SQL | undefined,
) {
  return db
    .select({
      kind,
      owner: sql<string | number>`${waContacts.accountId}`,
      one: waContacts.phone,
      other: waContacts.lid,
    })
    .from(waContacts)
    .where(where(waContacts));
}

const named = alias(waContacts, 'named');

/** The condition that a contact of `selectLidPairs` has the LID which its session knows this number by. */
export function hasLidOf(
  db: Db,
  contact: typeof waContacts,
  accountId: Placeholder,
  phone: Placeholder,
): SQL | undefined {
  const lids = db
    .select({ lid: named.lid })
    .from(named)
    .where(and(eq(named.accountId, accountId), eq(named.phone, phone)));
  return and(eq(contact.accountId, accountId), inArray(contact.lid, lids));
}

/** The LIDs of contacts, as this process has looked them up. */
export interface LidBook {
  /** The LID of one contact; null while the session has not seen it. `tx`: an open transaction to read in. */
  find(accountId: string, phone: string, tx?: Tx): Maybe<string | null>;
}

interface Contact {
  accountId: string;
  phone: string;
}

/** Contacts of one reading, and readings at a time. */
const MAX_BATCH = 100;
const MAX_RUNNING = 4;

/** Makes the book of this process. Those who ask at the same moment share a statement. */
export function createLidBook(db: Db): LidBook {
  const known = createLru<string, string>({ max: MAX_KNOWN });
  const readings = createBatcher({
    run: (all: readonly Contact[]) => readLids(db, all),
    maxBatch: MAX_BATCH,
    maxRunning: MAX_RUNNING,
  });
  return {
    find(accountId, phone, tx) {
      const contact = { accountId, phone };
      const key = keyOf(contact);
      const kept = known.get(key);
      if (kept !== undefined) return kept;
      return (tx ? readLid(tx, contact) : readings.add(contact)).then((lid) => {
        if (lid !== null) known.set(key, lid);
        return lid;
      });
    },
  };
}

const keyOf = ({ accountId, phone }: Contact) => `${accountId} ${phone}`;

const lidOfPhone = prepared((db) =>
  db
    .select({ lid: waContacts.lid })
    .from(waContacts)
    .where(
      and(
        eq(waContacts.accountId, sql.placeholder('accountId')),
        eq(waContacts.phone, sql.placeholder('phone')),
      ),
    )
    .limit(1)
    .prepare(),
);

async function readLid(db: Db, { accountId, phone }: Contact): Promise<string | null> {
  const [row] = await lidOfPhone(db).execute({ accountId, phone });
  return row?.lid ?? null;
}

async function readLids(db: Db, all: readonly Contact[]): Promise<(string | null)[]> {
  const [first] = all;
  if (first !== undefined && all.length === 1) return [await readLid(db, first)];
  const phones = new Map<string, Set<string>>();
  for (const { accountId, phone } of all) {
    phones.set(accountId, (phones.get(accountId) ?? new Set()).add(phone));
  }
  const rows = await readRows(db, phones);
  const found = new Map<string, string>();
  // The first one of several, as `readLid`.
  for (const row of rows) if (!found.has(keyOf(row))) found.set(keyOf(row), row.lid);
  return all.map((contact) => found.get(keyOf(contact)) ?? null);
}

const lidsOfPhones = preparedFor((db, named, count = 1) =>
  db
    .select({ accountId: waContacts.accountId, phone: waContacts.phone, lid: waContacts.lid })
    .from(waContacts)
    .where(
      and(
        eq(waContacts.accountId, sql.placeholder('accountId')),
        inArray(waContacts.phone, placeholders(named, 'phone', count)),
      ),
    )
    .prepare(),
);

/** The contacts with these phones, by their accounts. Where a statement is a round trip all accounts share one. */
async function readRows(db: Db, phones: ReadonlyMap<string, ReadonlySet<string>>): Promise<LidPair[]> {
  if (statementsAreCheap || phones.size === 1) {
    const each = [...phones].map(([accountId, own]) => {
      const asked = padded([...own], MAX_BATCH);
      const values = valuesAt(asked.map((phone) => ({ phone })));
      return lidsOfPhones(db, asked.length).execute({ ...values, accountId });
    });
    return (await Promise.all(each)).flat();
  }
  const { accountId, phone, lid } = waContacts;
  const named = [...phones].map(([id, own]) => and(eq(accountId, id), inArray(phone, [...own])));
  return db
    .select({ accountId, phone, lid })
    .from(waContacts)
    .where(or(...named));
}
