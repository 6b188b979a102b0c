/** One record of CSV that has quotes (RFC 4180), its values trimmed. */

/**
 * The cells; null when a quote that opens a value is not closed at its end. A quote inside of a value that does not begin
 * with one is an ordinary character.
 */
export function parseRecord(text: string, delimiter: string): string[] | null {
  const cells: string[] = [];
  let at = 0;
  while (true) {
    const start = skipSpaces(text, at, delimiter);
    if (text[start] !== '"') {
      const end = indexOrEnd(text, delimiter, at);
      cells.push(text.slice(at, end).trim());
      if (end === text.length) return cells;
      at = end + delimiter.length;
      continue;
    }
    const quoted = readQuoted(text, start + 1);
    if (quoted === null) return null;
    const end = skipSpaces(text, quoted.end, delimiter);
    cells.push(quoted.value.trim());
    if (end === text.length) return cells;
    if (!text.startsWith(delimiter, end)) return null;
    at = end + delimiter.length;
  }
}

/** Up to the closing quote, doubled ones undone. */
function readQuoted(text: string, from: number): { value: string; end: number } | null {
  let value = '';
  let at = from;
  while (true) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return null;
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}

function skipSpaces(text: string, from: number, delimiter: string): number {
  let at = from;
  while (at < text.length && text[at] !== delimiter && text[at]?.trim() === '') at++;
  return at;
}

function indexOrEnd(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at;
}
