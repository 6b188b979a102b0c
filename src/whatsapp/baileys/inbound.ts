/** Inbound messages: decrypted, made durable by the host, and only then confirmed to the server. */
import {
  type BinaryNode,
  isJidBroadcast,
  isJidNewsletter,
  type SignalKeyStoreWithTransaction,
  unpadRandomMax16,
} from '@whiskeysockets/baileys';
import { type Clock, sleep } from '../../utils/clock.ts';
import type { InboundMessage } from '../engine.ts';
import { canonicalJid, isGroupJid, lidJid, lidOf, parseJid, phoneJid, phoneOf } from '../jid.ts';
import type { Contacts } from './contacts.ts';
import { decodeMessage } from './decode.ts';
import type { SealedVote } from './decode-vote.ts';
import { isUsedKeyError } from './libsignal-fixes.ts';

/** Nobody's messages to us: not decrypted, not stored. */
export function isIgnoredJid(jid: string): boolean {
  return Boolean(isJidBroadcast(jid) || isJidNewsletter(jid));
}

export interface InboundOptions {
  clock: Clock;
  contacts: Contacts;
  /** our own user, in both spellings (digits) */
  me: () => { phone: string | null; lid: string | null };
  store: (message: InboundMessage) => Promise<void>;
  /** What a vote of that person (user JIDs) says; null when it cannot be read. Rejects as `store` does. */
  openVote: (vote: SealedVote, voters: readonly string[]) => Promise<string[] | null>;
  /** aborted when the socket is closed */
  closed: AbortSignal;
  /** how long to go on trying while the host cannot store */
  storeTimeoutMs: number;
  /** the message cannot be kept: the socket must be closed, so that the server sends it again */
  onUnstorable: (error: unknown) => void;
}

/** The part of Baileys' Signal repository that is wrapped. */
interface Repository {
  decryptMessage(opts: { jid: string; type: 'pkmsg' | 'msg'; ciphertext: Uint8Array }): Promise<Uint8Array>;
  decryptGroupMessage(opts: { group: string; authorJid: string; msg: Uint8Array }): Promise<Uint8Array>;
}

export interface Inbound {
  /** Looks at a message stanza before Baileys does: the ciphertexts in it are recognised when decrypted. */
  observe(stanza: BinaryNode): void;
  wrap(repository: Repository, keys: SignalKeyStoreWithTransaction): void;
}

/** An empty protobuf message with one byte of padding. */
const NOTHING = Buffer.from([1]);
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

export function createInbound(options: InboundOptions): Inbound {
  const stanzas = new WeakMap<Uint8Array, BinaryNode>();

  /**
   * The ratchet moves in the transaction that ends after the host has stored the message: a crash or a failure before
   * that leaves the key, so the server's next delivery can be read. A key that is gone therefore means stored.
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
      const received = readMessage(stanza, unpadRandomMax16(padded), options);
      if (received) await storePatiently(received, options);
      return padded;
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

/** While the host cannot store, nothing is confirmed; in the end the socket goes, and the server keeps the message. */
async function storePatiently(received: Received, options: InboundOptions): Promise<void> {
  const { clock, closed, storeTimeoutMs } = options;
  const giveUpAt = clock.monotonic() + storeTimeoutMs;
  for (let delayMs = RETRY_MIN_MS; ; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
    try {
      return await options.store(await withVote(received, options));
    } catch (error) {
      const waitMs = delayMs * (0.5 + Math.random() / 2);
      if (closed.aborted) throw error;
      if (clock.monotonic() + waitMs > giveUpAt) {
        options.onUnstorable(error);
        throw error;
      }
      await sleep(clock, waitMs, closed);
    }
  }
}

/** A message, and what is still to be opened of it. */
interface Received {
  message: InboundMessage;
  vote: SealedVote | null;
  /** user JIDs of who wrote it */
  voters: readonly string[];
}

async function withVote(
  { message, vote, voters }: Received,
  options: InboundOptions,
): Promise<InboundMessage> {
  const { content } = message;
  if (content.type !== 'poll_vote' || vote === null) return message;
  return { ...message, content: { ...content, options: await options.openVote(vote, voters) } };
}

/** A message as the host gets it; null for what is no message to us (our own devices, protocol, keys only). */
function readMessage(
  { attrs }: BinaryNode,
  payload: Uint8Array,
  { clock, contacts, me }: InboundOptions,
): Received | null {
  const { id, from, participant } = attrs;
  if (id === undefined || from === undefined || attrs.category === 'peer') return null;
  const isGroup = isGroupJid(from);
  const author = parseJid(isGroup ? participant : from);
  const own = me();
  if (!author || author.user === own.phone || author.user === own.lid) return null;
  const decoded = decodeMessage(payload);
  if (!decoded) return null;
  const authorJid = isGroup ? (participant ?? from) : from;
  const alternative = isGroup
    ? (attrs.participant_pn ?? attrs.participant_lid)
    : (attrs.sender_pn ?? attrs.sender_lid);
  const lid = lidOf(authorJid) ?? lidOf(alternative);
  const phone = phoneOf(authorJid) ?? phoneOf(alternative) ?? (lid ? contacts.phoneOfLid(lid) : null);
  if (lid && phone) contacts.learn(lid, phone);
  const person = phone ? phoneJid(phone) : canonicalJid(authorJid);
  const sentAt = Number(attrs.t);
  const { content, media, vote } = decoded;
  const message: InboundMessage = {
    messageId: id,
    chat: isGroup ? from : person,
    participant: isGroup ? person : null,
    author: participant === undefined ? null : canonicalJid(participant),
    phone: isGroup ? null : phone,
    lid: isGroup ? null : lid,
    pushName: attrs.notify ?? null,
    content,
    media,
    at: sentAt > 0 ? sentAt * 1000 : clock.now(),
  };
  const voters = [...(phone ? [phoneJid(phone)] : []), ...(lid ? [lidJid(lid)] : [])];
  return { message, vote, voters };
}
