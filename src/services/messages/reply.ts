/** Whose choice an inbound message is: matched to the buttons or list that were sent to that chat. */

import { and, desc, eq, gte, inArray, isNull, or } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { messages } from '../../db/schema.ts';
import { DAY_MS } from '../../utils/durations.ts';
import type { ButtonsContent, Choice, ListContent, Reply } from '../../whatsapp/content.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import { choicesOf } from '../../whatsapp/interactive-text.ts';
import { lidJid, phoneJid } from '../../whatsapp/jid.ts';

/** An answer that comes later is more likely about something else. */
const VALID_MS = DAY_MS;
/** Longer texts are no choice. */
const MAX_ANSWER = 120;
/** How many earlier offers a tapped button or a label is looked for in. */
const MAX_OFFERS = 5;

interface Offer {
  messageId: string;
  content: unknown;
}

/** A message, and the session that it came to. */
export interface Came {
  account: AccountRef;
  message: InboundMessage;
}

/**
 * The senders' choices, in the order of the messages: a tapped button or row, the number of one, or its label; of the message
 * that is quoted, or else of the newest offer to that chat in the last 24 h. Null for what is no choice. One statement tells in
 * which of the chats there is an offer at all; none is asked where no message can be a choice.
 */
export async function matchReplies(db: Db, all: readonly Came[], now: number): Promise<(Reply | null)[]> {
  const possible = all.filter(({ message }) => mayChoose(message));
  const offered = possible.length === 0 ? new Set<string>() : await findOffered(db, possible, now);
  const replies: (Reply | null)[] = [];
  for (const { account, message } of all) {
    const isOffered =
      mayChoose(message) && peersOf(message).some((peer) => offered.has(keyOf(account, peer)));
    replies.push(isOffered ? await matchReply(db, account, message, now) : null);
  }
  return replies;
}

const textOf = ({ content }: InboundMessage) =>
  'text' in content && typeof content.text === 'string' ? content.text.trim() : '';

function mayChoose(message: InboundMessage): boolean {
  const text = textOf(message);
  return message.content.selected !== undefined || (text !== '' && text.length <= MAX_ANSWER);
}

async function matchReply(
  db: Db,
  account: AccountRef,
  message: InboundMessage,
  now: number,
): Promise<Reply | null> {
  const { selected, quotedId } = message.content;
  const text = textOf(message);
  const offers = await findOffers(db, account, message, quotedId, now);
  for (const [index, { messageId, content: offered }] of offers.entries()) {
    const choices = choicesOf(asInteractive(offered));
    const choice = selected
      ? choices.find(({ id }) => id === selected.id)
      : // A number means the newest offer only: older ones have scrolled away.
        ((index === 0 ? numbered(choices, text) : undefined) ?? labelled(choices, text));
    if (choice) return { messageId, id: choice.id, text: choice.text };
  }
  return null;
}

/** The names under which the chat of a message may have been written to. */
function peersOf({ chat, phone, lid }: InboundMessage): string[] {
  const isGroup = chat.endsWith('@g.us');
  const peers = new Set([chat]);
  if (!isGroup && phone) peers.add(phoneJid(phone));
  if (!isGroup && lid) peers.add(lidJid(lid));
  return [...peers];
}

const keyOf = ({ id }: Pick<AccountRef, 'id'>, peer: string) => `${id} ${peer}`;

/** What an offer is that may still be answered. */
const isOffer = (now: number) =>
  and(
    gte(messages.createdAt, now - VALID_MS),
    eq(messages.direction, 'out'),
    isNull(messages.source),
    inArray(messages.type, ['buttons', 'list']),
    inArray(messages.status, ['sending', 'sent', 'delivered', 'read']),
  );

/** Which of the chats have an offer, by `keyOf`. */
async function findOffered(db: Db, all: readonly Came[], now: number): Promise<Set<string>> {
  const { userId, accountId, peer } = messages;
  const peers = new Map<string, { userId: number; names: Set<string> }>();
  for (const { account, message } of all) {
    const known = peers.get(account.id) ?? { userId: account.userId, names: new Set() };
    for (const name of peersOf(message)) known.names.add(name);
    peers.set(account.id, known);
  }
  const named = [...peers].map(([id, own]) =>
    and(eq(userId, own.userId), eq(accountId, id), inArray(peer, [...own.names])),
  );
  const rows = await db
    .selectDistinct({ accountId, peer })
    .from(messages)
    .where(and(or(...named), isOffer(now)));
  return new Set(rows.map((row) => keyOf({ id: row.accountId }, row.peer)));
}

function findOffers(
  db: Db,
  account: AccountRef,
  message: InboundMessage,
  quotedId: string | undefined,
  now: number,
): Promise<Offer[]> {
  return db
    .select({ messageId: messages.messageId, content: messages.content })
    .from(messages)
    .where(
      and(
        eq(messages.userId, account.userId),
        eq(messages.accountId, account.id),
        inArray(messages.peer, peersOf(message)),
        isOffer(now),
        quotedId === undefined ? undefined : eq(messages.messageId, quotedId),
      ),
    )
    .orderBy(desc(messages.createdAt), desc(messages.id))
    .limit(MAX_OFFERS);
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
