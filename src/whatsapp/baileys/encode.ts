/** Our content as the protobuf message that goes out. */
import { type BinaryNode, proto } from '@whiskeysockets/baileys';
import type {
  AlbumContent,
  AmendContent,
  ContactCard,
  ContactContent,
  Content,
  EditContent,
  EventContent,
  MessageKey,
  Outgoing,
  PinContent,
  TextContent,
} from '../content.ts';
import type { ChatSetting } from '../engine.ts';
import { isGroupJid } from '../jid.ts';
import { encodeButtons, encodeList } from './encode-interactive.ts';
import { bytesOf, encodeMedia } from './encode-media.ts';
import { present } from './present.ts';
import type { UploadedMedia } from './uploads.ts';

export interface EncodedContent {
  message: proto.IMessage;
  /** stanza children in addition to the ciphertext */
  additionalNodes: BinaryNode[];
  /** attributes of the stanza in addition to the usual ones */
  additionalAttributes?: BinaryNode['attrs'];
}

/** The inputs of encoding in addition to the content. */
export interface EncodeParts {
  /** the JID the message goes to, in the spelling of the conversation */
  target: string;
  /** our own user JID in that spelling */
  me: string;
  /** the uploaded file of content that has one */
  uploaded: UploadedMedia | null;
  /** 32 bytes that votes of a poll, and answers to an event, are sealed with; the same on every attempt */
  secret: Uint8Array;
  /** how the chat is set; null when that is not known */
  chat: ChatSetting | null;
}

/** The same content gives the same message, so that a resend shows what the first attempt would have shown. */
export function encodeContent(content: Outgoing, parts: EncodeParts): EncodedContent {
  if (content.type === 'edit' || content.type === 'delete') return encodeAmendment(content, parts);
  if (content.type === 'pin') return encodePin(content, parts);
  if (content.type === 'album') return encodeAlbum(content, parts);
  const { message, additionalNodes = [] } = encodeKind(content, parts);
  const context = contextOf(content, parts);
  const isEmpty = Object.keys(context).length === 0;
  const whole = isEmpty ? message : withContext(message, context);
  const once = 'viewOnce' in content && content.viewOnce === true;
  const shown = once ? { viewOnceMessage: { message: whole } } : whole;
  return { message: inAlbum(shown, content, parts), additionalNodes };
}

/** Phones wait for as many images and videos that name it. */
function encodeAlbum({ images, videos }: AlbumContent, { chat }: EncodeParts): EncodedContent {
  const album = { expectedImageCount: images, expectedVideoCount: videos };
  const lifetime = lifetimeOf(chat);
  const isEmpty = Object.keys(lifetime).length === 0;
  const message = { albumMessage: album };
  return { message: isEmpty ? message : withContext(message, lifetime), additionalNodes: [] };
}

/** The message, with the album that it belongs to. */
function inAlbum(message: proto.IMessage, content: Content, parts: EncodeParts): proto.IMessage {
  if (!('album' in content) || content.album === undefined) return message;
  const head = { messageId: content.album, fromMe: true, author: null };
  const messageAssociation = {
    associationType: proto.MessageAssociation.AssociationType.MEDIA_ALBUM,
    parentMessageKey: keyOf(head, parts),
  };
  return { ...message, messageContextInfo: { messageAssociation } };
}

/** Everything that a message says beside its content. */
function contextOf(content: Content, parts: EncodeParts): proto.IContextInfo {
  // A reaction disappears with what it is about.
  if (content.type === 'reaction') return {};
  const { quoted, forwarded, forwardingScore } = content;
  return {
    ...(quoted ? quote(quoted, parts) : {}),
    ...lifetimeOf(parts.chat),
    ...(forwarded ? { isForwarded: true, forwardingScore: forwardingScore ?? 1 } : {}),
    ...namingOf(content, parts),
  };
}

/** Whom it names. */
function namingOf(content: Content | EditContent, { target }: EncodeParts): proto.IContextInfo {
  const { mentions = [], mentionAll = false } =
    'mentions' in content || 'mentionAll' in content ? content : {};
  return {
    ...(mentions.length > 0 ? { mentionedJid: mentions } : {}),
    ...(mentionAll && isGroupJid(target) ? { nonJidMentions: EVERYONE } : {}),
  };
}

/** `ContextInfo.nonJidMentions`: the message is for everyone in its group. */
const EVERYONE = 1;

/** `edit` of the stanza tells the server what it is: 1 an edit, 7 a deletion by the author. */
function encodeAmendment(content: AmendContent, parts: EncodeParts): EncodedContent {
  const { MESSAGE_EDIT, REVOKE } = proto.Message.ProtocolMessage.Type;
  const key = keyOf({ messageId: content.messageId, fromMe: true, author: null }, parts);
  const protocolMessage =
    content.type === 'edit'
      ? { key, type: MESSAGE_EDIT, editedMessage: editedOf(content, parts), timestampMs: content.at }
      : { key, type: REVOKE };
  return {
    message: { protocolMessage },
    additionalNodes: [],
    additionalAttributes: { edit: content.type === 'edit' ? '1' : '7' },
  };
}

/** `edit` 2 of the stanza: it is about another message. */
function encodePin({ pinned, seconds, at, ...target }: PinContent, parts: EncodeParts): EncodedContent {
  const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type;
  return {
    message: {
      messageContextInfo: { messageAddOnDurationInSecs: seconds },
      pinInChatMessage: {
        key: keyOf(target, parts),
        type: pinned ? PIN_FOR_ALL : UNPIN_FOR_ALL,
        senderTimestampMs: at,
      },
    },
    additionalNodes: [],
    additionalAttributes: { edit: '2' },
  };
}

/** With whom the message names and what it answers, which an edit would otherwise take away. */
function editedOf(content: EditContent, parts: EncodeParts): proto.IMessage {
  const context = { ...(content.quoted ? quote(content.quoted, parts) : {}), ...namingOf(content, parts) };
  const message = editedPart(content);
  return Object.keys(context).length === 0 ? message : withContext(message, context);
}

function editedPart({ of, text, preview }: EditContent): proto.IMessage {
  switch (of) {
    case 'text':
      return encodeText({ type: 'text', text, ...present('preview', preview) });
    case 'image':
      return { imageMessage: { caption: text } };
    case 'video':
      return { videoMessage: { caption: text } };
    case 'document':
      return { documentMessage: { caption: text } };
  }
}

/** Phones draw a text post in white on its colour. */
function statusLookOf({ status }: TextContent): proto.Message.IExtendedTextMessage {
  if (status === undefined) return {};
  const rgb = Number.parseInt((status.background ?? STATUS_BACKGROUND).slice(1), 16);
  return { backgroundArgb: (OPAQUE | rgb) >>> 0, textArgb: WHITE };
}

/** WhatsApp's own dark green, when nobody has chosen a colour. */
const STATUS_BACKGROUND = '#075E54';
const OPAQUE = 0xff000000;
const WHITE = 0xffffffff;

/** Messages in a disappearing chat disappear, too: phones do not add that by themselves. */
function lifetimeOf(chat: ChatSetting | null): proto.IContextInfo {
  if (chat === null || chat.expiration === 0) return {};
  const { expiration, setAt } = chat;
  return { expiration, ...(setAt === null ? {} : { ephemeralSettingTimestamp: Math.floor(setAt / 1_000) }) };
}

function encodeKind(
  content: Content,
  parts: EncodeParts,
): { message: proto.IMessage; additionalNodes?: BinaryNode[] } {
  switch (content.type) {
    case 'text':
      return { message: encodeText(content) };
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return { message: encodeMedia(content, parts.uploaded) };
    case 'location':
      return {
        message: {
          locationMessage: {
            degreesLatitude: content.latitude,
            degreesLongitude: content.longitude,
            ...present('name', content.name),
            ...present('address', content.address),
          },
        },
      };
    case 'buttons':
      return encodeButtons(content);
    case 'list':
      return encodeList(content);
    case 'contact':
      return { message: encodeContacts(content) };
    case 'poll':
      return { message: encodePoll(content, parts.secret), additionalNodes: [POLL_NODE] };
    case 'event':
      return { message: encodeEvent(content, parts.secret), additionalNodes: [EVENT_NODE] };
    case 'reaction':
      return {
        message: {
          reactionMessage: {
            key: keyOf(content.target, parts),
            text: content.emoji,
            senderTimestampMs: content.at,
          },
        },
      };
  }
}

/** `matchedText` tells phones which link of the text the preview is of. */
function encodeText(content: TextContent): proto.IMessage {
  const { text, preview } = content;
  if (!preview) return { extendedTextMessage: { text, ...statusLookOf(content) } };
  const { url, title, description, thumbnail } = preview;
  return {
    extendedTextMessage: {
      text,
      matchedText: url,
      title,
      ...present('description', description),
      ...present('jpegThumbnail', bytesOf(thumbnail)),
      previewType: proto.Message.ExtendedTextMessage.PreviewType.NONE,
    },
  };
}

function encodeContacts({ name, phone, contacts = [{ name, phone }] }: ContactContent): proto.IMessage {
  const cards = contacts.map((card) => ({ displayName: card.name, vcard: vcardOf(card) }));
  const [first] = cards;
  if (cards.length === 1 && first) return { contactMessage: first };
  return { contactsArrayMessage: { displayName: name, contacts: cards } };
}

/** As WhatsApp's own clients tell the server, which cannot read the message, that a poll or an event begins with it. */
const POLL_NODE: BinaryNode = { tag: 'meta', attrs: { polltype: 'creation' } };
const EVENT_NODE: BinaryNode = { tag: 'meta', attrs: { event_type: 'creation' } };

/** Phones show a poll with one choice as version 3 and one with many as version 1. */
function encodePoll(
  { question, options, multiple }: Extract<Content, { type: 'poll' }>,
  secret: Uint8Array,
): proto.IMessage {
  const poll = {
    name: question,
    options: options.map((optionName) => ({ optionName })),
    selectableOptionsCount: multiple ? 0 : 1,
  };
  return {
    messageContextInfo: { messageSecret: secret },
    ...(multiple ? { pollCreationMessage: poll } : { pollCreationMessageV3: poll }),
  };
}

/** Answers to it are sealed with `secret`. */
function encodeEvent(event: EventContent, secret: Uint8Array): proto.IMessage {
  const { name, description, startsAt, endsAt, place, latitude, longitude, joinLink } = event;
  const point =
    latitude === undefined || longitude === undefined
      ? {}
      : { degreesLatitude: latitude, degreesLongitude: longitude };
  const location = { ...present('name', place), ...point };
  return {
    messageContextInfo: { messageSecret: secret },
    eventMessage: {
      name,
      ...present('description', description),
      startTime: secondsOf(startsAt),
      ...(endsAt === undefined ? {} : { endTime: secondsOf(endsAt) }),
      ...(Object.keys(location).length > 0 ? { location } : {}),
      ...present('joinLink', joinLink),
      isCanceled: false,
      extraGuestsAllowed: false,
    },
  };
}

const secondsOf = (iso: string) => Math.floor(Date.parse(iso) / 1_000);

/** RFC 2426; `waid` lets phones offer a chat with the contact. */
function vcardOf({ name, phone }: ContactCard): string {
  const text = name.replace(/[\\;,]/g, '\\$&').replace(/\r?\n/g, '\\n');
  const lines = ['BEGIN:VCARD', 'VERSION:3.0', `N:;${text};;;`, `FN:${text}`];
  return [...lines, `TEL;type=CELL;type=VOICE;waid=${phone}:+${phone}`, 'END:VCARD'].join('\n');
}

/** A group's message names its author; in a chat of two the JID of the chat says it. */
function keyOf(key: MessageKey, { target, me }: EncodeParts): proto.IMessageKey {
  const participant = key.fromMe ? me : key.author;
  return {
    remoteJid: target,
    fromMe: key.fromMe,
    id: key.messageId,
    ...(isGroupJid(target) && participant !== null ? { participant } : {}),
  };
}

function quote(quoted: MessageKey & { preview: string }, { target, me }: EncodeParts): proto.IContextInfo {
  const author = isGroupJid(target) ? quoted.author : target;
  return {
    stanzaId: quoted.messageId,
    participant: (quoted.fromMe ? me : author) ?? target,
    quotedMessage: { conversation: quoted.preview },
  };
}

/** Every kind of message keeps its context under the same field name. */
function withContext(message: proto.IMessage, contextInfo: proto.IContextInfo): proto.IMessage {
  const parts = Object.entries(message).map(([kind, part]) =>
    kind === 'messageContextInfo' ? [kind, part] : [kind, { ...part, contextInfo }],
  );
  return proto.Message.create(Object.fromEntries(parts));
}
