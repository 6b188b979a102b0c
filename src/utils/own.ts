/**
 * The value that an object itself has under this key. Keys that come from outside are looked up so, or in a Map: `constructor`,
 * `toString` and `__proto__` name something in every object.
 */
export function own<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** An object's fields, to be read by names that it has of its own or that our code gives: nothing is checked or copied. */
export const fieldsOf = (value: object) => value as Readonly<Record<string, unknown>>;
