/** Where the links of a page lead, for those who have nothing yet and for those who have a session. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { allPages } from '../../src/controllers/dashboard/index.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Tenant } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

/** In attributes of a page: `&` is written out. */
const LINK = /<a [^>]*href="(\/dashboard[^"#]*)/g;

let t: TestDashboard;
beforeAll(async () => {
  t = await openDashboard({ clock: hurriedClock });
});
afterAll(() => t.close());

async function addSession({ id: userId }: Tenant): Promise<void> {
  const at = Date.now();
  const own = { id: newId(), userId, sessionId: 'main', phoneNumber: '6281399990002' };
  await t.deps.db.insert(whatsappAccounts).values({
    ...own,
    status: 'disconnected',
    pairing: 'qr',
    activePhone: own.phoneNumber,
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
}

/** Each address with the page that links to it, over all pages that `cookie` opens without an example's own rows. */
async function linksOf(cookie: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const paths = allPages
    .filter(({ method, path }) => method === 'get' && !path.includes(':'))
    .map(({ path }) => path);
  for (const path of paths) {
    const reply = await t.visit(path, { cookie });
    if (reply.status !== 200) continue;
    for (const [, link = ''] of (await reply.text()).matchAll(LINK)) {
      found.set(link.replaceAll('&amp;', '&'), path);
    }
  }
  return found;
}

it.each([
  ['a user who has nothing', 'user', false],
  ['a user with a session', 'user', true],
  ['a reader who has nothing', 'readonly', false],
  ['an admin', 'admin', false],
] as const)('no link of any page leads nowhere, for %s', async (_name, role, hasSession) => {
  const person = await t.tenant(role);
  if (hasSession) await addSession(person);
  const links = await linksOf(person.token);
  expect(links.size).toBeGreaterThan(10);
  const dead: string[] = [];
  for (const [link, page] of links) {
    const { status } = await t.visit(link, { cookie: person.token });
    if (status >= 400) dead.push(`${page}: ${link} ${status}`);
  }
  expect(dead).toEqual([]);
});
