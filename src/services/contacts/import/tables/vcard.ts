/** vCard 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350), as phones and address books export it -> CSV of numbers and names. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createSheetWriter } from './sheet-writer.ts';

/** Pictures are folded over thousands of lines; nothing that is read is longer. */
const MAX_VALUE = 8_192;
/** Characters before the value in which its encoding is looked for. */
const MAX_PARAMETERS = 400;
const MAX_NUMBERS = 10;
/** Recognises several numbers in one cell. */
const SEVERAL = ' ::: ';

interface Card {
  names: { full: string; parts: string };
  numbers: { value: string; rank: number }[];
  email: string;
  organization: string;
}

const newCard = (): Card => ({ names: { full: '', parts: '' }, numbers: [], email: '', organization: '' });

/** A record a card, on the line where the card ends. A card without an end is a record as well. */
export async function vcardToCsv(input: string, output: string): Promise<void> {
  const sheet = createSheetWriter(output);
  await sheet.write(1, ['name', 'number', 'email', 'organization']);
  let card: Card | null = null;
  let line = 0;
  const finish = async () => {
    if (card !== null) await sheet.write(line, recordOf(card));
    card = null;
  };
  let property = '';
  const take = async () => {
    const { name, parameters, value } = readProperty(property);
    property = '';
    if (name === 'BEGIN' && /^VCARD$/i.test(value.trim())) {
      await finish();
      card = newCard();
    } else if (name === 'END') await finish();
    else if (card !== null) fill(card, name, parameters, decodeValue(value, parameters));
  };
  for await (const bytes of createInterface({ input: createReadStream(input, 'latin1'), crlfDelay: 1_000 })) {
    const text = bytes.replace(/^\xef\xbb\xbf/, '');
    const isFolded = /^[ \t]/.test(text) && property !== '';
    const isSoft = property.endsWith('=') && isQuotedPrintable(property);
    if (isFolded || isSoft) {
      line++;
      if (property.length < MAX_VALUE)
        property = isSoft ? property.slice(0, -1) + text : property + text.slice(1);
      continue;
    }
    if (property !== '') await take();
    line++;
    property = text;
  }
  if (property !== '') await take();
  await finish();
  await sheet.end();
}

/** Its value may go on in the next line, without a space before it. */
function isQuotedPrintable(property: string): boolean {
  const colon = property.indexOf(':');
  return (
    colon !== -1 &&
    property.slice(0, Math.min(colon, MAX_PARAMETERS)).toUpperCase().includes('QUOTED-PRINTABLE')
  );
}

interface Property {
  name: string;
  parameters: string;
  value: string;
}

/** `item1.TEL;type=CELL:+62…` */
function readProperty(text: string): Property {
  const short = text.slice(0, MAX_VALUE);
  const colon = valueAt(short);
  const [head = '', ...rest] = short.slice(0, colon).split(';');
  const name = head
    .slice(head.lastIndexOf('.') + 1)
    .trim()
    .toUpperCase();
  return { name, parameters: rest.join(';').toUpperCase(), value: short.slice(colon + 1) };
}

/** The colon that ends the parameters: one in quotes belongs to them. */
function valueAt(text: string): number {
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    else if (text[at] === ':' && !quoted) return at;
  }
  return text.length;
}

function decodeValue(value: string, parameters: string): string {
  const charset = /CHARSET="?([A-Z0-9_-]{1,30})/.exec(parameters)?.[1] ?? 'utf-8';
  const bytes = Buffer.from(parameters.includes('QUOTED-PRINTABLE') ? fromQuoted(value) : value, 'latin1');
  for (const one of [charset, 'utf-8']) {
    try {
      return new TextDecoder(one, { fatal: true }).decode(bytes);
    } catch {
      // The next one, then.
    }
  }
  return new TextDecoder('windows-1252').decode(bytes);
}

const fromQuoted = (text: string) =>
  text.replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

const unescapeText = (text: string) =>
  text
    .replace(/\\n/gi, ' ')
    .replace(/\\([\\;,:])/g, '$1')
    .trim();

function fill(card: Card, name: string, parameters: string, value: string): void {
  if (name === 'FN' && card.names.full === '') card.names.full = unescapeText(value);
  else if (name === 'N' && card.names.parts === '') card.names.parts = partsOf(value);
  else if (name === 'EMAIL' && card.email === '') card.email = unescapeText(value);
  else if (name === 'ORG' && card.organization === '')
    card.organization = unescapeText(value.replace(/;+/g, ' '));
  else if (name === 'TEL' && card.numbers.length < MAX_NUMBERS) {
    const waid = /WAID=(\d{5,15})/.exec(parameters)?.[1];
    const number = unescapeText(value)
      .replace(/^tel:/i, '')
      .replace(/;ext=.{0,20}$/i, '');
    card.numbers.push({ value: waid === undefined ? number : `+${waid}`, rank: rankOf(parameters, waid) });
  }
}

/** Numbers that WhatsApp knows first, then those that are preferred or mobile. */
function rankOf(parameters: string, waid: string | undefined): number {
  if (waid !== undefined) return 0;
  if (/\b(CELL|MOBILE|IPHONE)\b/.test(parameters)) return 1;
  if (/\bPREF\b/.test(parameters)) return 2;
  return /\bFAX\b|\bPAGER\b/.test(parameters) ? 9 : 3;
}

/** Family name; given name; further ones; titles in front and behind. */
function partsOf(value: string): string {
  const [family = '', given = '', further = ''] = value.split(/(?<!\\);/, 5).map(unescapeText);
  return [given, further, family].filter((part) => part !== '').join(' ');
}

function recordOf({ names, numbers, email, organization }: Card): string[] {
  const sorted = [...numbers].sort((a, b) => a.rank - b.rank).map(({ value }) => value);
  const different = [...new Set(sorted)].filter((value) => value !== '');
  const name = names.full || names.parts || organization;
  return [name, different.join(SEVERAL), email, organization];
}
