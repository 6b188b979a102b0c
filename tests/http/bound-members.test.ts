/** A member who is given several sessions sees these and no others, everywhere and from the next request on. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  activityLogs,
  broadcastLists,
  campaigns,
  messages,
  optOuts,
  otps,
  webhooks,
  whatsappAccounts,
  workspaceMembers,
  workspaces,
} from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openDashboard, type TestDashboard } from '../dashboard/visitor.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { type Member, makeMember, type Tenant } from '../helpers/tenant.ts';

const clock = createManualClock(Date.parse('2027-01-04T08:00:00Z'));
const NAMES = ['first', 'second', 'third'] as const;
let t: TestDashboard;
let owner: Tenant;
let member: Member;
beforeAll(async () => {
  t = await openDashboard({ clock });
  owner = await t.tenant();
  for (const name of NAMES) await addSession(name);
  member = await makeMember(t.deps, owner.id, 'admin', { sessions: ['first', 'second'] });
});
afterAll(() => t.close());

/** A session with one of everything. */
async function addSession(sessionId: string): Promise<void> {
  const { db } = t.deps;
  const at = clock.now();
  const times = { createdAt: at, updatedAt: at };
  const whose = { userId: owner.id, sessionId };
  const accountId = newId();
  const linked = { status: 'connected', pairing: 'qr', paired: true, name: `name-${sessionId}` } as const;
  await db.insert(whatsappAccounts).values({ ...whose, ...times, ...linked, id: accountId });
  const id = newId();
  const text = { type: 'text', content: { type: 'text', text: `said-${sessionId}` } };
  await db.insert(messages).values({
    ...whose,
    ...times,
    ...text,
    id,
    accountId,
    messageId: `id-${sessionId}`,
    direction: 'out',
    peer: '6281234567890@s.whatsapp.net',
    phone: '6281234567890',
    status: 'sent',
  });
  await db.insert(broadcastLists).values({ ...whose, ...times, id: newId(), name: sessionId, columns: [] });
  await db.insert(campaigns).values({
    ...whose,
    ...times,
    ...text,
    id: newId(),
    accountId,
    name: `campaign-${sessionId}`,
    status: 'completed',
    delayMs: 1000,
    options: {},
    seed: 's',
    frozenAt: at,
    total: 1,
  });
  await db.insert(otps).values({
    ...whose,
    ...times,
    id: newId(),
    accountId,
    requestedSessionId: sessionId,
    phone: '6281234567890',
    status: 'expired',
    messageRowId: id,
    messageId: `id-${sessionId}`,
    length: 6,
    companyName: 'PT. Contoh',
    language: 'en',
    maxAttempts: 3,
    deliveries: [],
    failover: [],
    expiresAt: at,
  });
  const hook = { events: ['*'], secret: 'none', url: `https://hooks.example.com/${sessionId}` };
  await db.insert(webhooks).values({ ...whose, ...times, ...hook, id: newId(), status: 'active' });
  const fact = { event: 'message.sent', action: 'message_send', status: 'success', data: {} } as const;
  await db.insert(activityLogs).values({ ...whose, ...fact, id: newId(), accountId, at });
}

const by = (who: { token: string }) => ({ token: who.token });
const get = (path: string, who: { token: string } = member) => t.call(path, by(who));

/** Which of the sessions an answer tells of. */
const told = (text: string) => NAMES.filter((name) => text.includes(name));

/** Lists and figures of all sessions together. */
const PLACES = [
  '/session/list',
  '/message/list',
  '/webhook',
  '/analytics/logs/activity',
  '/analytics/logs/otp',
  '/analytics/export?log=messages&format=csv',
];

describe('a member of two of three sessions', () => {
  it.each(PLACES)('%s tells of these two', async (path) => {
    expect(told((await get(path)).text)).toEqual(['first', 'second']);
    expect(told((await get(path, owner)).text)).toEqual([...NAMES]);
  });

  it.each(NAMES)('reaches %s as given', async (name) => {
    const isTheirs = name !== 'third';
    const status = isTheirs ? 200 : 404;
    for (const path of [
      `/session/status?session=${name}`,
      `/message/id-${name}`,
      `/message/list?session=${name}`,
      `/session/${name}/broadcast/lists`,
      `/session/${name}/broadcast/campaigns`,
      `/analytics/sessions/${name}/stats`,
    ]) {
      expect((await get(path)).status, path).toBe(status);
    }
    const body = { session: name };
    const paused = await t.call('/message/pause-queue', { method: 'POST', ...by(member), body });
    expect(paused.status).toBe(status);
  });

  it('sees lists and campaigns of both on the pages, and figures of both', async () => {
    const dashboard = Object((await get('/analytics/dashboard')).body.data);
    expect(dashboard).toMatchObject({ sessions: { total: 2 }, messages: { total: 2 }, otp: { total: 2 } });
    const text = async (path: string) => (await t.visit(path, { as: member })).text();
    for (const path of ['/dashboard/broadcast', '/dashboard/broadcast/lists', '/dashboard/sessions']) {
      expect(told(await text(path)), path).toEqual(['first', 'second']);
    }
  });

  it('changes nothing that all sessions share, and gives no key more than it has', async () => {
    const put = await t.call('/workspace', { method: 'PUT', ...by(member), body: { name: 'Mine' } });
    expect(put.status).toBe(403);
    expect((await get('/workspace/invitations')).status).toBe(403);
    const make = (sessionId?: string) => {
      const body = { name: 'k', scopes: ['read'], ...(sessionId ? { sessionId } : {}) };
      return t.call('/auth/api-keys', { method: 'POST', ...by(member), body });
    };
    expect((await make('third')).status).toBe(404);
    const unbound = await make();
    expect(unbound).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    expect(Object(unbound.body.details).sessionId).toContain('first, second');
    expect(await (await t.visit('/dashboard/developers', { as: member })).text()).not.toMatch(
      /<option value="" *[^>]*>/,
    );
    const one = String((await make('second')).body.apiKey);
    // Made while they were a member of all sessions.
    await change({ sessionIds: null });
    const made = await make();
    const both = String(made.body.apiKey);
    await change({ sessionIds: ['first', 'second'] });
    const listed = async (apiKey: string) => told((await t.call('/session/list', { apiKey })).text);
    expect(await listed(one)).toEqual(['second']);
    expect(await listed(both)).toEqual(['first', 'second']);
    // The maker's sessions are the keys'.
    await change({ sessionIds: ['first'] });
    expect((await t.call('/session/list', { apiKey: one })).status).toBe(401);
    expect(await listed(both)).toEqual(['first']);
    await change({ sessionIds: ['first', 'second'] });
    // Whoever made a key sees it and ends it; others of these sessions do neither.
    const { id } = Object(made.body.data);
    const idsOf = async (who: { token: string }) => {
      const keys = (await t.call('/auth/api-keys', by(who))).body.data as { id: string }[];
      return keys.map((key) => key.id);
    };
    const peer = await makeMember(t.deps, owner.id, 'admin', { sessions: ['first', 'second'] });
    const end = (who: { token: string }) => t.call(`/auth/api-keys/${id}`, { method: 'DELETE', ...by(who) });
    expect(await idsOf(peer)).not.toContain(id);
    expect((await end(peer)).status).toBe(404);
    expect(await idsOf(member)).toContain(id);
    expect((await end(member)).status).toBe(200);
    expect((await t.call('/session/list', { apiKey: both })).status).toBe(401);
  });

  it('is changed from the next request on, also back to one session and to all', async () => {
    const seen = async () => told((await get('/session/list')).text);
    await change({ sessionId: 'third' });
    expect(await seen()).toEqual(['third']);
    await change({ sessionIds: ['third', 'first', 'third'] });
    expect(await seen()).toEqual(['first', 'third']);
    const listed = await t.call('/workspace/members', by(owner));
    const rows = listed.body.data as { userId: number }[];
    expect(rows.find(({ userId }) => userId === member.id)).toMatchObject({
      sessionId: 'third',
      sessionIds: ['third', 'first'],
    });
    await change({ sessionIds: null });
    expect(await seen()).toEqual([...NAMES]);
    await change({ sessionIds: ['first', 'second'] });
    for (const body of [{ sessionIds: [] }, { sessionIds: ['no name!'] }, { role: 'owner' }]) {
      expect((await put(body)).status).toBe(400);
    }
  });

  it('sees the first one alone where a process of the release before has changed it', async () => {
    const here = eq(workspaceMembers.userId, member.id);
    await t.deps.db.update(workspaceMembers).set({ sessionId: 'third' }).where(here);
    clock.advance(1_001);
    expect(told((await get('/session/list')).text)).toEqual(['third']);
    await change({ sessionIds: ['first', 'second'] });
  });
});

it('learns of no others: no name that may be meant, no figures, no webhooks of them', async () => {
  await change({ sessionIds: ['first', 'second'] });
  const { db } = t.deps;
  const gone = and(eq(whatsappAccounts.userId, owner.id), eq(whatsappAccounts.sessionId, 'second'));
  await db.update(whatsappAccounts).set({ sessionId: 'secomd' }).where(gone);
  const hint = async (who: { token: string }) =>
    Object((await get('/session/status?session=second', who)).body.details).didYouMean;
  expect([await hint(owner), await hint(member)]).toEqual(['secomd', undefined]);
  const pool = { name: 'both', sessions: ['second'] };
  const made = await t.call('/pool/create', { method: 'POST', ...by(member), body: pool });
  expect(made.status).toBe(404);
  expect(made.text).not.toContain('secomd');
  await db
    .update(whatsappAccounts)
    .set({ sessionId: 'second' })
    .where(and(eq(whatsappAccounts.userId, owner.id), eq(whatsappAccounts.sessionId, 'secomd')));
  const at = clock.now();
  await db.insert(optOuts).values(
    NAMES.map((sessionId, i) => ({
      userId: owner.id,
      sessionId,
      phone: `62812000000${i}`,
      source: 'manual' as const,
      createdAt: at,
    })),
  );
  const figures = async (who: { token: string }) =>
    Object((await get('/session/first/broadcast/stats', who)).body.data);
  expect(await figures(owner)).toMatchObject({ lists: 3, optOuts: 3 });
  expect(await figures(member)).toMatchObject({ lists: 2, optOuts: 2 });
});

it('a narrower member ends the signed links of the workspace, a wider one does not', async () => {
  const linksFrom = async () => {
    const [row] = await t.deps.db.select().from(workspaces).where(eq(workspaces.id, owner.id));
    return row?.linksFrom ?? null;
  };
  const moved = async (body: unknown) => {
    clock.advance(5_000);
    const before = await linksFrom();
    await change(body);
    return (await linksFrom()) !== before;
  };
  await change({ role: 'viewer', sessionIds: ['first'] });
  expect(await moved({ sessionIds: ['first', 'second'] })).toBe(false);
  expect(await moved({ role: 'operator' })).toBe(false);
  expect(await moved({ sessionIds: null })).toBe(false);
  expect(await moved({ sessionIds: ['first', 'second'] })).toBe(true);
  expect(await moved({ sessionIds: ['second', 'third'] })).toBe(true);
  expect(await moved({ role: 'viewer' })).toBe(true);
  await change({ role: 'admin', sessionIds: ['first', 'second'] });
});

it('an invitation gives several sessions, by the API and by the page', async () => {
  const body = { email: 'two@example.com', role: 'operator', sessionIds: ['second', 'third'] };
  const made = await t.call('/workspace/invitations', { method: 'POST', ...by(owner), body });
  const { token, sessionId, sessionIds } = Object(made.body.data);
  expect([sessionId, sessionIds]).toEqual(['second', ['second', 'third']]);
  const joined = await t.call('/auth/accept-invitation', {
    method: 'POST',
    body: { token, password: 'a long password' },
  });
  expect(joined.body.workspace).toMatchObject({ sessionIds: ['second', 'third'] });
  expect(told((await get('/session/list', { token: String(joined.body.token) })).text)).toEqual([
    'second',
    'third',
  ]);
  const form = { role: 'viewer', sessionIds: ['first', 'third'] };
  const page = await t.visit(`/dashboard/team/members/${member.id}`, { as: owner });
  expect(await page.text()).toMatch(/name="sessionIds"[^>]*value="first"[^>]*checked/);
  const saved = await t.visit(`/dashboard/team/members/${member.id}`, { as: owner, form });
  expect(saved.status).toBe(303);
  expect(told((await get('/session/list')).text)).toEqual(['first', 'third']);
  const all = await t.visit(`/dashboard/team/members/${member.id}`, { as: owner, form: { role: 'admin' } });
  expect(all.status).toBe(303);
  expect(told((await get('/session/list')).text)).toEqual([...NAMES]);
  expect(await (await t.visit('/dashboard/team', { as: owner })).text()).toContain('second, third');
});

const put = (body: unknown) =>
  t.call(`/workspace/members/${member.id}`, { method: 'PUT', ...by(owner), body });

async function change(body: unknown): Promise<void> {
  const reply = await put(body);
  expect(reply.status, reply.text).toBe(200);
}
