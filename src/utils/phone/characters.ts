/** Characters as people, spreadsheets and web pages write digits, plus signs, dashes and spaces -> ASCII. */

/** Invisible characters: zero-width and bidi marks, soft hyphens, byte order marks, fillers, control characters. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]|(?![\t\n\v\f\r\u0085])\p{Cc}/gu;
const LINE_BREAK = /[\t\n\v\f\r\u0085\u2028\u2029]/g;
const NON_ASCII = /[^\p{ASCII}]/u;
const OTHER = /[^\p{ASCII}]/gu;
const PLUS = new Set(['\uFE62', '\u207A', '\u2795']);
const DASH = /[\p{Pd}\u2212\u30FC]/u;
const DIGIT = /\p{Nd}/u;

/**
 * The text with every script's decimal digits, full-width forms, pluses, dashes and spaces in ASCII, without what is
 * invisible, trimmed. Line breaks and tabs become `\n`. Every other character stays. Linear.
 */
export function toPlainText(text: string): string {
  const visible = text.replace(INVISIBLE, '').replace(LINE_BREAK, '\n');
  return (NON_ASCII.test(visible) ? visible.replace(OTHER, toAscii) : visible).trim();
}

function toAscii(character: string): string {
  if (DIGIT.test(character)) return String(digitValue(character));
  if (PLUS.has(character)) return '+';
  const code = character.codePointAt(0) ?? 0;
  // Full-width forms are in the order of ASCII.
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
  if (DASH.test(character)) return '-';
  if (/\p{Zs}/u.test(character)) return ' ';
  if (character === '\u00B7' || character === '\u2022' || character === '\u066B') return '.';
  if (/[\u2018\u2019\u02BC\u00B4]/.test(character)) return "'";
  if (/[\u201C\u201D]/.test(character)) return '"';
  return character;
}

/** Unicode keeps the decimal digits of a script in a row from 0 to 9, and rows start at a 0. */
function digitValue(digit: string): number {
  const known = values.get(digit);
  if (known !== undefined) return known;
  const code = digit.codePointAt(0) ?? 0;
  let before = 0;
  while (DIGIT.test(String.fromCodePoint(code - before - 1))) before++;
  values.set(digit, before % 10);
  return before % 10;
}

/** By digit: Unicode has some 700. */
const values = new Map<string, number>();
