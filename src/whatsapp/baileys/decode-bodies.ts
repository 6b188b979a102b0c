/** Messages without a file, each as its kind reads. */
import { proto } from '@whiskeysockets/baileys';
import { wellFormed } from '../../utils/text.ts';
import type { InboundContent, MediaSource } from '../inbound-content.ts';
import { decodeCards } from './decode-cards.ts';
import {
  decodeButtons,
  decodeEvent,
  decodeInteractive,
  decodeList,
  decodeOrder,
  decodeProduct,
  decodeTemplate,
  paramsOf,
} from './decode-offers.ts';
import { clip, LONG, optionalText, positive, SHORT } from './decode-text.ts';

export interface DecodedBody {
  content: InboundContent;
  media: MediaSource | null;
}

export interface BodyOptions {
  /** ISO 3166 alpha-2: whose national spellings of phone numbers are meant */
  country: string;
  /** it is a post of a channel, whose files are not sealed */
  isPost?: boolean;
}

/** Null when the message is not what its name says. */
export type BodyDecoder = (message: proto.IMessage, options: BodyOptions) => DecodedBody | null;

/** Options of one poll; WhatsApp's own clients allow 12. */
const MAX_OPTIONS = 100;

const { PIN_FOR_ALL } = proto.Message.PinInChatMessage.Type;

const plain = (content: InboundContent): DecodedBody => ({ content, media: null });
const text = (value: string | null | undefined): DecodedBody | null =>
  typeof value === 'string' ? plain({ type: 'text', text: clip(value, LONG) }) : null;

const some = <T>(
  message: T | null | undefined,
  read: (message: T) => InboundContent | null,
): DecodedBody | null => {
  const content = message ? read(message) : null;
  return content && plain(content);
};

export const PEOPLE_DECODERS = {
  conversation: ({ conversation }) => text(conversation),
  extendedTextMessage: ({ extendedTextMessage }) => text(extendedTextMessage?.text),
  locationMessage: ({ locationMessage }) => decodeLocation(locationMessage),
  liveLocationMessage: ({ liveLocationMessage }) => decodeLiveLocation(liveLocationMessage),
  contactMessage: ({ contactMessage }, { country }) =>
    some(contactMessage, (card) => decodeCards([card], country)),
  contactsArrayMessage: ({ contactsArrayMessage }, { country }) =>
    some(contactsArrayMessage, ({ contacts }) => decodeCards(contacts ?? [], country)),
  pollCreationMessage: ({ pollCreationMessage }) => decodePoll(pollCreationMessage),
  pollCreationMessageV2: ({ pollCreationMessageV2 }) => decodePoll(pollCreationMessageV2),
  pollCreationMessageV3: ({ pollCreationMessageV3 }) => decodePoll(pollCreationMessageV3),
  pollCreationMessageV5: ({ pollCreationMessageV5 }) => decodePoll(pollCreationMessageV5),
  pollUpdateMessage: ({ pollUpdateMessage }) => decodeVote(pollUpdateMessage),
  encEventResponseMessage: ({ encEventResponseMessage }) => decodeResponse(encEventResponseMessage),
  reactionMessage: ({ reactionMessage }) => decodeReaction(reactionMessage),
  pinInChatMessage: (message) => decodePin(message),
  buttonsResponseMessage: ({ buttonsResponseMessage: reply }) =>
    reply ? decodeReply(reply.selectedButtonId, reply.selectedDisplayText) : null,
  templateButtonReplyMessage: ({ templateButtonReplyMessage: reply }) =>
    reply ? decodeReply(reply.selectedId, reply.selectedDisplayText) : null,
  listResponseMessage: ({ listResponseMessage: reply }) =>
    reply ? decodeReply(reply.singleSelectReply?.selectedRowId, reply.title ?? reply.description) : null,
  interactiveResponseMessage: ({ interactiveResponseMessage: reply }) => (reply ? decodeFlow(reply) : null),
  buttonsMessage: ({ buttonsMessage }) => some(buttonsMessage, decodeButtons),
  listMessage: ({ listMessage }) => some(listMessage, decodeList),
  templateMessage: ({ templateMessage }) => some(templateMessage, decodeTemplate),
  interactiveMessage: ({ interactiveMessage }) => some(interactiveMessage, decodeInteractive),
  productMessage: ({ productMessage }) => some(productMessage, decodeProduct),
  orderMessage: ({ orderMessage }) => some(orderMessage, decodeOrder),
  eventMessage: ({ eventMessage }) => some(eventMessage, decodeEvent),
} satisfies Partial<Record<keyof proto.IMessage, BodyDecoder>>;

function decodeLocation(location: proto.Message.ILocationMessage | null | undefined): DecodedBody | null {
  if (!location) return null;
  return plain({
    type: 'location',
    ...pointOf(location),
    ...optionalText('name', location.name, SHORT),
    ...optionalText('address', location.address, LONG),
  });
}

/** Numbers that are no place on earth are nowhere in particular. */
function pointOf({ degreesLatitude, degreesLongitude }: proto.Message.ILocationMessage) {
  const within = (value: unknown, max: number) =>
    typeof value === 'number' && Math.abs(value) <= max ? value : 0;
  return { latitude: within(degreesLatitude, 90), longitude: within(degreesLongitude, 180) };
}

/** The place where it began: what follows is sent apart, and not kept. */
function decodeLiveLocation(
  location: proto.Message.ILiveLocationMessage | null | undefined,
): DecodedBody | null {
  if (!location) return null;
  return plain({
    type: 'location',
    ...pointOf(location),
    ...optionalText('name', location.caption, SHORT),
    live: true,
  });
}

function decodePoll(poll: proto.Message.IPollCreationMessage | null | undefined): DecodedBody | null {
  if (!poll) return null;
  const options = (poll.options ?? []).slice(0, MAX_OPTIONS).map((option) => clip(option.optionName, SHORT));
  const multiple = poll.selectableOptionsCount !== 1;
  return plain({ type: 'poll', question: clip(poll.name, LONG), options, multiple });
}

function decodeVote(vote: proto.Message.IPollUpdateMessage | null | undefined): DecodedBody | null {
  const messageId = vote?.pollCreationMessageKey?.id;
  return messageId ? plain({ type: 'poll_vote', messageId: clip(messageId, SHORT), options: null }) : null;
}

function decodeResponse(
  answer: proto.Message.IEncEventResponseMessage | null | undefined,
): DecodedBody | null {
  const messageId = answer?.eventCreationMessageKey?.id;
  if (!messageId) return null;
  return plain({ type: 'event_response', messageId: clip(messageId, SHORT), response: null, guests: 0 });
}

function decodeReaction(reaction: proto.Message.IReactionMessage | null | undefined): DecodedBody | null {
  const messageId = reaction?.key?.id;
  if (!reaction || !messageId) return null;
  return plain({ type: 'reaction', messageId: clip(messageId, SHORT), emoji: clip(reaction.text, SHORT) });
}

function decodePin({ pinInChatMessage: pin, messageContextInfo }: proto.IMessage): DecodedBody | null {
  const messageId = pin?.key?.id;
  if (!pin || !messageId) return null;
  const pinned = pin.type === PIN_FOR_ALL;
  const seconds = pinned ? positive(messageContextInfo?.messageAddOnDurationInSecs) : null;
  return plain({
    type: 'pin',
    messageId: clip(messageId, SHORT),
    pinned,
    ...(seconds === null ? {} : { seconds }),
  });
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

/** Characters of a form's answer that are kept, and how deep it may be. */
const MAX_FLOW = 16_384;
const MAX_DEPTH = 8;
/** The fields that a tapped button or row answers with: `selected` says it all. */
const CHOICE_FIELDS: ReadonlySet<string> = new Set(['id', 'title', 'description', 'display_text']);

/** Native buttons and lists answer with JSON that names the choice; forms with all that was filled in. */
function decodeFlow({
  body,
  nativeFlowResponseMessage: flow,
}: proto.Message.IInteractiveResponseMessage): DecodedBody | null {
  const params = paramsOf(flow?.paramsJson);
  const chosen = typeof params?.id === 'string' ? params.id : null;
  const decoded = decodeReply(
    chosen,
    body?.text ?? (typeof params?.title === 'string' ? params.title : null),
  );
  if (decoded?.content.type !== 'reply' || params === null) return decoded;
  const isChoice = Object.keys(params).every((name) => CHOICE_FIELDS.has(name));
  if (isChoice || !isShallow(params, MAX_DEPTH)) return decoded;
  const kept = clip(JSON.stringify(params), MAX_FLOW + 1);
  if (kept.length > MAX_FLOW) return decoded;
  return plain({
    ...decoded.content,
    flow: { name: clip(flow?.name, SHORT), params: wellFormedFields(kept) },
  });
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1));
}

/** JSON escapes half characters, so that only reading it brings them back. */
function wellFormedFields(json: string): Record<string, unknown> {
  return JSON.parse(json, (_name, value: unknown) => (typeof value === 'string' ? wellFormed(value) : value));
}
