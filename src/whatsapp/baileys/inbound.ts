/** Inbound messages: decrypted, made durable by the gateway, and only then confirmed to the server. */

import {
  type BinaryNode,
  isJidBroadcast,
  isJidNewsletter,
  type SignalKeyStoreWithTransaction,
} from '@whiskeysockets/baileys';
import { type RetryOptions, retry } from '../../utils/backoff.ts';
import type { InboundMessage } from '../engine.ts';
import type { Chats } from './chats.ts';
import type { SealedVote } from './decode-vote.ts';
import { isUsedKeyError } from './libsignal-fixes.ts';
import { type ReadOptions, type Received, readStanza } from './read-message.ts';

/** Messages to us that have no sender: not decrypted, not stored. */
export function isIgnoredJid(jid: string): boolean {
  return Boolean(isJidBroadcast(jid) || isJidNewsletter(jid));
}

export interface InboundOptions extends ReadOptions {
  store: (message: InboundMessage) => Promise<void>;
  chats: Chats;
  /** Opens a vote of that person (user JIDs); null when it cannot be read. Rejects as `store` does. */
  openVote: (vote: SealedVote, voters: readonly string[]) => Promise<string[] | null>;
  /** While the gateway cannot store, nothing is confirmed; in the end the socket goes, and the server keeps the message. */
  storeRetries: RetryOptions;
}

/** The part of Baileys' Signal repository that is wrapped. */
interface Repository {
  decryptMessage(opts: { jid: string; type: 'pkmsg' | 'msg'; ciphertext: Uint8Array }): Promise<Uint8Array>;
  decryptGroupMessage(opts: { group: string; authorJid: string; msg: Uint8Array }): Promise<Uint8Array>;
}

export interface Inbound {
  /** The ciphertexts of this stanza are messages to us: recognised when they are decrypted, and stored. */
  observe(stanza: BinaryNode): void;
  wrap(repository: Repository, keys: SignalKeyStoreWithTransaction): void;
}

/** An empty protobuf message with one byte of padding. */
const NOTHING = Buffer.from([1]);

export function createInbound(options: InboundOptions): Inbound {
  const stanzas = new WeakMap<Uint8Array, BinaryNode>();

  /**
   * The ratchet moves in the transaction that ends after the gateway has stored the message: a crash or a failure before
   * that leaves the key, so the server's next delivery can be read. A key that is gone therefore means stored.
   * Baileys gets nothing of the message but keys: it would read all of it again, by its own rules.
   */
  async function decrypt(
    ciphertext: Uint8Array,
    keys: SignalKeyStoreWithTransaction,
    key: string,
    run: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const stanza = stanzas.get(ciphertext);
    if (!stanza) return run();
    return keys.transaction(async () => {
      let padded: Uint8Array;
      try {
        padded = await run();
      } catch (error) {
        if (isUsedKeyError(error)) return NOTHING;
        throw error;
      }
      const read = readStanza(stanza, padded, options);
      const { received } = read;
      if (received) await retry(() => keep(received, options), options.storeRetries);
      return read.keys;
    }, key);
  }

  return {
    observe(stanza) {
      if (!Array.isArray(stanza.content)) return;
      for (const { tag, content } of stanza.content) {
        if (tag === 'enc' && content instanceof Uint8Array) stanzas.set(content, stanza);
      }
    },
    wrap(repository, keys) {
      const { decryptMessage, decryptGroupMessage } = repository;
      repository.decryptMessage = (opts) =>
        decrypt(opts.ciphertext, keys, opts.jid, () => decryptMessage.call(repository, opts));
      repository.decryptGroupMessage = (opts) =>
        decrypt(opts.msg, keys, opts.group, () => decryptGroupMessage.call(repository, opts));
    },
  };
}

async function keep(received: Received, { chats, store, openVote }: InboundOptions): Promise<void> {
  const { message, vote, voters, chat, setting } = received;
  if (setting) await chats.note(chat, setting);
  if (!message) return;
  const { content } = message;
  if (content.type !== 'poll_vote' || vote === null) return store(message);
  await store({ ...message, content: { ...content, options: await openVote(vote, voters) } });
}
