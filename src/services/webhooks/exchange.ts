/** What the log of attempts may keep of a request and its answer: no secret, no code, no content of a message. */
import { redact } from '../../utils/redact.ts';
import type { EventPayload } from '../events/payload.ts';

/** In characters. Events are small; only contents of messages are large, and they are not kept. */
const MAX_BODY = 16_384;
/** Shorter texts would hide parts of words. */
const MIN_HIDDEN = 3;
/** Texts of one event that are looked for in its answer. */
const MAX_HIDDEN = 50;
export const HIDDEN = '[redacted]';

export interface KeptBody {
  text: string;
  /** texts of the event that an answer may repeat, and that are not kept either */
  hidden: readonly string[];
}

/** The body of an event as it is kept. */
export function keptBodyOf(payload: EventPayload): KeptBody {
  const text = JSON.stringify(redact(payload));
  const { content } = payload.data;
  return { text: cut(text, MAX_BODY), hidden: [...textsOf(content)].slice(0, MAX_HIDDEN) };
}

/** Fields of contents whose words are ours and say nothing. */
const OUR_WORDS = new Set(['type', 'kind', 'state', 'mimetype']);

function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) if (!OUR_WORDS.has(name)) yield* textsOf(part);
}

/** An answer without texts that are not ours to keep, also where it repeats them as JSON. */
export function withoutTexts(answer: string, texts: readonly string[]): string {
  let shown = answer;
  for (const text of texts) {
    if (text.length < MIN_HIDDEN) continue;
    const escaped = JSON.stringify(text).slice(1, -1);
    for (const spelling of new Set([text, escaped])) shown = shown.replaceAll(spelling, HIDDEN);
  }
  return shown;
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
