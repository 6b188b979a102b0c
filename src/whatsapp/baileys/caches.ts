import type { CacheStore, PossiblyExtendedCacheStore } from '@whiskeysockets/baileys';
import { createLru, type LruLimits } from '../../utils/lru.ts';

/** A cache as Baileys wants them, with a size and without timers of its own. */
export function createCache(limits: LruLimits): CacheStore & PossiblyExtendedCacheStore {
  const entries = createLru<string, { value: unknown }>(limits);
  const get = <T>(key: string) => typed<T>(entries.get(key)?.value);
  return {
    get,
    set: (key, value) => void entries.set(key, { value }),
    del: (key) => void entries.delete(key),
    flushAll: () => entries.clear(),
    close: () => entries.clear(),
    mget: async <T>(keys: string[]) => Object.fromEntries(keys.map((key) => [key, get<T>(key)])),
    mset: (pairs) => {
      for (const { key, value } of pairs) entries.set(key, { value });
    },
    mdel: (keys) => {
      for (const key of keys) entries.delete(key);
    },
  };
}

/** Safe because Baileys reads under a key only what it wrote there. */
function typed<T>(value: unknown): T | undefined {
  return value as T | undefined;
}
