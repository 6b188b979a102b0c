/** The headers of an answer of our own. */

/**
 * Takes what Node's own `Headers` takes, in a map. Node's checks and sorts names and values at every step, for each of the
 * twenty that an answer has; what may not be sent it refuses once more when the answer is written.
 */
export class AnswerHeaders {
  readonly #values = new Map<string, string>();
  readonly #cookies: string[] = [];

  constructor(headers: Iterable<readonly [string, string]> = []) {
    for (const [name, value] of headers) this.append(name, value);
  }

  get(name: string): string | null {
    const known = lowerOf(name);
    if (known === COOKIE) return this.#cookies.length > 0 ? this.#cookies.join(', ') : null;
    return this.#values.get(known) ?? null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  set(name: string, value: string): void {
    const known = lowerOf(name);
    if (known === COOKIE) this.#cookies.splice(0, this.#cookies.length, value);
    else this.#values.set(known, value);
  }

  append(name: string, value: string): void {
    const known = lowerOf(name);
    const before = this.#values.get(known);
    if (known === COOKIE) this.#cookies.push(value);
    else this.#values.set(known, before === undefined ? value : `${before}, ${value}`);
  }

  delete(name: string): void {
    const known = lowerOf(name);
    if (known === COOKIE) this.#cookies.length = 0;
    else this.#values.delete(known);
  }

  getSetCookie(): string[] {
    return [...this.#cookies];
  }

  forEach(work: (value: string, name: string, headers: this) => void): void {
    for (const [name, value] of this.entries()) work(value, name, this);
  }

  entries(): IterableIterator<[string, string]> {
    if (this.#cookies.length === 0) return this.#values.entries();
    const cookies = this.#cookies.map((cookie): [string, string] => [COOKIE, cookie]);
    return [...this.#values, ...cookies].values();
  }

  keys(): IterableIterator<string> {
    return [...this.entries()].map(([name]) => name).values();
  }

  values(): IterableIterator<string> {
    return [...this.entries()].map(([, value]) => value).values();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}

const COOKIE = 'set-cookie';

/** Names in small letters: one that is made each time costs the engine a look-up wherever it becomes a key. */
const lowered = new Map<string, string>();
/** Our own code names far fewer. */
const MAX_NAMES = 200;

function lowerOf(name: string): string {
  const known = lowered.get(name) ?? name.toLowerCase();
  if (lowered.size < MAX_NAMES) lowered.set(name, known);
  return known;
}

// The server takes what is none for a plain object.
Object.setPrototypeOf(AnswerHeaders.prototype, Headers.prototype);

/** Safe because it has every method of Headers, and is an instance of it. */
export function asHeaders(headers: AnswerHeaders): Headers {
  return headers as unknown as Headers;
}
