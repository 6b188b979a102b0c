/** What the log of attempts may keep of a request and its answer: no secret, no code, no content of a message. */
import { withoutSecrets } from '../../utils/redact.ts';
import type { EventPayload } from '../events/payload.ts';

/** In characters. Events are small; only contents of messages are large, and they are not kept. */
const MAX_BODY = 16_384;
/** Texts of one event that are looked for in its answer. */
const MAX_HIDDEN = 300;
/** Shorter numbers are counts, and no codes. */
const MIN_DIGITS = 4;
export const HIDDEN = '[redacted]';

export interface KeptBody {
  text: string;
  /** texts of the event that an answer may repeat, and that are not kept either; null: too many to look for */
  hidden: readonly string[] | null;
}

/** The body of an event as it is kept. */
export function keptBodyOf(payload: EventPayload): KeptBody {
  const shown = withoutSecrets(payload);
  const hidden = new Set<string>();
  for (const text of hiddenTexts(payload, shown)) {
    for (const part of partsOf(text)) hidden.add(part);
    if (hidden.size > MAX_HIDDEN) break;
  }
  return {
    text: cut(JSON.stringify(shown), MAX_BODY),
    hidden: hidden.size > MAX_HIDDEN ? null : [...hidden],
  };
}

/** The texts of a value that are hidden where it is shown. */
function* hiddenTexts(value: unknown, shown: unknown): Generator<string> {
  if (shown === HIDDEN) yield* textsOf(value);
  else if (isObject(value) && isObject(shown)) {
    for (const [name, part] of Object.entries(value)) yield* hiddenTexts(part, Reflect.get(shown, name));
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Fields of contents whose words are ours and say nothing. */
const OUR_WORDS = new Set(['type', 'kind', 'state', 'mimetype']);

function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value === 'number' && String(value).length >= MIN_DIGITS) yield String(value);
  if (!isObject(value)) return;
  for (const [name, part] of Object.entries(value)) if (!OUR_WORDS.has(name)) yield* textsOf(part);
}

/** A text, its lines (their ends may come back as others), and what may be a code in it. */
function* partsOf(text: string): Generator<string> {
  yield text;
  if (text.includes('\n')) yield* text.split(/\r?\n/, MAX_HIDDEN + 1);
  for (const [code] of text.matchAll(/\d{4,}/g)) yield code;
}

/** What an answer may repeat of an own header: its value, and the token that follows its scheme. */
export function secretsOfHeader(value: string): string[] {
  const [scheme = '', ...parts] = value.split(/[\s,;="]+/);
  if (scheme.toLowerCase() !== 'basic') return [value, ...parts];
  // RFC 7617: user and password.
  const pairs = parts.map((token) => Buffer.from(token, 'base64').toString('utf8'));
  const passwords = pairs.map((pair) => pair.slice(pair.indexOf(':') + 1));
  return [value, ...parts, ...pairs, ...passwords];
}

/** Headers with the values hidden that are the owner's own. */
export function shownHeaders(
  headers: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Object.hasOwn(own, name) ? HIDDEN : value]),
  );
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
