/**
 * The text of a broadcast for one contact. `{name}` and `{any column}` are filled in, `{name|Kak}` with a default;
 * of `{{Halo|Hai}}` one alternative is taken, which may hold placeholders; `{{x}}` is another spelling of `{x}`.
 * Whatever is none of these stays as it was written. Pure: the same seed gives the same text.
 */
import { createHash } from 'node:crypto';
import { foldColumn, isNameColumn, isNumberColumn } from '../contacts/columns.ts';

type Part =
  | { kind: 'text'; text: string }
  /** `folded`: the name in the spelling in which columns are compared */
  | { kind: 'placeholder'; name: string; folded: string; fallback: string | null }
  | { kind: 'choice'; options: readonly (readonly Part[])[] };

export interface CompiledTemplate {
  readonly parts: readonly Part[];
  /** every placeholder, in the order of the text, each once */
  readonly placeholders: readonly string[];
  /** how many places are filled in, those in alternatives included */
  readonly fills: number;
  /** how many spintax groups it has, inner ones included */
  readonly choices: number;
}

/** The values of a template. */
export interface RenderContact {
  /** E.164 digits */
  phone: string;
  name: string | null;
  fields: Readonly<Record<string, string>>;
}

/** A contact whose columns are folded when a placeholder asks for the first one. */
export interface FoldedContact extends RenderContact {
  folded(): ReadonlyMap<string, string>;
}

export interface Rendered {
  /** at most MAX_RENDERED_LENGTH characters */
  text: string;
  /** there would have been more */
  tooLong?: true;
  /** the alternatives that were taken, from 1, in the order of the text: `2.1`; null without spintax */
  variant: string | null;
  /** placeholders that the contact has no value for and the text no default; they are left empty */
  missing: string[];
}

/** WhatsApp's own limit for one text. */
export const MAX_RENDERED_LENGTH = 65_536;
/** Spintax inside of spintax inside of …: deeper than anybody writes. */
const MAX_DEPTH = 5;
/** Characters of a placeholder with its default. */
const MAX_PLACEHOLDER = 500;
const PLACEHOLDER = /^[^{}|\r\n]{1,60}$/;

/** Reads a template once, to fill it in many times. Never throws: what is not understood is text. */
export function compileTemplate(text: string): CompiledTemplate {
  const parts = parse({ text, closes: matchBraces(text) }, { from: 0, to: text.length }, 0);
  const placeholders = new Set<string>();
  let fills = 0;
  let choices = 0;
  const visit = (list: readonly Part[]) => {
    for (const part of list) {
      if (part.kind === 'placeholder') {
        fills++;
        placeholders.add(part.name);
      }
      if (part.kind !== 'choice') continue;
      choices++;
      for (const option of part.options) visit(option);
    }
  };
  visit(parts);
  return { parts, placeholders: [...placeholders], fills, choices };
}

/** Folding the columns costs more than all the rest: this way it is done once for a contact, however many texts it gets. */
export function foldContact(contact: RenderContact): FoldedContact {
  let made: ReadonlyMap<string, string> | undefined;
  return { ...contact, folded: () => (made ??= foldFields(contact)) };
}

/** Fills in a template. `seed` decides the alternatives: for campaigns that of the campaign and the position. */
export function renderTemplate(
  template: string | CompiledTemplate,
  contact: RenderContact | FoldedContact,
  seed: string,
): Rendered {
  const values = 'folded' in contact ? contact : foldContact(contact);
  const { parts } = typeof template === 'string' ? compileTemplate(template) : template;
  const taken: number[] = [];
  const missing = new Set<string>();
  const pieces: string[] = [];
  let length = 0;
  const add = (piece: string) => {
    length += piece.length;
    pieces.push(piece);
  };
  const fill = (list: readonly Part[]): void => {
    for (const part of list) {
      // A text that is too long is not sent: nothing more of it is needed.
      if (length > MAX_RENDERED_LENGTH) return;
      if (part.kind === 'text') add(part.text);
      else if (part.kind === 'choice') {
        const at = choose(seed, taken.length, part.options.length);
        taken.push(at + 1);
        fill(part.options[at] ?? []);
      } else {
        const value = valueFor(values, part);
        if (value === null && part.fallback === null) missing.add(part.name);
        add(value ?? part.fallback ?? '');
      }
    }
  };
  fill(parts);
  const text = pieces.join('').slice(0, MAX_RENDERED_LENGTH);
  const variant = taken.length === 0 ? null : taken.join('.');
  const rendered: Rendered = { text, variant, missing: [...missing] };
  return length > MAX_RENDERED_LENGTH ? { ...rendered, tooLong: true } : rendered;
}

/** Finds, contact by contact, the placeholders that stay empty: no value, and no default in the text. Fills nothing in. */
export function createEmptyFinder(text: string): (contact: RenderContact) => string[] {
  const needed = new Map<string, Extract<Part, { kind: 'placeholder' }>>();
  const visit = (list: readonly Part[]) => {
    for (const part of list) {
      if (part.kind === 'choice') for (const option of part.options) visit(option);
      else if (part.kind === 'placeholder' && part.fallback === null) needed.set(part.name, part);
    }
  };
  visit(compileTemplate(text).parts);
  return (contact) => {
    const folded = foldContact(contact);
    return [...needed.values()].filter((part) => valueFor(folded, part) === null).map(({ name }) => name);
  };
}

/** The same for the same seed and group; every alternative is as likely as the others. */
function choose(seed: string, group: number, options: number): number {
  return createHash('sha256').update(`${seed}:${group}`).digest().readUInt32BE(0) % options;
}

/** A column by its name, then in another spelling, then what the name and the number may be called. */
function valueFor(contact: FoldedContact, placeholder: { name: string; folded: string }): string | null {
  const { phone, name, fields } = contact;
  const exact = Object.hasOwn(fields, placeholder.name) ? fields[placeholder.name] : undefined;
  if (exact !== undefined) return exact;
  const folded = contact.folded().get(placeholder.folded);
  if (folded !== undefined) return folded;
  if (isNameColumn(placeholder.name)) return name;
  return isNumberColumn(placeholder.name) ? phone : null;
}

function foldFields(contact: RenderContact): ReadonlyMap<string, string> {
  const made = new Map<string, string>();
  for (const [column, value] of Object.entries(contact.fields)) {
    const folded = foldColumn(column);
    if (!made.has(folded)) made.set(folded, value);
  }
  return made;
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
  return { part: { kind: 'placeholder', name, folded: foldColumn(name), fallback }, end: at + close + 1 };
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
  return { part: { kind: 'placeholder', name, folded: foldColumn(name), fallback: null }, end };
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
