/** Every link, form and part of every page, walked by people of every role, with an empty workspace and with a full one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allPages } from '../../src/controllers/dashboard/index.ts';
import type { Page } from '../../src/controllers/dashboard/page.ts';
import { type WORKSPACE_ROLES, webhooks, whatsappAccounts } from '../../src/db/schema.ts';
import { roleMay } from '../../src/services/roles.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Tenant } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { makeMember } from '../helpers/tenant.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

type Role = (typeof WORKSPACE_ROLES)[number];

/** In attributes of a page: `&` is written out. */
const LINK = /<a [^>]*href="(\/dashboard[^"#]*)/g;
/** Parts that are fetched, and forms that only look. */
const PART = /\shx-get="(\/dashboard[^"#]*)/g;
const LOOK_FORM = /<form[^>]*method="get"[^>]*action="(\/dashboard[^"#]*)/g;
const SENT_FORM = /<form[^>]*method="post"[^>]*action="([^"?#]*)/g;
const SENT_PART = /\shx-post="([^"?#]*)/g;
const ANCHOR = /href="#([^"]+)"/g;
const EMPTY = /<div class="empty">(.*?)<\/div>/gs;
/** Pages of one kind that are walked: of a hundred messages each looks like the other. */
const EACH_KIND = 4;
const NO_ROLE: Role = 'viewer';

let t: TestDashboard;
beforeAll(async () => {
  t = await openDashboard({ clock: hurriedClock });
});
afterAll(() => t.close());

async function addSession({ id: userId }: Tenant): Promise<void> {
  const at = Date.now();
  const own = {
    id: newId(),
    userId,
    sessionId: 'main',
    phoneNumber: `6281${String(userId).padStart(9, '0')}`,
  };
  await t.deps.db.insert(whatsappAccounts).values({
    ...own,
    status: 'connected',
    pairing: 'qr',
    activePhone: own.phoneNumber,
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
}

/** One of everything, by the forms that people fill in. */
async function furnish(owner: Tenant): Promise<void> {
  await addSession(owner);
  const at = Date.now();
  await t.deps.db.insert(webhooks).values({
    id: newId(),
    userId: owner.id,
    url: 'https://hooks.example.com/wahub',
    events: ['*'],
    status: 'active',
    secret: 'sealed elsewhere',
    createdAt: at,
    updatedAt: at,
  });
  const post = async (path: string, form: Record<string, string>) => {
    const reply = await t.visit(`/dashboard${path}`, { as: owner, form });
    expect(reply.status, path).toBeLessThan(400);
    return reply.headers.get('location') ?? '';
  };
  await post('/messages', { session: 'main', to: '+6281234567890', kind: 'text', text: 'hello' });
  await post('/otp/send', { session: 'main', to: '+6281234567890' });
  await post('/otp/templates', { name: 'Login', body: 'Code {otp}' });
  await post('/pools', { name: 'all', sessions: 'main' });
  await post('/developers/keys', { name: 'shop', preset: 'send' });
  await post('/broadcast/templates', { name: 'Hello', body: 'Hello {name}' });
  await post('/broadcast/opt-outs', { numbers: '+6281234567899' });
  const list = await post('/broadcast/lists', { name: 'Customers' });
  await post(`${list.slice('/dashboard'.length)}/contacts`, { number: '+6281234567890', name: 'Budi' });
  const listId = list.split('/').at(-1) ?? '';
  const body = { listId, message: 'Hi', campaignName: 'Opening', delayBetweenMessages: 2_000 };
  const path = '/session/main/broadcast/send';
  expect(await t.call(path, { method: 'POST', apiKey: owner.apiKey, body })).toMatchObject({ status: 202 });
}

const patternOf = ({ path }: Page) =>
  new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}$`);
const gets = allPages.filter(({ method }) => method === 'get').map((page) => ({ page, is: patternOf(page) }));
const posts = allPages
  .filter(({ method }) => method === 'post')
  .map((page) => ({ page, is: patternOf(page) }));

function mayPost(page: Page, role: Role, isAdmin: boolean): boolean {
  if (page.auth === 'admin') return isAdmin;
  if (page.readOnlyMay === true) return true;
  return page.needs ? roleMay(role, page.needs) : role !== NO_ROLE;
}

const found = (html: string, pattern: RegExp) =>
  [...html.matchAll(pattern)].map(([, path = '']) => path.replaceAll('&amp;', '&'));

interface Walked {
  pages: number;
  empty: number;
  /** what leads nowhere, a line each */
  faults: string[];
}

/** What a page offers that its reader cannot do, and where it leaves them alone. */
function faultsOf(html: string, at: string, role: Role, isAdmin: boolean): string[] {
  const faults: string[] = [];
  for (const action of [...found(html, SENT_FORM), ...found(html, SENT_PART)]) {
    const target = posts.find(({ is }) => is.test(action))?.page;
    if (target === undefined) faults.push(`${at}: a form goes to ${action}, where nothing is`);
    else if (!mayPost(target, role, isAdmin)) faults.push(`${at}: the form ${action} would be refused`);
  }
  for (const anchor of found(html, ANCHOR)) {
    if (!html.includes(`id="${anchor}"`)) faults.push(`${at}: nothing is at #${anchor}`);
  }
  for (const [, inside = ''] of html.matchAll(EMPTY)) {
    if (!/<a |<button/.test(inside))
      faults.push(`${at}: an empty page leads nowhere: ${inside.slice(0, 80)}`);
  }
  return faults;
}

async function walk(person: Tenant, role: Role, isAdmin = false): Promise<Walked> {
  const walked: Walked = { pages: 0, empty: 0, faults: [] };
  const counts = new Map<Page, number>();
  const waiting = [{ to: '/dashboard', from: 'signing in' }];
  const seen = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { to, from } = next;
    const page = gets.find(({ is }) => is.test(new URL(to, 'http://here').pathname))?.page;
    const count = (page && counts.get(page)) ?? 0;
    if (seen.has(to) || count >= EACH_KIND) continue;
    seen.add(to);
    if (page) counts.set(page, count + 1);
    const reply = await t.visit(to, { as: person });
    if (reply.status >= 400) walked.faults.push(`${from}: ${to} ${reply.status}`);
    const html = await reply.text();
    const led = reply.headers.get('location');
    if (led?.startsWith('/dashboard')) waiting.push({ to: led, from: to });
    if (reply.status !== 200 || reply.headers.get('content-type')?.includes('html') !== true) continue;
    walked.pages++;
    walked.empty += found(html, EMPTY).length;
    walked.faults.push(...faultsOf(html, to, role, isAdmin));
    for (const link of [LINK, PART, LOOK_FORM].flatMap((pattern) => found(html, pattern))) {
      waiting.push({ to: link, from: to });
    }
  }
  return walked;
}

describe('no link, form or part leads nowhere, and every empty page leads on', () => {
  it.each<Role>(['owner', 'operator', 'marketer', 'developer', 'viewer'])(
    'for a member with the role %s who has nothing',
    async (role) => {
      const owner = await t.tenant();
      const { faults, empty } = await walk(await makeMember(t.deps, owner.id, role), role);
      expect(faults).toEqual([]);
      expect(empty).toBeGreaterThan(5);
    },
  );

  it.each<Role>(['admin', 'operator', 'marketer', 'developer', 'viewer'])(
    'for a member with the role %s who has one of everything',
    async (role) => {
      const owner = await t.tenant();
      await furnish(owner);
      const { faults, pages } = await walk(await makeMember(t.deps, owner.id, role), role);
      expect(faults).toEqual([]);
      expect(pages).toBeGreaterThan(40);
    },
  );

  it('for an administrator of the service, a read-only user, and a member of one session', async () => {
    const admin = await t.tenant('admin');
    await furnish(admin);
    expect((await walk(admin, 'owner', true)).faults).toEqual([]);
    expect((await walk(await t.tenant('readonly'), 'viewer')).faults).toEqual([]);
    const owner = await t.tenant();
    await furnish(owner);
    const member = await makeMember(t.deps, owner.id, 'operator', { sessionId: 'main' });
    expect((await walk(member, 'operator')).faults).toEqual([]);
  });
});
