/** Ids are ASCII: what is none names nothing, on every route and in every field, and is no failure of the service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allRoutes } from '../../src/controllers/index.ts';
import type { Route, RouteExample } from '../../src/controllers/route.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';

/** Beyond the basic plane, and together what SQL could stumble over. */
const TEXTS = ['🗡', "é\u0000'\\ "];
/** As ours, and nobody's. */
const MISSING_ID = '0'.repeat(32);

let t: TestApp;
let admin: Tenant;
let user: Tenant;
beforeAll(async () => {
  t = await openTestApp();
  admin = await t.tenant('admin');
});
afterAll(() => t.close());

/** A tenant with the sessions that the examples speak of: only then a route comes to look for other ids. */
async function renewUser(): Promise<void> {
  user = await t.tenant();
  const at = Date.now();
  const rows = sessionNames.map((sessionId) => ({
    id: newId(),
    userId: user.id,
    sessionId,
    status: 'disconnected' as const,
    pairing: 'qr' as const,
    paired: true,
    createdAt: at,
    updatedAt: at,
  }));
  await t.deps.db.insert(whatsappAccounts).values(rows);
}

const sessionNames = [
  ...new Set(
    allRoutes
      .flatMap(({ example }) => [example?.params, example?.query, example?.body])
      .flatMap((part) => [part?.session, part?.sessionId])
      .filter((name) => typeof name === 'string'),
  ),
];

/** As another user where this one has done too much, or is gone. */
async function ask(route: Route, example: RouteExample): Promise<Reply> {
  const reply = await askOnce(route, example);
  if (reply.status !== 429 && reply.status !== 401) return reply;
  await renewUser();
  return askOnce(route, example);
}

async function askOnce(route: Route, example: RouteExample): Promise<Reply> {
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) =>
    encodeURIComponent(example.params?.[name] ?? 'x'),
  );
  const query = new URLSearchParams(example.query).toString();
  const caller = route.role === 'admin' ? admin : user;
  const credential = route.auth === 'jwt' ? { token: caller.token } : { apiKey: caller.apiKey };
  return t.call(query === '' ? path : `${path}?${query}`, {
    method: route.method.toUpperCase(),
    headers: { prefer: 'wait=0' },
    ...credential,
    ...(route.body ? { body: example.body ?? {} } : {}),
  });
}

/** The example with one field after the other replaced. */
function variants(route: Route, text: string): RouteExample[] {
  const example = route.example ?? {};
  const parts = { params: route.params, query: route.query, body: route.body };
  return (['params', 'query', 'body'] as const).flatMap((part) =>
    fieldsOf(parts[part]).flatMap((name) => {
      const old: unknown = example[part]?.[name];
      const values = part === 'body' ? [text, [text], deepReplace(old, text)] : [text];
      return values.map((value) => ({ ...example, [part]: { ...example[part], [name]: value } }));
    }),
  );
}

function fieldsOf(schema: z.ZodType | undefined): string[] {
  if (!schema) return [];
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const branches = [json, ...(json.anyOf ?? []), ...(json.oneOf ?? []), ...(json.allOf ?? [])];
  return [
    ...new Set(branches.flatMap((one) => (typeof one === 'object' ? Object.keys(one.properties ?? {}) : []))),
  ];
}

/** Every text in it. */
function deepReplace(value: unknown, text: string): unknown {
  if (Array.isArray(value)) return value.map((item) => deepReplace(item, text));
  if (typeof value !== 'object' || value === null) return text;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deepReplace(item, text)]));
}

const nameOf = (route: Route) => `${route.method.toUpperCase()} ${route.path}`;
const asking = allRoutes.filter((route) => route.params || route.query || route.body);
/** Sessions have names, users and workspaces numbers: what cannot be one is refused as that. */
const NO_IDS: ReadonlySet<string> = new Set(['sessionId', 'userId', 'workspaceId']);
/** Whoever has no second factor can remove none, whatever its id: what is refused before an id is looked at. */
const REFUSES_FIRST: Readonly<Record<string, number>> = {
  'POST /auth/second-factors/:id/remove': 409,
  // Only a connected session is told of calls.
  'POST /session/:sessionId/calls/:callId/reject': 409,
};
const withIds = allRoutes.flatMap((route) =>
  [...route.path.matchAll(/:(\w*[iI]d)\b/g)]
    .map(([, name = '']) => name)
    .filter((name) => !NO_IDS.has(name) && !route.path.startsWith('/user/'))
    .map((name) => [nameOf(route), route, name] as const),
);

describe.each(TEXTS)('%j', (text) => {
  beforeAll(renewUser);

  it.each(asking.map((route) => [nameOf(route), route] as const))(
    '%s takes it for what it is',
    async (_name, route) => {
      for (const example of variants(route, text)) {
        const reply = await ask(route, example);
        expect(reply.status, `${JSON.stringify(example)} ${reply.text}`).toBeLessThan(500);
      }
    },
  );

  it.each(withIds)('%s answers as to an id that nobody has', async (called, route, name) => {
    const status = REFUSES_FIRST[called] ?? 404;
    const asked = (id: string) =>
      ask(route, { ...route.example, params: { ...route.example?.params, [name]: id } });
    const missing = await asked(MISSING_ID);
    expect(missing).toMatchObject({ status });
    expect(await asked(text)).toMatchObject({ status, body: { code: missing.body.code } });
  });
});
