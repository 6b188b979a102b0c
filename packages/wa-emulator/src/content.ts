import { normalizeMessageContent, proto, toNumber } from '@whiskeysockets/baileys';
import { readInteractive } from './content-interactive.ts';
import type { Content } from './types.ts';

/** Where the file of a media message lies and how it is sealed. */
export interface MediaReference {
  /** The name Baileys gives the key derivation: `image`, `video`, `audio`, `document`, `sticker`. */
  mediaType: 'image' | 'video' | 'audio' | 'document' | 'sticker';
  directPath: string;
  mediaKey: Uint8Array;
  fileEncSha256: Uint8Array;
  fileSha256: Uint8Array;
}

/** Where a file lies that is not sealed, as those of channels. */
export type PlainFile = Pick<MediaReference, 'directPath' | 'fileSha256'>;

interface ReadResult {
  content: Content;
  media?: MediaReference;
  /** The message does not say how its file is sealed. */
  plainFile?: PlainFile;
}

type Nullable<T> = T | null | undefined;

/** The text that a phone would show of a message; undefined for protocol messages, which it does not show. */
export function readContent(message: proto.IMessage): ReadResult | undefined {
  const content = normalizeMessageContent(message) ?? message;
  const once = Object.entries(message).some(([name, part]) => part && name.startsWith('viewOnceMessage'));
  const media = readMedia(content);
  const read = media ?? asResult(readPlain(content) ?? readInteractive(content));
  if (read) {
    return {
      ...read,
      content: {
        ...read.content,
        ...readContext(content),
        ...(once ? { viewOnce: true } : {}),
        ...readAlbum(message),
      },
    };
  }
  if (content.protocolMessage) {
    return asResult(readProtocol(content.protocolMessage));
  }
  return { content: { type: 'unknown', text: Object.keys(content).join(',') } };
}

function asResult(content: Content | undefined): ReadResult | undefined {
  return content && { content };
}

function readPlain(content: proto.IMessage): Content | undefined {
  const text = content.conversation ?? content.extendedTextMessage?.text;
  if (typeof text === 'string' && (content.conversation || content.extendedTextMessage)) {
    const extended = content.extendedTextMessage;
    return { type: 'text', text, ...readPreview(extended), ...readBackground(extended) };
  }
  const { locationMessage: place, reactionMessage: reaction } = content;
  if (place) {
    return {
      type: 'location',
      latitude: place.degreesLatitude ?? 0,
      longitude: place.degreesLongitude ?? 0,
      ...optional('name', place.name),
      ...optional('address', place.address),
    };
  }
  if (reaction) {
    return {
      type: 'reaction',
      reaction: { messageId: reaction.key?.id ?? '', emoji: reaction.text ?? '' },
    };
  }
  const { pinInChatMessage: pin } = content;
  if (pin) {
    const pinned = pin.type === proto.Message.PinInChatMessage.Type.PIN_FOR_ALL;
    const pinnedSeconds = content.messageContextInfo?.messageAddOnDurationInSecs ?? 0;
    return { type: 'pin', targetId: pin.key?.id ?? '', pinned, ...(pinned ? { pinnedSeconds } : {}) };
  }
  const { albumMessage: album } = content;
  if (album) {
    const { expectedImageCount, expectedVideoCount } = album;
    return { type: 'album', images: expectedImageCount ?? 0, videos: expectedVideoCount ?? 0 };
  }
  return readContacts(content) ?? readPoll(content) ?? readEvent(content);
}

/** A phone shows those that name the same message together. */
function readAlbum({ messageContextInfo }: proto.IMessage): Partial<Content> {
  const { associationType, parentMessageKey } = messageContextInfo?.messageAssociation ?? {};
  const isOne = associationType === proto.MessageAssociation.AssociationType.MEDIA_ALBUM;
  return isOne ? optional('album', parentMessageKey?.id) : {};
}

/** What a phone shows of the page that a text links to. */
function readPreview(text: Nullable<proto.Message.IExtendedTextMessage>): Partial<Content> {
  if (!text?.matchedText) return {};
  return {
    preview: {
      url: text.matchedText,
      title: text.title ?? '',
      description: text.description ?? '',
      thumbnail: base64(text.jpegThumbnail) ?? '',
    },
  };
}

/** The colour that a status post is shown on. */
function readBackground(extended: Nullable<proto.Message.IExtendedTextMessage>): Partial<Content> {
  const { backgroundArgb: argb } = extended ?? {};
  return argb ? { background: `#${(argb & 0xffffff).toString(16).padStart(6, '0').toUpperCase()}` } : {};
}

function readContacts(content: proto.IMessage): Content | undefined {
  const single = content.contactMessage ? [content.contactMessage] : undefined;
  const list = single ?? content.contactsArrayMessage?.contacts;
  if (!list) {
    return undefined;
  }
  const contacts = list.map(({ displayName, vcard }) => ({
    name: displayName ?? '',
    phones: [...(vcard ?? '').matchAll(/^(?:\w+\.)?TEL[^:\r\n\u2028\u2029]*:(.+)$/gim)].map(
      (match) => match[1]?.trim() ?? '',
    ),
    vcard: vcard ?? '',
  }));
  return { type: 'contact', name: contacts[0]?.name ?? '', contacts };
}

function readPoll(content: proto.IMessage): Content | undefined {
  const poll = content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3;
  return poll
    ? {
        type: 'poll',
        pollName: poll.name ?? '',
        options: (poll.options ?? []).map(({ optionName }) => optionName ?? ''),
        selectableCount: poll.selectableOptionsCount ?? 0,
      }
    : undefined;
}

function readEvent({ eventMessage: event }: proto.IMessage): Content | undefined {
  if (!event) return undefined;
  const { name, description, startTime, endTime, location, joinLink } = event;
  const timeOf = (seconds: Parameters<typeof toNumber>[0]) =>
    new Date(toNumber(seconds) * 1_000).toISOString();
  return {
    type: 'event',
    event: {
      name: name ?? '',
      startsAt: timeOf(startTime),
      ...(description ? { description } : {}),
      ...(endTime ? { endsAt: timeOf(endTime) } : {}),
      ...(location?.name ? { place: location.name } : {}),
      ...(location?.degreesLatitude || location?.degreesLongitude
        ? { latitude: location.degreesLatitude ?? 0, longitude: location.degreesLongitude ?? 0 }
        : {}),
      ...(joinLink ? { joinLink } : {}),
    },
  };
}

function readMedia(content: proto.IMessage): ReadResult | undefined {
  const { imageMessage, audioMessage, documentMessage, stickerMessage } = content;
  const videoMessage = content.videoMessage ?? content.ptvMessage;
  if (imageMessage) {
    return describeMedia('image', 'image', imageMessage, {
      ...optional('caption', imageMessage.caption),
      ...readShown(imageMessage),
    });
  }
  if (videoMessage) {
    return describeMedia('video', 'video', videoMessage, {
      ...optional('caption', videoMessage.caption),
      ...optional('seconds', videoMessage.seconds),
      ...(videoMessage.gifPlayback ? { gif: true } : {}),
      ...(content.ptvMessage ? { note: true } : {}),
      ...readShown(videoMessage),
    });
  }
  if (audioMessage) {
    return describeMedia(audioMessage.ptt ? 'ptt' : 'audio', 'audio', audioMessage, {
      ...optional('seconds', audioMessage.seconds),
      ...optional('waveform', base64(audioMessage.waveform)),
    });
  }
  if (documentMessage) {
    return describeMedia('document', 'document', documentMessage, {
      ...optional('caption', documentMessage.caption),
      ...optional('fileName', documentMessage.fileName),
      ...optional('pageCount', documentMessage.pageCount),
      ...readShown(documentMessage),
    });
  }
  if (!stickerMessage) {
    return undefined;
  }
  return describeMedia('sticker', 'sticker', stickerMessage, {
    ...readShown(stickerMessage),
    isAnimated: stickerMessage.isAnimated === true,
  });
}

/** The details that a phone shows before it has the file. */
function readShown(file: {
  width?: Nullable<number>;
  height?: Nullable<number>;
  jpegThumbnail?: Nullable<Uint8Array>;
}): Partial<Content> {
  return {
    ...(file.width ? { width: file.width } : {}),
    ...(file.height ? { height: file.height } : {}),
    ...optional('thumbnail', base64(file.jpegThumbnail)),
  };
}

const base64 = (bytes: Nullable<Uint8Array>) => (bytes ? Buffer.from(bytes).toString('base64') : undefined);

function describeMedia(
  type: Content['type'],
  mediaType: MediaReference['mediaType'],
  file: {
    mimetype?: Nullable<string>;
    directPath?: Nullable<string>;
    mediaKey?: Nullable<Uint8Array>;
    fileSha256?: Nullable<Uint8Array>;
    fileEncSha256?: Nullable<Uint8Array>;
    fileLength?: Nullable<number | { toNumber(): number }>;
  },
  extra: Partial<Content>,
): ReadResult {
  const content: Content = {
    type,
    ...extra,
    ...optional('mimetype', file.mimetype),
    fileSize: Number(toNumber(file.fileLength as Parameters<typeof toNumber>[0])),
  };
  const { directPath, mediaKey, fileSha256, fileEncSha256 } = file;
  if (!directPath || !mediaKey || !fileSha256 || !fileEncSha256) {
    const isPlain = directPath && fileSha256 && !mediaKey && !fileEncSha256;
    return {
      content: { ...content, mediaError: 'the message does not say where its file is' },
      ...(isPlain ? { plainFile: { directPath, fileSha256 } } : {}),
    };
  }
  return { content, media: { mediaType, directPath, mediaKey, fileSha256, fileEncSha256 } };
}

function readProtocol(protocol: proto.Message.IProtocolMessage): Content | undefined {
  const targetId = protocol.key?.id ?? '';
  if (protocol.editedMessage) {
    const edited = readContent(protocol.editedMessage)?.content;
    // The file stays as it was: an edit does not say where it is.
    const { mediaError: _mediaError, fileSize: _fileSize, ...text } = edited ?? {};
    return { ...text, type: 'edit', targetId };
  }
  // REVOKE is 0, which the wire format leaves out.
  return protocol.key && !protocol.type ? { type: 'revoke', targetId } : undefined;
}

function readContext(content: proto.IMessage): Partial<Content> {
  const context = Object.values(content).map(contextOf).find(Boolean);
  if (!context) return {};
  const quoted = context.quotedMessage && readContent(context.quotedMessage)?.content;
  return {
    ...optional('quotedId', context.stanzaId),
    ...optional('quotedText', quoted?.text ?? quoted?.caption),
    ...(context.expiration ? { expiration: context.expiration } : {}),
    ...(context.mentionedJid?.length ? { mentions: context.mentionedJid } : {}),
    ...(context.nonJidMentions ? { mentionAll: true } : {}),
    ...(context.isForwarded ? { forwardingScore: context.forwardingScore ?? 0 } : {}),
  };
}

/** Every kind of message keeps its context under the same field name. */
function contextOf(part: unknown): proto.IContextInfo | undefined {
  return typeof part === 'object' && part !== null && 'contextInfo' in part
    ? ((part.contextInfo as proto.IContextInfo | null) ?? undefined)
    : undefined;
}

/** `{[key]: value}` when there is a value that is not empty. */
function optional<K extends keyof Content>(key: K, value: Nullable<Content[K]>): Partial<Content> {
  return value === undefined || value === null || value === '' ? {} : { [key]: value };
}
