/** The team's pages: inviting, joining, changing and removing people, and the audit. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workspaceInvitations } from '../../src/db/schema.ts';
import { makeMember } from '../helpers/tenant.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

let t: TestDashboard;
beforeAll(async () => {
  t = await openDashboard();
});
afterAll(() => t.close());

const HERE = '/dashboard/team';
const cookieOf = (reply: Response) =>
  /wahub_session=([^;]+)/.exec(reply.headers.get('set-cookie') ?? '')?.[1];

it('an invitation is shown once as a link, which a new person joins by', async () => {
  const owner = await t.tenant();
  const form = { email: 'joins@example.com', role: 'marketer' };
  const made = await t.visit(`${HERE}/invitations`, { as: owner, form });
  const [, path = ''] = /(\/dashboard\/join\?token=[\w.]+)/.exec(await made.text()) ?? [];
  const page = await (await t.visit(HERE, { as: owner })).text();
  expect(page).toContain('joins@example.com');
  expect(page).not.toContain('token=');
  const card = await t.visit(path, { headers: { 'accept-language': 'id' } });
  expect(card.status).toBe(200);
  expect(await card.text()).toContain('Bergabung');
  const token = new URLSearchParams(path.split('?')[1]).get('token') ?? '';
  const joined = await t.visit('/dashboard/join', {
    form: { token, name: 'Newcomer', password: 'a long password' },
  });
  expect(joined.status).toBe(303);
  const cookie = cookieOf(joined) ?? '';
  const seen = await (await t.visit(HERE, { cookie })).text();
  expect(seen).toContain('Newcomer');
  expect(seen).toContain('marketer');
  // Not theirs to manage.
  expect(seen).not.toContain(`${HERE}/invitations`);
  expect((await t.visit(`${HERE}/audit`, { cookie })).status).toBe(403);
  expect((await t.visit(path)).status).toBe(404);
});

it('whoever is signed in with that address joins with one button', async () => {
  const owner = await t.tenant();
  const person = await t.tenant();
  const made = await t.visit(`${HERE}/invitations`, {
    as: owner,
    form: { email: person.email, role: 'viewer' },
  });
  const [, token = ''] = /join\?token=([\w.]+)/.exec(await made.text()) ?? [];
  const card = await (await t.visit(`/dashboard/join?token=${token}`, { as: person })).text();
  expect(card).not.toContain('type="password"');
  const joined = await t.visit('/dashboard/join', { as: person, form: { token } });
  expect(joined.status).toBe(303);
  const seen = await (await t.visit(HERE, { cookie: cookieOf(joined) ?? '' })).text();
  const there = await t.call('/workspace', { token: owner.token });
  const title = `<h1>${String(Object(there.body.data).name)}</h1>`;
  expect(seen).toContain(title);
  // Names and roles are for everybody, addresses for who manages members.
  expect(seen).not.toContain(owner.email);
  expect(await (await t.visit(HERE, { as: owner })).text()).toContain(person.email);
  const back = await t.visit(`${HERE}/switch`, { as: person, form: { workspaceId: String(person.id) } });
  const home = await (await t.visit(HERE, { cookie: cookieOf(back) ?? '' })).text();
  expect(home).not.toContain(title);
});

it('a member is changed and removed, and the audit says who did it', async () => {
  const owner = await t.tenant();
  const member = await makeMember(t.deps, owner.id, 'viewer');
  const here = `${HERE}/members/${member.id}`;
  expect((await t.visit(here, { as: owner })).status).toBe(200);
  expect((await t.visit(here, { as: owner, form: { role: 'operator' } })).status).toBe(303);
  const listed = await t.call('/workspace/members', { token: owner.token });
  expect(listed.body.data).toMatchObject([{ role: 'owner' }, { userId: member.id, role: 'operator' }]);
  expect((await t.visit(`${here}/remove`, { as: owner, form: {} })).status).toBe(303);
  expect((await t.visit('/dashboard', { as: member })).status).toBe(303);
  const audit = await (await t.visit(`${HERE}/audit?search=member.`, { as: owner })).text();
  expect(audit).toContain('Member removed');
  expect(audit).toContain('Member changed');
  const csv = await t.visit(`${HERE}/audit/export?search=member.removed`, { as: owner });
  expect(csv.headers.get('content-type')).toContain('text/csv');
  expect((await csv.text()).split('\r\n')).toHaveLength(3);
});

it('an owner hands over, leaves, and is signed out', async () => {
  const owner = await t.tenant();
  const member = await makeMember(t.deps, owner.id, 'admin');
  await t.visit(`${HERE}/members/${member.id}/owner`, { as: owner, form: {} });
  const left = await t.visit(`${HERE}/leave`, { as: owner, form: {} });
  expect(left.headers.get('location')).toBe('/dashboard/sign-in');
  expect((await t.visit('/dashboard', { as: owner })).status).toBe(303);
  const members = await t.call('/workspace/members', { token: member.token });
  expect(members.body.data).toMatchObject([{ userId: member.id, role: 'owner' }]);
});

it('an invitation whose mail failed says why, and what to do, in the language of the reader', async () => {
  const owner = await t.tenant();
  const mailFailedAt = Date.parse('2027-01-04T08:00:00Z');
  const failures = { 'typo@example.com': 'address_refused', 'slow@example.com': 'server_away' } as const;
  for (const [email, mailFailure] of Object.entries(failures)) {
    await t.visit(`${HERE}/invitations`, { as: owner, form: { email, role: 'viewer' } });
    const isIt = eq(workspaceInvitations.email, email);
    await t.deps.db.update(workspaceInvitations).set({ mailFailedAt, mailFailure }).where(isIt);
  }
  const page = await (await t.visit(HERE, { as: owner })).text();
  expect(page).toContain('refused this address');
  expect(page).toContain('Revoke this invitation and invite the right one.');
  expect(page).toContain('could not be reached for a day');
  expect(page).toContain('2027-01-04 08:00:00 UTC');
  // Not of an address that is wrong.
  expect(page.match(/Invite again</g)).toHaveLength(1);
  const cookie = `wahub_session=${owner.token}; wahub_lang=id`;
  const inIndonesian = await (await t.visit(HERE, { headers: { cookie } })).text();
  expect(inIndonesian).toContain('Server email menolak alamat ini');
  expect(inIndonesian).toContain('Undang lagi, atau minta administrator layanan');
});
