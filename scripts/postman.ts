/** Our OpenAPI document as a Postman collection (v2.1), which Bruno, Insomnia and Hoppscotch import as well. */
import { createHash } from 'node:crypto';
import {
  type NamedOperation,
  type OpenApiDocument,
  operationsOf,
  type Parameter,
  takesIdempotencyKey,
} from './openapi-operations.ts';

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';

/** The variables that a person sets once, in the environment. */
const SETTINGS = [
  { key: 'baseUrl', value: 'http://localhost:5001', type: 'default' },
  { key: 'apiKey', value: '', type: 'secret' },
  { key: 'token', value: '', type: 'secret' },
  { key: 'session', value: 'main', type: 'default' },
  { key: 'recipient', value: '6281234567890', type: 'default' },
];

/** Fields of examples that stand for a setting, or for what an earlier answer named. */
const VARIABLES: Record<string, string> = {
  session: 'session',
  sessionId: 'session',
  to: 'recipient',
  number: 'recipient',
  phone: 'recipient',
  phoneNumber: 'recipient',
  messageId: 'messageId',
  otpId: 'otpId',
  listId: 'listId',
  filename: 'filename',
};

/** The way from nothing to a message, a checked code and a campaign, in this order. */
const CORE: readonly { call: string; body?: Record<string, unknown> }[] = [
  { call: 'GET /health' },
  { call: 'POST /session/create', body: { sessionId: '{{session}}' } },
  { call: 'GET /session/qr/{sessionId}' },
  { call: 'GET /session/status' },
  { call: 'POST /message/check-number' },
  { call: 'POST /message/send-text' },
  { call: 'GET /message/{messageId}' },
  { call: 'POST /otp/send' },
  { call: 'POST /otp/verify', body: { otpId: '{{otpId}}', otp: '{{code}}' } },
  { call: 'GET /otp/status/{phone}' },
  { call: 'POST /session/{sessionId}/broadcast/lists' },
  { call: 'POST /session/{sessionId}/broadcast/lists/{listId}/contacts' },
  {
    call: 'POST /session/{sessionId}/broadcast/send',
    body: { listId: '{{listId}}', message: 'Halo {name}!' },
  },
  { call: 'GET /session/{sessionId}/broadcast/campaigns/{id}' },
  { call: 'POST /webhook' },
  { call: 'GET /analytics/dashboard' },
];

/** The whole collection: the core flow first, then a folder for each tag. */
export function buildCollection(document: OpenApiDocument): object {
  const operations = operationsOf(document);
  const find = (call: string): NamedOperation => {
    const found = operations.find(({ method, path }) => `${method} ${path}` === call);
    if (!found) throw new Error(`there is no ${call}`);
    return found;
  };
  const creating = createdIds(operations);
  const core = CORE.map(({ call, body }) => toItem(find(call), creating, body));
  const folders = document.tags.map(({ name }) => ({
    name,
    item: operations
      .filter(({ operation }) => operation.tags[0] === name)
      .map((operation) => toItem(operation, creating)),
  }));
  return {
    info: {
      _postman_id: idOf('WaHub'),
      name: 'WaHub',
      description: DESCRIPTION,
      schema: SCHEMA,
    },
    auth: API_KEY,
    item: [{ name: 'Core flow', description: CORE_DESCRIPTION, item: core }, ...folders],
  };
}

const DESCRIPTION =
  'Made of the OpenAPI document by `npm run client:generate`. Set `baseUrl` and `apiKey` in the environment; ' +
  'requests that make something keep its id in a variable for those that come after.';
const CORE_DESCRIPTION =
  'From a new session to a message, a checked code and a campaign. Scan the QR of the second request before ' +
  'the fifth, and put the code that arrives into the variable `code`.';

/** The environment that goes with it. */
export function buildEnvironment(): object {
  return {
    id: idOf('WaHub environment'),
    name: 'WaHub',
    values: SETTINGS.map((setting) => ({ ...setting, enabled: true })),
    _postman_variable_scope: 'environment',
  };
}

/** The same ids at every run. */
function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

const API_KEY = {
  type: 'apikey',
  apikey: pairs({ key: 'x-api-key', value: '{{apiKey}}', in: 'header' }),
};
const BEARER = { type: 'bearer', bearer: pairs({ token: '{{token}}' }) };

function pairs(values: Record<string, string>): { key: string; value: string; type: 'string' }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value, type: 'string' }));
}

/** `POST /webhook` -> `webhookId`, where there is a `/webhook/{id}`. */
function createdIds(operations: readonly NamedOperation[]): Map<string, string> {
  const paths = new Set(operations.map(({ path }) => path));
  const made = new Map<string, string>();
  for (const { method, path } of operations) {
    const child = [...paths].find(
      (other) => /^\/\{\w+\}$/.test(other.slice(path.length)) && other.startsWith(path),
    );
    const name = child === undefined ? undefined : /\{(\w+)\}$/.exec(child)?.[1];
    if (method === 'POST' && child !== undefined && name !== undefined)
      made.set(path, variableOf(child, name));
  }
  return made;
}

/** The variable behind a path parameter: `id` has its meaning from the word before it. */
function variableOf(path: string, name: string): string {
  if (name !== 'id') return VARIABLES[name] ?? name;
  const words = path.slice(0, path.indexOf('/{id}')).split('/');
  const word = (words.at(-1) ?? '').replace(/ies$/, 'y').replace(/s$/, '');
  const noun = path.startsWith('/otp/') ? `otp-${word}` : word;
  return `${noun.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase())}Id`;
}

function toItem(
  named: NamedOperation,
  creating: Map<string, string>,
  body?: Record<string, unknown>,
): object {
  const { method, path, operation } = named;
  const script = scriptOf(named, creating.get(path));
  const example = body ?? withVariables(operation.requestBody?.content['application/json']?.example);
  return {
    name: operation.summary,
    request: {
      ...authOf(operation.security),
      method,
      header: headersOf(named, example !== undefined),
      url: urlOf(path, operation.parameters ?? []),
      ...(operation.description === undefined ? {} : { description: operation.description }),
      ...(example === undefined ? {} : { body: rawJson(example) }),
    },
    response: [],
    ...(script.length === 0
      ? {}
      : { event: [{ listen: 'test', script: { type: 'text/javascript', exec: script } }] }),
  };
}

/** Nothing where the collection's own key will do. */
function authOf(security: readonly Record<string, unknown>[]): { auth?: object } {
  if (security.length === 0) return { auth: { type: 'noauth' } };
  return security.some((one) => 'apiKey' in one) ? {} : { auth: BEARER };
}

function headersOf({ operation }: NamedOperation, hasBody: boolean): object[] {
  return [
    ...(hasBody ? [{ key: 'Content-Type', value: 'application/json' }] : []),
    ...(takesIdempotencyKey(operation) ? [{ key: 'Idempotency-Key', value: '{{$guid}}' }] : []),
  ];
}

function rawJson(body: unknown): object {
  return { mode: 'raw', raw: JSON.stringify(body, null, 2), options: { raw: { language: 'json' } } };
}

function withVariables(body: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  if (body === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const variable = VARIABLES[name];
      return [name, variable !== undefined && typeof value === 'string' ? `{{${variable}}}` : value];
    }),
  );
}

/** Optional parameters are there, switched off. */
function urlOf(path: string, parameters: readonly Parameter[]): object {
  const place = path.replace(/\{(\w+)\}/g, ':$1');
  const query = parameters
    .filter((one) => one.in === 'query')
    .map((one) => ({
      key: one.name,
      value: textOf(one),
      ...(one.description === undefined ? {} : { description: one.description }),
      ...(one.required ? {} : { disabled: true }),
    }));
  const variable = parameters
    .filter((one) => one.in === 'path')
    .map((one) => ({ key: one.name, value: `{{${variableOf(path, one.name)}}}` }));
  const required = query.filter((one) => !('disabled' in one)).map(({ key, value }) => `${key}=${value}`);
  return {
    raw: `{{baseUrl}}${place}${required.length === 0 ? '' : `?${required.join('&')}`}`,
    host: ['{{baseUrl}}'],
    path: place.slice(1).split('/'),
    ...(query.length === 0 ? {} : { query }),
    ...(variable.length === 0 ? {} : { variable }),
  };
}

function textOf({ name, example }: Parameter): string {
  const variable = VARIABLES[name];
  return variable === undefined ? (example ?? '') : `{{${variable}}}`;
}

/** Ids in an answer that later requests need. */
const KEPT = ['messageId', 'otpId', 'campaignId', 'importId', 'filename'];

/** Keeps what the answer names. */
function scriptOf({ method, path }: NamedOperation, created: string | undefined): string[] {
  if (method !== 'POST') return [];
  if (['/auth/login', '/auth/register', '/auth/change-password'].includes(path))
    return ['const { token } = pm.response.json();', "if (token) pm.environment.set('token', token);"];
  if (path === '/user/create')
    return [
      'const { user } = pm.response.json();',
      "if (user) pm.collectionVariables.set('userId', user.id);",
    ];
  const kept = KEPT.map((name) => `if (data?.${name}) pm.collectionVariables.set('${name}', data.${name});`);
  const own =
    created === undefined ? [] : [`if (data?.id) pm.collectionVariables.set('${created}', data.id);`];
  return ['const { data } = pm.response.json();', ...kept, ...own];
}
