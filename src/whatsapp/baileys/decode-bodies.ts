/** Messages without a file, each as its kind reads. */
import type { proto } from '@whiskeysockets/baileys';
import type { InboundContent, MediaSource } from '../inbound-content.ts';
import { clip, LONG, optionalText, SHORT } from './decode-text.ts';

export interface DecodedBody {
  content: InboundContent;
  media: MediaSource | null;
}

/** Null when the message is not what its name says. */
export type BodyDecoder = (message: proto.IMessage) => DecodedBody | null;

/** Of one message; WhatsApp's own clients allow 12 options and far fewer cards. */
const MAX_ITEMS = 100;

const plain = (content: InboundContent): DecodedBody => ({ content, media: null });
const text = (value: string | null | undefined): DecodedBody | null =>
  typeof value === 'string' ? plain({ type: 'text', text: clip(value, LONG) }) : null;

export const PEOPLE_DECODERS = {
  conversation: ({ conversation }) => text(conversation),
  extendedTextMessage: ({ extendedTextMessage }) => text(extendedTextMessage?.text),
  locationMessage: ({ locationMessage }) => decodeLocation(locationMessage),
  liveLocationMessage: ({ liveLocationMessage }) => decodeLiveLocation(liveLocationMessage),
  contactMessage: ({ contactMessage }) => (contactMessage ? plain(decodeContacts([contactMessage])) : null),
  contactsArrayMessage: ({ contactsArrayMessage }) =>
    contactsArrayMessage?.contacts?.length ? plain(decodeContacts(contactsArrayMessage.contacts)) : null,
  pollCreationMessage: ({ pollCreationMessage }) => decodePoll(pollCreationMessage),
  pollCreationMessageV2: ({ pollCreationMessageV2 }) => decodePoll(pollCreationMessageV2),
  pollCreationMessageV3: ({ pollCreationMessageV3 }) => decodePoll(pollCreationMessageV3),
  pollCreationMessageV5: ({ pollCreationMessageV5 }) => decodePoll(pollCreationMessageV5),
  pollUpdateMessage: ({ pollUpdateMessage }) => decodeVote(pollUpdateMessage),
  reactionMessage: ({ reactionMessage }) => decodeReaction(reactionMessage),
  buttonsResponseMessage: ({ buttonsResponseMessage: reply }) =>
    reply ? decodeReply(reply.selectedButtonId, reply.selectedDisplayText) : null,
  templateButtonReplyMessage: ({ templateButtonReplyMessage: reply }) =>
    reply ? decodeReply(reply.selectedId, reply.selectedDisplayText) : null,
  listResponseMessage: ({ listResponseMessage: reply }) =>
    reply ? decodeReply(reply.singleSelectReply?.selectedRowId, reply.title ?? reply.description) : null,
  interactiveResponseMessage: ({ interactiveResponseMessage: reply }) =>
    reply ? decodeReply(idOfFlow(reply.nativeFlowResponseMessage?.paramsJson), reply.body?.text) : null,
} satisfies Partial<Record<keyof proto.IMessage, BodyDecoder>>;

function decodeLocation(location: proto.Message.ILocationMessage | null | undefined): DecodedBody | null {
  if (!location) return null;
  return plain({
    type: 'location',
    latitude: location.degreesLatitude ?? 0,
    longitude: location.degreesLongitude ?? 0,
    ...optionalText('name', location.name, SHORT),
    ...optionalText('address', location.address, LONG),
  });
}

/** The place where it began: what follows is sent apart, and not kept. */
function decodeLiveLocation(
  location: proto.Message.ILiveLocationMessage | null | undefined,
): DecodedBody | null {
  if (!location) return null;
  return plain({
    type: 'location',
    latitude: location.degreesLatitude ?? 0,
    longitude: location.degreesLongitude ?? 0,
    ...optionalText('name', location.caption, SHORT),
    live: true,
  });
}

function decodeContacts(cards: readonly proto.Message.IContactMessage[]): InboundContent {
  const contacts = cards.slice(0, MAX_ITEMS).map((card) => {
    const vcard = clip(card.vcard, LONG);
    return { name: clip(card.displayName, SHORT), phone: phoneOfCard(vcard), vcard };
  });
  const [first] = contacts;
  return {
    type: 'contact',
    ...(first ?? { name: '', phone: null, vcard: '' }),
    ...(contacts.length > 1 ? { contacts } : {}),
  };
}

/** WhatsApp's own field for a number that is on WhatsApp, else the first number of the card. */
function phoneOfCard(vcard: string): string | null {
  const digits =
    /waid=(\d{5,20})/.exec(vcard)?.[1] ?? /^TEL[^:\r\n\u2028\u2029]*:([^\r\n]+)/m.exec(vcard)?.[1];
  return digits?.replaceAll(/\D/g, '') || null;
}

function decodePoll(poll: proto.Message.IPollCreationMessage | null | undefined): DecodedBody | null {
  if (!poll) return null;
  const options = (poll.options ?? []).slice(0, MAX_ITEMS).map((option) => clip(option.optionName, SHORT));
  const multiple = poll.selectableOptionsCount !== 1;
  return plain({ type: 'poll', question: clip(poll.name, LONG), options, multiple });
}

function decodeVote(vote: proto.Message.IPollUpdateMessage | null | undefined): DecodedBody | null {
  const messageId = vote?.pollCreationMessageKey?.id;
  return messageId ? plain({ type: 'poll_vote', messageId: clip(messageId, SHORT), options: null }) : null;
}

function decodeReaction(reaction: proto.Message.IReactionMessage | null | undefined): DecodedBody | null {
  const messageId = reaction?.key?.id;
  if (!reaction || !messageId) return null;
  return plain({ type: 'reaction', messageId: clip(messageId, SHORT), emoji: clip(reaction.text, SHORT) });
}

function decodeReply(id: string | null | undefined, shown: string | null | undefined): DecodedBody | null {
  const label = clip(shown ?? id, LONG);
  const chosen = clip(id, LONG);
  return plain({
    type: 'reply',
    text: label,
    ...(chosen === '' ? {} : { selected: { id: chosen, text: label } }),
  });
}

/** Native buttons and lists answer with JSON that names the choice. */
function idOfFlow(paramsJson: string | null | undefined): string | null {
  try {
    const params: unknown = JSON.parse(paramsJson ?? '');
    if (typeof params !== 'object' || params === null || !('id' in params)) return null;
    return typeof params.id === 'string' ? params.id : null;
  } catch {
    return null;
  }
}
