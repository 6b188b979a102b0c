/** The Postman collection as its users run it: variables resolved, scripts run, every request sent. */
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/until.ts';

interface Pair {
  key: string;
  value: string;
  disabled?: boolean;
}

interface Item {
  name: string;
  item?: Item[];
  request?: {
    method: string;
    auth?: { type: string };
    header: Pair[];
    url: { path: string[]; query?: Pair[]; variable?: Pair[] };
    body?: { raw: string };
  };
  event?: { script: { exec: string[] } }[];
}

interface Sent {
  name: string;
  status: number;
  body: string;
}

/** Safe because the test of the generated files holds them to what our generator writes. */
const read = <T>(name: string): T =>
  JSON.parse(readFileSync(`examples/postman/wahub.postman_${name}.json`, 'utf8')) as T;
const collection = read<{ item: Item[] }>('collection');
const environment = read<{ values: Pair[] }>('environment');
const core = collection.item[0]?.item ?? [];
const folders = collection.item.slice(1);

let emulator: Emulator;
let gateway: TestGateway;
const variables = new Map(environment.values.map(({ key, value }) => [key, value]));

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { allowPrivateUrls: true });
  variables.set('baseUrl', gateway.url);
  variables.set('apiKey', ADMIN_KEY);
  const signIn = { email: 'admin@example.com', password: 'correct horse battery' };
  variables.set('token', (await gateway.call('POST', '/auth/login', signIn, {})).body.token);
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});

/** As Postman does it: what is not known stays as it is. */
const fill = (text: string): string =>
  text.replace(/\{\{([^{}]+)\}\}/g, (all, name: string) =>
    name === '$guid' ? crypto.randomUUID() : (variables.get(name) ?? all),
  );

async function send({ name, request, event = [] }: Item): Promise<Sent> {
  if (!request) throw new Error(`${name} is a folder`);
  const { method, url, auth, header, body } = request;
  const places = new Map((url.variable ?? []).map(({ key, value }) => [`:${key}`, value]));
  const path = url.path.map((part) => encodeURIComponent(fill(places.get(part) ?? part))).join('/');
  const query = new URLSearchParams(
    (url.query ?? [])
      .filter(({ disabled }) => !disabled)
      .map(({ key, value }): [string, string] => [key, fill(value)]),
  );
  const credential: Record<string, string> =
    auth === undefined
      ? { 'x-api-key': '{{apiKey}}' }
      : auth.type === 'bearer'
        ? { authorization: 'Bearer {{token}}' }
        : {};
  const headers = Object.entries({
    ...credential,
    ...Object.fromEntries(header.map(({ key, value }) => [key, value])),
  }).map(([key, value]): [string, string] => [key, fill(value)]);
  const init = { method, headers, ...(body === undefined ? {} : { body: fill(body.raw) }) };
  const response = await fetch(`${variables.get('baseUrl')}/${path}?${query}`, init);
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  if (isStream) await response.body?.cancel();
  const text = isStream ? '' : await response.text();
  for (const { script } of event) runScript(script.exec.join('\n'), text);
  return { name: `${method} /${path}`, status: response.status, body: text };
}

/** What `pm` offers, as far as our scripts use it. */
function runScript(code: string, text: string): void {
  const store = { set: (key: string, value: unknown) => variables.set(key, String(value)) };
  const pm = { response: { json: () => JSON.parse(text) }, environment: store, collectionVariables: store };
  runInNewContext(code, { pm });
}

async function control(path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${emulator.url}${path}`, { ...init, headers })).json();
}

/** What the person in front of Postman does in between. */
async function helpAfter({ name, body }: Sent): Promise<void> {
  if (name.startsWith('GET /session/qr/')) {
    await control('/scan', { qr: JSON.parse(body).qr, phone: '628111000801' });
    const status = `/session/status?session=${variables.get('session')}`;
    await until(async () => (await gateway.call('GET', status)).body.data.isConnected);
  }
  if (name === 'POST /otp/send') {
    const { messageId, to } = JSON.parse(body).data;
    await until(async () => {
      const arrived = (await control(`/messages?to=${to.replace('+', '')}`)) as {
        id: string;
        text: string;
      }[];
      const code = /\d{6}/.exec(arrived.find(({ id }) => id === messageId)?.text ?? '')?.[0];
      if (code) variables.set('code', code);
      return code !== undefined;
    });
  }
}

test('the core flow goes from a new session to a message, a checked code and a campaign', async () => {
  for (const item of core) {
    const sent = await send(item);
    expect([200, 201, 202], `${sent.name} ${sent.body}`).toContain(sent.status);
    await helpAfter(sent);
  }
  expect(core.length).toBeGreaterThan(10);
}, 60_000);

/** What would take away what the others need (a session, a credential, the pace), or needs the user that another makes. */
const isLast = ({ request }: Item) =>
  request?.method === 'DELETE' ||
  /logout|cleanup|auth\/|limits|userId/.test(request?.url.path.join('/') ?? '');

/** A real link cannot stand in a collection, and running all of it must not give a session away. */
const MEANT_TO_BE_REFUSED: Record<string, string> = {
  'POST /session/import': '"flaw":"not_linked"',
  'GET /session/main/export': 'Repeat the name of the session to confirm.',
};

test('every request leads to a route that takes its parameters and its body', async () => {
  const items = folders.flatMap(({ item = [] }) => item);
  const ordered = [...items.filter((item) => !isLast(item)), ...items.filter(isLast)];
  expect(ordered.length).toBeGreaterThan(100);
  // A person names the workspace; the own one would be suspended here.
  variables.set('workspaceId', '999999');
  for (const item of ordered) {
    const sent = await send(item);
    const about = `${sent.name} ${sent.status} ${sent.body.slice(0, 500)}`;
    expect([405, 415, 500, 501, 503], about).not.toContain(sent.status);
    expect(sent.body, about).not.toContain('There is nothing at this address.');
    expect(sent.body, about).toContain(MEANT_TO_BE_REFUSED[sent.name] ?? '');
    // As the answer's own code: the log tells of those of other calls.
    if (!(sent.name in MEANT_TO_BE_REFUSED))
      expect(sent.body, about).not.toContain('"code":"VALIDATION_FAILED"');
  }
}, 120_000);
