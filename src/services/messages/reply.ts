/** Whose choice an inbound message is: matched to the buttons or list that were sent to that chat. */

import { and, eq, inArray, lte, or, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import type { ButtonsContent, Choice, ListContent, Reply } from '../../whatsapp/content.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import { choicesOf } from '../../whatsapp/interactive-text.ts';
import { lidJid, phoneJid } from '../../whatsapp/jid.ts';
import { type Chat, isIn, isOffer, type OfferBook } from './offer-book.ts';

/** An answer that comes later is more likely about something else. */
const VALID_MS = DAY_MS;
/** Longer texts are no choice. */
const MAX_ANSWER = 120;
/** How many earlier offers a tapped button or a label is looked for in. */
const MAX_OFFERS = 5;

type Offer = Pick<typeof messages.$inferSelect, 'id' | 'messageId' | 'content' | 'createdAt'>;

/** The newest offers of chats, by `keyOf`, and those that are quoted. */
type Offers = ReadonlyMap<string, readonly Offer[]>;

/** A message, and the session that it came to. */
export interface Came {
  account: AccountRef;
  message: InboundMessage;
}

/**
 * The senders' choices, in the order of the messages: a tapped button or row, the number of one, or its label; of the message
 * that is quoted, or else of the newest offer to that chat in the last 24 h. Null for what is no choice. One statement reads
 * the offers of all these chats; none where no message can be a choice, or the `book` knows of no offer.
 */
export async function matchReplies(
  db: Db,
  all: readonly Came[],
  now: number,
  book?: OfferBook,
): Promise<(Reply | null)[]> {
  const possible = all.filter(({ message }) => mayChoose(message));
  if (possible.length === 0) return all.map(() => null);
  const named = chatsOf(possible);
  const chats = book ? await book.withOffers(db, named, now - VALID_MS) : named;
  if (chats.length === 0) return all.map(() => null);
  const quoted = possible.flatMap(({ message: { content } }) => content.quotedId ?? []);
  const offers = await readOffers(db, chats, quoted, now);
  return all.map((one) => (mayChoose(one.message) ? matchReply(one, offers) : null));
}

const textOf = ({ content }: InboundMessage) =>
  'text' in content && typeof content.text === 'string' ? content.text.trim() : '';

function mayChoose(message: InboundMessage): boolean {
  const text = textOf(message);
  return message.content.selected !== undefined || (text !== '' && text.length <= MAX_ANSWER);
}

function matchReply({ account, message }: Came, offers: Offers): Reply | null {
  const { selected, quotedId } = message.content;
  const text = textOf(message);
  const inChat = peersOf(message)
    .flatMap((peer) => offers.get(keyOf(account, peer)) ?? [])
    .filter(({ messageId }) => quotedId === undefined || messageId === quotedId)
    .sort(newestFirst)
    .slice(0, MAX_OFFERS);
  for (const [index, { messageId, content: offered }] of inChat.entries()) {
    const choices = choicesOf(asInteractive(offered));
    const choice = selected
      ? choices.find(({ id }) => id === selected.id)
      : // A number means the newest offer only: older ones have scrolled away.
        ((index === 0 ? numbered(choices, text) : undefined) ?? labelled(choices, text));
    if (choice) return { messageId, id: choice.id, text: choice.text };
  }
  return null;
}

const newestFirst = (a: Offer, b: Offer) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);

/** The names under which the chat of a message may have been written to. */
function peersOf({ chat, phone, lid }: InboundMessage): string[] {
  const isGroup = chat.endsWith('@g.us');
  const peers = new Set([chat]);
  if (!isGroup && phone) peers.add(phoneJid(phone));
  if (!isGroup && lid) peers.add(lidJid(lid));
  return [...peers];
}

const keyOf = ({ id }: Pick<AccountRef, 'id'>, peer: string) => `${id} ${peer}`;

/** In these states it may be answered. */
const isThere = inArray(messages.status, ['sending', 'sent', 'delivered', 'read']);

/** The chats of the messages, by each of their names, once. */
function chatsOf(all: readonly Came[]): Chat[] {
  const chats = new Map<string, Chat>();
  for (const { account, message } of all) {
    for (const peer of peersOf(message)) chats.set(keyOf(account, peer), { account, peer });
  }
  return [...chats.values()];
}

async function readOffers(
  db: Db,
  chats: readonly Chat[],
  quoted: readonly string[],
  now: number,
): Promise<Offers> {
  const { id, accountId, messageId, peer, createdAt } = messages;
  const order = sql`order by ${createdAt} desc, ${id} desc`;
  const place = sql<number>`row_number() over (partition by ${accountId}, ${peer} ${order})`;
  const placed = db
    .select({
      id: sql<string>`${id}`.as('placed_id'),
      wireId: sql<string>`${messageId}`.as('wire_id'),
      place: place.as('place'),
    })
    .from(messages)
    .where(and(isIn(chats), isOffer(now - VALID_MS), isThere))
    .as('placed');
  const isQuoted = quoted.length === 0 ? undefined : inArray(placed.wireId, [...quoted]);
  const rows = await db
    .select({ id, accountId, peer, messageId, content: messages.content, createdAt })
    .from(placed)
    .innerJoin(messages, eq(id, placed.id))
    .where(or(lte(placed.place, MAX_OFFERS), isQuoted));
  const offers = new Map<string, Offer[]>();
  for (const row of rows) {
    const key = keyOf({ id: row.accountId }, row.peer);
    offers.set(key, [...(offers.get(key) ?? []), row]);
  }
  return offers;
}

/** `2`, `2.`, `(2)`, `#2`, `*2*`, `２`: as people write numbers. */
function numbered(choices: readonly Choice[], text: string): Choice | undefined {
  const digits = /^[(#*]*(\d{1,3})[).:*]*$/.exec(text.normalize('NFKC'))?.[1];
  return digits === undefined ? undefined : choices[Number(digits) - 1];
}

function labelled(choices: readonly Choice[], text: string): Choice | undefined {
  const wanted = plain(text.replace(/^[(#*]*\d{1,3}[).:*]+\s+/, ''));
  const found = choices.filter(
    (choice) => plain(choice.text) === wanted || plain(choice.text) === plain(text),
  );
  // Two rows with the same label do not tell which one is meant.
  return found.length === 1 ? found[0] : undefined;
}

const plain = (text: string) => text.normalize('NFKC').toLocaleLowerCase().replace(/\s+/g, ' ').trim();

/** Safe because rows of these two types hold nothing else. */
function asInteractive(content: unknown): ButtonsContent | ListContent {
  return content as ButtonsContent | ListContent;
}
