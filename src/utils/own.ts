/**
 * The value that an object itself has under this key. Keys that come from outside are looked up so, or in a Map: `constructor`,
 * `toString` and `__proto__` name something in every object.
 */
export function own<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
