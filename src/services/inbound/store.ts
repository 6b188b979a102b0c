/** Stores inbound messages once, with everything that follows from them, before they are confirmed to WhatsApp. */
import { and, eq, inArray } from 'drizzle-orm';
import { type Batcher, createBatcher } from '../../db/batcher.ts';
import type { Tx } from '../../db/client.ts';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import {
  affected,
  insertMany,
  isRetryable,
  isUnavailable,
  padded,
  placeholders,
  preparedFor,
  transact,
  tryInsert,
  tryInsertMany,
  valuesAt,
} from '../../db/ops.ts';
import { inboundMedia, mediaSources, messages } from '../../db/schema.ts';
import { createWorkQueue } from '../../db/work.ts';
import { type Fact, record } from '../../events/record.ts';
import { newId } from '../../utils/ids.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import type { InboundContent } from '../../whatsapp/inbound-content.ts';
import { isChannelJid } from '../../whatsapp/jid.ts';
import type { Deps } from '../context.ts';
import { createOfferBook, type OfferBook } from '../messages/offer-book.ts';
import { type Came, matchReplies } from '../messages/reply.ts';
import { noteOptOuts, type Written } from '../opt-outs/words.ts';
import { aimOf, amendmentOf, applyAmendment, applyEarlier, noteEarly } from './amend.ts';
import { fitMessage, withoutContent } from './fit.ts';
import { applyPins } from './marks.ts';
import { keptSource, newMediaWork } from './media-work.ts';
import { countVotes } from './poll-votes.ts';
import { withoutQuotedCodes } from './quoted-codes.ts';
import { storeOwn } from './store-own.ts';

export type StoreDeps = Pick<Deps, 'db' | 'clock' | 'stream' | 'secrets' | 'logger'> & {
  /** missing: the chats are looked through for offers with each message */
  offers?: OfferBook;
};

/** Messages of one session, in their order, as the database takes them. */
interface Delivery {
  account: AccountRef;
  messages: readonly InboundMessage[];
  /** characters of their contents */
  size: number;
}

/** For each message of a delivery, whether it is new. */
export type InboundStore = (account: AccountRef, messages: readonly InboundMessage[]) => Promise<boolean[]>;

/** Of one transaction: sessions, the messages that they bring, and characters of contents. One session's may be more. */
const MAX_BATCH = 20;
const MAX_MESSAGES = 100;
const MAX_SIZE = 1_000_000;
/** Characters that are made to fit before the event loop turns. */
const FIT_AT_ONCE = 200_000;
/** Transactions at a time: a session whose row is locked must not stop the others. */
const MAX_RUNNING = 2;
/** Where messages come one after the other, those of so many milliseconds share a transaction. The first one waits for nothing. */
const WINDOW_MS = 10;

/**
 * Makes the store of this process. What comes at the same moment, to whichever session, is stored in one transaction:
 * messages, theirs and those that the owner has sent from another device (`own`), their facts and the downloads of their
 * files, each once: a message that is redelivered (same session, chat by whichever name, author and id) changes nothing,
 * unless it could not be opened before; then what its author has made of it since is applied. Messages of one call keep their order; where many wait, the tenants have turns. What
 * the database refuses for good is stored without its content, as `unknown`. Rejects only when the database cannot be
 * used: the messages stay with WhatsApp then.
 */
export function createInboundStore(given: StoreDeps & Pick<Deps, 'signals'>): InboundStore {
  const deps = { ...given, offers: createOfferBook(given.signals) };
  const batcher: Batcher<Delivery, boolean[]> = createBatcher({
    run: (deliveries) => storeAll(deps, deliveries),
    choose: chooseInTurns,
    maxBatch: MAX_BATCH,
    maxRunning: MAX_RUNNING,
    windowMs: WINDOW_MS,
  });
  return async (account, messages) => batcher.add(await toDelivery(deps, account, messages));
}

/** What goes next of what waits, tenant by tenant, as much as one transaction may hold. */
function chooseInTurns(waiting: readonly Delivery[]): Delivery[] {
  const line = createWorkQueue<Delivery>();
  for (const delivery of waiting) line.add(delivery, { tenant: delivery.account.userId, background: false });
  const chosen: Delivery[] = [];
  let left = { messages: MAX_MESSAGES, size: MAX_SIZE };
  while (chosen.length < MAX_BATCH) {
    const next = line.take();
    if (next === undefined) break;
    left = { messages: left.messages - next.messages.length, size: left.size - next.size };
    if (chosen.length > 0 && (left.messages < 0 || left.size < 0)) break;
    chosen.push(next);
  }
  return chosen;
}

/** The same for one message by itself. Resolves true when it is new. */
export async function storeInbound(
  deps: StoreDeps,
  account: AccountRef,
  message: InboundMessage,
): Promise<boolean> {
  const [isNew] = await storeApart(deps, await toDelivery(deps, account, [message]));
  return isNew === true;
}

/** One that is refused is found by the batcher, which tries halves. */
async function storeAll(deps: StoreDeps, deliveries: readonly Delivery[]): Promise<boolean[][]> {
  const [only, ...more] = deliveries;
  if (only === undefined) return [];
  const came = deliveries.flatMap(cameOf);
  try {
    const isNew = await store(deps, came);
    return deliveries.map(({ messages }) => isNew.splice(0, messages.length));
  } catch (error) {
    if (more.length > 0 || isUnavailable(error) || isRetryable(error)) throw error;
    return [await storeApart(deps, only)];
  }
}

/** One after the other, so that one which is refused keeps its place. */
async function storeApart(deps: StoreDeps, delivery: Delivery): Promise<boolean[]> {
  const all: boolean[] = [];
  for (const one of cameOf(delivery)) {
    const [isNew] = await store(deps, [one]).catch((error: unknown) => storeBare(deps, one, error));
    all.push(isNew === true);
  }
  return all;
}

function storeBare(deps: StoreDeps, { account, message }: Came, error: unknown): Promise<boolean[]> {
  if (isUnavailable(error) || isRetryable(error)) throw error;
  deps.logger.error('an inbound message cannot be stored as it came', {
    session: account.sessionId,
    messageId: message.messageId,
    type: message.content.type,
    error: describe(error),
  });
  return store(deps, [{ account, message: withoutContent(message, 'unstorable') }]);
}

const cameOf = ({ account, messages }: Delivery): Came[] => messages.map((message) => ({ account, message }));

async function toDelivery(
  { clock }: StoreDeps,
  account: AccountRef,
  given: readonly InboundMessage[],
): Promise<Delivery> {
  const messages: InboundMessage[] = [];
  let total = 0;
  let sinceTurn = 0;
  for (const one of given) {
    if (sinceTurn >= FIT_AT_ONCE) {
      await yieldToEventLoop();
      sinceTurn = 0;
    }
    const { message, size } = fitMessage(one, clock.now());
    messages.push(message);
    total += size;
    sinceTurn += size;
  }
  return { account, messages, size: total };
}

/** The driver's words only: what drizzle puts before them holds the values. */
function describe(error: unknown): string {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return cause instanceof Error ? cause.name : 'unknown';
}

/** A message that is being stored. */
interface Fitted extends Came {
  /** messages.id */
  id: string;
  content: InboundContent;
  now: number;
}

/** For each message, whether it is new. */
async function store(deps: StoreDeps, given: readonly Came[]): Promise<boolean[]> {
  const now = deps.clock.now();
  const came = await withoutQuotedCodes(deps.db, given);
  const replies = await matchReplies(deps.db, came, now, deps.offers);
  const all = came.map(({ account, message }, n): Fitted => {
    const reply = replies[n];
    return {
      account,
      message,
      id: newId(now),
      content: reply && !message.own ? { ...message.content, reply } : message.content,
      now,
    };
  });
  return transact(deps.db, async (tx) => {
    const isNew = new Set<string>();
    const done: Done = { facts: [], written: [] };
    for (const some of inRuns(await asKnown(tx, all))) {
      for (const { id } of await storeRun(tx, deps, some, done)) isNew.add(id);
    }
    const optedOut = await noteOptOuts(tx, deps, done.written);
    // Once, at the end: it locks the rows of the sessions, always in the same order.
    await record(tx, deps, [...done.facts, ...optedOut]);
    return all.map(({ id }) => isNew.has(id));
  });
}

/** What a transaction has done so far. */
interface Done {
  facts: Fact[];
  /** messages that may be opt-outs */
  written: Written[];
}

/** Their messages are stored together, as long as nothing that is written in another way comes in between. */
function inRuns(all: readonly Fitted[]): Fitted[][] {
  const runs: Fitted[][] = [];
  let last: Fitted[] | null = null;
  for (const one of all) {
    const isPlain = !one.message.own && amendmentOf(one.message) === null;
    if (isPlain && last) last.push(one);
    else runs.push([one]);
    last = isPlain ? (runs.at(-1) ?? null) : null;
  }
  return runs;
}

/** Those of them that are new. */
async function storeRun(
  tx: Tx,
  deps: StoreDeps,
  run: readonly Fitted[],
  done: Done,
): Promise<Iterable<Fitted>> {
  const [first] = run;
  if (first?.message.own) {
    const stored = await storeOwn(tx, deps, first);
    done.facts.push(...(stored ?? []));
    return stored === null ? [] : run;
  }
  const amendment = first && amendmentOf(first.message);
  if (!first || !amendment) return storePlain(tx, deps, run, done);
  const { account, message, now } = first;
  const aim = await aimOf(tx, account, message, amendment);
  // Whoever is not its author changes nothing, and is not told of.
  if (aim === 'refused' && amendment.type === 'edit') return [];
  if (typeof aim === 'string') return storePlain(tx, deps, run, done);
  const fresh = await insertNew(tx, run);
  if (fresh.size > 0) done.facts.push(...(await applyAmendment(tx, aim, message, amendment, now)));
  return fresh.keys();
}

async function storePlain(
  tx: Tx,
  deps: StoreDeps,
  all: readonly Fitted[],
  done: Done,
): Promise<Iterable<Fitted>> {
  const ids = await insertNew(tx, all);
  const fresh = [...ids].map(([one, id]) => ({ ...one, id }));
  const files = fresh.flatMap(({ account, id, message: { media } }) =>
    media ? [newMediaWork(deps, account, id, media)] : [],
  );
  if (files.length > 0) {
    await insertMany(tx, inboundMedia, files);
    await insertMany(tx, mediaSources, files.map(keptSource));
  }
  done.facts.push(...fresh.map(factOf), ...(await countVotes(tx, fresh)));
  done.facts.push(...(await applyPins(tx, fresh, deps.clock.now())));
  for (const [one, id] of ids) {
    await noteEarly(tx, one.account, id, one.message);
    // It has taken the place of one that could not be opened: what became of that meanwhile is known.
    if (id !== one.id) done.facts.push(...(await applyEarlier(tx, id, one.now)));
  }
  for (const { account, id, content, message } of fresh) {
    done.written.push({ account, id, phone: message.phone, lid: message.lid, content });
  }
  return ids.keys();
}

function factOf({ account, id, content, message }: Fitted): Fact {
  return {
    userId: account.userId,
    session: account,
    event: content.type === 'undecryptable' ? 'message.undecryptable' : 'message.received',
    subject: message.messageId,
    data: {
      id,
      type: content.type,
      chat: message.chat,
      phone: message.phone,
      lid: message.lid,
      participant: message.participant,
      pushName: message.pushName,
    },
  };
}

/**
 * Inserts those that are not there; each of them with the id of its row. Only their own key tells: any other clash is an error,
 * and they stay with WhatsApp.
 */
async function insertNew(tx: Tx, all: readonly Fitted[]): Promise<ReadonlyMap<Fitted, string>> {
  if (await tryInsertMany(tx, messages, all.map(toRow))) return new Map(all.map((one) => [one, one.id]));
  // Messages are redelivered after a crash or a lost connection: then each is tried by itself. Some may be in, of a piece before.
  const ids = all.map(({ id }) => id);
  const rows = await tx.select({ id: messages.id }).from(messages).where(inArray(messages.id, ids));
  const inserted = new Set(rows.map(({ id }) => id));
  const fresh = new Map<Fitted, string>();
  for (const one of all) {
    const row = toRow(one);
    const isIn = inserted.has(one.id) || (await tryInsert(tx, messages, row));
    const id = isIn ? one.id : await replaceUndecryptable(tx, row);
    if (id !== null) fresh.set(one, id);
  }
  return fresh;
}

/** A message that could not be opened has come again: its row keeps its place and gets what it says. */
async function replaceUndecryptable(tx: Tx, row: typeof messages.$inferInsert): Promise<string | null> {
  const { accountId, messageId, peer, author = '' } = row;
  if (row.type === 'undecryptable') return null;
  const [found] = await tx
    .select({ id: messages.id, type: messages.type })
    .from(messages)
    .where(
      and(
        eq(messages.accountId, accountId),
        eq(messages.direction, 'in'),
        eq(messages.messageId, messageId),
        eq(messages.peer, peer),
        eq(messages.author, author),
      ),
    );
  if (found?.type !== 'undecryptable') return null;
  const { type, content, phone, lid, participant, sentAt, updatedAt } = row;
  const replaced = await tx
    .update(messages)
    .set({ type, content, phone, lid, participant, sentAt, updatedAt })
    .where(and(eq(messages.id, found.id), eq(messages.type, 'undecryptable')));
  return affected(replaced) === 0 ? null : found.id;
}

const rowsNamed = preparedFor((db, named, accounts, ids) => {
  const { accountId, direction, messageId, peer, phone, lid, author, participant } = messages;
  return db
    .select({ accountId, messageId, peer, phone, lid, author, participant })
    .from(messages)
    .where(
      and(
        inArray(accountId, placeholders(named, 'account', accounts)),
        eq(direction, 'in'),
        inArray(messageId, placeholders(named, 'message', ids)),
      ),
    )
    .prepare();
});

/**
 * As the history names them. Those that it has by another name of their chat get that one: whether a person's number was known
 * when they came is no part of what they are. Left out are those that an earlier release stored, or one that still runs during
 * an update: their rows name no author.
 */
async function asKnown(tx: Tx, given: readonly Fitted[]): Promise<readonly Fitted[]> {
  const all = await withoutOwnPosts(tx, given);
  const theirs = all.filter(({ message }) => !message.own);
  if (theirs.length === 0) return all;
  const accounts = padded([...new Set(theirs.map(({ account }) => account.id))], MAX_BATCH);
  const ids = padded([...new Set(theirs.map(({ message }) => message.messageId))], MAX_MESSAGES);
  const rows = await rowsNamed(tx, accounts.length, ids.length).execute({
    ...valuesAt(accounts.map((account) => ({ account }))),
    ...valuesAt(ids.map((message) => ({ message }))),
  });
  const known = new Map<string, Known[]>();
  const note = (account: string, id: string, row: Known) => {
    const key = `${account} ${id}`;
    known.set(key, [...(known.get(key) ?? []), row]);
  };
  for (const row of rows) note(row.accountId, row.messageId, row);
  const named: Fitted[] = [];
  for (const one of all) {
    const { account, message } = one;
    const same = message.own ? [] : (known.get(`${account.id} ${message.messageId}`) ?? []);
    if (same.some((row) => isUnnamed(row, message))) continue;
    const isThere = same.some((row) => row.peer === message.chat && row.author === (message.author ?? ''));
    const other = isThere ? undefined : same.find((row) => isSameChat(row, message));
    const chat = other?.peer ?? message.chat;
    named.push(chat === message.chat ? one : { ...one, message: { ...message, chat } });
    if (!message.own)
      note(account.id, message.messageId, { ...message, peer: chat, author: message.author ?? '' });
  }
  return named;
}

/** A post of a channel names no author: what comes under the id of a post that this session has made there is that one. */
async function withoutOwnPosts(tx: Tx, all: readonly Fitted[]): Promise<readonly Fitted[]> {
  const posts = all.filter(({ message }) => !message.own && isChannelJid(message.chat));
  if (posts.length === 0) return all;
  const { accountId, direction, messageId, peer } = messages;
  const rows = await tx
    .select({ accountId, messageId, peer })
    .from(messages)
    .where(
      and(
        inArray(accountId, [...new Set(posts.map(({ account }) => account.id))]),
        eq(direction, 'out'),
        inArray(messageId, [...new Set(posts.map(({ message }) => message.messageId))]),
      ),
    );
  const made = new Set(rows.map((row) => `${row.accountId} ${row.messageId} ${row.peer}`));
  return all.filter(
    ({ account, message }) => message.own || !made.has(`${account.id} ${message.messageId} ${message.chat}`),
  );
}

type Known = Pick<typeof messages.$inferSelect, 'peer' | 'phone' | 'lid' | 'author' | 'participant'>;

const isUnnamed = (row: Known, { chat, participant, author }: InboundMessage) =>
  author !== null &&
  participant !== null &&
  row.author === '' &&
  row.peer === chat &&
  row.participant === participant;

/** A chat with one person, who has a number and a LID. */
function isSameChat(row: Known, { phone, lid, author }: InboundMessage): boolean {
  if (row.author !== (author ?? '')) return false;
  return (phone !== null && row.phone === phone) || (lid !== null && row.lid === lid);
}

function toRow({ id, account, message, content, now }: Fitted): typeof messages.$inferInsert {
  return {
    id,
    userId: account.userId,
    accountId: account.id,
    sessionId: account.sessionId,
    messageId: message.messageId,
    direction: 'in',
    peer: message.chat,
    phone: message.phone,
    lid: message.lid,
    participant: message.participant,
    author: message.author ?? '',
    type: content.type,
    content,
    status: 'received',
    sentAt: message.at,
    createdAt: now,
    updatedAt: now,
  };
}
