import { LRUCache } from 'lru-cache';

export interface LruLimits {
  /** entries */
  max: number;
  ttlMs?: number;
}

/**
 * A bounded cache that takes room as it fills. One that is told `max` takes all of it at once, which is 25 bytes an
 * entry: too much for what every session has several of.
 */
export function createLru<K extends {}, V extends {}>({ max, ttlMs }: LruLimits): LRUCache<K, V> {
  const size = { maxSize: max, sizeCalculation: () => 1 };
  return new LRUCache<K, V>(ttlMs === undefined ? size : { ...size, ttl: ttlMs });
}
