/** Examples of answers, made of their schemas: every field has a value that a reader would meet. */

type Json = Record<string, unknown>;

const AT = '2026-01-31T08:00:00.000Z';

/** Values by the name of the field, wherever they fit its schema. */
const VALUES: Readonly<Record<string, unknown>> = {
  session: 'my-session',
  sessionId: 'my-session',
  to: '+6281234567890',
  phoneNumber: '+6281234567890',
  phone: '+6281234567890',
  number: '+6281234567890',
  jid: '6281234567890@s.whatsapp.net',
  chat: '6281234567890@s.whatsapp.net',
  messageId: '3EB0A1B2C3D4E5F60718293A',
  otpId: '019c1234567870008000a1b2c3d4e5f6',
  campaignId: '019c1234567870008000a1b2c3d4e5f7',
  listId: '019c1234567870008000a1b2c3d4e5f8',
  id: '019c1234567870008000a1b2c3d4e5f9',
  requestId: '5f0c2a9e7b1d4c86',
  email: 'budi@example.com',
  name: 'Budi',
  text: 'Your order is on its way.',
  caption: 'Your order',
  message: 'Done',
  title: 'Menu',
  question: 'Which day suits you?',
  companyName: 'Toko Maju',
  company: 'Toko Maju',
  language: 'en',
  timezone: 'Asia/Jakarta',
  timeZone: 'Asia/Jakarta',
  status: 'connected',
  state: 'connected',
  mimetype: 'image/jpeg',
  filename: 'photo.jpeg',
  size: 48_213,
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  url: 'https://wahub.example.com/media/019c1234567870008000a1b2c3d4e5f6',
  qr: '2@Zm9vYmFy,YmF6,cXV4,1',
  qrCode: 'data:image/png;base64,iVBORw0KGgo=',
  token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl',
  secret: 'whsec_MDEyMzQ1Njc4OWFiY2RlZg==',
  ip: '203.0.113.7',
  page: 1,
  limit: 50,
  totalItems: 1,
  totalPages: 1,
  attempts: 1,
  maxAttempts: 3,
  attemptsLeft: 2,
  length: 6,
  errorCode: null,
  errorMessage: null,
  nextCursor: null,
  reason: null,
};

/** Words of a list that an example shows rather than the first. */
const WORDS: readonly unknown[] = [
  'connected',
  'sent',
  'queued',
  'active',
  'completed',
  'text',
  'out',
  'normal',
  'user',
];
const MAX_DEPTH = 12;

/** An example of what `schema` describes. `schemas`: the document's components. */
export function exampleOf(
  schema: Json,
  schemas: Readonly<Record<string, Json>>,
  name = '',
  depth = 0,
): unknown {
  const inner = (part: unknown, field: string) => exampleOf(toJson(part), schemas, field, depth + 1);
  if (depth > MAX_DEPTH) return null;
  if (typeof schema.$ref === 'string') return inner(schemas[schema.$ref.split('/').at(-1) ?? ''], name);
  if (schema.example !== undefined) return schema.example;
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum.find((word) => WORDS.includes(word)) ?? schema.enum[0];
  if (Array.isArray(schema.allOf)) return Object.assign({}, ...schema.allOf.map((part) => inner(part, name)));
  const options = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(options)) return ofOptions(options.map(toJson), name, inner);
  return ofKind(schema, name, inner);
}

function ofOptions(
  options: readonly Json[],
  name: string,
  inner: (part: unknown, field: string) => unknown,
): unknown {
  const mayBeNull = options.some(({ type }) => type === 'null');
  if (mayBeNull && Object.hasOwn(VALUES, name) && VALUES[name] === null) return null;
  return inner(options.find(({ type }) => type !== 'null') ?? options[0], name);
}

function ofKind(schema: Json, name: string, inner: (part: unknown, field: string) => unknown): unknown {
  const kinds = Array.isArray(schema.type) ? schema.type : [schema.type];
  const known = Object.hasOwn(VALUES, name) ? VALUES[name] : undefined;
  if (known === null && kinds.includes('null')) return null;
  if (kinds.includes('object')) {
    const properties = Object.entries(toJson(schema.properties));
    if (properties.length > 0)
      return Object.fromEntries(properties.map(([field, part]) => [field, inner(part, field)]));
    const rest = toJson(schema.additionalProperties);
    const names: unknown = toJson(schema.propertyNames).enum;
    if (Array.isArray(names))
      return Object.fromEntries(names.map((field) => [field, inner(rest, String(field))]));
    return Object.keys(rest).length === 0 ? {} : { 'my-session': inner(rest, 'my-session') };
  }
  if (kinds.includes('array')) return [inner(schema.items, name.replace(/s$/, ''))];
  if (kinds.includes('string')) return ofText(schema, known);
  if (kinds.includes('integer') || kinds.includes('number')) return ofNumber(schema, known);
  if (kinds.includes('boolean')) return true;
  return null;
}

function ofText({ format, minLength, maxLength }: Json, known: unknown): string {
  // The code of a country.
  if (maxLength === 2) return 'ID';
  if (format === 'date-time') return AT;
  if (format === 'date') return AT.slice(0, 10);
  if (typeof known === 'string') return known;
  return typeof minLength === 'number' && minLength > 4 ? 'text'.padEnd(minLength, 't') : 'text';
}

function ofNumber({ minimum }: Json, known: unknown): number {
  const value = typeof known === 'number' ? known : 1;
  return typeof minimum === 'number' && minimum > value ? minimum : value;
}

/** Safe because the parts of a JSON Schema are objects; what is none has no keywords. */
const toJson = (value: unknown): Json => Object(value) as Json;
