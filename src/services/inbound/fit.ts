/** An inbound message made such that every database takes it, whatever its sender or an engine has put into it. */
import { sha256Hex } from '../../utils/crypto.ts';
import { cleanName, wellFormed } from '../../utils/text.ts';
import type { InboundMessage } from '../../whatsapp/engine.ts';
import type { InboundContent, UnknownReason } from '../../whatsapp/inbound-content.ts';

/** Characters of an id in the history: the sender chooses it, WhatsApp's own are up to 32 long. */
const MAX_ID = 64;
/** messages.peer, .participant and .author */
const MAX_JID = 80;
const PHONE = /^\d{1,20}$/;
const LID = /^\d{1,32}$/;
const MAX_NAME = 255;
/** Characters of a whole content as JSON; a text has at most 65,536. */
const MAX_CONTENT = 400_000;
const MAX_DEPTH = 16;
/** The years that a date of four digits has: everything that shows times can show these. */
const MAX_TIME_MS = 253_402_300_799_999;

/**
 * The same message with every field in its bounds, and the characters of its content as JSON. Ids and JIDs that are too long
 * get a name made from them.
 */
export function fitMessage(message: InboundMessage, now: number): { message: InboundMessage; size: number } {
  const { content, media, size } = fitContent(message);
  const fitted: InboundMessage = {
    messageId: shorten(message.messageId, MAX_ID),
    chat: shorten(message.chat, MAX_JID),
    participant: message.participant === null ? null : shorten(message.participant, MAX_JID),
    author: message.author === null ? null : shorten(message.author, MAX_JID),
    phone: matching(message.phone, PHONE),
    lid: matching(message.lid, LID),
    pushName: message.pushName === null ? null : cleanName(message.pushName, MAX_NAME),
    content,
    media,
    ...(message.own ? { own: true as const } : {}),
    at: Number.isSafeInteger(message.at) && message.at >= 0 && message.at <= MAX_TIME_MS ? message.at : now,
  };
  return { message: fitted, size };
}

/** A message that no database takes, reduced: who wrote, when, and that it came. */
export function withoutContent(message: InboundMessage, reason: UnknownReason): InboundMessage {
  return { ...message, pushName: null, content: { type: 'unknown', reason }, media: null };
}

function fitContent(message: InboundMessage): Pick<InboundMessage, 'content' | 'media'> & { size: number } {
  const content = asContent(fitValue(message.content, MAX_DEPTH));
  const size = JSON.stringify(content).length;
  if (size <= MAX_CONTENT) return { content, media: message.media, size };
  return { content: { type: 'unknown', reason: 'too_large' }, media: null, size: 0 };
}

function fitValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((item) => fitValue(item, depth - 1));
  const fields = Object.entries(value).map(([name, inner]) => [wellFormed(name), fitValue(inner, depth - 1)]);
  return Object.fromEntries(fields);
}

/** Safe because fitting changes texts and numbers, not the shape. */
function asContent(value: unknown): InboundContent {
  return value as InboundContent;
}

/** Printable ASCII is what WhatsApp's ids and JIDs are made of; two that differ in letters are the same to some databases. */
function shorten(name: string, max: number): string {
  return name.length <= max && /^[\x21-\x7e]+$/.test(name) ? name : sha256Hex(name).slice(0, max);
}

const matching = (digits: string | null, pattern: RegExp) =>
  digits !== null && pattern.test(digits) ? digits : null;
