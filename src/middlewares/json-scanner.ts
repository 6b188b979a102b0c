/** Finds in JSON that comes in pieces where the string of a top-level field begins with a mark. No parser: it forgives. */

export interface JsonScanner {
  /** Goes on until behind a mark or the end of the piece; where that is. */
  scan(piece: Uint8Array, from: number): number;
  /** True when the last scan stopped behind a mark. */
  foundMark(): boolean;
  /** The field that the mark is in. */
  key(): string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const MAX_KEY = 64;

export function createJsonScanner(fields: readonly string[], mark: string): JsonScanner {
  let depth = 0;
  let inValue = false;
  let inString = false;
  let escaped = false;
  let key = '';
  /** how the string begins that may turn out to have the mark; null for every other one */
  let start: string | null = null;
  let found = false;

  function outside(byte: number): void {
    if (byte === QUOTE) {
      inString = true;
      if (depth === 1 && !inValue) key = '';
      start = depth === 1 && inValue && fields.includes(key) ? '' : null;
    } else if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
    else if (depth === 1 && byte === COLON) inValue = true;
    else if (depth === 1 && byte === COMMA) inValue = false;
  }

  function inside(byte: number): void {
    if (escaped) escaped = false;
    else if (byte === BACKSLASH) escaped = true;
    else if (byte === QUOTE) inString = false;
    if (!inString || escaped) start = null;
    else if (start !== null) start += String.fromCharCode(byte);
    else if (depth === 1 && !inValue && key.length < MAX_KEY) key += String.fromCharCode(byte);
  }

  return {
    scan(piece, from) {
      found = false;
      for (let at = from; at < piece.length; at++) {
        const byte = piece[at] ?? 0;
        if (inString) inside(byte);
        else outside(byte);
        if (start === null || start.length < mark.length) continue;
        found = start.toLowerCase() === mark;
        start = null;
        if (found) return at + 1;
      }
      return piece.length;
    },
    foundMark: () => found,
    key: () => key,
  };
}

const ESCAPES: Record<string, string | undefined> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** The text that an escape stands for, given without its backslash (RFC 8259, 7); null while it is not whole. */
export function unescapeJson(sequence: string): string | null {
  if (!sequence.startsWith('u')) return ESCAPES[sequence] ?? sequence;
  if (sequence.length < 5) return null;
  const code = Number.parseInt(sequence.slice(1), 16);
  return String.fromCharCode(Number.isNaN(code) ? 0xfffd : code);
}
