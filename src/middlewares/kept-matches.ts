/** Hono's own routers, with what they find for the addresses that have no parameter kept. */
import type { Result, Router } from 'hono/router';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { SmartRouter } from 'hono/router/smart-router';
import { TrieRouter } from 'hono/router/trie-router';

const HAS_PARAMETER = /[:*{]/;

/** Looks once for each method and address without a parameter: our routes are too many and too alike for the fast router. */
export class KeptMatches<T> implements Router<T> {
  readonly name = 'KeptMatches';
  readonly #inner = new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] });
  readonly #addresses = new Set<string>();
  /** no more than there are methods and such addresses */
  readonly #kept = new Map<string, Result<T>>();

  add(method: string, path: string, handler: T): void {
    this.#inner.add(method, path, handler);
    if (!HAS_PARAMETER.test(path)) this.#addresses.add(path);
  }

  match(method: string, path: string): Result<T> {
    if (!this.#addresses.has(path)) return this.#inner.match(method, path);
    const key = `${method} ${path}`;
    const known = this.#kept.get(key) ?? this.#inner.match(method, path);
    this.#kept.set(key, known);
    return known;
  }
}
