/** How the numbers of a workbook are shown (ECMA-376, 18.8): as a date, with zeros in front, or as they are. */
import { DAY_MS } from '../../../../utils/durations.ts';
import type { Archive } from './archive.ts';

export type Shown = { kind: 'number' } | { kind: 'date' } | { kind: 'padded'; digits: number };

const PLAIN: Shown = { kind: 'number' };
/** Days from 1899-12-30, which makes up for a day that never was, and from 1904-01-01. */
const EPOCH_1900 = Date.UTC(1899, 11, 30);
const EPOCH_1904 = Date.UTC(1904, 0, 1);
const MAX_STYLES = 100_000;

/** By the number of a cell's style. */
export async function readFormats(archive: Archive): Promise<Shown[]> {
  const custom = new Map<number, string>();
  const styles: Shown[] = [];
  let inCells = false;
  await archive.read('xl/styles.xml', {
    open(name, { numFmtId, formatCode }) {
      if (name === 'numFmt') custom.set(Number(numFmtId), formatCode ?? '');
      if (name === 'cellXfs') inCells = true;
      if (name !== 'xf' || !inCells || styles.length >= MAX_STYLES) return;
      styles.push(shownAs(Number(numFmtId), custom.get(Number(numFmtId))));
    },
    close(name) {
      if (name === 'cellXfs') inCells = false;
    },
  });
  return styles;
}

function shownAs(id: number, code: string | undefined): Shown {
  if ((id >= 14 && id <= 22) || (id >= 45 && id <= 47)) return { kind: 'date' };
  if (code === undefined) return PLAIN;
  if (/^0{2,20}$/.test(code)) return { kind: 'padded', digits: code.length };
  // Text in quotes or brackets, or after a backslash, is no part of a date.
  const bare = withoutLiterals(code.slice(0, 255));
  return /[ymdhs]/i.test(bare) && !/[#0?]/.test(bare.replace(/s\.0+/i, '')) ? { kind: 'date' } : PLAIN;
}

/** One pass over a format: a literal ends at its closing sign, or with the format. */
function withoutLiterals(code: string): string {
  let bare = '';
  for (let at = 0; at < code.length; at++) {
    const sign = code[at] ?? '';
    const end = sign === '"' ? code.indexOf('"', at + 1) : sign === '[' ? code.indexOf(']', at) : -1;
    if (sign === '\\') at += 1;
    else if (end !== -1) at = end;
    else bare += sign;
  }
  return bare;
}

/** The text of a cell's number. Whole numbers have no exponent: a phone number may be one. */
export function numberText(value: string, shown: Shown = PLAIN, from1904: boolean): string {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) return value;
  if (shown.kind === 'date') return dateText(number, from1904);
  const text = Number.isSafeInteger(number) ? number.toFixed(0) : value.trim();
  return shown.kind === 'padded' ? text.padStart(shown.digits, '0') : text;
}

function dateText(days: number, from1904: boolean): string {
  const at = new Date((from1904 ? EPOCH_1904 : EPOCH_1900) + Math.round(days * DAY_MS));
  if (Number.isNaN(at.getTime())) return String(days);
  const iso = at.toISOString();
  if (days < 1) return iso.slice(11, 16);
  return Number.isInteger(days) ? iso.slice(0, 10) : iso.slice(0, 16).replace('T', ' ');
}
