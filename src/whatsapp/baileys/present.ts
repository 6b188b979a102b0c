/** `{[key]: value}` when there is a value: protobuf tells a field that is missing from one that is empty. */
export function present<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : asFields({ [key]: value });
}

/** Safe because the one key is the K that was given. */
function asFields<T>(value: object): T {
  return value as T;
}
