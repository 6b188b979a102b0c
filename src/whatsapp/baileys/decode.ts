/** A decrypted protobuf message -> what the history keeps of it. */
import { proto } from '@whiskeysockets/baileys';
import type { ChatSetting } from '../engine.ts';
import type { InboundContent, MediaSource } from '../inbound-content.ts';
import { type BodyDecoder, type BodyOptions, PEOPLE_DECODERS } from './decode-bodies.ts';
import { decodeContext, expirationOf } from './decode-context.ts';
import { MEDIA_DECODERS } from './decode-media.ts';
import { clip, LONG, MAX_SECONDS, positive, SHORT } from './decode-text.ts';
import { type SealedVote, sealedVoteOf } from './decode-vote.ts';

export interface Decoded {
  content: InboundContent;
  /** where the file of the message is; null for messages without one */
  media: MediaSource | null;
  /** a vote, or an answer to an event, that is still to be opened */
  vote: SealedVote | null;
}

type Kind = keyof proto.IMessage;

/** Fields that carry nothing a person wrote. */
export const WITHOUT_CONTENT: ReadonlySet<string> = new Set<Kind>([
  'senderKeyDistributionMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
  'messageContextInfo',
  'deviceSentMessage',
  'stickerSyncRmrMessage',
  'keepInChatMessage',
  'messageHistoryBundle',
  'messageHistoryNotice',
  'limitSharingMessage',
  'albumMessage',
]);

const VIEW_ONCE: ReadonlySet<string> = new Set([
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
]);
/** Wrappers inside one another: WhatsApp's own clients use three at most. */
const MAX_WRAPPERS = 8;

const DECODERS: Partial<Record<Kind, BodyDecoder>> = { ...PEOPLE_DECODERS, ...MEDIA_DECODERS };

export interface DecodeOptions extends BodyOptions {
  /** whether a user JID (canonical) is our own */
  isOwn: (jid: string) => boolean;
}

const NOBODY: DecodeOptions = { isOwn: () => false, country: 'ID' };

/**
 * The content of a message; null when there is nothing in it that a person wrote (keys, settings). Whatever is wrapped
 * (disappearing, view-once, edited, captioned, animated …) is unwrapped. Kinds that are not read keep their WhatsApp name.
 * Throws for bytes that are no protobuf message.
 */
export function decodeMessage(payload: Uint8Array, options: DecodeOptions = NOBODY): Decoded | null {
  return decodeContent(proto.Message.decode(payload), options);
}

/** The same of a message whose bytes were read. */
export function decodeContent(message: proto.IMessage, options: DecodeOptions): Decoded | null {
  const { content, wrappers } = unwrap(message);
  const kind = kindOf(content);
  if (kind === undefined) {
    // A wrapper around what this release does not know.
    const [wrapper] = isEmpty(content) ? wrappers : [];
    return wrapper === undefined ? null : plain({ type: 'unsupported', kind: wrapper });
  }
  if (kind === 'protocolMessage') return decodeProtocol(content.protocolMessage);
  const body = DECODERS[kind]?.(content, options) ?? null;
  const context = contextOf(content[kind]);
  return {
    content: {
      ...(body?.content ?? { type: 'unsupported', kind: clip(kind, SHORT) }),
      ...decodeContext(context, { ...options, preview: (quoted) => previewOf(quoted, options) }),
      ...(isViewOnce(content, wrappers) ? { viewOnce: true } : {}),
      ...albumOf(message.messageContextInfo ?? content.messageContextInfo),
    },
    media: body?.media ?? null,
    vote: sealedVoteOf(content),
  };
}

/**
 * How the chat of a message is set, when it says so: every message of a disappearing chat does, and a message of its
 * own that no person wrote when the setting changes.
 */
export function settingOf(message: proto.IMessage): ChatSetting | null {
  const { content } = unwrap(message);
  const kind = kindOf(content);
  if (kind === undefined) return null;
  if (kind !== 'protocolMessage') {
    const context = contextOf(content[kind]);
    return chatSetting(expirationOf(context?.expiration), context?.ephemeralSettingTimestamp);
  }
  const { protocolMessage } = content;
  if (protocolMessage?.type !== proto.Message.ProtocolMessage.Type.EPHEMERAL_SETTING) return null;
  const { ephemeralExpiration, ephemeralSettingTimestamp } = protocolMessage;
  return chatSetting(expirationOf(ephemeralExpiration ?? 0), ephemeralSettingTimestamp);
}

function chatSetting(expiration: number | null, setAt: unknown): ChatSetting | null {
  if (expiration === null) return null;
  const seconds = positive(setAt);
  const ms = seconds === null || seconds > MAX_SECONDS ? null : seconds * 1_000;
  return { expiration, setAt: ms };
}

/** One line of what is answered: its text, or the kind of message it is. */
function previewOf(message: proto.IMessage, options: DecodeOptions): string | null {
  const { content } = unwrap(message);
  const kind = kindOf(content);
  if (kind === undefined) return null;
  const decoded = DECODERS[kind]?.(content, options)?.content;
  if (!decoded) return `[${kind}]`;
  for (const name of ['text', 'caption', 'question', 'name', 'title', 'filename']) {
    const value: unknown = Reflect.get(decoded, name);
    if (typeof value === 'string' && value !== '') return value;
  }
  return `[${decoded.type}]`;
}

/**
 * What is inside of all wrappers, with their names from the outside in. Every field that holds a whole message is one, so
 * that those which WhatsApp adds need no name here.
 */
export function unwrap(message: proto.IMessage): { content: proto.IMessage; wrappers: string[] } {
  let content = message;
  const wrappers: string[] = [];
  while (wrappers.length < MAX_WRAPPERS) {
    const [name, inner] = wrappedIn(content) ?? [];
    if (name === undefined || !inner) break;
    wrappers.push(name);
    content = inner;
  }
  return { content, wrappers };
}

function wrappedIn(content: proto.IMessage): [string, proto.IMessage] | null {
  for (const [name, value] of Object.entries(content)) {
    if (WITHOUT_CONTENT.has(name) || !(value instanceof proto.Message.FutureProofMessage)) continue;
    if (value.message) return [name, value.message];
  }
  return null;
}

const isEmpty = (content: proto.IMessage) => Object.values(content).every((value) => value == null);

function kindOf(content: proto.IMessage): Kind | undefined {
  const kinds = Object.entries(content)
    .filter(([name, value]) => value != null && !WITHOUT_CONTENT.has(name))
    .map(([name]) => asKind(name));
  return kinds.find((kind) => kind === 'protocolMessage' || DECODERS[kind] !== undefined) ?? kinds[0];
}

/** Safe because the names of a decoded message's fields are those of its type. */
function asKind(name: string): Kind {
  return name as Kind;
}

/** Edits and deletions are reported as messages of their own; the rest of the protocol is between devices. */
function decodeProtocol(protocol: proto.Message.IProtocolMessage | null | undefined): Decoded | null {
  const messageId = protocol?.key?.id;
  if (!protocol || !messageId) return null;
  const target = clip(messageId, SHORT);
  const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type;
  if (protocol.type === REVOKE) return plain({ type: 'delete', messageId: target });
  if (protocol.type !== MESSAGE_EDIT || !protocol.editedMessage) return null;
  const text = textOf(unwrap(protocol.editedMessage).content);
  return plain({ type: 'edit', messageId: target, text: clip(text, LONG) });
}

const plain = (content: InboundContent): Decoded => ({ content, media: null, vote: null });

function textOf(content: proto.IMessage): string {
  return (
    content.conversation ??
    content.extendedTextMessage?.text ??
    content.imageMessage?.caption ??
    content.videoMessage?.caption ??
    content.documentMessage?.caption ??
    ''
  );
}

/** Every kind of message keeps its context under the same field name. */
function contextOf(body: unknown): proto.IContextInfo | null {
  return isObject(body) && isObject(body.contextInfo) ? body.contextInfo : null;
}

/** The album that a message is one of. */
function albumOf(info: proto.IMessageContextInfo | null | undefined): { album?: string } {
  const { associationType, parentMessageKey } = info?.messageAssociation ?? {};
  if (associationType !== proto.MessageAssociation.AssociationType.MEDIA_ALBUM) return {};
  const album = clip(parentMessageKey?.id, SHORT);
  return album === '' ? {} : { album };
}

function isViewOnce(content: proto.IMessage, wrappers: readonly string[]): boolean {
  if (wrappers.some((name) => VIEW_ONCE.has(name))) return true;
  const { imageMessage, videoMessage, audioMessage } = content;
  return Boolean(imageMessage?.viewOnce || videoMessage?.viewOnce || audioMessage?.viewOnce);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
