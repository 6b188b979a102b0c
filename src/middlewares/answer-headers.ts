/** The headers of an answer of our own. */

/**
 * What every answer says, unless it says something else under the same name. Nothing from elsewhere, nothing inline: pages
 * bring their scripts and styles as our own files.
 */
const FIXED = {
  'content-security-policy':
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=15552000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
  'cache-control': 'no-store',
};

/** The same, and a place for what most answers say: to add one costs the engine more than all else that is done with them. */
const PLACES: Record<string, string | undefined> = {
  ...FIXED,
  'content-type': undefined,
  'x-request-id': undefined,
  vary: undefined,
  'ratelimit-policy': undefined,
  ratelimit: undefined,
};

/** Adds what every answer says to headers that do not say it yet. */
export function addFixedHeaders(headers: Headers): void {
  // It began with them.
  if (headers instanceof AnswerHeaders) return;
  for (const [name, value] of Object.entries(FIXED)) if (!headers.has(name)) headers.set(name, value);
}

/**
 * Takes what Node's own `Headers` takes, and begins with what every answer says. Node's checks and sorts names and values at
 * every step, for each of the twenty that an answer has; what may not be sent it refuses once more when the answer is written.
 */
export class AnswerHeaders {
  // A copy of an object of this form is one step, and Node writes an object as it is. What is undefined is not said.
  readonly #values: Record<string, string | undefined> = { ...PLACES };
  readonly #cookies: string[] = [];

  constructor(headers: Iterable<readonly [string, string]> = []) {
    for (const [name, value] of headers) {
      if (lowerOf(name) === COOKIE) this.append(name, value);
      else this.set(name, value);
    }
  }

  /** All of them, as Node's `writeHead` takes them. */
  toNode(): Record<string, string | string[]> {
    const values = isWhole(this.#values) ? this.#values : Object.fromEntries(this.#said());
    return this.#cookies.length === 0 ? values : { ...values, [COOKIE]: this.#cookies };
  }

  #said(): [string, string][] {
    return Object.entries(this.#values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] satisfies [string, string]],
    );
  }

  get(name: string): string | null {
    const known = lowerOf(name);
    if (known === COOKIE) return this.#cookies.length > 0 ? this.#cookies.join(', ') : null;
    return Object.hasOwn(this.#values, known) ? (this.#values[known] ?? null) : null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  set(name: string, value: string): void {
    const known = lowerOf(name);
    if (known === COOKIE) this.#cookies.splice(0, this.#cookies.length, value);
    else this.#values[known] = value;
  }

  append(name: string, value: string): void {
    const known = lowerOf(name);
    if (known === COOKIE) this.#cookies.push(value);
    else {
      const before = this.get(known);
      this.#values[known] = before === null ? value : `${before}, ${value}`;
    }
  }

  delete(name: string): void {
    const known = lowerOf(name);
    if (known === COOKIE) this.#cookies.length = 0;
    else delete this.#values[known];
  }

  getSetCookie(): string[] {
    return [...this.#cookies];
  }

  forEach(work: (value: string, name: string, headers: this) => void): void {
    for (const [name, value] of this.entries()) work(value, name, this);
  }

  entries(): IterableIterator<[string, string]> {
    const cookies = this.#cookies.map((cookie): [string, string] => [COOKIE, cookie]);
    return [...this.#said(), ...cookies].values();
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

const isWhole = (values: Record<string, string | undefined>): values is Record<string, string> =>
  !Object.values(values).includes(undefined);

/** Names in small letters: one that is made each time costs the engine a look-up wherever it becomes a key. */
const lowered = new Map<string, string>();
/** Our own code names far fewer. */
const MAX_NAMES = 200;

function lowerOf(name: string): string {
  const known = lowered.get(name);
  if (known !== undefined) return known;
  const made = name.toLowerCase();
  if (lowered.size < MAX_NAMES) lowered.set(name, made);
  return made;
}

// The server takes what is none for a plain object.
Object.setPrototypeOf(AnswerHeaders.prototype, Headers.prototype);

/** Safe because it has every method of Headers, and is an instance of it. */
export function asHeaders(headers: AnswerHeaders): Headers {
  return headers as unknown as Headers;
}
