import { proto } from '@whiskeysockets/baileys';
import type { MediaReference } from './content.ts';
import { ControlError } from './control-error.ts';
import { pnJid } from './jids.ts';
import { uploadMedia, uploadPlain } from './media-read.ts';
import { buildAnswer, buildVote, type EVENT_ANSWERS } from './polls.ts';
import type { World } from './world.ts';

/** The kinds a simulated person can send. */
export const INBOUND_KINDS = [
  'text',
  'image',
  'video',
  'audio',
  'ptt',
  'document',
  'sticker',
  'location',
  'contact',
  'reaction',
  'button_reply',
  'list_reply',
  'poll_vote',
  'event_response',
  'pin',
  'live_location',
  'edit',
  'revoke',
  'raw',
] as const;

/** A message from a simulated person. */
export interface InboundContent {
  kind?: (typeof INBOUND_KINDS)[number] | undefined;
  text?: string | undefined;
  caption?: string | undefined;
  /** The file of a media message, base64. */
  data?: string | undefined;
  mimetype?: string | undefined;
  fileName?: string | undefined;
  /** Of an image or a video: the message of the album that it is one of. */
  album?: string | undefined;
  latitude?: number | undefined;
  longitude?: number | undefined;
  name?: string | undefined;
  address?: string | undefined;
  /** Phone number of a shared contact. */
  contactPhone?: string | undefined;
  /** The message a reaction, a vote, an answer, an edit or a deletion is about, or a reply quotes. */
  messageId?: string | undefined;
  emoji?: string | undefined;
  /** Id of the chosen button or row. */
  buttonId?: string | undefined;
  /** What a vote chooses; none: it is taken back. */
  options?: string[] | undefined;
  /** The answer to an event, and whom it brings along. */
  response?: (typeof EVENT_ANSWERS)[number] | undefined;
  guests?: number | undefined;
  /** How long a pin holds, seconds; 0 ends it. */
  seconds?: number | undefined;
  /** Of kind `raw`: the bytes that are sealed, padding included, base64. They need not be a message. */
  payload?: string | undefined;
}

/** A message as it is sealed, and the `type` and `mediatype` its stanza carries. */
export interface BuiltMessage {
  message: proto.IMessage;
  /** Bytes to seal in place of the encoded message. */
  payload?: Buffer;
  stanzaType: 'text' | 'media' | 'reaction' | 'poll';
  mediaType?: string;
  /** Its text or caption, for the list. */
  words?: string | undefined;
}

const MIMETYPES = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/mpeg',
  ptt: 'audio/ogg; codecs=opus',
  document: 'application/pdf',
  sticker: 'image/webp',
};

/** Builds the message; media are encrypted (not for a channel) and stored first. Throws a ControlError on missing fields. */
export async function buildInbound(
  world: World,
  to: string,
  input: InboundContent,
  by: { author: string; via: 'pn' | 'lid'; isPost?: boolean },
): Promise<BuiltMessage> {
  const kind = input.kind ?? 'text';
  switch (kind) {
    case 'text':
      return { message: buildText(to, input), stanzaType: 'text' };
    case 'pin':
      return { message: buildPin(input), stanzaType: 'text' };
    case 'live_location':
      return {
        message: {
          liveLocationMessage: {
            degreesLatitude: required(input, 'latitude'),
            degreesLongitude: required(input, 'longitude'),
            caption: input.caption ?? null,
            sequenceNumber: 1,
          },
        },
        stanzaType: 'media',
        mediaType: 'livelocation',
      };
    case 'location':
    case 'contact':
      return { message: buildCard(kind, input), stanzaType: kind === 'contact' ? 'media' : 'text' };
    case 'reaction':
      return {
        message: {
          reactionMessage: {
            key: { remoteJid: pnJid(to), fromMe: true, id: required(input, 'messageId') },
            text: input.emoji ?? '👍',
            senderTimestampMs: Date.now(),
          },
        },
        stanzaType: 'reaction',
      };
    case 'edit':
    case 'revoke':
      return { message: { protocolMessage: buildProtocol(kind, input) }, stanzaType: 'text' };
    case 'raw':
      return { message: {}, payload: Buffer.from(required(input, 'payload'), 'base64'), stanzaType: 'text' };
    case 'poll_vote': {
      const vote = { pollId: required(input, 'messageId'), options: input.options ?? [] };
      return { message: buildVote(world, { ...vote, voter: by.author, via: by.via }), stanzaType: 'poll' };
    }
    case 'event_response': {
      const answer = { answer: required(input, 'response'), guests: input.guests ?? 0 };
      const eventId = required(input, 'messageId');
      const message = buildAnswer(world, { eventId, ...answer, voter: by.author, via: by.via });
      return { message, stanzaType: 'text' };
    }
    case 'button_reply':
    case 'list_reply':
      return { message: buildReply(kind, input), stanzaType: 'text' };
    default:
      return buildMedia(world, kind, input, by.isPost === true);
  }
}

function buildText(to: string, input: InboundContent): proto.IMessage {
  const text = required(input, 'text');
  return input.messageId === undefined
    ? { conversation: text }
    : {
        extendedTextMessage: {
          text,
          contextInfo: {
            stanzaId: input.messageId,
            participant: pnJid(to),
            quotedMessage: { conversation: '' },
          },
        },
      };
}

function buildCard(kind: 'location' | 'contact', input: InboundContent): proto.IMessage {
  if (kind === 'location') {
    return {
      locationMessage: {
        degreesLatitude: required(input, 'latitude'),
        degreesLongitude: required(input, 'longitude'),
        name: input.name ?? null,
        address: input.address ?? null,
      },
    };
  }
  const phone = required(input, 'contactPhone');
  const displayName = input.name ?? phone;
  const vcard = `BEGIN:VCARD\nVERSION:3.0\nFN:${displayName}\nTEL;type=CELL;waid=${phone}:+${phone}\nEND:VCARD`;
  return { contactMessage: { displayName, vcard } };
}

/** An author changes or deletes a message of their own. */
function buildProtocol(kind: 'edit' | 'revoke', input: InboundContent): proto.Message.IProtocolMessage {
  const { MESSAGE_EDIT, REVOKE } = proto.Message.ProtocolMessage.Type;
  const key = { fromMe: true, id: required(input, 'messageId') };
  if (kind === 'revoke') return { key, type: REVOKE };
  const editedMessage = { conversation: required(input, 'text') };
  return { key, type: MESSAGE_EDIT, editedMessage, timestampMs: Date.now() };
}

function buildPin(input: InboundContent): proto.IMessage {
  const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type;
  const { seconds = 604_800 } = input;
  return {
    messageContextInfo: { messageAddOnDurationInSecs: seconds },
    pinInChatMessage: {
      key: { fromMe: true, id: required(input, 'messageId') },
      type: seconds > 0 ? PIN_FOR_ALL : UNPIN_FOR_ALL,
      senderTimestampMs: Date.now(),
    },
  };
}

function buildReply(kind: 'button_reply' | 'list_reply', input: InboundContent): proto.IMessage {
  const id = required(input, 'buttonId');
  const contextInfo = input.messageId === undefined ? null : { stanzaId: input.messageId };
  return kind === 'button_reply'
    ? {
        buttonsResponseMessage: {
          selectedButtonId: id,
          selectedDisplayText: input.text ?? id,
          contextInfo,
          type: proto.Message.ButtonsResponseMessage.Type.DISPLAY_TEXT,
        },
      }
    : {
        listResponseMessage: {
          title: input.text ?? id,
          listType: proto.Message.ListResponseMessage.ListType.SINGLE_SELECT,
          singleSelectReply: { selectedRowId: id },
          contextInfo,
        },
      };
}

async function buildMedia(
  world: World,
  kind: keyof typeof MIMETYPES,
  input: InboundContent,
  isPost: boolean,
): Promise<BuiltMessage> {
  const mediaType: MediaReference['mediaType'] = kind === 'ptt' ? 'audio' : kind;
  const file = Buffer.from(required(input, 'data'), 'base64');
  const uploaded = isPost ? await uploadPlain(world, file) : await uploadMedia(world, file, mediaType);
  const common = { ...uploaded, mimetype: input.mimetype ?? MIMETYPES[kind] };
  const caption = input.caption ?? null;
  const messages: Record<keyof typeof MIMETYPES, proto.IMessage> = {
    image: { imageMessage: { ...common, caption } },
    video: { videoMessage: { ...common, caption } },
    audio: { audioMessage: common },
    ptt: { audioMessage: { ...common, ptt: true } },
    document: { documentMessage: { ...common, caption, fileName: input.fileName ?? 'file' } },
    sticker: { stickerMessage: common },
  };
  return { message: { ...messages[kind], ...inAlbum(input) }, stanzaType: 'media', mediaType: kind };
}

/** Which album it belongs to, as a phone says it. */
function inAlbum({ album }: InboundContent): proto.IMessage {
  if (album === undefined) return {};
  const { MEDIA_ALBUM: associationType } = proto.MessageAssociation.AssociationType;
  const messageAssociation = { associationType, parentMessageKey: { fromMe: true, id: album } };
  return { messageContextInfo: { messageAssociation } };
}

function required<K extends keyof InboundContent>(
  input: InboundContent,
  key: K,
): NonNullable<InboundContent[K]> {
  const value = input[key];
  if (value === undefined) {
    throw new ControlError(400, `${key}: needed for kind ${input.kind ?? 'text'}`);
  }
  return value as NonNullable<InboundContent[K]>;
}
