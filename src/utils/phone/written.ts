/** Takes a written number apart: links, JIDs, extensions and what a spreadsheet did to it. Nothing is guessed here. */
import { toPlainText } from './characters.ts';

/** The repair of a number before it could be read. */
export type Repair = 'apostrophe' | 'formula' | 'decimal' | 'exponent' | 'thousands';

/** Why a text is no phone number, before any numbering plan is asked. */
export type Flaw =
  | 'empty'
  | 'too_long'
  | 'digits_lost'
  | 'letters'
  | 'leftover'
  | 'two_numbers'
  | 'lid'
  | 'username'
  | 'group'
  | 'not_a_phone_jid';

export interface Written {
  /** ASCII digits, without the plus */
  digits: string;
  /** `plus`: international for certain; `jid`: WhatsApp's own digits; `bare`: that depends */
  form: 'plus' | 'jid' | 'bare';
  /** the digits as spaces, hyphens and brackets part them */
  groups: string[];
  repair: Repair | null;
}

/** Longer than every number with its link, its text or its marks. Checked before any pattern. */
export const MAX_WRITTEN = 400;

/** The digits that were written, or what is wrong with them. Linear in the text's length. */
export function readWritten(input: string): Written | Flaw {
  if (input.length > MAX_WRITTEN) return 'too_long';
  const text = toPlainText(input);
  if (text === '') return 'empty';
  if (isUsername(text)) return 'username';
  if (text.includes('@')) return fromJid(text);
  const clean = undoSpreadsheet(text);
  if (clean === null) return 'digits_lost';
  const read = fromLink(clean.text) ?? fromText(clean.text);
  return typeof read === 'string' ? read : { ...read, repair: clean.repair };
}

/** `@name`, as WhatsApp writes the name that a person chose. Whether it exists is not known here. */
export function isUsername(text: string): boolean {
  return /^@[\p{L}\p{N}._-]{1,64}$/u.test(text);
}

function fromJid(text: string): Written | Flaw {
  const [, digits, server] = /^\+?(\d{1,20})(?:[.:_]\d{1,5}){0,2}@([a-z.]{1,20})$/i.exec(text) ?? [];
  if (/@g\.us$/i.test(text)) return 'group';
  if (/@(?:hosted\.)?lid$/i.test(text)) return 'lid';
  if (digits === undefined || !/^(?:s\.whatsapp\.net|c\.us|hosted)$/i.test(server ?? '')) {
    return 'not_a_phone_jid';
  }
  return { digits, form: 'jid', groups: [digits], repair: null };
}

/** `1,234,567,890`, with decimals or without; with points only where a comma tells them from other points. */
const THOUSANDS = /^(\+?\d{1,3}(?:,\d{3}){2,}(?=(?:\.00?)?$)|\+?\d{1,3}(?:\.\d{3}){2,}(?=,00?$))/;
/** Fewer digits before `.0` may be a group of their own. */
const MIN_WITH_DECIMALS = 8;

/** Null when digits are lost. */
function undoSpreadsheet(text: string): { text: string; repair: Repair | null } | null {
  if (/^\+?\d+$/.test(text)) return { text, repair: null };
  const formula = /^="(.*)"$/.exec(text) ?? /^=(\+?\d+)$/.exec(text);
  if (formula?.[1] !== undefined) return repaired(formula[1], 'formula');
  if (/^["'][^\n]+$/.test(text) && text.length > 1 && text.endsWith(text.charAt(0))) {
    return repaired(text.slice(1, -1), 'apostrophe');
  }
  if (/^['`]/.test(text)) return repaired(text.slice(1), 'apostrophe');
  const decimal = /^(\+?\d{6,})[.,](0+)$/.exec(text);
  // Three zeros behind few digits may be thousands.
  if (decimal?.[1] !== undefined && ((decimal[2] ?? '').length < 3 || countDigits(decimal[1]) >= 10)) {
    return { text: decimal[1], repair: 'decimal' };
  }
  const spaced = /^([+\d ()-]*\d{3})[.,]00?$/.exec(text)?.[1];
  if (spaced !== undefined && countDigits(spaced) >= MIN_WITH_DECIMALS)
    return { text: spaced, repair: 'decimal' };
  const thousands = THOUSANDS.exec(text)?.[1];
  if (thousands !== undefined) return { text: thousands.replace(/[.,]/g, ''), repair: 'thousands' };
  const exponent = /^(\+?)(\d)(?:[.,](\d+))?[eE]\+?(\d{1,3})$/.exec(text);
  if (!exponent) return { text, repair: null };
  const [, plus = '', first = '', rest = '', power = ''] = exponent;
  // Zeros at the end are not written, so fewer digits than the power asks for may have been rounded away.
  const digits = Number(power);
  if (rest.length < digits || /[1-9]/.test(rest.slice(digits))) return null;
  return { text: `${plus}${first}${rest.slice(0, digits)}`, repair: 'exponent' };
}

function repaired(text: string, repair: Repair): { text: string; repair: Repair } | null {
  const trimmed = text.trim();
  const inner = /^[="'`]/.test(trimmed) ? { text: trimmed } : undoSpreadsheet(trimmed);
  return inner === null ? null : { text: inner.text, repair };
}

type Read = Omit<Written, 'repair'> | Flaw;

const CHAT_HOST =
  /^(?:https?:\/\/)?(?:www\.)?(?:wa\.me|(?:api|web|chat|www)\.whatsapp\.com|whatsapp\.com)\//i;
const CHAT_SCHEME = /^whatsapp:\/\/send\/?\?/i;
const SCHEME = /^(?:tel|sms|smsto|callto|whatsapp|wa):(?:\/\/)?/i;

/** A `wa.me` link or a URI such as `tel:`; null for what is none. */
function fromLink(text: string): Read | null {
  if (CHAT_HOST.test(text) || CHAT_SCHEME.test(text)) return fromChatLink(text);
  if (!SCHEME.test(text)) return null;
  return fromUri(decode(text.replace(SCHEME, '')));
}

/** `wa.me/62…`, `wa.me/c/62…` (a catalogue), `wa.me/p/<product>/62…`. */
const CHAT_PATH = /^(?:https?:\/\/)?(?:www\.)?wa\.me\/(?:c\/|p\/\w{1,40}\/)?([^/]+)\/?$/i;

const bareOf = (text: string) =>
  toPlainText(decode(text))
    .replace(/^\+/, '')
    .replace(/[\s()-]/g, '');

/** WhatsApp's links hold international numbers only. */
function fromChatLink(text: string): Read {
  const [path = '', query = ''] = text.split(/[?#]/, 2);
  const named = new URLSearchParams(query).getAll('phone');
  const inPath = CHAT_PATH.exec(path)?.[1];
  const all = new Set([...named, ...(inPath === undefined ? [] : [inPath])].map(bareOf));
  const [digits = ''] = all;
  if (all.size > 1) return 'two_numbers';
  return /^[1-9]\d+$/.test(digits) ? { digits, form: 'plus', groups: [digits] } : 'leftover';
}

/** RFC 3966: parameters follow semicolons; `phone-context` holds what a local number lacks. */
function fromUri(text: string): Read {
  const [number = '', ...parameters] = text.replace(/\?.*$/s, '').split(';');
  if (!parameters.every((parameter) => /^[a-z][a-z-]*(?:=[^=]*)?$/i.test(parameter))) return 'two_numbers';
  const context = parameters.find((parameter) => /^phone-context=\+/i.test(parameter));
  const read = fromText(number);
  if (context === undefined || typeof read === 'string' || read.form !== 'bare') return read;
  const digits = `${context.replace(/\D/g, '')}${read.digits}`;
  return { digits, form: 'plus', groups: [digits] };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `ext. 5`, `x5`, `#5`, `;ext=5`: WhatsApp knows no extensions, so that the number before it is the number. */
const EXTENSION =
  /(?:;ext=|[ ,;]{0,4}(?:(?<!\p{L})(?:ext(?:ension|ensi|n)?|ekst(?:ensi)?|anexo|interno|ramal|poste|доб(?:авочный)?|вн|внутр|분기|内线|内線|转)(?!\p{L})|(?<=[\d) ])(?:ext|x)|#)[.: ]{0,4})\d{1,6}#?$/iu;

function fromText(text: string): Read {
  const number = text.replace(EXTENSION, '').replace(/[,;]$/, '').trim();
  if (/\p{L}/u.test(number)) return 'letters';
  const first = number.search(/\d/);
  if (first < 0) return 'leftover';
  if (/[\n,;|&]/.test(number) || number.lastIndexOf('+') > first) return 'two_numbers';
  if (!/^[\d\s().\-/[\]+]*$/.test(number) || /\+.*\+/.test(number)) return 'leftover';
  // A spreadsheet took it for a sum: the digits are not those that were typed.
  if (/^[\s(]*-|^\+-/.test(number)) return 'leftover';
  if (!groupsBelong(number)) return 'leftover';
  const groups = number.match(/\d+/g);
  if (groups === null) return 'leftover';
  return { digits: groups.join(''), groups, form: /^\(?\s*\+/.test(number) ? 'plus' : 'bare' };
}

/** Digits in brackets or behind a slash belong to the number only where an area code is written so. */
function groupsBelong(number: string): boolean {
  if (/^\+?\d+$/.test(number)) return true;
  const brackets = number.replace(/\[/g, '(').replace(/\]/g, ')');
  if (!/^[^()]*(?:\([^()]*\)[^()]*)*$/.test(brackets)) return false;
  for (const match of brackets.matchAll(/\(/g)) {
    const before = countDigits(brackets.slice(0, match.index));
    const after = countDigits(brackets.slice(brackets.indexOf(')', match.index)));
    if (before > 7 || after < 4) return false;
  }
  if (hasDecimals(number)) return false;
  // `6281234567890-1`: a count follows a whole number.
  if (/\d{9}[^\d+]+\d{1,2}$/.test(number)) return false;
  const [area = '', rest, ...more] = number.split('/');
  if (rest === undefined) return true;
  return more.length === 0 && /^[0+(]/.test(area) && countDigits(area) <= 8 && countDigits(rest) >= 5;
}

const countDigits = (text: string) => text.replace(/\D/g, '').length;

/** `6281234567890.5` is a number with decimals; `06.12.34.56.78` and `0812.345.678.90` are not. */
function hasDecimals(number: string): boolean {
  if (/^\+?\d{8,}\.\d+$/.test(number)) return true;
  if (!/\d{3}\.\d{1,2}$/.test(number)) return false;
  return number.indexOf('.') === number.lastIndexOf('.') || /\.(?:\d|00)$/.test(number);
}
