/**
 * The marks of WhatsApp in a text: *bold*, _italic_, ~strikethrough~, `monospace` and ```monospace over lines```. Reads each
 * character a bounded number of times; never throws: what is no mark is text.
 */
export type MarkName = 'bold' | 'italic' | 'strike' | 'mono';
export type Marked = string | { mark: MarkName; parts: Marked[] };

const MARKS: Readonly<Record<string, MarkName>> = { '*': 'bold', _: 'italic', '~': 'strike' };
const FENCE = '```';
/** Marks of one text; what follows is plain. Nobody writes so many, and each is an element of a page. */
const MAX_MARKS = 300;
/** A letter or a digit beside a mark makes it a part of the word, as in snake_case. */
const WORD = /[\p{L}\p{N}]/u;

interface Open {
  sign: string;
  /** where its parts go, and what came before it */
  parts: Marked[];
}

/** Reads a text of any length, as a phone shows it: its parts in order, marks inside of marks, the first 300 of them. */
export function readMarkup(text: string): Marked[] {
  const reader = new Reader(text);
  return reader.read();
}

class Reader {
  readonly #text: string;
  /** the innermost last; the first is the text itself */
  readonly #open: Open[] = [{ sign: '', parts: [] }];
  #plain = '';
  /** marks that were begun, also those that turned out to be none */
  #begun = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Marked[] {
    let at = 0;
    while (at < this.#text.length && !this.#isSpent()) at = this.#step(at);
    this.#plain += this.#text.slice(at);
    this.#forget(1);
    this.#flush();
    return this.#open[0]?.parts ?? [];
  }

  /** No other mark may begin, and none is open that could end. */
  #isSpent(): boolean {
    return this.#begun >= MAX_MARKS && this.#open.length === 1;
  }

  /** Reads what is there; where to go on. */
  #step(at: number): number {
    const sign = this.#text[at] ?? '';
    if (sign === '\n') this.#forget(1);
    if (sign === '`') {
      const end = this.#code(at);
      if (end !== null) return end;
    } else if (Object.hasOwn(MARKS, sign) && (this.#close(sign, at) || this.#begin(sign, at))) return at + 1;
    this.#plain += sign;
    return at + 1;
  }

  /** Nothing inside of monospace is a mark. Null where none begins. */
  #code(at: number): number | null {
    const fence = this.#text.startsWith(FENCE, at) ? FENCE : '`';
    const from = at + fence.length;
    const end = this.#text.indexOf(fence, from);
    const inner = end < 0 ? '' : this.#text.slice(from, end);
    if (this.#begun >= MAX_MARKS || inner.trim() === '' || (fence === '`' && inner.includes('\n')))
      return null;
    this.#flush();
    this.#begun += 1;
    this.#open.at(-1)?.parts.push({ mark: 'mono', parts: [inner] });
    return end + fence.length;
  }

  #begin(sign: string, at: number): boolean {
    const before = this.#text[at - 1] ?? '';
    const after = this.#text[at + 1] ?? '';
    const fits = !WORD.test(before) && before !== sign && after.trim() !== '' && after !== sign;
    if (!fits || this.#begun >= MAX_MARKS || this.#open.some((one) => one.sign === sign)) return false;
    this.#flush();
    this.#begun += 1;
    this.#open.push({ sign, parts: [] });
    return true;
  }

  #close(sign: string, at: number): boolean {
    const place = this.#open.findIndex((one) => one.sign === sign);
    const before = this.#text[at - 1] ?? '';
    if (place < 1 || before.trim() === '' || WORD.test(this.#text[at + 1] ?? '')) return false;
    this.#forget(place + 1);
    this.#flush();
    const mark = MARKS[sign];
    const [closed] = this.#open.splice(place, 1);
    if (mark && closed) this.#open.at(-1)?.parts.push({ mark, parts: closed.parts });
    return true;
  }

  /** Marks from this depth on were none: their signs are text. */
  #forget(depth: number): void {
    this.#flush();
    const into = this.#open[depth - 1]?.parts ?? [];
    for (const { sign, parts } of this.#open.splice(depth)) {
      into.push(sign);
      for (const part of parts) into.push(part);
    }
  }

  #flush(): void {
    if (this.#plain !== '') this.#open.at(-1)?.parts.push(this.#plain);
    this.#plain = '';
  }
}
