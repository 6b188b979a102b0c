/** JSON from outside: decoded strictly, and looked over before it is parsed. */

import { isUtf8 } from 'node:buffer';
import { parse } from '@humanwhocodes/momoa';

/** Deeper than any of our requests, which has five levels. */
const MAX_DEPTH = 32;
/** Names and items together: 1,000 contacts with 40 fields each. */
const MAX_VALUES = 50_000;
/** Longer texts are not read once more for the place of their fault: that takes up to 200 ms a megabyte. */
const MAX_READ_AGAIN = 32 * 1024;
const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPENING, CLOSING, SEPARATING] = [1, 2, 3];
/** What a character of ASCII does outside of texts; 0 where it does not matter. */
const ROLES = new Uint8Array(128);
for (const [role, characters] of [
  [OPENING, '[{'],
  [CLOSING, ']}'],
  [SEPARATING, ',:'],
] as const) {
  for (const character of characters) ROLES[character.charCodeAt(0)] = role;
}

/** A text that cannot be taken; `reason` goes on with "the body …". */
export class UnreadableText extends Error {
  override name = 'UnreadableText';
  readonly reason: string;

  constructor(reason: string) {
    super(`The text ${reason}.`);
    this.reason = reason;
  }
}

/** UTF-8, without a byte order mark. Throws UnreadableText for bytes that are none. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new UnreadableText('is not valid UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/**
 * The value of a JSON text, in linear time. Halves of characters (`"\ud83d"`) become U+FFFD: no database and no client
 * takes them. Throws UnreadableText for what is not JSON, is nested too deeply or holds too many values.
 */
export function parseJson(text: string): unknown {
  checkSize(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnreadableText(`is not valid JSON${placeOfFault(text, error)}`);
  }
  // Only an escape can say half of a character: the bytes around it were UTF-8.
  return /\\u[dD][89a-fA-F]/.test(text) ? toWhole(value) : value;
}

/** ` at line 2, column 5` of a text that is not JSON; never a part of the text, which may hold a secret. */
function placeOfFault(text: string, error: unknown): string {
  // What ends too early has its fault there, wherever what is open has begun.
  if (error instanceof Error && error.message === 'Unexpected end of JSON input') {
    return placeAt(text, text.length);
  }
  // Of some faults the engine cites the text instead: what it says ends otherwise then.
  const position = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(
    error instanceof Error ? error.message : '',
  )?.[1];
  if (position !== undefined) return placeAt(text, Number(position));
  return text.length > MAX_READ_AGAIN ? '' : firstFault(text);
}

function placeAt(text: string, position: number): string {
  let line = 1;
  let start = 0;
  for (let at = 0; at < position; at++) {
    if (text.charCodeAt(at) !== NEWLINE) continue;
    line++;
    start = at + 1;
  }
  return ` at line ${line}, column ${position - start + 1}`;
}

function firstFault(text: string): string {
  try {
    // It stops at the first fault: until there, the text is nested no deeper than `checkSize` allows.
    parse(text, { mode: 'json' });
    return '';
  } catch (error) {
    const { line, column }: { line?: unknown; column?: unknown } = Object(error);
    return typeof line === 'number' && typeof column === 'number' ? ` at line ${line}, column ${column}` : '';
  }
}

function checkSize(text: string): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(text, at + 1);
      continue;
    }
    const role = code < ROLES.length ? ROLES[code] : 0;
    if (role === 0) continue;
    if (role === OPENING) depth++;
    else if (role === CLOSING) depth--;
    else values++;
    if (depth > MAX_DEPTH) throw new UnreadableText(`is nested more than ${MAX_DEPTH} deep`);
    if (values > MAX_VALUES) throw new UnreadableText(`holds more than ${MAX_VALUES} values`);
  }
}

/** Where the text that begins at `start` has its closing quote: the length of all when it has none. */
function endOfText(text: string, start: number): number {
  let from = start;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return text.length;
    let escapes = quote;
    while (escapes > from && text.charCodeAt(escapes - 1) === BACKSLASH) escapes--;
    if ((quote - escapes) % 2 === 0) return quote;
    from = quote + 1;
  }
}

function toWhole(value: unknown): unknown {
  if (typeof value === 'string') return wholeCharacters(value);
  if (Array.isArray(value)) return value.map(toWhole);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [wholeCharacters(name), toWhole(field)]),
  );
}

/** The text with U+FFFD for each half of a character, as UTF-8 would have it. */
export function wholeCharacters(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** As JSON.stringify, but for halves of characters, which other languages' parsers refuse. */
export function toJsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\ud')) return text;
  // Escapes are read one by one: a backslash that is escaped itself begins none.
  return text.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/gs, (sequence) =>
    sequence.length > 2 ? '\ufffd' : sequence,
  );
}

const texts = new WeakMap<object, string>();

/** As toJsonText, made once of each object for all who are told of it: it must not change afterwards. */
export function toSharedJsonText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return toJsonText(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = toJsonText(value);
  texts.set(value, text);
  return text;
}
