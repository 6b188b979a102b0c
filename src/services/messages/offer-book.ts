/** Which chats hold no offers (buttons, lists), so that a busy one is not looked through for them with each message that comes in. */
import { and, eq, gte, inArray, isNull, or, type SQL } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import type { QueueSignals } from '../../queue/signals.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createLru } from '../../utils/lru.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';

/** Messages that offer choices. */
const OFFERS: readonly string[] = ['buttons', 'list'];

/** A chat of a session, by one of its names. */
export interface Chat {
  account: Pick<AccountRef, 'id' | 'userId' | 'fence'>;
  /** canonical JID, as in `messages.peer` */
  peer: string;
}

export interface OfferBook {
  /**
   * Those of the chats that may hold an offer which was made since then (epoch milliseconds). What is known of a chat holds for as
   * long as this process owns its session, and makes no offer in it: nobody else can make one.
   */
  withOffers(db: Db, chats: readonly Chat[], since: number): Promise<Chat[]>;
}

/** Chats that are known, of all sessions. */
const MAX_KNOWN = 20_000;
/** Then a chat is looked through again: an offer becomes too old to be answered. */
const KNOWN_MS = 10 * MINUTE_MS;

/** Makes the book of this process. */
export function createOfferBook(signals: Pick<QueueSignals, 'onLeaves'>): OfferBook {
  const known = createLru<string, { fence: number; has: boolean }>({ max: MAX_KNOWN, ttlMs: KNOWN_MS });
  /** Of each look that is under way the chats in which no offer has left meanwhile. */
  const looks = new Set<Set<string>>();
  signals.onLeaves(({ accountId, peer, type }) => {
    if (!OFFERS.includes(type)) return;
    const key = keyOf(accountId, peer);
    known.delete(key);
    for (const sure of looks) sure.delete(key);
  });
  const isKnown = ({ account, peer }: Chat) => {
    const found = known.get(keyOf(account.id, peer));
    return found?.fence === account.fence ? found.has : null;
  };
  return {
    async withOffers(db, chats, since) {
      const unknown = chats.filter((chat) => isKnown(chat) === null);
      if (unknown.length === 0) return chats.filter((chat) => isKnown(chat) ?? true);
      const sure = new Set(unknown.map((chat) => keyOf(chat.account.id, chat.peer)));
      looks.add(sure);
      const found = await readOffered(db, unknown, since).finally(() => looks.delete(sure));
      const has = new Map(unknown.map((chat) => [chat, found.has(keyOf(chat.account.id, chat.peer))]));
      for (const [{ account, peer }, hasOffer] of has) {
        const key = keyOf(account.id, peer);
        // One that has left meanwhile may not be among those found.
        if (sure.has(key)) known.set(key, { fence: account.fence, has: hasOffer });
      }
      return chats.filter((chat) => has.get(chat) ?? isKnown(chat) ?? true);
    },
  };
}

const keyOf = (accountId: string, peer: string) => `${accountId} ${peer}`;

/** The condition that a message is in one of these chats. */
export function isIn(chats: readonly Chat[]): SQL | undefined {
  const { userId, accountId, peer } = messages;
  const peers = new Map<string, { userId: number; names: string[] }>();
  for (const { account, peer: name } of chats) {
    const own = peers.get(account.id) ?? { userId: account.userId, names: [] };
    own.names.push(name);
    peers.set(account.id, own);
  }
  const named = [...peers].map(([id, own]) =>
    and(eq(userId, own.userId), eq(accountId, id), inArray(peer, own.names)),
  );
  return or(...named);
}

/** The condition that a message offers choices and was made since then, in whatever state it is. */
export function isOffer(since: number): SQL | undefined {
  const { createdAt, direction, source, type } = messages;
  return and(gte(createdAt, since), eq(direction, 'out'), isNull(source), inArray(type, [...OFFERS]));
}

/** Also what waits or has failed: it may still be on its way. */
async function readOffered(db: Db, chats: readonly Chat[], since: number): Promise<Set<string>> {
  const { accountId, peer } = messages;
  const rows = await db
    .selectDistinct({ accountId, peer })
    .from(messages)
    .where(and(isIn(chats), isOffer(since)));
  return new Set(rows.map((row) => keyOf(row.accountId, row.peer)));
}
