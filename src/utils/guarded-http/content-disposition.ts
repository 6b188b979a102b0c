/** The file name of a `Content-Disposition` header (RFC 6266, RFC 8187), and of what servers send instead. */

/** A header of a host that means well is a few hundred bytes. */
const MAX_HEADER = 8_192;
const MAX_PARAMETERS = 50;

/**
 * The name as it was meant: `filename*` first, its pieces put together (`filename*0`, …), then `filename`. Bytes in
 * UTF-8, encoded words (RFC 2047) and percent-encoding in plain names are undone. Null without one. `header`: a
 * character for each byte, as undici gives it.
 */
export function dispositionName(header: string | null): string | null {
  if (header === null || header.length > MAX_HEADER) return null;
  const parameters = readParameters(header);
  const extended = parameters.get('filename*');
  const names = [
    extended === undefined ? null : decodeExtended(extended),
    joined(parameters),
    plain(parameters),
  ];
  return names.map((name) => withoutQuotes(name ?? '')).find((name) => name !== '') ?? null;
}

/** Some servers put single quotes around a name, which are none of it. */
function withoutQuotes(name: string): string {
  return name
    .trim()
    .replace(/^'(.+)'$/s, '$1')
    .trim();
}

/** By name in lower case, the first of each; quotes are taken off. */
function readParameters(header: string): Map<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  for (let n = 0; n < MAX_PARAMETERS && at < header.length; n++) {
    const equals = header.indexOf('=', at);
    const semicolon = header.indexOf(';', at);
    if (equals < 0) break;
    if (semicolon >= 0 && semicolon < equals) {
      at = semicolon + 1;
      continue;
    }
    const name = header.slice(at, equals).trim().toLowerCase();
    const { value, end } = readValue(header, equals + 1);
    if (!found.has(name)) found.set(name, value);
    at = end;
  }
  return found;
}

function readValue(header: string, from: number): { value: string; end: number } {
  let at = from;
  while (header[at] === ' ' || header[at] === '\t') at++;
  if (header[at] !== '"') {
    // Unquoted names with spaces are common; a semicolon ends them.
    const end = indexOrEnd(header, ';', at);
    return { value: header.slice(at, end).trim(), end: end + 1 };
  }
  let value = '';
  for (at++; at < header.length && header[at] !== '"'; at++) {
    const next = header[at + 1];
    // Only these are escaped: some servers send Windows paths as they are.
    if (header[at] === '\\' && (next === '"' || next === '\\')) at++;
    value += header[at];
  }
  return { value, end: indexOrEnd(header, ';', at) + 1 };
}

function indexOrEnd(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at;
}

/** `UTF-8'en'%e2%82%ac.pdf`; without a charset it is taken for UTF-8. Null when nothing can be made of it. */
function decodeExtended(value: string): string | null {
  const match = /^([A-Za-z0-9_.:-]{1,40})?'[^']{0,40}'(.*)$/s.exec(value);
  const [, charset = 'utf-8', text = value] = match ?? [];
  return decodeBytes(unescapePercent(text), charset);
}

/** RFC 2231: a long name in numbered pieces, each with or without its own percent-encoding. */
function joined(parameters: ReadonlyMap<string, string>): string | null {
  const pieces: Buffer[] = [];
  let charset = 'utf-8';
  for (let i = 0; i < MAX_PARAMETERS; i++) {
    const encoded = parameters.get(`filename*${i}*`);
    const piece = encoded ?? parameters.get(`filename*${i}`);
    if (piece === undefined) break;
    const head = i === 0 && encoded !== undefined ? /^([^']{0,40})'[^']{0,40}'/.exec(piece) : null;
    if (head?.[1]) charset = head[1];
    const text = piece.slice(head?.[0].length ?? 0);
    pieces.push(encoded === undefined ? Buffer.from(text, 'latin1') : unescapePercent(text));
  }
  return pieces.length === 0 ? null : decodeBytes(Buffer.concat(pieces), charset);
}

function plain(parameters: ReadonlyMap<string, string>): string | null {
  const value = parameters.get('filename') ?? parameters.get('name');
  if (value === undefined) return null;
  if (value.includes('=?')) return decodeWords(value);
  const bytes = /%[0-9a-f]{2}/i.test(value) ? unescapePercent(value) : Buffer.from(value, 'latin1');
  // A name that only looks percent-encoded stays as it is.
  return decodeBytes(bytes, 'utf-8') ?? decodeBytes(Buffer.from(value, 'latin1'), 'windows-1252');
}

/** Longer than the longest file name in any charset. */
const MAX_WORD = 4096;

/** RFC 2047, as mail programs write names: `=?charset?B?base64?=`. One pass; what is no such word stays. */
function decodeWords(value: string): string {
  const text = value.replace(/\?=\s{1,10}=\?/g, '?==?');
  let decoded = '';
  let at = 0;
  for (let start = text.indexOf('=?'); start !== -1; start = text.indexOf('=?', at)) {
    const [charset = '', kind = '', content = ''] = text.slice(start + 2, start + MAX_WORD).split('?', 3);
    const size = 2 + charset.length + 1 + kind.length + 1 + content.length;
    const ends = text.startsWith('?=', start + size);
    const word = ends ? decodeWord(charset, kind, content) : null;
    const next = word === null ? start + 2 : start + size + 2;
    decoded += text.slice(at, start) + (word ?? text.slice(start, next));
    at = next;
  }
  return decoded + text.slice(at);
}

function decodeWord(charset: string, kind: string, content: string): string | null {
  if (!/^[\w.:-]{1,40}$/.test(charset) || !/^[BQ]$/i.test(kind)) return null;
  const bytes =
    kind.toUpperCase() === 'B'
      ? Buffer.from(content, 'base64')
      : unescapePercent(content.replaceAll('_', ' ').replace(/=([0-9A-Fa-f]{2})/g, '%$1'));
  return decodeBytes(bytes, charset);
}

function unescapePercent(text: string): Buffer {
  return Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

function decodeBytes(bytes: Buffer, charset: string): string | null {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
