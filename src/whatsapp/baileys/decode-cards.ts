/** Shared contacts: vCards as phones write them (RFC 2426, RFC 6350), read in one pass over a bounded text. */
import type { proto } from '@whiskeysockets/baileys';
import { normalizePhone } from '../../utils/phone.ts';
import type { InboundContent, SharedContact } from '../inbound-content.ts';
import { clip, SHORT } from './decode-text.ts';

/** Cards of one message; phones let a person choose far fewer. */
const MAX_CARDS = 50;
/** Characters of a card that are kept: names, numbers and addresses take a few hundred. */
const MAX_CARD = 4_096;
/** Characters of a card that are looked at: a picture in it takes most of them, and is left out. */
const MAX_LOOKED_AT = 65_536;
/** Numbers of a card that are read until one is found; each may take some 50 µs. */
const MAX_NUMBERS = 4;
/** Characters of one number that are looked at. */
const MAX_NUMBER = 80;
/** Properties that hold a file. */
const FILES: ReadonlySet<string> = new Set(['PHOTO', 'LOGO', 'SOUND', 'KEY']);
/** WhatsApp's own parameter of `TEL`, for a number that is on WhatsApp. */
const WAID = /(?:^|;)waid=(\d{5,15})(?:;|$)/i;

/** The first card, and all of them when there are several. `country` (ISO 3166) is whose national numbers are meant. */
export function decodeCards(
  cards: readonly proto.Message.IContactMessage[],
  country: string,
): InboundContent | null {
  const contacts = cards.slice(0, MAX_CARDS).map((card) => readCard(card, country));
  const [first] = contacts;
  if (!first) return null;
  const omitted = cards.length - contacts.length;
  return {
    type: 'contact',
    ...first,
    ...(contacts.length > 1 ? { contacts } : {}),
    ...(omitted > 0 ? { omitted } : {}),
  };
}

function readCard({ displayName, vcard }: proto.Message.IContactMessage, country: string): SharedContact {
  const { kept, number } = readLines(clip(vcard, MAX_LOOKED_AT), country);
  return { name: clip(displayName, SHORT), phone: number, vcard: kept };
}

/** A property with its folded lines (they begin with a space). */
interface Property {
  name: string;
  parameters: string;
  value: string;
  text: string;
}

function readLines(vcard: string, country: string): { kept: string; number: string | null } {
  let kept = '';
  let known: string | null = null;
  let first: string | null = null;
  let numbers = 0;
  for (const property of propertiesOf(vcard)) {
    if (FILES.has(property.name)) continue;
    if (kept.length + property.text.length <= MAX_CARD) kept += property.text;
    if (property.name !== 'TEL' || known !== null) continue;
    known = WAID.exec(property.parameters)?.[1] ?? null;
    if (first === null && ++numbers <= MAX_NUMBERS) first = normalNumber(property.value, country);
  }
  return { kept, number: known ?? first };
}

function* propertiesOf(vcard: string): Generator<Property> {
  for (let at = 0; at < vcard.length; ) {
    let end = endOfLine(vcard, at);
    while (vcard[end] === ' ' || vcard[end] === '\t') end = endOfLine(vcard, end);
    const text = vcard.slice(at, end);
    at = end;
    const line = text.replace(/\r?\n[ \t]|\r[ \t]/g, '').trim();
    const colon = line.indexOf(':');
    const head = colon < 0 ? line : line.slice(0, colon);
    const semicolon = head.indexOf(';');
    const path = semicolon < 0 ? head : head.slice(0, semicolon);
    yield {
      // Apple writes `item1.TEL`.
      name: path.slice(path.lastIndexOf('.') + 1).toUpperCase(),
      parameters: semicolon < 0 ? '' : head.slice(semicolon + 1),
      value: colon < 0 ? '' : line.slice(colon + 1),
      text,
    };
  }
}

/** Where the next line begins. Lines end with CR, LF or both. */
function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\n') return at + 1;
    if (text[at] === '\r') return text[at + 1] === '\n' ? at + 2 : at + 1;
  }
  return text.length;
}

const E164_DIGITS = /^[1-9]\d{4,14}$/;

/**
 * E.164 digits; null for what is no phone number. vCard 4 writes it as a URI. What begins with `+` needs no country, and
 * is kept whether or not somebody can have it.
 */
function normalNumber(value: string, country: string): string | null {
  const number = value.slice(0, MAX_NUMBER).replace(/^tel:/i, '').trim();
  try {
    return normalizePhone(number, country);
  } catch {
    const digits = /^\+[\d ().-]+$/.test(number) ? number.replace(/\D/g, '') : '';
    return E164_DIGITS.test(digits) ? digits : null;
  }
}
