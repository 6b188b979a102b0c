/** Every page of the dashboard, whoever wrote it, passes the same security tests. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages } from '../../src/controllers/dashboard/index.ts';
import type { Page } from '../../src/controllers/dashboard/page.ts';
import { dbType } from '../../src/db/kit.ts';
import { activityLogs, users, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Tenant } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { oncePerRole } from '../helpers/tenant.ts';
import { openDashboard, type PageCall, type TestDashboard } from './visitor.ts';
import { englishIn, shownIn } from './wording.ts';

/** Stands in what belongs to the first tenant, and must be on no page of the second. */
const MARKER = 'only-the-first-tenant';
const MARKED_PHONE = '6281399990001';

let t: TestDashboard;
let owner: Tenant;
beforeAll(async () => {
  t = await openDashboard({ clock: hurriedClock });
  owner = await t.tenant();
  const names = allPages.flatMap(({ example }) =>
    [example?.params, example?.query, example?.form].flatMap((part) => [part?.session, part?.sessionId]),
  );
  const sessions = [...new Set(['main', ...names.filter((name) => typeof name === 'string')])];
  await t.deps.db
    .insert(whatsappAccounts)
    .values(sessions.map((sessionId, i) => markedSession(sessionId, i)));
});
afterAll(() => t.close());

const refused = oncePerRole((role) => t.tenant(role));
const another = oncePerRole((role) => t.tenant(role));
const disabled = oncePerRole(async (role) => {
  const gone = await t.tenant(role);
  const admin = await t.tenant('admin');
  await t.call(`/user/${gone.id}`, { method: 'DELETE', token: admin.token });
  return gone;
});

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

function callOf(page: Page, extra: PageCall = {}): Promise<Response> {
  const params = page.example?.params ?? {};
  const path = page.path.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? 'x'));
  const query = new URLSearchParams(page.example?.query).toString();
  const form = page.method === 'post' ? (page.example?.form ?? {}) : undefined;
  return t.visit(query === '' ? path : `${path}?${query}`, { ...(form ? { form } : {}), ...extra });
}

const asRows = (pages: readonly Page[]) =>
  pages.map((page) => [`${page.method.toUpperCase()} ${page.path}`, page] as const);
const closed = allPages.filter((page) => page.auth !== 'public');
const forms = allPages.filter((page) => page.method === 'post');
const looks = allPages.filter((page) => page.method === 'get' && page.auth === 'user');
const changing = closed.filter((page) => page.method === 'post' && page.readOnlyMay !== true);

it('every page has its own method and path, and an example for each path parameter', () => {
  const names = allPages.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, example } of allPages) {
    expect(path === '/dashboard' || path.startsWith('/dashboard/'), path).toBe(true);
    for (const [, name] of path.matchAll(/:(\w+)/g)) expect(example?.params, path).toHaveProperty(name ?? '');
  }
});

/** Who may come in is decided by the same statements for all pages: to ask for each on one database is enough. */
const DOORS = dbType === 'sqlite' ? ['who comes'] : [];

describe.each(DOORS)('%s without signing in', () => {
  it.each(asRows(closed))('%s leads to sign-in and does nothing', async (_name, page) => {
    const before = await ownedRows();
    for (const call of [{}, { cookie: 'x.y.z' }]) {
      const reply = await callOf(page, call);
      expect(reply.status).toBe(303);
      expect(reply.headers.get('location')).toMatch(/^\/dashboard\/sign-in(\?next=%2Fdashboard|$)/);
    }
    expect(await ownedRows()).toEqual(before);
  });

  it.each(asRows(closed))('%s sends a disabled user to sign-in', async (_name, page) => {
    const gone = await disabled(page.auth === 'admin' ? 'admin' : 'user');
    expect((await callOf(page, { as: gone })).status).toBe(303);
  });

  it.each(asRows(looks))('%s tells htmx to go there', async (_name, page) => {
    const reply = await callOf(page, { headers: { 'hx-request': 'true' } });
    expect(reply.status).toBe(204);
    expect(reply.headers.get('hx-redirect')).toMatch(/^\/dashboard\/sign-in/);
  });
});

describe.each(DOORS)('%s by a form of another origin', () => {
  it.each(asRows(forms))('%s is refused', async (_name, page) => {
    const user = await refused(page.auth === 'admin' ? 'admin' : 'user');
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
      expect((await callOf(page, { as: user, headers })).status).toBe(403);
    }
  });

  it.each(asRows(closed.filter((page) => page.method === 'post')))(
    '%s is refused without its token, and with that of another sign-in',
    async (_name, page) => {
      const role = page.auth === 'admin' ? 'admin' : 'user';
      const user = await refused(role);
      const other = await another(role);
      for (const csrf of ['', 'x', t.csrfOf(other)]) {
        const reply = await callOf(page, { as: user, csrf });
        expect(reply.status).toBe(403);
        expect(await reply.text()).toContain('expired');
      }
    },
  );
});

describe.each(DOORS)('%s with too little', () => {
  it.each(asRows(changing))('%s refuses a read-only user', async (_name, page) => {
    const reader = await refused('readonly');
    const reply = await callOf(page, { as: reader });
    expect(reply.status).toBe(page.auth === 'admin' ? 404 : 403);
  });

  it.each(asRows(allPages.filter((page) => page.auth === 'admin')))(
    '%s does not exist for a user who is no admin',
    async (_name, page) => {
      expect((await callOf(page, { as: await refused('user') })).status).toBe(404);
    },
  );

  it.each(asRows(looks))('%s offers a read-only user no form that would be refused', async (_name, page) => {
    const reply = await callOf(page, { as: await refused('readonly') });
    const actions = [...(await reply.text()).matchAll(/<form[^>]*method="post"[^>]*action="([^"?]*)/g)];
    for (const [, action = ''] of actions) {
      const target = forms.find(({ path }) => patternOf(path).test(action));
      expect(target?.readOnlyMay, action).toBe(true);
    }
  });
});

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}$`);
}

describe('another tenant, with sessions of the same names', () => {
  it.each(asRows(closed))('%s tells and changes nothing of the first', async (_name, page) => {
    const stranger = await t.tenant(page.auth === 'admin' ? 'admin' : 'user');
    const before = await ownedRows();
    const reply = await callOf(page, { as: stranger });
    expect(reply.status).not.toBe(500);
    const text = await reply.text();
    // An admin sees that there are other users.
    const secrets = page.auth === 'admin' ? [MARKER, MARKED_PHONE] : [MARKER, MARKED_PHONE, owner.email];
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(await ownedRows()).toEqual(before);
  });
});

describe('every page that can be looked at', () => {
  it.each(asRows(looks))('%s is whole in both languages, and small', async (_name, page) => {
    const user = await t.tenant();
    for (const lang of ['en', 'id']) {
      const reply = await callOf(page, { as: user, headers: { 'accept-language': lang } });
      expect([200, 302, 303, 404, 409]).toContain(reply.status);
      const text = await reply.text();
      expect(text.length).toBeLessThan(100_000);
      expect(text).not.toMatch(/\sstyle="|\son\w+="|<script>|undefined|\[object/);
      if (!text.startsWith('<!doctype html>') || reply.status !== 200) continue;
      expect(text).toContain(`<html lang="${lang}">`);
      expect(text.match(/<h1[ >]/g)).toHaveLength(1);
      if (lang === 'id') expect(englishIn(shownIn(text)), page.path).toEqual([]);
    }
  });
});

/** Everything of the first tenant that a page might change. */
async function ownedRows() {
  const { db } = t.deps;
  const accounts = await db.select().from(whatsappAccounts).where(eq(whatsappAccounts.userId, owner.id));
  const user = await db.select().from(users).where(eq(users.id, owner.id));
  const facts = await db.select().from(activityLogs).where(eq(activityLogs.userId, owner.id));
  return { accounts, user, facts };
}
