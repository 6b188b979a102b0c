/** JSON Schema -> values that pass it, nearly pass it, or have nothing to do with it. */
import fc from 'fast-check';

export type JsonSchema = Record<string, unknown>;

/** What finds weak places in parsers, databases and number columns. */
const HOSTILE: readonly unknown[] = [
  null,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e',
  '💥'.repeat(300),
  "'; drop table messages; --",
  '../../etc/passwd',
  '%00%2e%2e',
  '{otp}{{company}}',
  '__proto__',
  '628123456789@s.whatsapp.net',
  '120363012345678901@g.us',
  '1@lid',
  'file:///etc/passwd',
  'http://127.0.0.1:1/',
  'data:;base64,',
  'data:text/plain;base64,aGVsbG8=',
  'x'.repeat(70_000),
  -1,
  0,
  2_147_483_648,
  Number.MAX_SAFE_INTEGER + 1,
  1e308,
  true,
  [],
  [[]],
  {},
  { __proto__: null, constructor: 'x' },
  { $gt: '' },
];

export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
);

/** Values that are known to the service under test, by the name of their field. */
export type Known = (name: string) => readonly unknown[];

/** How often a value has nothing to do with its schema: of 20. */
export type Hostility = 0 | 4;

/** Values for one schema; `$ref` is looked up in `components`. */
export function valuesOf(
  schema: JsonSchema,
  components: Record<string, JsonSchema>,
  known: Known,
  hostility: Hostility,
): fc.Arbitrary<unknown> {
  const of = (part: JsonSchema, name: string, depth: number): fc.Arbitrary<unknown> => {
    const fitting = fits(part, name, depth);
    const usual = known(name);
    const choices: fc.WeightedArbitrary<unknown>[] = [
      { weight: usual.length === 0 ? 20 : 4, arbitrary: fitting },
      { weight: hostility, arbitrary: hostile },
    ];
    if (usual.length > 0) choices.push({ weight: 16, arbitrary: fc.constantFrom(...usual) });
    return fc.oneof(...choices.filter(({ weight }) => weight > 0));
  };

  function fits(part: JsonSchema, name: string, depth: number): fc.Arbitrary<unknown> {
    if (depth > 6) return fc.constant(null);
    if (typeof part.$ref === 'string') {
      return fits(components[part.$ref.split('/').at(-1) ?? ''] ?? {}, name, depth + 1);
    }
    if ('const' in part) return fc.constant(part.const);
    if (Array.isArray(part.enum)) return fc.constantFrom(...part.enum);
    const options = schemasOf(part.anyOf ?? part.oneOf);
    if (options.length > 0) return fc.oneof(...options.map((option) => fits(option, name, depth + 1)));
    switch (part.type) {
      case 'string':
        return texts(part);
      case 'integer':
        return fc.integer(boundsOf(part));
      case 'number':
        return fc.double({ ...boundsOf(part), noNaN: true, noDefaultInfinity: true });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case 'array':
        return fc.array(of(toSchema(part.items), name, depth + 1), {
          minLength: numberOf(part.minItems, 0),
          maxLength: Math.min(numberOf(part.maxItems, 4), numberOf(part.minItems, 0) + 4),
        });
      case 'object':
        return objects(part, depth);
      default:
        return hostile;
    }
  }

  function objects(part: JsonSchema, depth: number): fc.Arbitrary<unknown> {
    const required = new Set(Array.isArray(part.required) ? part.required : []);
    const model = Object.entries(toSchema(part.properties)).map(([name, property]) => {
      const value = of(toSchema(property), name, depth + 1);
      return sometimes(name, value, required.has(name) ? (hostility === 0 ? 100 : 95) : 20);
    });
    const record = fc.tuple(...model).map((fields) => Object.fromEntries(fields.flat()));
    if (part.additionalProperties === undefined || part.additionalProperties === false) return record;
    const others = fc.dictionary(
      fc.string({ maxLength: 40 }),
      of(toSchema(part.additionalProperties), '', depth + 1),
      {
        maxKeys: 3,
      },
    );
    return fc.tuple(record, others).map(([named, more]) => ({ ...more, ...named }));
  }

  return of(schema, '', 0);
}

/** A field that is there in so many of 100 cases: many optional ones at once rarely make a request that passes. */
const sometimes = (name: string, value: fc.Arbitrary<unknown>, percent: number): fc.Arbitrary<Field[]> =>
  fc.oneof(
    { weight: percent, arbitrary: value.map((given) => one(name, given)) },
    { weight: 100 - percent, arbitrary: fc.constant<Field[]>([]) },
  );

type Field = [name: string, value: unknown];
const one = (name: string, value: unknown): Field[] => [[name, value]];

function texts(part: JsonSchema): fc.Arbitrary<string> {
  const minLength = numberOf(part.minLength, 0);
  const maxLength = Math.max(minLength, Math.min(numberOf(part.maxLength, 60), minLength + 60));
  const any = fc.oneof(
    fc.string({ minLength, maxLength }),
    fc.string({ minLength, maxLength, unit: 'grapheme' }),
  );
  switch (part.format) {
    case 'date-time':
      return fc
        .date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString());
    case 'email':
      return fc.emailAddress();
    case 'uri':
      return fc.webUrl();
    case 'ipv4':
      return fc.ipV4();
    case 'ipv6':
      return fc.ipV6();
    default:
      return typeof part.pattern === 'string' ? fc.oneof(matching(part.pattern), any) : any;
  }
}

/** fast-check does not know every construct of a regular expression. */
function matching(pattern: string): fc.Arbitrary<string> {
  try {
    return fc.stringMatching(new RegExp(pattern));
  } catch {
    return fc.string();
  }
}

function boundsOf(part: JsonSchema): { min: number; max: number } {
  const min = numberOf(part.minimum ?? part.exclusiveMinimum, -1_000);
  const max = numberOf(part.maximum ?? part.exclusiveMaximum, 1_000_000);
  return part.type === 'integer' ? { min: Math.ceil(min), max: Math.floor(max) } : { min, max };
}

const numberOf = (value: unknown, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;

/** Safe because a JSON Schema's parts are schemas; what is none has no properties. */
const toSchema = (value: unknown): JsonSchema => (value ?? {}) as JsonSchema;

const schemasOf = (value: unknown): JsonSchema[] => (Array.isArray(value) ? value.map(toSchema) : []);
