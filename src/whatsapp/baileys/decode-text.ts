/** Bounds of what a sender may make us keep: far above what WhatsApp's own clients allow. */
import { wellFormed } from '../../utils/text.ts';

/** characters of a name, an id, an option */
export const SHORT = 255;
/** characters of a text, a caption, a card */
export const LONG = 65_536;
/** characters of a URL */
export const MAX_URL = 2_048;
/** 31 December 9999, in seconds: later times have no four-digit year. */
export const MAX_SECONDS = 253_402_300_799;

/**
 * At most `max` characters (UTF-16 units), never half of one. What no database takes is mended: half a character becomes
 * U+FFFD, NUL goes.
 */
export function clip(text: string | null | undefined, max: number): string {
  const whole = typeof text === 'string' ? text : '';
  const cut = whole.length <= max ? whole : whole.slice(0, max);
  const last = cut.charCodeAt(cut.length - 1);
  const half = cut.length < whole.length && last >= 0xd800 && last <= 0xdbff;
  return wellFormed(half ? cut.slice(0, -1) : cut);
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
