/** Every role of a workspace on every page, in the own workspace and against a foreign one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages } from '../../src/controllers/dashboard/index.ts';
import type { Page } from '../../src/controllers/dashboard/page.ts';
import { WORKSPACE_ROLES, whatsappAccounts } from '../../src/db/schema.ts';
import { roleMay, type WorkspaceRole } from '../../src/services/roles.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Tenant } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { type Member, makeMember } from '../helpers/tenant.ts';
import { openDashboard, type PageCall, type TestDashboard } from './visitor.ts';

const MARKER = 'only-the-other-company';
const MARKED_PHONE = '6281399990001';

let t: TestDashboard;
let company: Tenant;
let foreign: Tenant;
beforeAll(async () => {
  t = await openDashboard({ clock: hurriedClock });
  company = await t.tenant();
  foreign = await t.tenant();
  const names = allPages.flatMap(({ example }) =>
    [example?.params, example?.query, example?.form].flatMap((part) => [part?.session, part?.sessionId]),
  );
  const sessions = [...new Set(['main', ...names.filter((name) => typeof name === 'string')])];
  await t.deps.db
    .insert(whatsappAccounts)
    .values([
      ...sessions.map((sessionId, i) =>
        session(foreign.id, sessionId, MARKER, i === 0 ? MARKED_PHONE : null),
      ),
      ...sessions.map((sessionId) => session(company.id, sessionId, 'ours', null)),
    ]);
});
afterAll(() => t.close());

function session(userId: number, sessionId: string, name: string, phone: string | null) {
  const at = Date.now();
  return {
    id: newId(),
    userId,
    sessionId,
    status: 'disconnected' as const,
    pairing: 'qr' as const,
    phoneNumber: phone,
    activePhone: phone,
    name,
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
const looks = closed.filter((page) => page.method === 'get' && page.auth === 'user');

function isAllowed(page: Page, role: WorkspaceRole): boolean {
  if (page.readOnlyMay === true) return true;
  return page.needs ? roleMay(role, page.needs) : role !== 'viewer';
}

const patternOf = (path: string) => new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}$`);

/** The forms on a page of which the table says that they would be refused. */
function refusedForms(text: string, role: WorkspaceRole): string[] {
  const found = [...text.matchAll(/<form[^>]*method="post"[^>]*action="([^"?]*)/g)].map(
    ([, path = '']) => path,
  );
  return found.filter((action) => {
    const target = forms.find(({ path }) => patternOf(path).test(action));
    return !target || !isAllowed(target, role);
  });
}

describe.each(WORKSPACE_ROLES)('a member with the role %s', (role) => {
  /** One for all that it only looks at, or does not find. */
  let member: Member;
  beforeAll(async () => {
    member = await makeMember(t.deps, company.id, role);
  });

  it.each(asRows(closed.filter((page) => page.auth === 'admin')))('does not find %s', async (_name, page) => {
    expect((await callOf(page, { as: member })).status).toBe(404);
  });

  it.each(asRows(forms.filter((page) => page.auth === 'user')))('%s', async (_name, page) => {
    const mayDo = isAllowed(page, role);
    // What is allowed is done: in a workspace of its own each time.
    const as = mayDo ? await makeMember(t.deps, (await t.tenant()).id, role) : member;
    const reply = await callOf(page, { as });
    expect(reply.status).not.toBe(500);
    if (!mayDo) expect(reply.status).toBe(403);
    const text = await reply.text();
    for (const secret of [MARKER, MARKED_PHONE, foreign.email]) expect(text).not.toContain(secret);
  });

  it.each(asRows(looks))('%s', async (_name, page) => {
    const reply = await callOf(page, { as: member });
    expect([200, 302, 303, 403, 404, 409]).toContain(reply.status);
    const text = await reply.text();
    expect(refusedForms(text, role)).toEqual([]);
    for (const secret of [MARKER, MARKED_PHONE, foreign.email]) expect(text).not.toContain(secret);
  });
});

describe.each(['operator', 'marketer', 'developer'] as const)('what a page asks of the role %s', (role) => {
  it('is no more than what its verb asks', async () => {
    const member = await makeMember(t.deps, company.id, role);
    const refused = forms.filter((page) => page.auth === 'user' && page.needs && !isAllowed(page, role));
    expect(refused.length).toBeGreaterThan(5);
    const stricter: string[] = [];
    for (const page of refused) {
      page.readOnlyMay = true;
      const reply = await callOf(page, { as: member });
      page.readOnlyMay = false;
      if (reply.status < 400) stricter.push(`${page.path}: ${reply.status}`);
    }
    expect(stricter).toEqual([]);
  });

  it('is asked before a button leads there', async () => {
    const member = await makeMember(t.deps, (await t.tenant()).id, role);
    const places = new Set<string>();
    for (const page of looks.filter(({ path }) => !path.includes(':'))) {
      const text = await (await callOf(page, { as: member })).text();
      for (const [, href = ''] of text.matchAll(/<a class="button[^"]*" href="(\/dashboard\/[^"#?]*)"/g))
        places.add(href);
    }
    expect(places.size).toBeGreaterThan(3);
    const closedPlaces: string[] = [];
    for (const place of places) {
      const { status } = await t.visit(place, { as: member });
      if (status !== 200) closedPlaces.push(`${place}: ${status}`);
    }
    expect(closedPlaces).toEqual([]);
  });
});

describe('a member of one session', () => {
  it.each(asRows(closed))('%s shows nothing of the others and does not fail', async (_name, page) => {
    const owner = await t.tenant();
    await t.deps.db
      .insert(whatsappAccounts)
      .values([session(owner.id, 'own', 'ours', null), session(owner.id, 'main', MARKER, MARKED_PHONE)]);
    const member = await makeMember(t.deps, owner.id, 'admin', { sessionId: 'own' });
    const reply = await callOf(page, { as: member });
    expect(reply.status).not.toBe(500);
    const text = await reply.text();
    for (const secret of [MARKER, MARKED_PHONE]) expect(text).not.toContain(secret);
  });
});
