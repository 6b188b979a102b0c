/**
 * Handles message stanzas. rc14 answers many with an error acknowledgement: a status post, a stanza it cannot read, a
 * failure of its own. WhatsApp is reported to hold back the remaining messages after that. Here each stanza that was
 * handled, well or badly, is confirmed without an error. What the gateway could not store is not confirmed at all.
 */
import {
  type BinaryNode,
  decodeMessageNode,
  decryptMessageNode,
  proto,
  type WASocket,
} from '@whiskeysockets/baileys';
import type { PostPlace } from '../engine.ts';
import { isBroadcastListJid, isChannelJid, isPostedJid, lidOf, STATUS_JID } from '../jid.ts';
import { type Inbound, isIgnoredJid } from './inbound.ts';
import { recipientAlternative } from './read-message.ts';

/** Ciphertexts of Signal sessions and sender keys; bots seal theirs with secrets that a linked device does not get. */
const READABLE = new Set(['msg', 'pkmsg', 'skmsg']);
/** Messages after which the event loop gets a turn, as in rc14. */
const BATCH_SIZE = 10;
/** The words of libsignal about a pre-key that is not there any more: sealing again would not help, and is not asked for. */
const KEYS_USED = 'Key used already or never filled';

/** Placeholders of messages that a linked device never gets, and that its phone does not hand on either. */
const FOR_PHONES = /^(view_once|bot_|hosted_)/;
const VIEW_ONCE = 'view_once';

type Socket = Pick<
  WASocket,
  | 'authState'
  | 'logger'
  | 'sendMessageAck'
  | 'sendReceipt'
  | 'sendRetryRequest'
  | 'signalRepository'
  | 'messageRetryManager'
>;

export interface Receiver {
  /**
   * Handles one stanza; `byBaileys` is what it would do by itself. Resolves when the next one may be handled, which need not
   * wait until this one is stored and confirmed: that is `end`. Either rejects when an answer cannot be sent.
   */
  receive(stanza: BinaryNode, byBaileys: () => Promise<unknown>): Promise<Receipt>;
}

export interface Receipt {
  /** Resolves when the stanza is handled. */
  end: Promise<void>;
}

export interface ReceiveOptions {
  closed: AbortSignal;
  /** whether posts of others are to be read */
  wantsPosts(place: PostPlace): boolean;
  /** is told of each stanza that could not be opened, and will come once more */
  askedAgain(stanza: BinaryNode): void;
}

export function createReceiver(
  sock: Socket,
  inbound: Inbound,
  { closed, wantsPosts, askedAgain }: ReceiveOptions,
): Receiver {
  let handled = 0;

  async function confirm(stanza: BinaryNode): Promise<void> {
    if (stanza.attrs.id !== undefined && !closed.aborted) await sock.sendMessageAck(stanza);
  }

  async function receive(stanza: BinaryNode, byBaileys: () => Promise<unknown>): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      // What is not sealed may call it before `handle` has returned.
      const goOn = () => queueMicrotask(() => resolve({ end }));
      const end = handle(stanza, byBaileys, goOn);
      end.then(() => resolve({ end }), reject);
    });
  }

  async function handle(
    stanza: BinaryNode,
    byBaileys: () => Promise<unknown>,
    goOn: () => void,
  ): Promise<void> {
    if (closed.aborted) return;
    if (++handled % BATCH_SIZE === 0) await new Promise((resolve) => setImmediate(resolve));
    const { me } = sock.authState.creds;
    const { from } = stanza.attrs;
    if (!me) return void (await byBaileys());
    if (from === undefined || !isWanted(stanza, from) || !isUnderstood(stanza, me)) return confirm(stanza);
    if (isChannelJid(from)) {
      await inbound.keepPost(stanza, goOn);
      return confirm(stanza);
    }
    if (stanza.attrs.category === 'peer') {
      inbound.observePeer(stanza);
      return void (await byBaileys());
    }
    const sealed = typesOf(stanza);
    if (sealed.length === 0) {
      await notePlaceholder(stanza);
      return void (await byBaileys());
    }
    if (!sealed.some((type) => READABLE.has(type))) return confirm(stanza);
    await open(stanza, me, goOn);
  }

  /** What the owner posts is a part of what the owner sends, whether or not posts of others are wanted. */
  function isWanted(stanza: BinaryNode, from: string): boolean {
    // What others write to a list of people is a message to us.
    if (!isPostedJid(from) || isBroadcastListJid(from)) return !isIgnoredJid(from);
    return inbound.isOurs(stanza) || wantsPosts(from === STATUS_JID ? 'status' : 'channels');
  }

  async function open(stanza: BinaryNode, me: Me, goOn: () => void): Promise<void> {
    inbound.observe(stanza, goOn);
    const { signalRepository, logger } = sock;
    const message = decryptMessageNode(stanza, me.id, me.lid ?? '', signalRepository, logger);
    const { author } = message;
    const { key } = message.fullMessage;
    let failed = false;
    try {
      await learnSpelling(stanza, key);
      await message.decrypt();
    } catch {
      failed = true;
    }
    // Not stored, or not known whether: without an answer it comes again.
    if (closed.aborted) return;
    const { messageStubType, messageStubParameters } = message.fullMessage;
    if (!failed && messageStubType !== proto.WebMessageInfo.StubType.CIPHERTEXT) {
      if (key.id) sock.messageRetryManager?.cancelPendingPhoneRequest(key.id);
      const isOwnLid = key.fromMe && (lidOf(key.remoteJid) ?? lidOf(key.remoteJidAlt)) !== null;
      const participant = isOwnLid ? author : (key.participant ?? undefined);
      // Of a post to the status Baileys knows us by our number alone.
      const type = key.fromMe || inbound.isOurs(stanza) ? 'sender' : 'inactive';
      await sock.sendReceipt(key.remoteJid ?? '', participant, [key.id ?? ''], type);
      return;
    }
    // Its sender is asked to seal it again; when the server has heard that, this copy is of no more use.
    if (messageStubParameters?.[0] !== KEYS_USED) {
      await inbound.note(stanza, { type: 'undecryptable', reason: 'keys' });
      if (closed.aborted) return;
      askedAgain(stanza);
      await sock.sendRetryRequest(stanza, false);
    }
    await confirm(stanza);
  }

  /** A message that the server has told of without it: Baileys asks our phone for it, where there is something to ask for. */
  async function notePlaceholder(stanza: BinaryNode): Promise<void> {
    const type = placeholderOf(stanza);
    if (type === null) return;
    await inbound.note(
      stanza,
      FOR_PHONES.test(type)
        ? { type: 'unknown', reason: 'phone_only', ...(type.startsWith(VIEW_ONCE) ? { viewOnce: true } : {}) }
        : { type: 'undecryptable', reason: 'absent' },
    );
  }

  /**
   * The two names of its author, as the stanza tells them, or of whom our other device wrote to; a Signal session
   * moves with the name.
   */
  async function learnSpelling({ attrs }: BinaryNode, key: proto.IMessageKey & SpelledTwice): Promise<void> {
    const isOwnChat = key.fromMe && !key.participant;
    const other = isOwnChat ? recipientAlternative(attrs) : key.participantAlt || key.remoteJidAlt;
    const named = key.participant || key.remoteJid;
    if (!other || !named) return;
    const { lidMapping } = sock.signalRepository;
    if (lidOf(other) === null) {
      await lidMapping.storeLIDPNMappings([{ lid: named, pn: other }]);
      await sock.signalRepository.migrateSession(other, named);
    } else if (!(await lidMapping.getPNForLID(other))) {
      await lidMapping.storeLIDPNMappings([{ lid: other, pn: named }]);
      await sock.signalRepository.migrateSession(named, other);
    }
  }

  return { receive };
}

interface Me {
  id: string;
  lid?: string;
}

/** Fields of a Baileys key that are not WhatsApp's. */
interface SpelledTwice {
  participantAlt?: string | undefined;
  remoteJidAlt?: string | undefined;
}

function isUnderstood(stanza: BinaryNode, me: Me): boolean {
  try {
    decodeMessageNode(stanza, me.id, me.lid ?? '');
    return true;
  } catch {
    return false;
  }
}

/** The word that stands in the place of a message; null when there is none. */
function placeholderOf({ content }: BinaryNode): string | null {
  if (!Array.isArray(content)) return null;
  const placeholder = content.find(({ tag }) => tag === 'unavailable');
  return placeholder ? (placeholder.attrs.type ?? '') : null;
}

/** How its ciphertexts are sealed. */
function typesOf({ content }: BinaryNode): string[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap(({ tag, attrs }) => (tag === 'enc' ? [attrs.type ?? ''] : []));
}
