/** Small things done to texts, above all to those from outside, each in time that grows with the text and no faster. */

/** Without any `char` at the end. A pattern such as `/\/+$/` would look at each run of them again and again. */
export function withoutTrailing(text: string, char: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === char) end--;
  return text.slice(0, end);
}

/** At most `max` characters from its beginning, no character by half; `…` in the place of what was cut. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** A surrogate without its other half: with the `u` flag a pair is one character and does not match. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** The same text without NUL, and with U+FFFD for each half of a character. Linear. */
export function wellFormed(text: string): string {
  const plain = text.includes('\0') ? text.replaceAll('\0', '') : text;
  return plain.replace(LONE_SURROGATES, '\uFFFD');
}

/** Characters that end a line, are not seen, or turn the direction of what follows: `gpj.exe` shown as `exe.jpg`. */
const UNSEEN = /[\p{Cc}\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/gu;
/**
 * A name that somebody else has chosen, made safe to show in a line of text: nothing unseen, no line ends, at most `max`
 * characters. Null when nothing is left.
 */
export function cleanName(name: string, max: number): string | null {
  const plain = wellFormed(name.slice(0, MAX_LOOKED_AT)).replace(/\s/g, ' ').replace(UNSEEN, '').trim();
  return [...plain].slice(0, max).join('').trim() || null;
}

/** A character that is seen: no control, format or combining character alone, no blank of any script, no filler of Hangul. */
const SEEN = /[^\p{Cc}\p{Cf}\p{Cs}\p{M}\p{Z}\u115F\u1160\u2800\u3164\uFFA0]/u;

/** Whether anything of the text is seen on a page. Bound its length first. */
export const isSeen = (text: string): boolean => SEEN.test(text);

/** Separators of paths, and what Windows takes in no name. */
const NOT_IN_NAMES = /[/\\<>:"|?*]/g;
/** Devices of Windows, with any extension. */
const RESERVED = /^(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³]|CONIN\$|CONOUT\$) *(?:\.|$)/i;
/** The longest name that file systems take, in bytes of UTF-8. */
const MAX_NAME_BYTES = 255;
/** Longer endings are no extension. */
const MAX_EXTENSION = 16;
/** Characters that are looked at; far more than is kept. */
const MAX_LOOKED_AT = 1_024;

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * A file name that somebody else has chosen, made safe to show and to save under: one name and no path, nothing unseen,
 * no name that a system keeps for itself, at most 255 bytes, cut between whole characters and before the extension.
 * `fallback` when nothing is left.
 */
export function cleanFileName(name: string, fallback: string): string {
  const plain = wellFormed(name.slice(0, MAX_LOOKED_AT))
    .normalize('NFC')
    .replace(UNSEEN, '')
    .replace(NOT_IN_NAMES, '_');
  const trimmed = trim(plain);
  if (trimmed === '') return fallback;
  const safe = RESERVED.test(trimmed) ? `_${trimmed}` : trimmed;
  return trim(shorten(safe)) || fallback;
}

/** Without the dots and spaces that hide a name, or that Windows drops. */
function trim(name: string): string {
  let [from, to] = [0, name.length];
  while (from < to && isDotOrSpace(name, from)) from++;
  while (to > from && isDotOrSpace(name, to - 1)) to--;
  return name.slice(from, to);
}

const isDotOrSpace = (text: string, at: number) => text[at] === '.' || text[at]?.trim() === '';

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION ? name.slice(dot) : '';
  let left = MAX_NAME_BYTES - Buffer.byteLength(extension);
  let kept = '';
  for (const { segment } of segmenter.segment(name.slice(0, name.length - extension.length))) {
    left -= Buffer.byteLength(segment);
    if (left < 0) break;
    kept += segment;
  }
  return kept + extension;
}
