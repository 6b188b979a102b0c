/** Bounds of what a sender may make us keep: far above what WhatsApp's own clients allow. */

/** characters of a name, an id, an option */
export const SHORT = 255;
/** characters of a text, a caption, a card */
export const LONG = 65_536;

/** At most `max` characters, never half of a surrogate pair. */
export function clip(text: string | null | undefined, max: number): string {
  const whole = text ?? '';
  if (whole.length <= max) return whole;
  const cut = whole.slice(0, max);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}

/** `{ [name]: text }`, or nothing for an empty text: for optional fields. */
export function optionalText<N extends string>(
  name: N,
  text: string | null | undefined,
  max: number,
): { [K in N]?: string } {
  const value = clip(text, max);
  const named: { [K in N]?: string } = {};
  if (value !== '') named[name] = value;
  return named;
}

/** A protobuf number, which may be a Long; null when it is missing or no safe positive integer. */
export function positive(value: unknown): number | null {
  const number = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}
