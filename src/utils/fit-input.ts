/**
 * What comes from outside, before a schema looks at it: nothing in it is longer than the schema takes, and what could be
 * written no other way (numbers in forms, numbers where a text is meant) is spelled as the schema wants it.
 */

import { z } from 'zod';
import { parseJson, UnreadableText } from './json.ts';
import { misspeltName } from './near-name.ts';
import { fieldsOf } from './own.ts';
import { type Shape, shapeOf } from './schema-shape.ts';

/** `form`: all of its values are texts. */
export type InputKind = 'json' | 'form';

/** Spaces around a text, which most schemas cut off before they count. */
const MAX_SPACES = 1_000;
/** Names in one object: five times the columns that a contact may have. */
export const MAX_NAMES = 1_000;
const MAX_NAME_LENGTH = 200;
/** Further ones would not help. */
const MAX_PROBLEMS = 50;
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);
const NUMBER = /^-?\d{1,15}(?:\.\d{1,15})?$/;

/** A name in the input that the schema does not declare, where it takes no names of the caller's own. */
export interface UnknownName {
  path: readonly PropertyKey[];
  name: string;
  /** those that are declared there */
  known: Iterable<string>;
  /** the declared name that was probably meant; null: none */
  meant: string | null;
  /** the name holds nothing, or what was probably meant is given as well */
  isSpare: boolean;
}

/** Whether nothing is lost when `name` of this object is ignored, where `meant` was meant. */
export function isSpare(object: object, name: string, meant: string): boolean {
  return Reflect.get(object, name) === null || (Reflect.get(object, meant) ?? null) !== null;
}

export interface Problem {
  path: PropertyKey[];
  message: string;
}

/** What a schema may look at, or what keeps it from looking. */
export interface FittedInput {
  value: unknown;
  problems: Problem[];
  /** each name once for all rows of a list, twice where it is spare in some of them; not more than 50 */
  unknown: UnknownName[];
}

/** Fits inputs to a schema that is read once. */
export function fitterOf(schema: z.ZodType, kind: InputKind): (input: unknown) => FittedInput {
  let shape: Shape | undefined;
  return (input) => {
    // Read at the first input: reading those of all routes would be a third of the service's start.
    shape ??= shapeOf(schema);
    if (isPlain(input, shape)) return { value: input, problems: [], unknown: [] };
    const notes = createNotes();
    const value = fitValue(input, { ...notes, shape, path: [], kind });
    return { value, problems: notes.problems, unknown: notes.unknown };
  };
}

/**
 * The schema, run only on input whose texts, lists and names are within its bounds: zod would run patterns and
 * refinements on a text of any length, and look into a list of any length before it counts it.
 */
export function fitted<S extends z.ZodType>(schema: S, kind: InputKind): z.ZodType<z.output<S>> {
  const toFitted = fitterOf(schema, kind);
  return z.preprocess((input, ctx) => {
    const { value, problems } = toFitted(input);
    for (const problem of problems) ctx.addIssue({ code: 'custom', ...problem });
    return value;
  }, schema);
}

/** Texts under declared names, none too long, as most inputs are: nothing in it is to be changed or refused. */
function isPlain(input: unknown, shape: Shape): boolean {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return false;
  if (!wants(shape, 'object')) return false;
  const fields = fieldsOf(input);
  for (const name of Object.keys(fields)) {
    const inner = shape.properties.get(name);
    const value = fields[name];
    if (inner === undefined || typeof value !== 'string' || !fits(value, inner)) return false;
  }
  return true;
}

interface Notes {
  fail(path: PropertyKey[], message: string): void;
  meet(name: MetName, shape: Shape): void;
}

type MetName = Pick<UnknownName, 'path' | 'name'> & { object: object };

interface Place extends Notes {
  shape: Shape;
  path: PropertyKey[];
  kind: InputKind;
}

function createNotes(): Notes & Pick<FittedInput, 'problems' | 'unknown'> {
  const problems: Problem[] = [];
  const unknown: UnknownName[] = [];
  const met = new Map<Shape, Map<string, { meant: string | null; told: Set<boolean> }>>();
  return {
    problems,
    unknown,
    fail(path, message) {
      if (problems.length < MAX_PROBLEMS) problems.push({ path, message });
    },
    meet({ path, name, object }, shape) {
      if (unknown.length >= MAX_PROBLEMS) return;
      const names = met.get(shape) ?? new Map();
      met.set(shape, names);
      const known = shape.properties.keys();
      // Looked for once for all rows of a list.
      const { meant, told } = names.get(name) ?? { meant: misspeltName(name, known), told: new Set() };
      names.set(name, { meant, told });
      const spare = meant === null || isSpare(object, name, meant);
      if (told.has(spare)) return;
      told.add(spare);
      unknown.push({ path, name, known: shape.properties.keys(), meant, isSpare: spare });
    },
  };
}

function fitValue(value: unknown, place: Place): unknown {
  const { shape } = place;
  if (typeof value === 'string') return fitText(value, place);
  if (typeof value === 'number') return wants(shape, 'string', 'number') ? toText(value) : value;
  if (Array.isArray(value)) return wants(shape, 'array') ? fitList(value, place) : value;
  if (typeof value === 'object' && value !== null)
    return wants(shape, 'object') ? fitObject(value, place) : value;
  return value;
}

/** Whether the schema takes this kind, and not that one. */
function wants({ kinds }: Shape, kind: 'string' | 'array' | 'object', otherThan?: 'number'): boolean {
  if (otherThan !== undefined) return kinds.has(kind) && !kinds.has(otherThan);
  return kinds.size === 0 || kinds.has(kind);
}

/** A number that JSON has kept whole; others stay what they are, and are refused. */
function toText(value: number): unknown {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value : String(value);
}

function fitText(text: string, place: Place): unknown {
  const { shape, path, fail } = place;
  if (!wants(shape, 'string')) return toOther(text, place);
  if (!fits(text, shape)) fail(path, `must have at most ${shape.maxLength} characters`);
  return text;
}

/** A text that is wanted, and not too long. */
const fits = (text: string, shape: Shape): boolean =>
  wants(shape, 'string') && text.length <= shape.maxLength * 2 + MAX_SPACES;

/** A text where a number, a flag, a list or an object is wanted. */
function toOther(text: string, place: Place): unknown {
  const { kinds } = place.shape;
  const isForm = place.kind === 'form';
  const short = text.length > MAX_SPACES ? '' : text.trim();
  if (kinds.has('boolean') && isForm) return FLAGS.get(short.toLowerCase()) ?? text;
  if (kinds.has('number') && NUMBER.test(short)) return Number(short);
  const begin = text.trimStart()[0];
  if ((kinds.has('array') && begin === '[') || (kinds.has('object') && begin === '{'))
    return parsed(text, place);
  // A list of one has no brackets in a form.
  return isForm && kinds.has('array') ? fitValue([text], place) : text;
}

function parsed(text: string, place: Place): unknown {
  try {
    return fitValue(parseJson(text), place);
  } catch (error) {
    if (!(error instanceof UnreadableText)) throw error;
    place.fail(place.path, error.reason);
    return text;
  }
}

function fitList(list: readonly unknown[], place: Place): unknown {
  const { shape, path, fail } = place;
  if (list.length > shape.maxItems) {
    fail(path, `must have at most ${shape.maxItems} items`);
    return [];
  }
  return list.map((item, at) => fitValue(item, { ...place, shape: shape.items, path: [...path, at] }));
}

function fitObject(object: object, place: Place): unknown {
  const { shape, path, fail } = place;
  const entries = Object.entries(object);
  if (entries.length > MAX_NAMES) {
    fail(path, `must have at most ${MAX_NAMES} names`);
    return {};
  }
  let isChanged = false;
  for (const entry of entries) {
    const [name, value] = entry;
    const inner = shape.properties.get(name) ?? shape.rest;
    if (inner === null) place.meet({ path, name, object }, shape);
    else if (name.length > MAX_NAME_LENGTH || name === '__proto__') {
      fail(
        [...path, name.slice(0, 40)],
        `must have a name of at most ${MAX_NAME_LENGTH} characters, other than __proto__`,
      );
      entry[1] = undefined;
    } else if (typeof value !== 'string' || !fits(value, inner)) {
      entry[1] = fitValue(value, { ...place, shape: inner, path: [...path, name] });
    }
    isChanged ||= entry[1] !== value;
  }
  // Most are as the schema takes them.
  return isChanged ? Object.fromEntries(entries) : object;
}
