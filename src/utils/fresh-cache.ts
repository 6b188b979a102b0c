/** A bounded cache of what was read lately, so that a busy credential costs one query a second. */

import type { Clock } from './clock.ts';
import { createLru } from './lru.ts';
import type { Maybe } from './maybe.ts';

export interface FreshCache<V> {
  /** The value, at most `maxAgeMs` old. Callers at the same time share one load; a failed load is not kept. */
  get(key: string): Maybe<V | null>;
  /** The next `get` loads again; a load that is under way is not kept. */
  forget(key: string): void;
  /** Forgets every value for which `test` is true. */
  forgetWhere(test: (value: V) => boolean): void;
}

/** Makes a cache over `load`, which answers null for what does not exist (that is not kept). */
export function createFreshCache<V extends object>(options: {
  clock: Clock;
  maxAgeMs: number;
  max: number;
  load(key: string): Promise<V | null>;
}): FreshCache<V> {
  const kept = createLru<string, { value: V; at: number }>({ max: options.max });
  const loading = new Map<string, Promise<V | null>>();

  async function load(key: string): Promise<V | null> {
    // The age counts from before the read: the row may change while the answer travels.
    const at = options.clock.monotonic();
    const promise = options.load(key);
    loading.set(key, promise);
    try {
      const value = await promise;
      if (value !== null && loading.get(key) === promise) kept.set(key, { value, at });
      return value;
    } finally {
      if (loading.get(key) === promise) loading.delete(key);
    }
  }

  return {
    get(key) {
      const entry = kept.get(key);
      if (entry && options.clock.monotonic() - entry.at < options.maxAgeMs) return entry.value;
      return loading.get(key) ?? load(key);
    },
    forget(key) {
      kept.delete(key);
      loading.delete(key);
    },
    forgetWhere(test) {
      loading.clear();
      for (const [key, entry] of kept.entries()) if (test(entry.value)) kept.delete(key);
    },
  };
}
