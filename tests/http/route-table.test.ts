/** Every route of the service, whoever wrote it, passes the same security tests. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import type { Route } from '../../src/controllers/route.ts';
import { users, whatsappAccounts } from '../../src/db/schema.ts';
import { SCOPES } from '../../src/services/roles.ts';
import { newId } from '../../src/utils/ids.ts';
import { type Call, openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { oncePerRole } from '../helpers/tenant.ts';

/** Stand in everything that belongs to the first tenant, and must be in no answer to the second. */
const MARKER = 'only-the-first-tenant';
const MARKED_PHONE = '6281399990001';

let t: TestApp;
let owner: Tenant;
beforeAll(async () => {
  t = await openTestApp({ clock: hurriedClock });
  owner = await t.tenant();
  await t.deps.db
    .insert(whatsappAccounts)
    .values(sessionNames().map((sessionId, i) => markedSession(sessionId, i)));
});
afterAll(() => t.close());

const refused = oncePerRole((role) => t.tenant(role));
const disabled = oncePerRole(async (role) => {
  const gone = await t.tenant(role);
  const admin = await t.tenant('admin');
  await t.call(`/user/${gone.id}`, { method: 'DELETE', token: admin.token });
  return gone;
});
const keys = new Map<string, string>();
/** A key of that scope alone, one for all tests in which it is refused. */
async function keyOf(scope: string): Promise<string> {
  const known = keys.get(scope);
  if (known !== undefined) return known;
  const { token } = await refused('user');
  const body = { name: scope, scopes: [scope] };
  const made = await t.call('/auth/api-keys', { method: 'POST', token, body });
  expect(made.status).toBe(201);
  const apiKey = String(made.body.apiKey);
  keys.set(scope, apiKey);
  return apiKey;
}

/** The sessions that the examples speak of: both tenants know them by these names. */
function sessionNames(): string[] {
  const parts = allRoutes.flatMap(({ example }) => [example?.params, example?.query, example?.body]);
  const names = parts.flatMap((part) => [part?.session, part?.sessionId]);
  return [...new Set(['main', ...names.filter((name) => typeof name === 'string')])];
}

function markedSession(sessionId: string, i: number): typeof whatsappAccounts.$inferInsert {
  const at = Date.now();
  return {
    id: newId(),
    userId: owner.id,
    sessionId,
    status: 'disconnected',
    pairing: 'qr',
    phoneNumber: i === 0 ? MARKED_PHONE : null,
    activePhone: i === 0 ? MARKED_PHONE : null,
    name: MARKER,
    paired: true,
    createdAt: at,
    updatedAt: at,
  };
}

const nameOf = (route: Route) => `${route.method.toUpperCase()} ${route.path}`;
const closed = allRoutes.filter((route) => route.auth !== 'public');
const keyed = closed.filter((route) => route.auth !== 'jwt');
/** A POST that changes nothing says so with the scope `read`. */
const scopeOf = (route: Route) => route.scope ?? (route.method === 'get' ? 'read' : null);
const writing = closed.filter((route) =>
  route.auth === 'jwt' ? route.writes === true : scopeOf(route) !== 'read',
);

function callOf(route: Route, extra: Call): Promise<Reply> {
  const params = route.example?.params ?? {};
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? 'x'));
  const query = new URLSearchParams(route.example?.query).toString();
  const call: Call = { method: route.method.toUpperCase(), ...extra };
  if (route.body) call.body = route.example?.body ?? {};
  return t.call(query === '' ? path : `${path}?${query}`, call);
}

const asRows = (routes: readonly Route[]) => routes.map((route) => [nameOf(route), route] as const);

describe('every route', () => {
  it('has its own method and path, and an example for every path parameter and required body', () => {
    const names = allRoutes.map(nameOf);
    expect(new Set(names).size).toBe(names.length);
    for (const route of allRoutes) {
      const params = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
      for (const name of params) expect(route.example?.params, nameOf(route)).toHaveProperty(name);
      if (route.body && !route.body.safeParse({}).success) {
        expect(route.body.safeParse(route.example?.body).success, nameOf(route)).toBe(true);
      }
    }
  });

  it.each(asRows(keyed))('%s names a scope that exists', (_name, route) => {
    expect(SCOPES).toContain(scopeOf(route));
  });
});

describe('without a valid credential', () => {
  it.each(asRows(closed))('%s answers 401', async (_name, route) => {
    const calls: Call[] = [
      {},
      { token: 'x.y.z' },
      { apiKey: 'wahub_nobody' },
      { headers: { 'user-id': '1' } },
    ];
    for (const call of calls) {
      expect(await callOf(route, call)).toMatchObject({
        status: 401,
        body: { success: false, code: 'UNAUTHORIZED' },
      });
    }
  });

  it.each(asRows(closed))('%s answers 401 to a disabled user', async (_name, route) => {
    const gone = await disabled(route.role ?? 'user');
    expect((await callOf(route, { token: gone.token })).status).toBe(401);
    expect((await callOf(route, { apiKey: gone.apiKey })).status).toBe(401);
  });
});

describe('with too little', () => {
  it.each(asRows(closed.filter((route) => route.auth === 'jwt')))(
    '%s refuses an API key',
    async (_name, route) => {
      const user = await refused(route.role ?? 'user');
      expect(await callOf(route, { apiKey: user.apiKey })).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN' },
      });
    },
  );

  it.each(asRows(closed.filter((route) => route.role)))(
    '%s refuses a user who is no admin',
    async (_name, route) => {
      const user = await refused('user');
      expect(await callOf(route, { token: user.token })).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN' },
      });
    },
  );

  it.each(asRows(writing))('%s refuses a read-only user', async (_name, route) => {
    const reader = await refused('readonly');
    expect(await callOf(route, { token: reader.token })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    });
  });

  it.each(asRows(keyed))('%s refuses a key of another scope', async (_name, route) => {
    const apiKey = await keyOf(SCOPES.find((scope) => scope !== '*' && scope !== scopeOf(route)) ?? '');
    expect(await callOf(route, { apiKey })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    if (!route.body) return;
    // What it may not do is not read either.
    const unread = await callOf({ ...route, example: { ...route.example, body: { '': '' } } }, { apiKey });
    expect(unread).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  });
});

describe('another tenant, with sessions of the same names', () => {
  it.each(asRows(closed))(
    '%s tells and changes nothing of the first',
    async (_name, route) => {
      const stranger = await t.tenant();
      const before = await ownedRows();
      for (const credential of [{ token: stranger.token }, { apiKey: stranger.apiKey }]) {
        const reply = await callOf(route, credential);
        expect(reply.status).not.toBe(500);
        for (const secret of [MARKER, MARKED_PHONE, owner.email]) expect(reply.text).not.toContain(secret);
      }
      expect(await ownedRows()).toEqual(before);
    },
    60_000,
  );

  it.each(asRows(closed.filter((route) => route.query)))(
    '%s does not take ?userId= or ?all=',
    async (_name, route) => {
      const stranger = await t.tenant();
      for (const asked of [{ userId: String(owner.id) }, { all: 'true' }]) {
        const query = { ...route.example?.query, ...asked };
        const reply = await callOf(
          { ...route, example: { ...route.example, query } },
          { token: stranger.token },
        );
        for (const secret of [MARKER, MARKED_PHONE, owner.email]) expect(reply.text).not.toContain(secret);
      }
    },
  );
});

/** Everything of the first tenant that a route might change. */
async function ownedRows() {
  const { db } = t.deps;
  const accounts = await db.select().from(whatsappAccounts).where(eq(whatsappAccounts.userId, owner.id));
  const user = await db.select().from(users).where(eq(users.id, owner.id));
  return { accounts, user };
}
