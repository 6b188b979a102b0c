/** The inputs that a zod schema takes, as far as it can be seen before it runs: kinds, lengths, names. */
import { z } from 'zod';

export type Kind = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'null';

export interface Shape {
  /** empty: anything */
  kinds: ReadonlySet<Kind>;
  maxLength: number;
  maxItems: number;
  properties: ReadonlyMap<string, Shape>;
  /** of names that are not declared; null: they are left alone */
  rest: Shape | null;
  items: Shape;
}

/** WhatsApp's limit of a text, which is the longest thing that any field holds. */
const DEFAULT_MAX_LENGTH = 65_536;
/** Of what is matched against a pattern, a format or a list of words. */
const MATCHED_MAX_LENGTH = 1_000;
const DEFAULT_MAX_ITEMS = 10_000;

type Json = Record<string, unknown>;

/** The shape of a schema of which nothing is known. */
export const ANYTHING: Shape = {
  kinds: new Set(),
  maxLength: DEFAULT_MAX_LENGTH,
  maxItems: DEFAULT_MAX_ITEMS,
  properties: new Map(),
  get rest() {
    return ANYTHING;
  },
  get items() {
    return ANYTHING;
  },
};

/** Reads a schema once, to look at many inputs. */
export function shapeOf(schema: z.ZodType): Shape {
  const json = toJson(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return read(json, toJson(json.$defs), 0);
}

/** Whether an object of this schema may have names that it does not declare. */
export function takesAnyName(schema: z.ZodType): boolean {
  return shapeOf(schema).rest !== null;
}

function read(schema: Json, definitions: Json, depth: number): Shape {
  // None of our schemas is nested as deeply, unless it holds itself.
  if (depth > 20) return ANYTHING;
  const inner = (value: unknown) => read(toJson(value), definitions, depth + 1);
  if (typeof schema.$ref === 'string') return inner(definitions[schema.$ref.replace('#/$defs/', '')]);
  const { anyOf, oneOf, allOf } = schema;
  const options = [anyOf, oneOf, allOf].flatMap((list) => (Array.isArray(list) ? list : []));
  if (options.length > 0) return options.map(inner).reduce(join);
  const kinds = kindsOf(schema);
  if (kinds.size === 0) return ANYTHING;
  return {
    kinds,
    maxLength: maxLengthOf(schema),
    maxItems: typeof schema.maxItems === 'number' ? schema.maxItems : DEFAULT_MAX_ITEMS,
    properties: new Map(
      Object.entries(toJson(schema.properties)).map(([name, value]) => [name, inner(value)]),
    ),
    rest: isSchema(schema.additionalProperties) ? inner(schema.additionalProperties) : null,
    items: isSchema(schema.items) ? inner(schema.items) : ANYTHING,
  };
}

function kindsOf({ type, enum: words, const: word }: Json): ReadonlySet<Kind> {
  const named = Array.isArray(type) ? type : type === undefined ? [] : [type];
  const values = Array.isArray(words) ? words : word === undefined ? [] : [word];
  const all = named.length > 0 ? named : values.map((value) => (value === null ? 'null' : typeof value));
  return new Set(all.map((name) => (name === 'integer' ? 'number' : name) as Kind));
}

function maxLengthOf({ maxLength, pattern, format, enum: words }: Json): number {
  if (typeof maxLength === 'number') return maxLength;
  const isMatched = pattern !== undefined || format !== undefined || words !== undefined;
  return isMatched ? MATCHED_MAX_LENGTH : DEFAULT_MAX_LENGTH;
}

/** A shape for the inputs that either takes. */
function join(a: Shape, b: Shape): Shape {
  if (a === ANYTHING || b === ANYTHING) return ANYTHING;
  const properties = new Map(a.properties);
  for (const [name, shape] of b.properties) {
    const known = properties.get(name);
    properties.set(name, known === undefined ? shape : join(known, shape));
  }
  return {
    kinds: new Set([...a.kinds, ...b.kinds]),
    maxLength: Math.max(textLength(a), textLength(b)),
    maxItems: Math.max(a.kinds.has('array') ? a.maxItems : 0, b.kinds.has('array') ? b.maxItems : 0),
    properties,
    rest: a.rest === null ? b.rest : b.rest === null ? a.rest : join(a.rest, b.rest),
    items: !a.kinds.has('array') ? b.items : !b.kinds.has('array') ? a.items : join(a.items, b.items),
  };
}

const textLength = (shape: Shape) => (shape.kinds.has('string') ? shape.maxLength : 0);

const isSchema = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** Safe because the parts of a JSON Schema are objects; what is none has no keywords. */
const toJson = (value: unknown): Json => Object(value) as Json;
