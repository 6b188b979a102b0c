/**
 * One subscriber, several numbers: what numbering plans have changed, and what WhatsApp's directory has told a tenant.
 * Anything kept under one spelling is found under each of the others.
 */

import { and, eq, inArray, or, sql } from 'drizzle-orm';
import { inBatches } from '../db/batches.ts';
import type { Db, Tx } from '../db/client.ts';
import { prepared } from '../db/ops.ts';
import { waAliases } from '../db/schema.ts';
import { toCurrent, twinOf, withTwins } from '../utils/phone/former.ts';

/** A number with every other spelling that is known of its subscriber. */
export interface Subscriber {
  /** E.164 digits, the one that was asked for first */
  spellings: string[];
  /** E.164 digits that are the same for all of these spellings: what budgets and locks are kept under */
  key: string;
}

/** Numbers of one statement: each is in it up to four times. */
const BATCH_SIZE = 500;
/** An account is known by few numbers; a chain of aliases ends here. */
const MAX_STEPS = 3;

/** The subscriber behind a number (E.164 digits), as far as the tenant `userId` may know. */
export async function findSubscriber(db: Db | Tx, userId: number, phone: string): Promise<Subscriber> {
  return (await findSubscribers(db, userId, [phone])).get(phone) ?? { spellings: [phone], key: phone };
}

/** The subscriber behind a number that has no aliases. */
export function subscriberWithoutAliases(phone: string): Subscriber {
  return connect(phone, { linked: new Map(), accounts: new Map() });
}

/** The same for many. Tenants never see one another's aliases. */
export async function findSubscribers(
  db: Db | Tx,
  userId: number,
  phones: readonly string[],
): Promise<Map<string, Subscriber>> {
  const found = new Map<string, Subscriber>();
  for await (const batch of inBatches(phones, BATCH_SIZE)) {
    const links = await readLinks(db, userId, batch);
    for (const phone of batch) found.set(phone, connect(phone, links));
  }
  return found;
}

/** From each spelling to the linked ones, and from an alias to its account. */
interface Links {
  linked: Map<string, Set<string>>;
  accounts: Map<string, string>;
}

async function readLinks(db: Db | Tx, userId: number, phones: readonly string[]): Promise<Links> {
  const links: Links = { linked: new Map(), accounts: new Map() };
  const asked = new Set<string>();
  let next = withTwins(phones);
  for (let step = 0; step < MAX_STEPS && next.length > 0; step++) {
    for (const phone of next) asked.add(phone);
    const rows = await readAliases(db, userId, next);
    for (const { alias, phone } of rows) {
      link(links.linked, alias, phone);
      links.accounts.set(alias, phone);
    }
    next = withTwins(rows.flatMap(({ alias, phone }) => [alias, phone])).filter((phone) => !asked.has(phone));
  }
  return links;
}

const aliasesOfTwo = prepared((db) => {
  const two = [sql.placeholder('one'), sql.placeholder('other')];
  return db
    .select({ alias: waAliases.alias, phone: waAliases.phone })
    .from(waAliases)
    .where(
      and(
        eq(waAliases.userId, sql.placeholder('userId')),
        or(inArray(waAliases.alias, two), inArray(waAliases.phone, two)),
      ),
    )
    .prepare();
});

/** What is known of these numbers; mostly it is one with its twin. */
async function readAliases(
  db: Db | Tx,
  userId: number,
  phones: readonly string[],
): Promise<{ alias: string; phone: string }[]> {
  const [one, other = one] = phones;
  if (one !== undefined && phones.length <= 2) return aliasesOfTwo(db).execute({ userId, one, other });
  return db
    .select({ alias: waAliases.alias, phone: waAliases.phone })
    .from(waAliases)
    .where(
      and(
        eq(waAliases.userId, userId),
        or(inArray(waAliases.alias, [...phones]), inArray(waAliases.phone, [...phones])),
      ),
    );
}

function connect(phone: string, { linked, accounts }: Links): Subscriber {
  const spellings = new Set([phone]);
  for (const spelling of spellings) {
    const twin = twinOf(spelling);
    if (twin !== null) spellings.add(twin);
    for (const other of linked.get(spelling) ?? []) spellings.add(other);
  }
  const all = [...spellings];
  const account = all.flatMap((spelling) => accounts.get(spelling) ?? []).sort()[0];
  return { spellings: all, key: toCurrent(account ?? phone) };
}

function link(linked: Map<string, Set<string>>, one: string, other: string): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    linked.set(from, (linked.get(from) ?? new Set()).add(to));
  }
}
