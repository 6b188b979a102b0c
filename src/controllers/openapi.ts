/** The OpenAPI 3.1 document, made of the same literals that are mounted. */
import { z } from 'zod';
import { ERROR_HELP } from '../utils/error-help.ts';
import { ERROR_STATUS, type ErrorCode } from '../utils/errors.ts';
import { exampleOf } from './answer-example.ts';
import { failureExample } from './error-page.tsx';
import { type Route, scopeOf } from './route.ts';
import { WEBHOOK_BODIES } from './webhook-events.ts';

type Json = Record<string, unknown>;

/** Of the API, not of the program: it changes when clients must. */
const API_VERSION = '1.0.0';

/** Error codes that routes of each kind may answer, in addition to their own. */
const COMMON: readonly ErrorCode[] = ['RATE_LIMITED', 'INTERNAL', 'UNAVAILABLE'];
const SECURITY: Record<Route['auth'], Json[]> = {
  public: [],
  credential: [{ bearer: [] }, { apiKey: [] }],
  jwt: [{ bearer: [] }],
  browser: [{ bearer: [] }, { apiKey: [] }, { cookie: [] }, { signedLink: [] }],
};

const Failure = z.object({
  success: z.literal(false),
  code: z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().describe('for a person'),
  error: z.string().describe('the same text as message'),
  hint: z.string().describe('what to do'),
  docUrl: z.string().describe('where the code is explained'),
  details: z
    .record(z.string(), z.unknown())
    .describe('which field and why, or what else a program may decide by'),
  warnings: z.array(z.string()).optional().describe('names in the request that mean nothing here'),
  requestId: z.string(),
});

const DESCRIPTION = `A WhatsApp gateway: many users, many numbers, one REST API.

Bodies are JSON in UTF-8, or forms (\`application/x-www-form-urlencoded\`, nested as in \`a[b]=1&list[]=x\`), of at most 256 KB; 16 MB where a file may come as a \`data:\` URL. Numbers are taken where a text is meant, and texts that are numbers where a number is.`;

/** Builds the document. Throws when two schemas of one name differ. */
export function buildOpenApi(routes: readonly Route[]): Json {
  const components = createComponents();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operationOf(route, components) };
  }
  components.add('Failure', Failure, 'output');
  return {
    openapi: '3.1.0',
    info: {
      title: 'WaHub',
      version: API_VERSION,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }, { url: '/api' }],
    tags: tagsOf(routes),
    paths,
    webhooks: webhooksOf(components),
    components: {
      schemas: components.schemas,
      examples: FAILURE_EXAMPLES,
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

/** What is on each tag, in the order in which a reader needs them. */
const TAGS: Readonly<Record<string, string>> = {
  Messages: 'Send every kind of message, and follow what became of it.',
  OTP: 'Login codes: send, check, resend, and how many arrive.',
  Sessions: 'Linked numbers: link one, see its state, pause it, set its pace.',
  Groups: 'Make groups and manage them: members, admins, settings, invite links.',
  Channels: 'The channels of a number. Posts go by the routes of messages.',
  Chats: 'Conversations: list them, read them, and keep them as the phone does.',
  Contacts: 'The people that a number knows: names, pictures, about texts, blocking.',
  Presence: 'Online, typing, and calls.',
  'Sender pools': 'Several sessions that send together.',
  Media: 'Files to send more than once.',
  Broadcast: 'Lists of contacts, campaigns, templates and opt-outs.',
  Webhooks: 'What happens, delivered to your own address.',
  Alerts: 'What needs a person, and who is told of it.',
  Analytics: 'Figures and logs.',
  Auth: 'Sign in, and API keys.',
  Workspace: 'The members of an account and what they may do.',
  Users: 'For administrators of the service.',
  Operations: 'Health, figures for monitoring, and this document.',
  'OTP API (older clients)': 'For programs that were written for the older OTP API.',
  'Broadcast API (older clients)': 'For programs that were written for the older broadcast API.',
};

function tagsOf(routes: readonly Route[]): Json[] {
  const names = new Set(routes.map((route) => route.tag));
  const ordered = [...Object.keys(TAGS).filter((name) => names.has(name)), ...names];
  return [...new Set(ordered)].map((name) => ({ name, ...(TAGS[name] ? { description: TAGS[name] } : {}) }));
}

const FAILURE_EXAMPLES: Json = Object.fromEntries(
  Object.keys(ERROR_HELP).map((code) => [
    code,
    { summary: ERROR_HELP[code as ErrorCode].meaning, value: failureExample(code as ErrorCode) },
  ]),
);

const HEADERS: Json = {
  RateLimit: {
    description:
      'What is left of the limit: `"<policy>";r=<requests left>;t=<seconds until the window ends>`.',
    schema: { type: 'string' },
    example: '"api";r=587;t=42',
  },
  RateLimitPolicy: {
    description: 'The limit that counts here: `"<policy>";q=<requests>;w=<window in seconds>`.',
    schema: { type: 'string' },
    example: '"api";q=600;w=60',
  },
  RetryAfter: {
    description: 'Whole seconds after which the same request may succeed.',
    schema: { type: 'integer' },
    example: 12,
  },
  RequestId: {
    description: 'The id of the request in every log; what you sent as `x-request-id`, or a new one.',
    schema: { type: 'string' },
    example: '5f0c2a9e7b1d4c86',
  },
  IdempotentReplayed: {
    description: '`true`: the first answer to this Idempotency-Key, again, or what has become of it since.',
    schema: { type: 'string' },
    example: 'true',
  },
  PreferenceApplied: {
    description: 'The preference of `Prefer` that was followed.',
    schema: { type: 'string' },
    example: 'wait=20',
  },
};

const headers = (...names: [string, string][]): Json =>
  Object.fromEntries(names.map(([name, component]) => [name, { $ref: `#/components/headers/${component}` }]));
const COMMON_HEADERS: [string, string][] = [['X-Request-Id', 'RequestId']];
const LIMIT_HEADERS: [string, string][] = [
  ['RateLimit', 'RateLimit'],
  ['RateLimit-Policy', 'RateLimitPolicy'],
];

/** Webhook bodies by event. */
function webhooksOf(components: Components): Json {
  return Object.fromEntries(
    Object.entries(WEBHOOK_BODIES).map(([event, { schema, examples }]) => {
      const named = Object.entries(examples ?? {}).map(([name, value]) => [name, { value }]);
      const content: Json = { schema: components.convert(schema, 'output') };
      if (named.length > 0) content.examples = Object.fromEntries(named);
      const requestBody = { required: true, content: { 'application/json': content } };
      const responses = { '2XX': { description: 'taken; anything else is tried again' } };
      const operationId = `webhook_${event.replace(/\W/g, '_')}`;
      return [event, { post: { tags: ['Webhooks'], summary: event, operationId, requestBody, responses } }];
    }),
  );
}

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  cookie: { type: 'apiKey', in: 'cookie', name: 'wahub_session', description: 'of the dashboard; GET only' },
  signedLink: {
    type: 'apiKey',
    in: 'query',
    name: 'sig',
    description: 'a link made by the service; GET only',
  },
};

interface Components {
  schemas: Record<string, Json>;
  /** The JSON schema of a part; what has a name goes to the components. */
  convert(schema: z.ZodType, io: 'input' | 'output'): Json;
  add(name: string, schema: z.ZodType, io: 'input' | 'output'): void;
}

function createComponents(): Components {
  const schemas: Record<string, Json> = {};
  const put = (name: string, value: Json) => {
    const text = JSON.stringify(value);
    if (schemas[name] !== undefined && JSON.stringify(schemas[name]) !== text) {
      throw new Error(`two different schemas are named ${name}`);
    }
    schemas[name] = value;
  };
  const convert = (schema: z.ZodType, io: 'input' | 'output'): Json => {
    const raw: Json = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
    const { $defs = {}, $schema: _version, id, ...rest } = raw;
    for (const [name, value] of Object.entries($defs as Record<string, Json>)) {
      const { id: _id, ...definition } = moveRefs(value);
      put(name, withoutUnicodePatterns(definition));
    }
    const moved = withoutUnicodePatterns(moveRefs(rest));
    if (typeof id !== 'string') return moved;
    put(id, moved);
    return { $ref: `#/components/schemas/${id}` };
  };
  return { schemas, convert, add: (name, schema, io) => put(name, convert(schema, io)) };
}

/**
 * Without patterns that name properties of characters (`\p{L}`): those need a flag that JSON Schema cannot say, and which
 * half of its readers do not set. The description of the field says what it takes.
 */
function withoutUnicodePatterns(schema: Json): Json {
  // Safe because JSON comes out as it went in, but for members that are left out.
  return JSON.parse(
    JSON.stringify(schema, (name, value) =>
      name === 'pattern' && typeof value === 'string' && value.includes('\\p{') ? undefined : value,
    ),
  ) as Json;
}

/** Safe because it only rewrites strings inside of what JSON made. */
function moveRefs(value: Json): Json {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}

function operationOf(route: Route, components: Components): Json {
  const operation: Json = {
    // A path under /api already is not under it twice.
    ...(route.path.startsWith('/api/') ? { servers: [{ url: '/' }] } : {}),
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, needs(route)].filter(Boolean).join('\n\n'),
    operationId: operationId(route),
    security: SECURITY[route.auth],
    responses: responsesOf(route, components),
  };
  const parameters = parametersOf(route, components);
  if (parameters.length > 0) operation.parameters = parameters;
  if (route.body) {
    const content: Json = { schema: components.convert(route.body, 'input') };
    if (route.example?.body) content.example = route.example.body;
    operation.requestBody = {
      required: !route.body.safeParse({}).success,
      content: {
        'application/json': content,
        ...(route.files ? { 'multipart/form-data': { schema: asForm(content.schema, route.files) } } : {}),
      },
    };
  }
  return operation;
}

/** The same body as a form, in which these fields are files. */
function asForm(schema: unknown, files: readonly string[]): Json {
  const object = toProperties(schema);
  const fileFields = files.map((name) => [name, { type: 'string', format: 'binary' }]);
  return { ...object, properties: { ...toProperties(object.properties), ...Object.fromEntries(fileFields) } };
}

/** `POST /session/qr/:sessionId` -> `postSessionQrSessionId`. */
function operationId({ method, path }: Route): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function needs(route: Route): string {
  if (route.role === 'admin') return 'Needs the role `admin`.';
  const scope = scopeOf(route);
  const keyed = route.auth === 'credential' || route.auth === 'browser';
  return keyed && scope !== null ? `An API key needs the scope \`${scope}\`.` : '';
}

function parametersOf(route: Route, components: Components): Json[] {
  const parameters = [
    ...fieldsOf(route.params, components).map((field) => parameter('path', field, route.example?.params)),
    ...fieldsOf(route.query, components).map((field) => parameter('query', field, route.example?.query)),
  ];
  if (route.prefer) parameters.push(PREFER[route.prefer]);
  if (route.idempotent) {
    parameters.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      schema: { type: 'string', minLength: 1, maxLength: 190 },
      example: 'order-4711-shipped',
      description: 'Kept for 24 h: the same key and request get the first answer again.',
    });
  }
  return parameters;
}

const prefer = (description: string, example: string): Json => ({
  name: 'Prefer',
  in: 'header',
  required: false,
  schema: { type: 'string', maxLength: 100 },
  description,
  example,
});
const PREFER: Readonly<Record<NonNullable<Route['prefer']>, Json>> = {
  wait: prefer(
    "`wait=N`, at most 60 seconds: the answer waits for WhatsApp's word. 200 with `sent`, an error with the reason and `details.messageId`, or 202 when the time runs out; the message goes on then. A repeat under the Idempotency-Key of a 202 waits for the same message.",
    'wait=20',
  ),
  'respond-async': prefer(
    '`respond-async`: 202 at once, with an address to ask how far it is.',
    'respond-async',
  ),
};

interface Field {
  name: string;
  required: boolean;
  schema: Json;
}

function fieldsOf(schema: z.ZodType | undefined, components: Components): Field[] {
  if (!schema) return [];
  const object = components.convert(schema, 'input');
  const required = new Set(Array.isArray(object.required) ? object.required : []);
  return Object.entries(toProperties(object.properties)).map(([name, property]) => ({
    name,
    required: required.has(name),
    schema: property,
  }));
}

/** Safe because JSON Schema's `properties` holds a schema for each name. */
function toProperties(value: unknown): Record<string, Json> {
  return (value ?? {}) as Record<string, Json>;
}

function parameter(place: 'path' | 'query', field: Field, examples: Record<string, string> = {}): Json {
  const { description, ...schema } = field.schema;
  return {
    name: field.name,
    in: place,
    required: place === 'path' || field.required,
    schema,
    ...(description === undefined ? {} : { description }),
    ...(examples[field.name] === undefined ? {} : { example: toKind(examples[field.name], schema) }),
  };
}

/** The text of an address as the kind of value that it stands for. */
function toKind(text: string | undefined, { type }: Json): unknown {
  if (type === 'integer' || type === 'number') return Number(text);
  return type === 'boolean' ? text === 'true' : text;
}

const OF_PREFERENCE: Readonly<Record<NonNullable<Route['prefer']>, NonNullable<Route['statuses']>>> = {
  wait: { 200: "With `Prefer: wait`: WhatsApp's server has it." },
  'respond-async': { 202: 'With `Prefer: respond-async`: it has begun.' },
};

/** The statuses of answers that are no failures, each with what it says. */
function goodStatuses({ status = 200, summary, prefer, statuses }: Route): Record<string, string> {
  return { [status]: summary, ...(prefer && OF_PREFERENCE[prefer]), ...statuses };
}

function responsesOf(route: Route, components: Components): Json {
  const success = successOf(route, components);
  const responses: Json = Object.fromEntries(
    Object.entries(goodStatuses(route)).map(([status, description]) => [status, { ...success, description }]),
  );
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codesOf(route)) {
    const status =
      (route.path.startsWith('/api/') && route.apiFailures?.statuses[code]) || ERROR_STATUS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    responses[String(status)] = {
      description: codes.join(', '),
      ...([404, 409, 429, 503].includes(status)
        ? { headers: headers(...COMMON_HEADERS, ['Retry-After', 'RetryAfter']) }
        : {}),
      content: {
        'application/json': {
          schema: { $ref: '#/components/schemas/Failure' },
          examples: Object.fromEntries(
            codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
          ),
        },
      },
    };
  }
  return responses;
}

function codesOf(route: Route): Set<ErrorCode> {
  const codes = new Set<ErrorCode>([...COMMON, ...(route.errors ?? [])]);
  // Also `userId` and `all`, where a route does not declare them.
  if (route.params || route.query || route.body || route.auth !== 'public') codes.add('VALIDATION_FAILED');
  if (route.body) codes.add('BODY_TOO_LARGE').add('UNSUPPORTED_MEDIA');
  if (route.auth !== 'public') codes.add('UNAUTHORIZED').add('FORBIDDEN');
  if (route.idempotent) codes.add('IDEMPOTENCY_CONFLICT').add('IDEMPOTENCY_IN_PROGRESS');
  return codes;
}

function successOf(route: Route, components: Components): Json {
  if (route.response === null) {
    const type = route.contentType ?? 'application/octet-stream';
    return { description: route.summary, content: { [type]: { schema: { type: 'string' } } } };
  }
  const success = { type: 'object', properties: { success: { const: true } }, required: ['success'] };
  const schema = { allOf: [success, components.convert(route.response, 'output')] };
  const example = route.example?.answer
    ? { success: true, ...route.example.answer }
    : exampleOf(schema, components.schemas);
  return {
    description: route.summary,
    headers: headers(
      ...COMMON_HEADERS,
      ...(route.unlimited ? [] : LIMIT_HEADERS),
      ...(route.idempotent ? [['Idempotent-Replayed', 'IdempotentReplayed'] as [string, string]] : []),
      ...(route.prefer ? [['Preference-Applied', 'PreferenceApplied'] as [string, string]] : []),
    ),
    content: { 'application/json': { schema, example } },
  };
}
