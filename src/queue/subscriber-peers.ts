/** All that one subscriber is written to under, for limits that hold for the person. */
import { and, eq, inArray, or, type SQL, sql } from 'drizzle-orm';
import { createBatcher } from '../db/batcher.ts';
import type { Db } from '../db/client.ts';
import { prepared, statementsAreCheap } from '../db/ops.ts';
import { waAliases } from '../db/schema.ts';
import type { Clock } from '../utils/clock.ts';
import { createLru } from '../utils/lru.ts';
import { twinOf, withTwins } from '../utils/phone/former.ts';
import type { AccountRef } from '../whatsapp/engine.ts';
import { lidJid, phoneJid } from '../whatsapp/jid.ts';
import { hasLidOf, selectLidPairs } from '../whatsapp/lids.ts';
import type { MessageRef } from './claim.ts';

/** The recipient of a message. */
export type Addressee = Pick<MessageRef, 'peer' | 'phone'> & { lid: string | null };

type Account = Pick<AccountRef, 'id' | 'userId'>;

/** Subscribers as this process has looked them up lately. */
export interface PeerBook {
  /**
   * The canonical JIDs of the subscriber, the one of the message first: each spelling of the number, and the LIDs that the
   * session knows it by. A group is itself alone. What the database has learned in the last 5 s may be missing.
   */
  of(account: Account, addressee: Addressee): Promise<readonly string[]>;
  /**
   * Reads now what is known of the number that a message goes to: its LID, and whether it has aliases. As a rule `of` finds what
   * it needs for that message in the same reading.
   */
  look(account: Account, phone: string): Promise<{ lid: string | null; hasAliases: boolean }>;
  /** Looks up those who will be asked for next, where that is cheaper for all of them together. */
  warm(account: Account, addressees: readonly Addressee[]): Promise<void>;
}

/** No longer than a contact that is learned may take until it is written. */
const KEEP_MS = 5_000;
const MAX_KEPT = 20_000;
const MAX_BATCH = 100;
const MAX_RUNNING = 4;

/** Makes the book of this process; where a statement is a round trip, those who are asked for at once share one. */
export function createPeerBook({ db, clock }: { db: Db; clock: Clock }): PeerBook {
  const kept = createLru<string, { jids: readonly string[]; until: number }>({ max: MAX_KEPT });
  const batcher = createBatcher({
    run: (all: readonly Asked[]) => readPeers(db, all),
    maxBatch: MAX_BATCH,
    maxRunning: MAX_RUNNING,
  });
  const read = async (asked: Asked) => {
    if (!statementsAreCheap) return batcher.add(asked);
    const [jids = []] = await readPeers(db, [asked]);
    return jids;
  };
  async function of(account: Account, addressee: Addressee): Promise<readonly string[]> {
    const { peer, phone, lid } = addressee;
    if (phone === null && lid === null) return [peer];
    const key = keyOf(account, addressee);
    const now = clock.monotonic();
    const known = kept.get(key);
    if (known && known.until > now) return known.jids;
    const jids = await read({ account, addressee });
    kept.set(key, { jids, until: now + KEEP_MS });
    return jids;
  }
  return {
    of,
    async look(account, phone) {
      const until = clock.monotonic() + KEEP_MS;
      const { userId, id: accountId } = account;
      const twin = twinOf(phone) ?? phone;
      const links = toLinks(await linksOfNumber(db).execute({ userId, accountId, phone, twin }));
      const contact = links.find((one) => one.kind === 'contact' && one.phone === phone);
      const lid = contact?.other ?? null;
      const addressee = { peer: phoneJid(phone), phone, lid };
      const search = beginSearch({ account, addressee });
      goOn(search, links);
      // More numbers have to be asked about in their turn.
      if (search.next.length === 0) kept.set(keyOf(account, addressee), { jids: jidsOf(search), until });
      return { lid, hasAliases: links.some(({ kind }) => kind === 'alias') };
    },
    async warm(account, addressees) {
      if (!statementsAreCheap) await Promise.all(addressees.map((addressee) => of(account, addressee)));
    },
  };
}

const keyOf = ({ id }: Account, { peer, phone, lid }: Addressee) => `${id} ${peer} ${phone} ${lid}`;

export interface Asked {
  account: Account;
  addressee: Addressee;
}

/** An account is known by few numbers; a chain of aliases ends here. */
const MAX_STEPS = 4;

interface Search {
  account: Account;
  peer: string;
  phones: Set<string>;
  lids: Set<string>;
  /** what is to be asked about next */
  next: string[];
  lid: string | null;
}

function beginSearch({ account, addressee: { peer, phone, lid } }: Asked): Search {
  return {
    account,
    peer,
    phones: new Set<string>(),
    lids: new Set(lid === null ? [] : [lid]),
    next: phone === null ? [] : withTwins([phone]),
    lid,
  };
}

/** All that was found, the JID of the message first. */
const jidsOf = ({ peer, phones, lids }: Search): string[] => [
  ...new Set([peer, ...[...phones].map(phoneJid), ...[...lids].map(lidJid)]),
];

/** As `PeerBook.of`, read now: one statement for all, and one more for each step that finds further numbers. */
export async function readPeers(db: Db, all: readonly Asked[]): Promise<string[][]> {
  const searches = all.map(beginSearch);
  for (let step = 0; step < MAX_STEPS; step++) {
    const open = searches.filter(({ next, lid }) => next.length > 0 || lid !== null);
    if (open.length === 0) break;
    const links = await readLinks(db, open);
    for (const search of open) goOn(search, links);
  }
  return searches.map(jidsOf);
}

/** A stored fact about a number: of a tenant, that another number is the same account; of a session, its LID. */
interface Link {
  kind: 'alias' | 'contact';
  /** whose: the tenant's id, or the session's */
  owner: string;
  phone: string;
  /** another number (alias) or the LID (contact) */
  other: string;
}

function goOn(search: Search, links: readonly Link[]): void {
  const { account, phones, lids, next, lid } = search;
  for (const one of next) phones.add(one);
  const found: string[] = [];
  for (const { kind, owner, phone, other } of links) {
    if (kind === 'contact' && owner === account.id) {
      if (phones.has(phone)) lids.add(other);
      if (other === lid) found.push(phone);
    }
    if (
      kind === 'alias' &&
      owner === String(account.userId) &&
      (next.includes(phone) || next.includes(other))
    ) {
      found.push(phone, other);
    }
  }
  search.next = withTwins(found).filter((one) => !phones.has(one));
  search.lid = null;
}

async function readLinks(db: Db, open: readonly Search[]): Promise<Link[]> {
  const [one] = open;
  const [phone, twin = phone, more] = one?.next ?? [];
  const isSimple = open.length === 1 && phone !== undefined && more === undefined;
  const rows = isSimple
    ? await linksOfOne(db).execute({
        userId: one?.account.userId,
        accountId: one?.account.id,
        phone,
        twin,
        // No LID is empty.
        lid: one?.lid ?? '',
      })
    : await linksOfMany(db, open);
  return toLinks(rows);
}

interface LinkRow {
  kind: number;
  owner: string | number;
  one: string;
  other: string;
}

const toLinks = (rows: readonly LinkRow[]): Link[] =>
  rows.map(({ kind, owner, one: phone, other }) => ({
    kind: Number(kind) === 0 ? 'alias' : 'contact',
    owner: String(owner),
    phone,
    other,
  }));

const phonePair = [sql.placeholder('phone'), sql.placeholder('twin')];

/** One number, with its twin, and the contacts that `isOfLid` names as well. */
function linksWith(db: Db, isOfLid: (contact: Contact) => SQL | undefined) {
  const isOwn = eq(waAliases.userId, sql.placeholder('userId'));
  const isKnown = (c: Contact) => eq(c.accountId, sql.placeholder('accountId'));
  return aliases(db, and(isOwn, inArray(waAliases.alias, phonePair)))
    .unionAll(aliases(db, and(isOwn, inArray(waAliases.phone, phonePair))))
    .unionAll(contacts(db, (c) => and(isKnown(c), inArray(c.phone, phonePair))))
    .unionAll(contacts(db, (c) => and(isKnown(c), isOfLid(c))))
    .prepare();
}

/** A number whose LID is known, or that it has none. */
const linksOfOne = prepared((db) => linksWith(db, (c) => eq(c.lid, sql.placeholder('lid'))));

/** A number whose LID is to be found as well. */
const linksOfNumber = prepared((db) =>
  linksWith(db, (c) => hasLidOf(db, c, sql.placeholder('accountId'), sql.placeholder('phone'))),
);

/** A part for each index, so that each is a seek. */
function linksOfMany(db: Db, open: readonly Search[]) {
  const ofTenants = grouped(
    open,
    ({ account }) => account.userId,
    ({ next }) => next,
  );
  const ofSessions = grouped(
    open,
    ({ account }) => account.id,
    ({ next }) => next,
  );
  const lids = grouped(
    open,
    ({ account }) => account.id,
    ({ lid }) => (lid === null ? [] : [lid]),
  );
  const anyOf = <K>(groups: Map<K, string[]>, named: (key: K, values: string[]) => SQL | undefined) =>
    groups.size === 0 ? sql`1 = 0` : or(...[...groups].map(([key, values]) => named(key, values)));
  const { userId, alias, phone } = waAliases;
  return aliases(
    db,
    anyOf(ofTenants, (key, values) => and(eq(userId, key), inArray(alias, values))),
  )
    .unionAll(
      aliases(
        db,
        anyOf(ofTenants, (key, values) => and(eq(userId, key), inArray(phone, values))),
      ),
    )
    .unionAll(
      contacts(db, (c) =>
        anyOf(ofSessions, (key, values) => and(eq(c.accountId, key), inArray(c.phone, values))),
      ),
    )
    .unionAll(
      contacts(db, (c) => anyOf(lids, (key, values) => and(eq(c.accountId, key), inArray(c.lid, values)))),
    );
}

function aliases(db: Db, where: SQL | undefined) {
  return db
    .select({
      kind: sql<number>`0`,
      owner: sql<string | number>`${waAliases.userId}`,
      one: waAliases.alias,
      other: waAliases.phone,
    })
    .from(waAliases)
    .where(where);
}

type Contact = Parameters<Parameters<typeof selectLidPairs>[2]>[0];

const contacts = (db: Db, where: (contact: Contact) => SQL | undefined) =>
  selectLidPairs(db, sql<number>`1`, where);

/** The values of all searches by whose they are; nothing for those without. */
function grouped<K>(
  open: readonly Search[],
  keyOf: (search: Search) => K,
  valuesOf: (search: Search) => readonly string[],
): Map<K, string[]> {
  const groups = new Map<K, string[]>();
  for (const search of open) {
    const values = valuesOf(search);
    if (values.length === 0) continue;
    groups.set(keyOf(search), [...new Set([...(groups.get(keyOf(search)) ?? []), ...values])]);
  }
  return groups;
}
