/** Inbound messages: decrypted, made durable by the gateway, and only then confirmed to the server. */

import {
  type BinaryNode,
  isJidBroadcast,
  isJidNewsletter,
  type SignalKeyStoreWithTransaction,
  writeRandomPadMax16,
} from '@whiskeysockets/baileys';
import { createBatcher } from '../../db/batcher.ts';
import { yieldToEventLoop } from '../../db/event-loop.ts';
import { isRefusedValue } from '../../db/ops.ts';
import { type RetryOptions, retry } from '../../utils/backoff.ts';
import { createLru } from '../../utils/lru.ts';
import type { ChatSetting, InboundMessage } from '../engine.ts';
import type { InboundContent } from '../inbound-content.ts';
import { isBroadcastListJid } from '../jid.ts';
import type { Chats } from './chats.ts';
import { type OpenedVote, type SealedVote, withOpened } from './decode-vote.ts';
import { isUsedKeyError } from './libsignal-fixes.ts';
import {
  describeUnread,
  isFromUs,
  isSameOrigin,
  type ReadOptions,
  type Received,
  readPost,
  readStanza,
} from './read-message.ts';
import type { GroupKey } from './read-payload.ts';
import { readAnswer } from './resent.ts';
import { releaseKeysAfter } from './transactions.ts';

/** Messages to us that have no sender: not decrypted, not stored. Posts are: our own, and all in a session that wants them. */
export function isIgnoredJid(jid: string): boolean {
  return Boolean((isJidBroadcast(jid) && !isBroadcastListJid(jid)) || isJidNewsletter(jid));
}

export interface InboundOptions extends ReadOptions {
  store: (messages: readonly InboundMessage[]) => Promise<void>;
  chats: Chats;
  /** Opens a vote or an answer of that person (user JIDs); null when it cannot be read. Rejects as `store` does. */
  openVote: (vote: SealedVote, voters: readonly string[]) => Promise<OpenedVote | null>;
  /** While the gateway cannot store, nothing is confirmed; in the end the socket goes, and the server keeps the message. */
  storeRetries: RetryOptions;
  /** is told of a chat setting that no row holds: it is given up, and its message is kept */
  onRefusedSetting(error: unknown): void;
}

/** The part of Baileys' Signal repository that is wrapped. */
interface Repository {
  decryptMessage(opts: { jid: string; type: 'pkmsg' | 'msg'; ciphertext: Uint8Array }): Promise<Uint8Array>;
  decryptGroupMessage(opts: { group: string; authorJid: string; msg: Uint8Array }): Promise<Uint8Array>;
  processSenderKeyDistributionMessage(opts: { item: GroupKey; authorJid: string }): Promise<void>;
}

export interface Inbound {
  /**
   * The ciphertexts of this stanza are messages of conversations: recognised when they are decrypted, and stored. `goOn` is called when
   * the next stanza may be opened although this one is not stored yet; not at all where that has to wait for its end.
   */
  observe(stanza: BinaryNode, goOn: () => void): void;
  /**
   * The ciphertexts of this stanza are what our phone tells its devices: messages that it hands in are stored before the
   * stanza can be confirmed.
   */
  observePeer(stanza: BinaryNode): void;
  /**
   * Stores a post of a channel, which is not sealed. Resolves when that is durable; `goOn` is called before, when the next stanza may
   * be opened.
   */
  keepPost(stanza: BinaryNode, goOn: () => void): Promise<void>;
  /** Whether our own phone or another device of it has sent it. */
  isOurs(stanza: BinaryNode): boolean;
  /** Stores that a message of somebody else came, and this about it. Resolves when that is durable. */
  note(stanza: BinaryNode, content: InboundContent): Promise<void>;
  wrap(repository: Repository, keys: SignalKeyStoreWithTransaction): void;
}

/** Messages of one socket that wait for their content. */
const MAX_UNREAD = 500;
/** Of them with one id, which their senders choose. */
const MAX_SAME_ID = 20;

/** An empty protobuf message with one byte of padding. */
const NOTHING = Buffer.from([1]);

/** Messages of one session that are stored together. */
const MAX_BATCH = 50;
/** Where messages come one after the other, those of so many milliseconds are stored together. The first one waits for nothing. */
const WINDOW_MS = 10;
/** Messages of one session that are opened and not stored yet, and their bytes: after that the next one is not opened. */
const MAX_WAITING = 100;
const MAX_WAITING_BYTES = 1_000_000;

interface Observed {
  stanza: BinaryNode;
  /** its last ciphertext: nothing of the stanza needs the session's keys after it */
  isLast: boolean;
  /** lets the next stanza be opened */
  goOn(): void;
}

export function createInbound(options: InboundOptions): Inbound {
  const observed = new WeakMap<Uint8Array, Observed>();
  const peers = new WeakSet<Uint8Array>();
  /** by id: the phone spells names otherwise than the server did */
  const unread = createLru<string, readonly BinaryNode[]>({ max: MAX_UNREAD });
  const waiting = { messages: 0, bytes: 0 };
  const keepAll = createKeeper(options);
  /** In the order in which they were opened, and one batch after the other: none overtakes one that has to wait. */
  const line = createBatcher<Received, Kept>({ maxBatch: MAX_BATCH, windowMs: WINDOW_MS, run: keepAll });
  /** Resolves when all that was opened so far is stored and its keys are durable; rejects when one of them is not. */
  let settled: Promise<unknown> = Promise.resolve();

  async function store(received: Received, bytes: number): Promise<void> {
    waiting.messages++;
    waiting.bytes += bytes;
    const kept = await line.add(received).finally(() => {
      waiting.messages--;
      waiting.bytes -= bytes;
    });
    if (!kept.ok) throw kept.error;
  }

  /**
   * The ratchet moves when the gateway has stored the message: a crash or a failure before that leaves the key, so the
   * server's next delivery can be read. The next message is opened meanwhile, with the keys as this one has left them, and
   * those of both are kept in their order. A key that is gone therefore means that its message is stored, or that it is
   * one of those in the line: then the answer waits for them. The key of a group that came with it is kept in the same step,
   * or a crash between the two would lose it: its message does not open a second time.
   * Baileys gets nothing of the message: it would read all of it again, by its own rules.
   */
  async function decrypt(
    ciphertext: Uint8Array,
    keys: SignalKeyStoreWithTransaction,
    key: string,
    run: () => Promise<Uint8Array>,
    learn: Repository['processSenderKeyDistributionMessage'],
  ): Promise<Uint8Array> {
    if (peers.has(ciphertext)) return keys.transaction(async () => takeAnswer(await run()), key);
    const one = observed.get(ciphertext);
    if (!one) return run();
    const earlier = settled;
    const was = { opened: false, used: false };
    const opening = keys.transaction(async () => {
      let padded: Uint8Array;
      try {
        padded = await run();
      } catch (error) {
        if (!isUsedKeyError(error)) throw error;
        was.used = true;
        return NOTHING;
      }
      was.opened = true;
      return keepOpened(one, padded, learn);
    }, key);
    settled = Promise.all([
      earlier,
      opening.catch((error: unknown) => {
        if (was.opened) throw error;
      }),
    ]).then(() => undefined);
    settled.catch(() => undefined);
    const result = await opening;
    if (was.used) await earlier;
    return result;
  }

  const hasRoom = () => waiting.messages < MAX_WAITING && waiting.bytes < MAX_WAITING_BYTES;

  async function keepOpened(
    { stanza, isLast, goOn }: Observed,
    padded: Uint8Array,
    learn: Repository['processSenderKeyDistributionMessage'],
  ): Promise<Uint8Array> {
    const { received, groupKey } = readStanza(stanza, padded, options);
    const { participant, from = '' } = stanza.attrs;
    if (groupKey) await learn({ item: groupKey, authorJid: participant ?? from });
    if (!received) return NOTHING;
    const stored = store(received, padded.byteLength);
    if (isLast && hasRoom()) {
      releaseKeysAfter(stored);
      goOn();
    }
    await stored;
    return NOTHING;
  }

  /** What is left of it for Baileys. As with other messages, the ratchet moves when its messages are stored. */
  async function takeAnswer(padded: Uint8Array): Promise<Uint8Array> {
    const answer = readAnswer(padded, options.me().phone);
    if (!answer) return padded;
    const all: { received: Received; bytes: number }[] = [];
    for (const { stanza, payload } of answer.resent) {
      const { received } = readStanza(knownOf(stanza), writeRandomPadMax16(payload), options);
      if (received) all.push({ received, bytes: payload.byteLength });
      await yieldToEventLoop();
    }
    await Promise.all(all.map(({ received, bytes }) => store(received, bytes)));
    return answer.rest;
  }

  function remember(stanza: BinaryNode): void {
    const { id } = stanza.attrs;
    if (id === undefined) return;
    const others = (unread.get(id) ?? []).filter((one) => !isSameOrigin(one, stanza, options));
    unread.set(id, [...others, stanza].slice(-MAX_SAME_ID));
  }

  /** As the server announced it, where that was the same person's in the same chat; else as our phone names it. */
  function knownOf(stanza: BinaryNode): BinaryNode {
    const all = unread.get(stanza.attrs.id ?? '') ?? [];
    return all.find((one) => isSameOrigin(one, stanza, options)) ?? stanza;
  }

  return {
    observePeer(stanza) {
      if (!isFromUs(stanza, options)) return;
      for (const content of ciphertextsOf(stanza)) peers.add(content);
    },
    observe(stanza, goOn) {
      const sealed = ciphertextsOf(stanza);
      for (const [n, content] of sealed.entries()) {
        observed.set(content, { stanza, isLast: n === sealed.length - 1, goOn });
      }
    },
    isOurs: (stanza) => isFromUs(stanza, options),
    async keepPost(stanza, goOn) {
      const payload = plaintextOf(stanza);
      const received = payload && readPost(stanza, payload, options);
      if (!received) return;
      const stored = store(received, payload.byteLength);
      if (hasRoom()) goOn();
      await stored;
    },
    async note(stanza, content) {
      remember(stanza);
      const received = describeUnread(stanza, content, options);
      if (received) await store(received, 0);
    },
    wrap(repository, keys) {
      const { decryptMessage, decryptGroupMessage } = repository;
      const learn: Repository['processSenderKeyDistributionMessage'] = (opts) =>
        repository.processSenderKeyDistributionMessage(opts);
      repository.decryptMessage = (opts) =>
        decrypt(opts.ciphertext, keys, opts.jid, () => decryptMessage.call(repository, opts), learn);
      repository.decryptGroupMessage = (opts) =>
        decrypt(opts.msg, keys, opts.group, () => decryptGroupMessage.call(repository, opts), learn);
    },
  };
}

/** What became of a message in the line. */
type Kept = { ok: true } | { ok: false; error: unknown };

function ciphertextsOf({ content }: BinaryNode): Uint8Array[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap((part) =>
    part.tag === 'enc' && part.content instanceof Uint8Array ? [part.content] : [],
  );
}

/** What a post to a channel says; null when the stanza tells of something else. */
function plaintextOf({ content }: BinaryNode): Uint8Array | null {
  if (!Array.isArray(content)) return null;
  const plain = content.find(({ tag }) => tag === 'plaintext')?.content;
  return plain instanceof Uint8Array ? plain : null;
}

/**
 * Stores the batches of one socket, each tried again as long as it may be. When one was given up, or the socket is closed, what
 * comes behind it is refused without a try: it would be stored before what WhatsApp delivers again.
 */
function createKeeper(options: InboundOptions): (all: readonly Received[]) => Promise<Kept[]> {
  const { signal } = options.storeRetries;
  let givenUp: { error: unknown } | null = null;
  return async (all) => {
    if (signal.aborted) givenUp ??= { error: new Error('the connection is closed') };
    if (givenUp === null) {
      try {
        await retry(() => keep(all, options), options.storeRetries);
      } catch (error) {
        givenUp = { error };
      }
    }
    const failed = givenUp;
    return all.map(() => (failed === null ? { ok: true } : { ok: false, error: failed.error }));
  };
}

async function keep(all: readonly Received[], options: InboundOptions): Promise<void> {
  const { store, openVote } = options;
  const messages: InboundMessage[] = [];
  for (const { message, vote, voters, chat, setting } of all) {
    if (setting) await noteSetting(options, chat, setting);
    if (!message) continue;
    if (vote === null) messages.push(message);
    else messages.push({ ...message, content: withOpened(message.content, await openVote(vote, voters)) });
  }
  if (messages.length > 0) await store(messages);
}

/** A setting that no row holds is no reason to keep its message away. */
async function noteSetting(
  { chats, onRefusedSetting }: InboundOptions,
  chat: string,
  setting: ChatSetting,
): Promise<void> {
  try {
    await chats.note(chat, setting);
  } catch (error) {
    if (!isRefusedValue(error)) throw error;
    onRefusedSetting(error);
  }
}
