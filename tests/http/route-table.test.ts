/** Every route of the service, whoever wrote it, passes the same security tests. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldingOf } from '../../src/controllers/aliases.ts';
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
/** Some for many tests, in which nothing is done for them: each within its limit of requests. */
function inTurn(make: () => Promise<Tenant>): () => Promise<Tenant> {
  const made: Promise<Tenant>[] = [];
  let asked = 0;
  return () => {
    const n = asked++ % 5;
    made[n] ??= make();
    return made[n];
  };
}
const strangers = inTurn(() => t.tenant());
const asking: { admin: Tenant; before: unknown }[] = [];
/** With sessions of the same names as the first tenant. */
const administrators = inTurn(async () => {
  const admin = await t.tenant('admin');
  const own = sessionNames().map((sessionId) => ({ ...markedSession(sessionId, 1), userId: admin.id }));
  await t.deps.db.insert(whatsappAccounts).values(own);
  asking.push({ admin, before: await rowsOf(admin) });
  return admin;
});
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

/** What a repetition does not do twice, or where it is all that helps whoever has lost the answer. */
const ONCE_ANYHOW = [
  // The answer is nothing but a secret, and a further link ends the one before.
  'POST /user/:id/reset-link',
  'POST /workspace/members/:userId/reset-link',
  // What is here already, or is being fetched, is not fetched again.
  'POST /message/:messageId/media',
  // They only move the time at which something is sent that is to be sent anyhow.
  'POST /webhook/:id/retry',
  'POST /webhook/deliveries/:id/retry',
];
/** Where names of the caller's own are columns of a contact. */
const TAKES_ANY_NAME = [
  'POST /session/:sessionId/broadcast/lists/:listId/contacts',
  'PUT /session/:sessionId/broadcast/lists/:listId/contacts/:number',
];
type Asked = Record<string, string>;
/** What asks for something of another tenant. */
const othersOf = ({ id }: { id: number }): Asked[] => [{ userId: String(id) }, { all: 'true' }];
const NOBODY = { id: 0 };
const declares = (route: Route, asked: Asked) =>
  Object.keys(asked).some((name) => route.query !== undefined && foldingOf(route.query).knows(name));
const withQuery = (route: Route, asked: Asked): Route => ({
  ...route,
  example: { ...route.example, query: { ...route.example?.query, ...asked } },
});
const namedIn = (asked: Asked) =>
  Object.fromEntries(Object.keys(asked).map((name) => [name, expect.stringContaining('is not taken')]));

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

  it('takes an Idempotency-Key when it is a POST that makes or sends something, but for these', () => {
    const makes = ({ method, path, status }: Route) =>
      method === 'post' && status !== undefined && status > 200 && !path.startsWith('/auth/');
    const without = allRoutes.filter((route) => makes(route) && !route.idempotent);
    expect(without.map(nameOf).sort()).toEqual([...ONCE_ANYHOW].sort());
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

  it.each(asRows(closed))('%s does not take ?userId= or ?all=', async (_name, route) => {
    const stranger = await strangers();
    for (const asked of othersOf(owner)) {
      const reply = await callOf(withQuery(route, asked), { token: stranger.token });
      if (!declares(route, asked)) expect(reply).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      for (const secret of [MARKER, MARKED_PHONE, owner.email]) expect(reply.text).not.toContain(secret);
    }
  });

  it('may name itself, where that changes nothing', async () => {
    const { id, token } = await t.tenant();
    const named = await t.call(`/workspace?userId=${id}&all=false`, { token });
    expect(named.status).toBe(200);
    expect(named.body.warnings).toHaveLength(2);
    const folded = await t.call(`/workspace?user_id=${id}&All=False&call=1`, { token });
    expect(folded).toMatchObject({ status: 200, body: { warnings: { length: 3 } } });
  });
});

describe('an administrator who asks for another tenant, with sessions of the same names', () => {
  it.each(asRows(closed.filter((route) => othersOf(NOBODY).some((asked) => !declares(route, asked)))))(
    '%s does not do it to the own one',
    async (_name, route) => {
      const admin = await administrators();
      for (const asked of othersOf(owner).filter((one) => !declares(route, one))) {
        const refusal = { status: 400, body: { code: 'VALIDATION_FAILED', details: namedIn(asked) } };
        expect(await callOf(withQuery(route, asked), { token: admin.token })).toMatchObject(refusal);
        if (!route.body || route.strictNames || TAKES_ANY_NAME.includes(nameOf(route))) continue;
        const body = { ...route.example?.body, ...asked };
        if (foldingOf(route.body).knows(Object.keys(asked)[0] ?? '')) continue;
        const example = { ...route.example, body };
        expect(await callOf({ ...route, example }, { token: admin.token })).toMatchObject(refusal);
      }
    },
  );

  it.each([
    'user_id',
    'userid',
    'UserId',
    'User-ID',
    'userId[]',
    'userId[0]',
    'usrId',
    'All',
    'ALL',
    'all[]',
  ])('does not do it to the own one when it is written %s', async (name) => {
    const { token } = await administrators();
    const value = name.toLowerCase().startsWith('all') ? 'true' : String(owner.id);
    const refusal = { status: 400, body: { code: 'VALIDATION_FAILED', details: namedIn({ [name]: value }) } };
    const { token: ofUser } = await strangers();
    const query = `/message/pause-queue?${encodeURIComponent(name)}=${value}`;
    for (const call of [
      { path: query, method: 'POST', body: { session: 'main' } },
      { path: '/session/logout', method: 'POST', body: { session: 'main', [name]: value } },
      { path: `/session/main?${encodeURIComponent(name)}=${value}`, method: 'DELETE' },
    ]) {
      expect(await t.call(call.path, { ...call, token })).toMatchObject(refusal);
      expect((await t.call(call.path, { ...call, token: ofUser })).status).toBe(403);
    }
    // Where it is declared, one written otherwise is not lost either.
    const declared = await t.call(`/session/list?${encodeURIComponent(name)}=${value}`, { token });
    expect(declared).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  });

  it('is told so whatever the value is, and nobody where a name only resembles it', async () => {
    const { token } = await administrators();
    const { token: ofUser } = await strangers();
    for (const name of ['userId', 'all']) {
      const body = { session: 'main', [name]: { toString: null } };
      const call = { method: 'POST', body };
      expect((await t.call('/session/logout', { ...call, token })).status).toBe(400);
      expect((await t.call('/session/logout', { ...call, token: ofUser })).status).toBe(403);
    }
    for (const name of ['userIp', 'user_ip', 'userUid']) {
      const reply = await t.call(`/workspace?${name}=203.0.113.9`, { token: ofUser });
      expect(reply).toMatchObject({ status: 200, body: { warnings: { length: 1 } } });
    }
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`userId${n}`, 1]));
    const call = { method: 'POST', body: { session: 'main', ...many } };
    expect((await t.call('/session/logout', { ...call, token: ofUser })).status).toBe(400);
  });

  it('has its own sessions as they were', async () => {
    for (const { admin, before } of asking) expect(await rowsOf(admin)).toEqual(before);
  });

  it('reads it; what changes something is of the own one', () => {
    const others = writing.filter((route) => othersOf(NOBODY).some((asked) => declares(route, asked)));
    expect(others.map(nameOf)).toEqual(['POST /analytics/cleanup']);
  });
});

/** Everything of the first tenant that a route might change. */
const ownedRows = () => rowsOf(owner);

async function rowsOf({ id }: Tenant) {
  const { db } = t.deps;
  const accounts = await db.select().from(whatsappAccounts).where(eq(whatsappAccounts.userId, id));
  const user = await db.select().from(users).where(eq(users.id, id));
  return { accounts, user };
}
