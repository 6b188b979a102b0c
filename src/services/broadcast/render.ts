/**
 * The text of a broadcast for one contact. `{name}` and `{any column}` are filled in, `{name|Kak}` with a default;
 * of `{{Halo|Hai}}` one alternative is taken, which may hold placeholders; `{{x}}` is another spelling of `{x}`.
 * Whatever is none of these stays as it was written. Pure: the same seed gives the same text.
 */
import { createHash } from 'node:crypto';
import { foldColumn, isNameColumn, isNumberColumn } from './columns.ts';

type Part =
  | { kind: 'text'; text: string }
  | { kind: 'placeholder'; name: string; fallback: string | null }
  | { kind: 'choice'; options: readonly (readonly Part[])[] };

export interface CompiledTemplate {
  readonly parts: readonly Part[];
  /** every placeholder, in the order of the text, each once */
  readonly placeholders: readonly string[];
  /** how many spintax groups it has, inner ones included */
  readonly choices: number;
}

/** What a template is filled from. */
export interface RenderContact {
  /** E.164 digits */
  phone: string;
  name: string | null;
  fields: Readonly<Record<string, string>>;
}

export interface Rendered {
  text: string;
  /** the alternatives that were taken, from 1, in the order of the text: `2.1`; null without spintax */
  variant: string | null;
  /** placeholders that the contact has no value for and the text no default; they are left empty */
  missing: string[];
}

/** Spintax inside of spintax inside of …: deeper than anybody writes. */
const MAX_DEPTH = 5;
/** Characters of a placeholder with its default. */
const MAX_PLACEHOLDER = 500;
const PLACEHOLDER = /^[^{}|\r\n]{1,60}$/;

/** Reads a template once, to fill it in many times. Never throws: what is not understood is text. */
export function compileTemplate(text: string): CompiledTemplate {
  const parts = parse({ text, closes: matchBraces(text) }, { from: 0, to: text.length }, 0);
  const placeholders = new Set<string>();
  let choices = 0;
  const visit = (list: readonly Part[]) => {
    for (const part of list) {
      if (part.kind === 'placeholder') placeholders.add(part.name);
      if (part.kind !== 'choice') continue;
      choices++;
      for (const option of part.options) visit(option);
    }
  };
  visit(parts);
  return { parts, placeholders: [...placeholders], choices };
}

/** Fills in a template. `seed` decides the alternatives: for campaigns that of the campaign and the position. */
export function renderTemplate(
  template: string | CompiledTemplate,
  contact: RenderContact,
  seed: string,
): Rendered {
  const { parts } = typeof template === 'string' ? compileTemplate(template) : template;
  const taken: number[] = [];
  const missing = new Set<string>();
  const fill = (list: readonly Part[]): string => list.map(one).join('');
  const one = (part: Part): string => {
    if (part.kind === 'text') return part.text;
    if (part.kind === 'choice') {
      const at = choose(seed, taken.length, part.options.length);
      taken.push(at + 1);
      return fill(part.options[at] ?? []);
    }
    const value = valueFor(contact, part.name);
    if (value === null && part.fallback === null) missing.add(part.name);
    return value ?? part.fallback ?? '';
  };
  const text = fill(parts);
  const variant = taken.length === 0 ? null : taken.join('.');
  return { text, variant, missing: [...missing] };
}

/** The same for the same seed and group; every alternative is as likely as the others. */
function choose(seed: string, group: number, options: number): number {
  return createHash('sha256').update(`${seed}:${group}`).digest().readUInt32BE(0) % options;
}

/** A column by its name, then in another spelling, then what the name and the number may be called. */
function valueFor({ phone, name, fields }: RenderContact, placeholder: string): string | null {
  const exact = Object.hasOwn(fields, placeholder) ? fields[placeholder] : undefined;
  if (exact !== undefined) return exact;
  const folded = foldColumn(placeholder);
  for (const [column, value] of Object.entries(fields)) if (foldColumn(column) === folded) return value;
  if (isNameColumn(placeholder)) return name;
  return isNumberColumn(placeholder) ? phone : null;
}

/** A template with the place of the brace that closes each one: found once, so that reading stays linear. */
interface Source {
  text: string;
  closes: ReadonlyMap<number, number>;
}

interface Span {
  from: number;
  to: number;
}

function matchBraces(text: string): Map<number, number> {
  const closes = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') open.push(at);
    else if (text[at] === '}') {
      const start = open.pop();
      if (start !== undefined) closes.set(start, at);
    }
  }
  return closes;
}

function parse(source: Source, { from, to }: Span, depth: number): Part[] {
  const parts: Part[] = [];
  let plain = '';
  let at = from;
  while (at < to) {
    const found =
      source.text[at] === '{' ? (parseDouble(source, at, depth) ?? parseSingle(source.text, at, to)) : null;
    if (found === null) {
      plain += source.text[at];
      at++;
      continue;
    }
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    plain = '';
    parts.push(found.part);
    at = found.end;
  }
  if (plain !== '') parts.push({ kind: 'text', text: plain });
  return parts;
}

interface Found {
  part: Part;
  /** where the text goes on */
  end: number;
}

function parseSingle(text: string, at: number, to: number): Found | null {
  const close = text.slice(at, Math.min(to, at + MAX_PLACEHOLDER)).indexOf('}');
  if (close < 0) return null;
  const inner = text.slice(at + 1, at + close);
  const bar = inner.indexOf('|');
  const name = (bar < 0 ? inner : inner.slice(0, bar)).trim();
  const fallback = bar < 0 ? null : inner.slice(bar + 1);
  if (!PLACEHOLDER.test(name) || fallback?.includes('{')) return null;
  return { part: { kind: 'placeholder', name, fallback }, end: at + close + 1 };
}

/** Two braces that are closed by two. */
function parseDouble(source: Source, at: number, depth: number): Found | null {
  const { text, closes } = source;
  const close = closes.get(at + 1);
  if (text[at + 1] !== '{' || close === undefined || closes.get(at) !== close + 1 || depth >= MAX_DEPTH)
    return null;
  const spans = splitOptions(source, { from: at + 2, to: close });
  const end = close + 2;
  if (spans.length > 1) {
    return { part: { kind: 'choice', options: spans.map((span) => parse(source, span, depth + 1)) }, end };
  }
  const name = text.slice(at + 2, close).trim();
  if (!PLACEHOLDER.test(name)) return null;
  return { part: { kind: 'placeholder', name, fallback: null }, end };
}

/** At the bars that are not inside of inner braces. */
function splitOptions({ text, closes }: Source, { from, to }: Span): Span[] {
  const spans: Span[] = [];
  let start = from;
  for (let at = from; at < to; at++) {
    if (text[at] === '{') at = closes.get(at) ?? at;
    else if (text[at] === '|') {
      spans.push({ from: start, to: at });
      start = at + 1;
    }
  }
  return [...spans, { from: start, to }];
}
