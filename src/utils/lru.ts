import { LRUCache } from 'lru-cache';

export interface LruLimits {
  /** entries */
  max: number;
  ttlMs?: number;
}

/**
 * A bounded cache that takes room as it fills. One that is told `max` takes all of it at once, which is 25 bytes an
 * entry: too much for what every session has several of. `onDrop` hears of keys that go or get another value.
 */
export function createLru<K extends {}, V extends {}>(
  { max, ttlMs }: LruLimits,
  onDrop?: (key: K) => void,
): LRUCache<K, V> {
  return new LRUCache<K, V>({
    maxSize: max,
    sizeCalculation: () => 1,
    ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    ...(onDrop === undefined ? {} : { dispose: (_value: V, key: K) => onDrop(key) }),
  });
}
