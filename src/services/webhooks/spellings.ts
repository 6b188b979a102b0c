/** Texts as JSON, programs, URLs and HTML escape them. */

export interface Spelled {
  text: string;
  /** where each character begins and ends in the text that it was decoded from at first */
  from: readonly number[];
  to: readonly number[];
}

const ESCAPE =
  /\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\([\\"'/bfnrt])|&#(\d{1,7});|&#[xX]([0-9a-fA-F]{1,6});|&(amp|lt|gt|quot|apos|nbsp);|((?:%[0-9a-fA-F]{2})+)/g;
const CONTROLS: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
};
const MAX_CODE_POINT = 0x10ffff;

/** One level of escapes undone, in linear time; null when there are none. */
export function decode(spelled: Spelled): Spelled | null {
  const { text, from, to } = spelled;
  const plain: { text: string; from: number[]; to: number[] } = { text: '', from: [], to: [] };
  let done = 0;
  const copy = (end: number) => {
    plain.text += text.slice(done, end);
    for (; done < end; done++) {
      plain.from.push(from[done] ?? 0);
      plain.to.push(to[done] ?? 0);
    }
  };
  for (const match of text.matchAll(ESCAPE)) {
    const [whole] = match;
    copy(match.index);
    const meant = meaningOf(match);
    plain.text += meant;
    done += whole.length;
    for (let i = 0; i < meant.length; i++) {
      plain.from.push(from[match.index] ?? 0);
      plain.to.push(to[done - 1] ?? 0);
    }
  }
  if (done === 0) return null;
  copy(text.length);
  return plain;
}

function meaningOf(match: RegExpMatchArray): string {
  const [whole, unit, byte, escaped, decimal, hex, entity, octets] = match;
  const code = unit ?? byte;
  if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
  if (escaped !== undefined) return CONTROLS[escaped] ?? escaped;
  if (entity !== undefined) return ENTITIES[entity] ?? whole;
  if (octets !== undefined) return Buffer.from(octets.replaceAll('%', ''), 'hex').toString('utf8');
  const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
  return point <= MAX_CODE_POINT ? String.fromCodePoint(point) : whole;
}
