/** What is kept of a receiver's answer: nothing that was sent to it in confidence, however the answer spells it. */
import { StringDecoder } from 'node:string_decoder';
import { HIDDEN } from './exchange.ts';
import { decode, type Spelled } from './spellings.ts';

/** Of an answer, in bytes. */
const SHOWN_BYTES = 4_096;
/** Shorter texts would hide parts of words. */
const MIN_HIDDEN = 3;
/** So many characters of a text tell it from others; from there it is hidden as far as the answer goes on with it. */
const NEEDLE = 16;
/** An answer that ends within a text ends there with so many characters of it at least. */
const MIN_TAIL = 4;
/** JSON within JSON within a form. */
const MAX_LEVELS = 3;
/** Characters that are looked at for one answer: some 20 ms, which only an answer made for it takes. */
const MAX_STEPS = 1_000_000;

interface Node {
  next: Map<number, Node>;
  /** texts whose needle ends here */
  texts: string[];
}

interface Search {
  root: Node;
  stepsLeft: number;
}

/**
 * At most 4,096 bytes of an answer, with `[redacted]` for each of the texts, as a whole or as its beginning; also where they
 * are escaped for JSON, a URL or HTML. An answer that cannot be searched is not kept: only how long it is. `texts` is null
 * where there are too many of them.
 */
export function keptAnswer(answer: string, texts: readonly string[] | null): string {
  if (answer === '') return '';
  const marks = texts !== null && isText(answer) ? findTexts(answer, texts) : null;
  if (marks === null) return `[not kept: ${Buffer.byteLength(answer)} bytes]`;
  const end = new StringDecoder('utf8').write(Buffer.from(answer).subarray(0, SHOWN_BYTES)).length;
  let shown = '';
  for (let at = 0; at < end; ) {
    const from = at;
    const isHidden = marks[at] === 1;
    while (at < answer.length && (marks[at] === 1) === isHidden) at++;
    shown += isHidden ? HIDDEN : answer.slice(from, Math.min(at, end));
  }
  return shown;
}

/** Compressed bytes and other charsets than UTF-8 become such characters. */
const isText = (answer: string) => !/[\uFFFD\0]/.test(answer);

/** A mark for each character that belongs to one of the texts; null when that takes too long. */
function findTexts(answer: string, texts: readonly string[]): Uint8Array | null {
  const search: Search = { root: treeOf(texts), stepsLeft: MAX_STEPS };
  const marks = new Uint8Array(answer.length);
  const places = { from: indexes(answer.length, 0), to: indexes(answer.length, 1) };
  let spelled: Spelled | null = { text: answer, ...places };
  for (let level = 0; spelled !== null && level <= MAX_LEVELS; level++) {
    const { text, from, to }: Spelled = spelled;
    // No character is shorter than a byte: what begins later is not shown.
    for (let at = 0; at < text.length && (from[at] ?? 0) < SHOWN_BYTES; at++) {
      const end = endOfMatch(text, at, search);
      if (search.stepsLeft < 0) return null;
      if (end > at) marks.fill(1, from[at], to[end - 1]);
    }
    spelled = decode(spelled);
  }
  return marks;
}

const indexes = (length: number, first: number) => Array.from({ length }, (_, at) => at + first);

function treeOf(texts: readonly string[]): Node {
  const root: Node = { next: new Map(), texts: [] };
  for (const text of texts) {
    if (text.length < MIN_HIDDEN) continue;
    let node = root;
    for (let at = 0; at < Math.min(text.length, NEEDLE); at++) {
      const code = text.charCodeAt(at);
      const next: Node = node.next.get(code) ?? { next: new Map(), texts: [] };
      node.next.set(code, next);
      node = next;
    }
    node.texts.push(text);
  }
  return root;
}

/** Where the longest text ends that begins here; `at` when none does. */
function endOfMatch(text: string, at: number, search: Search): number {
  let node = search.root;
  let end = at;
  for (let to = at; ; to++) {
    for (const whole of node.texts) end = Math.max(end, follow(text, at, whole, to, search));
    if (to === text.length) return to - at >= MIN_TAIL ? to : end;
    search.stepsLeft--;
    const next = node.next.get(text.charCodeAt(to));
    if (next === undefined) return end;
    node = next;
  }
}

/** How far the text goes on with a whole one that it has followed so far. */
function follow(text: string, at: number, whole: string, soFar: number, search: Search): number {
  let to = soFar;
  while (to < text.length && to - at < whole.length && text[to] === whole[to - at]) to++;
  search.stepsLeft -= to - soFar;
  return to;
}
