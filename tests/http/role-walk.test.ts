/** Every role of a workspace on every route, in the own workspace and against a foreign one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import { type Route, scopeOf } from '../../src/controllers/route.ts';
import { WORKSPACE_ROLES, whatsappAccounts, workspaceMembers, workspaces } from '../../src/db/schema.ts';
import { roleMay, type WorkspaceRole } from '../../src/services/roles.ts';
import { newId } from '../../src/utils/ids.ts';
import { type Call, openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { type Member, makeMember } from '../helpers/tenant.ts';

const MARKER = 'only-the-other-company';
const MARKED_PHONE = '6281399990001';

let t: TestApp;
/** The same routes without what they say of access: what is left is what the verbs check. */
let bare: TestApp;
let company: Tenant;
let foreign: Tenant;
beforeAll(async () => {
  t = await openTestApp({ clock: hurriedClock });
  bare = await openTestApp({ clock: hurriedClock, routes: allRoutes.map(withoutAccess) });
  company = await t.tenant();
  foreign = await t.tenant();
  await t.deps.db.insert(whatsappAccounts).values(sessionNames().map(markedSession));
});
afterAll(async () => {
  await t.close();
  await bare.close();
});

function withoutAccess(route: Route): Route {
  const { permission: _permission, writes: _writes, role: _role, ...rest } = route;
  return { ...rest, scope: null };
}

function sessionNames(): string[] {
  const parts = allRoutes.flatMap(({ example }) => [example?.params, example?.query, example?.body]);
  const names = parts.flatMap((part) => [part?.session, part?.sessionId]);
  return [...new Set(['main', ...names.filter((name) => typeof name === 'string')])];
}

function markedSession(sessionId: string, i: number): typeof whatsappAccounts.$inferInsert {
  const at = Date.now();
  const phone = i === 0 ? MARKED_PHONE : null;
  return {
    id: newId(),
    userId: foreign.id,
    sessionId,
    status: 'disconnected',
    pairing: 'qr',
    phoneNumber: phone,
    activePhone: phone,
    name: MARKER,
    paired: true,
    createdAt: at,
    updatedAt: at,
  };
}

function callOf(on: TestApp, route: Route, extra: Call): Promise<Reply> {
  const params = route.example?.params ?? {};
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? 'x'));
  const query = new URLSearchParams(route.example?.query).toString();
  const call: Call = { method: route.method.toUpperCase(), ...extra };
  if (route.body) call.body = route.example?.body ?? {};
  return on.call(query === '' ? path : `${path}?${query}`, call);
}

/** What the table of roles says of a route. */
function isAllowed(route: Route, role: WorkspaceRole): boolean {
  if (route.role) return false;
  const scope = route.auth === 'jwt' ? (route.scope ?? null) : scopeOf(route);
  if (scope !== null && !roleMay(role, scope)) return false;
  if (route.permission && !roleMay(role, route.permission)) return false;
  return route.writes !== true || role !== 'viewer';
}

/** They ask for more than a role: an administrator of the service, an emulator. */
const closed = allRoutes.filter((route) => route.auth !== 'public');
const asRows = (routes: readonly Route[]) =>
  routes.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const);

/** One for all routes; a call that ended the credential of the one before is asked once more with a new one. */
function memberOf(role: WorkspaceRole): (route: Route, by: 'token' | 'apiKey') => Promise<Reply> {
  let member: Member | null = null;
  return async (route, by) => {
    const known = member;
    const first = known && (await callOf(t, route, { [by]: known[by] }));
    if (first && first.status !== 401) return first;
    member = await makeMember(t.deps, company.id, role);
    return callOf(t, route, { [by]: member[by] });
  };
}

describe.each(WORKSPACE_ROLES)('a member with the role %s', (role) => {
  const ask = memberOf(role);
  it.each(asRows(closed))('%s', async (_name, route) => {
    for (const by of route.auth === 'jwt' ? (['token'] as const) : (['token', 'apiKey'] as const)) {
      const reply = await ask(route, by);
      // Not tired of so many calls either: that would tell nothing of the role.
      expect([401, 429, 500], reply.text).not.toContain(reply.status);
      const refused = reply.status === 403 && reply.body.code === 'FORBIDDEN';
      if (isAllowed(route, role)) expect(refused, reply.text).toBe(isClosedToAll(route));
      else expect(reply.status, reply.text).toBe(403);
      for (const secret of [MARKER, MARKED_PHONE, foreign.email]) expect(reply.text).not.toContain(secret);
    }
  });
});

/** Registration is closed, or the service's own matter. */
function isClosedToAll(route: Route): boolean {
  return route.path === '/metrics';
}

describe('the verb itself refuses', () => {
  const rows = closed.flatMap((route) =>
    WORKSPACE_ROLES.filter((role) => !isAllowed(route, role)).map(
      (role) => [`${route.method.toUpperCase()} ${route.path}`, role, route] as const,
    ),
  );
  const tokens = new Map<WorkspaceRole, string>();
  beforeAll(async () => {
    const owner = await bare.tenant();
    for (const role of WORKSPACE_ROLES) tokens.set(role, (await makeMember(bare.deps, owner.id, role)).token);
  });
  it.each(rows)('%s to a %s', async (_name, role, route) => {
    const reply = await callOf(bare, route, { token: tokens.get(role) ?? '' });
    expect(reply.status, reply.text).toBe(403);
  });
});

describe('one person in two workspaces', () => {
  it('sees each from its own token only, and switches between them', async () => {
    const { db, clock } = t.deps;
    const person = await t.tenant();
    const now = clock.now();
    await db.insert(workspaceMembers).values({
      workspaceId: foreign.id,
      userId: person.id,
      role: 'viewer',
      createdAt: now,
      updatedAt: now,
    });
    expect((await t.call('/session/list', { token: person.token })).text).not.toContain(MARKER);
    const body = { workspaceId: foreign.id };
    const switched = await t.call('/auth/switch-workspace', { method: 'POST', token: person.token, body });
    expect(switched).toMatchObject({ status: 200, body: { workspace: { id: foreign.id, role: 'viewer' } } });
    const there = String(switched.body.token);
    expect((await t.call('/session/list', { token: there })).text).toContain(MARKER);
    expect((await t.call('/session/list', { token: person.token })).text).not.toContain(MARKER);
    const me = await t.call('/auth/me', { token: there });
    expect(me.body.user).toMatchObject({ id: person.id, role: 'readonly', workspace: { id: foreign.id } });
    const again = await t.call('/auth/login', {
      method: 'POST',
      body: { email: person.email, password: person.password },
    });
    expect(again.body.user).toMatchObject({ workspace: { id: foreign.id } });
  });

  it('cannot switch to a workspace of others', async () => {
    const stranger = await t.tenant();
    const body = { workspaceId: foreign.id };
    const reply = await t.call('/auth/switch-workspace', { method: 'POST', token: stranger.token, body });
    expect(reply.status).toBe(404);
    const forged = t.deps.credentials.signToken(stranger.id, 0, foreign.id);
    expect((await t.call('/session/list', { token: forged })).status).toBe(401);
  });
});

it('no workspace ever gets the number of a person, nor a person that of a workspace', async () => {
  const admin = await t.tenant('admin');
  const made = await t.call('/workspace', { method: 'POST', token: admin.token, body: { name: 'Second' } });
  expect(made.status).toBe(201);
  const id = Number(Object(made.body.data).id);
  const next = await t.tenant();
  expect(next.id).toBeGreaterThan(id);
  const ids = (await t.deps.db.select({ id: workspaces.id }).from(workspaces)).map((row) => row.id);
  expect(new Set(ids).size).toBe(ids.length);
});
