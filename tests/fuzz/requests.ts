/** OpenAPI operations -> requests. */
import fc from 'fast-check';
import { type Hostility, type JsonSchema, type Known, valuesOf } from './values.ts';

export type Caller = 'admin' | 'user' | 'key' | 'readonly' | 'nobody' | 'forger';

export interface FuzzRequest {
  method: string;
  path: string;
  caller: Caller;
  headers: Record<string, string>;
  body?: string;
  /** statuses that the document names */
  statuses: string[];
}

interface Operation {
  method: string;
  path: string;
  parameters: { name: string; in: 'path' | 'query'; schema: JsonSchema; required: boolean }[];
  body: JsonSchema | null;
  statuses: string[];
}

interface Document {
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, JsonSchema> };
}

interface OperationObject {
  parameters?: { name: string; in: string; schema?: JsonSchema; required?: boolean }[];
  requestBody?: { content?: Record<string, { schema?: JsonSchema }> };
  responses: Record<string, unknown>;
}

/** Safe because our own tests hold the document to that shape. */
export const toDocument = (value: unknown): Document => value as Document;

function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      parameters: (operation.parameters ?? []).flatMap((one) =>
        one.in === 'path' || one.in === 'query'
          ? [{ name: one.name, in: one.in, schema: one.schema ?? {}, required: one.required === true }]
          : [],
      ),
      body: bodyOf(operation),
      statuses: Object.keys(operation.responses),
    })),
  );
}

function bodyOf({ requestBody }: OperationObject): JsonSchema | null {
  const [media] = Object.values(requestBody?.content ?? {});
  return media?.schema ?? null;
}

/** Every operation as likely as the next, under both mounts, by callers of every kind. */
export function requests(
  document: Document,
  known: (name: string, path: string) => readonly unknown[],
): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(...([0, 4] as const).map((hostility) => requestsOf(document, known, hostility)));
}

function requestsOf(
  document: Document,
  knownAt: (name: string, path: string) => readonly unknown[],
  hostility: Hostility,
): fc.Arbitrary<FuzzRequest> {
  const { schemas } = document.components;
  const perOperation = operationsOf(document).map((operation) => {
    const known: Known = (name) => knownAt(name, operation.path);
    const value = (schema: JsonSchema, name: string) => {
      const object = { type: 'object', properties: { [name]: schema }, required: [name] };
      return valuesOf(object, schemas, known, hostility).map((made) => fieldOf(made, name));
    };
    const path = fc.tuple(
      ...operation.parameters.filter((one) => one.in === 'path').map((one) => value(one.schema, one.name)),
    );
    const query = fc.tuple(
      ...operation.parameters
        .filter((one) => one.in === 'query')
        .map((one) =>
          fc.option(value(one.schema, one.name), { nil: undefined, freq: one.required ? 20 : 1 }),
        ),
    );
    const body =
      operation.body === null ? fc.constant(undefined) : valuesOf(operation.body, schemas, known, hostility);
    return fc
      .record({
        path,
        query,
        body,
        mount: fc.constantFrom('', '/api'),
        caller,
        headers: hostility === 0 ? usualHeaders : oddHeaders,
        broken: hostility === 0 ? fc.constant('whole' as const) : broken,
      })
      .map((parts) => toRequest(operation, parts));
  });
  return fc.oneof(...perOperation);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : value;
}

const caller: fc.Arbitrary<Caller> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Caller>('admin') },
  { weight: 12, arbitrary: fc.constantFrom<Caller>('user', 'key') },
  { weight: 1, arbitrary: fc.constantFrom<Caller>('readonly', 'nobody', 'forger') },
);

const usualHeaders = fc.record({ prefer: fc.constantFrom('wait=0', 'wait=1') }, { requiredKeys: [] });
const oddHeaders = fc.record(
  {
    'idempotency-key': fc.constantFrom('k1', 'k2', '', 'x'.repeat(191)),
    prefer: fc.constantFrom('wait=0', 'wait=1', 'wait=x', 'respond-async'),
    'last-event-id': fc.constantFrom('0', '1', 'x', '-1', '99999999999999999999'),
    'x-request-id': fc.constantFrom('a', '\u00ff', 'x'.repeat(500)),
    range: fc.constantFrom('bytes=0-', 'bytes=9-1', 'x'),
    accept: fc.constantFrom('text/html', 'application/json', '*/*'),
  },
  { requiredKeys: [] },
);

/** How the body goes wrong on its way. */
const broken = fc.oneof(
  { weight: 5, arbitrary: fc.constant('whole' as const) },
  { weight: 1, arbitrary: fc.constantFrom('cut', 'untyped', 'form', 'badForm', 'absent', 'array') },
);

interface Parts {
  path: unknown[];
  query: unknown[];
  body: unknown;
  mount: string;
  caller: Caller;
  headers: { [name: string]: string | undefined };
  broken: 'whole' | 'cut' | 'untyped' | 'form' | 'badForm' | 'absent' | 'array';
}

function toRequest(operation: Operation, parts: Parts): FuzzRequest {
  const pathNames = operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name);
  const queryNames = operation.parameters.filter((one) => one.in === 'query').map(({ name }) => name);
  const filled = operation.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
    encode(parts.path[pathNames.indexOf(name)]),
  );
  const query = queryNames.flatMap((name, at) => {
    const value = parts.query[at];
    return value === undefined ? [] : [`${name}=${encode(value)}`];
  });
  const mount = operation.path.startsWith('/api/') ? '' : parts.mount;
  const headers = Object.fromEntries(
    Object.entries(parts.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const request = {
    method: operation.method,
    path: `${mount}${filled}${query.length > 0 ? `?${query.join('&')}` : ''}`,
    caller: parts.caller,
    statuses: operation.statuses,
  };
  if (operation.body === null) return { ...request, headers };
  return { ...request, ...withBody(parts, headers) };
}

const BOUNDARY = 'fuzzboundary';

function withBody({ body, broken: how }: Parts, headers: Record<string, string>) {
  const json = JSON.stringify(body) ?? 'null';
  const typed = { ...headers, 'content-type': 'application/json' };
  switch (how) {
    case 'absent':
      return { headers: typed };
    case 'cut':
      return { headers: typed, body: json.slice(0, Math.floor(json.length / 2)) };
    case 'array':
      return { headers: typed, body: `[${json}]` };
    case 'untyped':
      return { headers: { ...headers, 'content-type': 'text/plain' }, body: json };
    case 'badForm':
      return { headers: { ...headers, 'content-type': 'multipart/form-data' }, body: json };
    case 'form':
      return {
        headers: { ...headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
        body: toForm(body),
      };
    case 'whole':
      return { headers: typed, body: json };
  }
}

function toForm(body: unknown): string {
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  const parts = fields.map(([name, value]) => {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    const file = name === 'file' || name === 'image' ? '; filename="a.png"' : '';
    const label = name.replace(/[^\w]/g, '_');
    return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${label}"${file}\r\n\r\n${text}\r\n`;
  });
  return `${parts.join('')}--${BOUNDARY}--\r\n`;
}

/** As a client's URL library would; half a surrogate pair goes as the bytes of a replacement character. */
function encode(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return (
    encodeURIComponent(Buffer.from(text.slice(0, 2_000)).toString())
      .replaceAll('%40', '@')
      .replace(/^\.+$/, '%2e') || '%20'
  );
}
