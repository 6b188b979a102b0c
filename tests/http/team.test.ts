/** Invitations, members, ownership and the audit of a workspace. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp, type HttpApp } from '../../src/app.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import {
  apiKeys,
  auditEntries,
  campaignDrafts,
  mailOutbox,
  users,
  workspaceInvitations,
} from '../../src/db/schema.ts';
import { sendDueMails } from '../../src/services/mail/outbox.ts';
import { signLink } from '../../src/services/signed-links.ts';
import { DAY_MS } from '../../src/utils/durations.ts';
import { newId } from '../../src/utils/ids.ts';
import { type Call, depsElsewhere, openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { mailerOf } from '../helpers/mailer.ts';
import { createManualClock } from '../helpers/manual-clock.ts';
import { openSmtpServer } from '../helpers/smtp-server.ts';
import { makeMember } from '../helpers/tenant.ts';

const clock = createManualClock(Date.parse('2027-01-04T08:00:00Z'));
let t: TestApp;
/** Another process over the same database, with a memory of its own. */
let elsewhere: HttpApp;
beforeAll(async () => {
  t = await openTestApp({ clock });
  elsewhere = createApp(depsElsewhere(t.deps, t.deps.database), allRoutes);
});
afterAll(async () => {
  await elsewhere.stop();
  await t.close();
});

const post = (path: string, token: string, body: unknown = {}): Call & { path: string } => ({
  path,
  method: 'POST',
  token,
  body,
});
const send = ({ path, ...call }: Call & { path: string }) => t.call(path, call);

let invited = 0;
async function invite(owner: Tenant, role = 'operator', email = `new-${++invited}@example.com`) {
  const reply = await send(post('/workspace/invitations', owner.token, { email, role }));
  return { reply, email, data: Object(reply.body.data) as Record<string, string> };
}

const accept = (body: Record<string, unknown>, token?: string) =>
  t.call('/auth/accept-invitation', { method: 'POST', body, ...(token ? { token } : {}) });

describe('an invitation', () => {
  it('makes a new person a member of that workspace only, once', async () => {
    const owner = await t.tenant();
    const { reply, data, email } = await invite(owner);
    expect(reply.status).toBe(201);
    expect(data).toMatchObject({ email, role: 'operator', mailed: false });
    expect(data.url).toContain(`/dashboard/join?token=${data.token}`);
    const body = { token: data.token, name: 'Clerk', password: 'a long password' };
    const joined = await accept(body);
    expect(joined).toMatchObject({
      status: 201,
      body: { user: { email, name: 'Clerk' }, workspace: { id: owner.id, role: 'operator' } },
    });
    const token = String(joined.body.token);
    const mine = await t.call('/workspace', { token });
    expect(mine.body.data).toMatchObject({ id: owner.id, members: 2, workspaces: [{ id: owner.id }] });
    expect(await accept(body)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    const signedIn = await t.call('/auth/login', {
      method: 'POST',
      body: { email, password: 'a long password' },
    });
    expect(signedIn.body.user).toMatchObject({ workspace: { id: owner.id } });
    expect(String(Object(signedIn.body.user).apiKey)).toMatch(/^wahub_/);
  });

  it('takes whoever has an account only with its password or its token', async () => {
    const owner = await t.tenant();
    const person = await t.tenant();
    const stranger = await t.tenant();
    const { data } = await invite(owner, 'viewer', person.email);
    const { token } = data;
    expect((await accept({ token })).status).toBe(400);
    expect((await accept({ token }, stranger.token)).status).toBe(400);
    expect((await accept({ token, password: 'a wrong password' })).status).toBe(401);
    expect((await t.call('/workspace/members', { token: owner.token })).body.data).toHaveLength(1);
    const joined = await accept({ token }, person.token);
    expect(joined).toMatchObject({ status: 201, body: { workspace: { id: owner.id, role: 'viewer' } } });
    const mine = await t.call('/workspace', { token: String(joined.body.token) });
    expect(Object(mine.body.data).workspaces).toMatchObject([{ id: owner.id }, { id: person.id }]);
    const again = await invite(owner, 'viewer', person.email);
    expect(again.reply).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  });

  it('does not tell whether an address has an account', async () => {
    const owner = await t.tenant();
    const person = await t.tenant();
    const known = await invite(owner, 'viewer', person.email);
    const unknown = await invite(owner, 'viewer');
    const shape = ({ reply }: typeof known) => Object.keys(Object(reply.body.data)).sort();
    expect(shape(known)).toEqual(shape(unknown));
    const answers = await Promise.all([known, unknown].map(({ data }) => accept({ token: data.token })));
    expect(answers.map(({ status, body }) => [status, body.message])).toEqual([
      [400, answers[0]?.body.message],
      [400, answers[0]?.body.message],
    ]);
  });

  it('is over after seven days, when it is ended, and when another one takes its place', async () => {
    const password = 'a long password';
    const late = await invite(await t.tenant());
    clock.advance(7 * DAY_MS);
    const owner = await t.tenant();
    expect((await accept({ token: late.data.token, password })).status).toBe(404);
    const ended = await invite(owner);
    const path = `/workspace/invitations/${ended.data.id}`;
    const foreign = await t.tenant();
    expect((await t.call(path, { method: 'DELETE', token: foreign.token })).status).toBe(404);
    expect((await t.call(path, { method: 'DELETE', token: owner.token })).status).toBe(200);
    expect((await accept({ token: ended.data.token, password })).status).toBe(404);
    const first = await invite(owner);
    const second = await invite(owner, 'viewer', first.email);
    expect((await accept({ token: first.data.token, password })).status).toBe(404);
    const open = await t.call('/workspace/invitations', { token: owner.token });
    expect(open.body.data).toMatchObject([{ id: second.data.id, role: 'viewer' }]);
    expect(open.text).not.toContain('token');
    expect((await accept({ token: second.data.token, password })).status).toBe(201);
    const [forged] = String(first.data.token).split('.');
    expect((await accept({ token: `${forged}.${'0'.repeat(64)}`, password })).status).toBe(404);
  });

  it('is used once by two at the same moment', async () => {
    const owner = await t.tenant();
    const { data } = await invite(owner);
    const body = { token: data.token, name: 'Twin', password: 'a long password' };
    const replies = await Promise.all([accept(body), accept(body)]);
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    expect((await t.call('/workspace/members', { token: owner.token })).body.data).toHaveLength(2);
  });

  it('is made of owners by owners only', async () => {
    const owner = await t.tenant();
    const admin = { ...owner, ...(await makeMember(t.deps, owner.id, 'admin')) };
    expect((await invite(admin, 'owner')).reply.status).toBe(403);
    expect((await invite(admin, 'admin')).reply.status).toBe(201);
    expect((await invite(owner, 'owner')).reply.status).toBe(201);
  });

  it('comes as a mail where there is an SMTP server', async () => {
    const smtp = await openSmtpServer();
    const server = {
      host: '127.0.0.1',
      port: smtp.port,
      secure: false,
      user: 'hub',
      password: 'secret',
      from: 'WaHub <hub@example.com>',
    };
    const app = await openTestApp({ clock, config: { smtp: server } });
    const owner = await app.tenant();
    const body = { email: 'mailed@example.com', role: 'viewer' };
    const call = { method: 'POST', token: owner.token, body, headers: { 'accept-language': 'id' } };
    const reply = await app.call('/workspace/invitations', call);
    // Whoever invites could open an account with an address that is not theirs.
    expect(reply.body.data).toMatchObject({ mailed: true, mailWaiting: true, token: null, url: null });
    const listed = async () => (await app.call('/workspace/invitations', { token: owner.token })).body.data;
    expect(await listed()).toMatchObject([{ mailWaiting: true }]);
    await sendDueMails(app.deps, mailerOf(app));
    expect(await listed()).toMatchObject([{ mailWaiting: false }]);
    expect(smtp.mails[0]?.data).toContain('diundang');
    const [, token = ''] = /token=([\w.]+)/.exec(smtp.mails[0]?.data ?? '') ?? [];
    expect(JSON.stringify(await app.deps.db.select().from(mailOutbox))).not.toContain(token);
    const joined = await app.call('/auth/accept-invitation', {
      method: 'POST',
      body: { token, password: 'a long password' },
    });
    expect(joined).toMatchObject({ status: 201, body: { user: { name: 'mailed' } } });
    for (let i = 0; i < 3; i++) {
      await app.deps.db.delete(workspaceInvitations);
      const often = await app.call('/workspace/invitations', {
        ...call,
        body: { ...body, email: 'full@example.com' },
      });
      expect(often.status).toBe(201);
    }
    const over = await app.call('/workspace/invitations', {
      ...call,
      body: { ...body, email: 'full@example.com' },
    });
    // No other workspace can keep that address from being invited by spending its mails.
    expect(over).toMatchObject({ status: 201, body: { data: { mailed: false, token: null, url: null } } });
    expect(await app.deps.db.select().from(mailOutbox)).toHaveLength(3);
    await app.close();
    await smtp.close();
  });
});

describe('a member who is removed', () => {
  it('is out with the next request, in every way, here and in another process', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'developer');
    const body = { name: 'shop', scopes: ['read'] };
    const made = await send(post('/auth/api-keys', member.token, body));
    const extra = String(made.body.apiKey);
    const scope = { purpose: 'qr' as const, issuedAt: clock.now() - 1 };
    const link = signLink(t.deps.secrets, '/session/qr-page/main', owner.id, clock.now() + DAY_MS, scope);
    expect((await t.call(link)).status).toBe(404);
    const asked: Call[] = [{ token: member.token }, { apiKey: member.apiKey }];
    for (const call of asked) expect((await t.call('/session/list', call)).status).toBe(200);

    const draft = { data: {}, version: 1, savedBy: newId(), createdAt: 1, updatedAt: 1 };
    const drafts = [member.id, owner.id].map((personId) => ({
      ...draft,
      id: newId(),
      userId: owner.id,
      personId,
    }));
    await t.deps.db.insert(campaignDrafts).values(drafts);
    const gone = await t.call(`/workspace/members/${member.id}`, { method: 'DELETE', token: owner.token });
    expect(gone.status).toBe(200);
    const kept = await t.deps.db.select().from(campaignDrafts).where(eq(campaignDrafts.userId, owner.id));
    expect(kept.map(({ personId }) => personId)).toEqual([owner.id]);
    for (const call of asked) expect((await t.call('/session/list', call)).status).toBe(401);
    expect((await t.call(link)).status).toBe(401);
    clock.advance(1_001);
    const headers = { authorization: `Bearer ${member.token}` };
    expect((await elsewhere.request('/session/list', { headers })).status).toBe(401);
    const signIn = await t.call('/auth/login', {
      method: 'POST',
      body: { email: member.email, password: member.password },
    });
    expect(signIn).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });

    // The key of the workspace goes on, and is listed with its maker.
    expect((await t.call('/session/list', { apiKey: extra })).status).toBe(200);
    const keys = await t.call('/auth/api-keys', { token: owner.token });
    expect(keys.body.data).toMatchObject([{ name: 'shop', createdBy: { id: member.id, removed: true } }]);
  });

  it('leaves keys that can do no more than the member could', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'admin');
    const body = { name: 'all', scopes: ['*'] };
    const made = await send(post('/auth/api-keys', member.token, body));
    const apiKey = String(made.body.apiKey);
    const path = `/workspace/members/${member.id}`;
    const write = { method: 'POST', apiKey, body: { hours: 1 } };
    expect((await t.call('/session/cleanup', write)).status).toBe(200);
    await t.call(path, { method: 'PUT', token: owner.token, body: { role: 'marketer' } });
    expect((await t.call('/session/cleanup', write)).status).toBe(403);
    await t.call(path, { method: 'DELETE', token: owner.token });
    expect((await t.call('/session/cleanup', write)).status).toBe(403);
    const [row] = await t.deps.db
      .select({ scopes: apiKeys.scopes })
      .from(apiKeys)
      .where(and(eq(apiKeys.userId, owner.id), eq(apiKeys.kind, 'extra')));
    expect(row?.scopes).toEqual(['read', 'broadcast', 'media:write']);
  });

  it('takes the keys along when the owner says so', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'developer');
    const made = await send(post('/auth/api-keys', member.token, { name: 'shop', scopes: ['read'] }));
    const path = `/workspace/members/${member.id}?keys=revoke`;
    expect((await t.call(path, { method: 'DELETE', token: owner.token })).status).toBe(200);
    expect((await t.call('/session/list', { apiKey: String(made.body.apiKey) })).status).toBe(401);
  });

  it.each(['here', 'elsewhere'] as const)('loses event streams within five seconds, %s', async (where) => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'viewer');
    const app = where === 'here' ? t.app : elsewhere;
    const headers = { authorization: `Bearer ${member.token}` };
    const response = await app.request('/events', { headers });
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    let ended = false;
    const reading = (async () => {
      while ((await reader?.read())?.done === false);
      ended = true;
    })();
    await passTime(3_000, () => false);
    expect(ended).toBe(false);
    await t.call(`/workspace/members/${member.id}`, { method: 'DELETE', token: owner.token });
    await passTime(5_000, () => ended);
    expect(ended).toBe(true);
    await reading;
  });
});

/** Lets the clock run in small steps, with what waits for the database done in between. */
async function passTime(ms: number, until: () => boolean): Promise<void> {
  for (let passed = 0; passed < ms && !until(); passed += 100) {
    clock.advance(100);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await t.deps.db.select({ id: users.id }).from(users).limit(1);
  }
}

describe('owners', () => {
  it('the last one can neither leave, be removed, nor step down, not even two at once', async () => {
    const owner = await t.tenant();
    const self = `/workspace/members/${owner.id}`;
    expect((await send(post('/workspace/leave', owner.token))).status).toBe(409);
    expect((await t.call(self, { method: 'DELETE', token: owner.token })).status).toBe(409);
    const down = { method: 'PUT', token: owner.token, body: { role: 'viewer' } };
    expect((await t.call(self, down)).status).toBe(409);
    const second = await makeMember(t.deps, owner.id, 'owner');
    const replies = await Promise.all([
      send(post('/workspace/leave', owner.token)),
      send(post('/workspace/leave', second.token)),
    ]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('hand the workspace over in one step', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'operator');
    const stranger = await t.tenant();
    const transfer = (userId: number) => send(post('/workspace/transfer-ownership', owner.token, { userId }));
    expect((await transfer(stranger.id)).status).toBe(404);
    expect((await transfer(owner.id)).status).toBe(409);
    expect((await transfer(member.id)).status).toBe(200);
    expect((await transfer(member.id)).status).toBe(403);
    expect((await t.call('/workspace', { token: owner.token })).body.data).toMatchObject({ role: 'admin' });
    expect((await t.call('/workspace', { token: member.token })).body.data).toMatchObject({ role: 'owner' });
    // Whoever began the workspace may leave it now, and what happens to their account is nobody's there.
    expect((await send(post('/workspace/leave', owner.token))).status).toBe(200);
    await t.call('/auth/login', { method: 'POST', body: { email: owner.email, password: 'not right' } });
    const log = await t.call('/workspace/audit', { token: member.token });
    expect(log.text).not.toContain('auth.');
    expect(log.text).toContain('member.removed');
  });

  it('an admin can do nothing to them', async () => {
    const owner = await t.tenant();
    const admin = await makeMember(t.deps, owner.id, 'admin');
    const other = await makeMember(t.deps, owner.id, 'admin');
    const path = `/workspace/members/${owner.id}`;
    expect((await t.call(path, { method: 'DELETE', token: admin.token })).status).toBe(403);
    const change = { method: 'PUT', token: admin.token, body: { role: 'owner' } };
    expect((await t.call(path, { ...change, body: { role: 'viewer' } })).status).toBe(403);
    expect((await t.call(`/workspace/members/${admin.id}`, change)).status).toBe(403);
    expect((await t.call(`/workspace/members/${other.id}`, change)).status).toBe(403);
  });

  it('a workspace whose last owner is disabled stops, and goes on with them', async () => {
    const admin = await t.tenant('admin');
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'operator');
    const set = (status: string) =>
      t.call(`/user/${owner.id}`, { method: 'PUT', token: admin.token, body: { status } });
    await set('disabled');
    expect((await t.call('/session/list', { token: member.token })).status).toBe(401);
    expect((await t.call('/session/list', { apiKey: member.apiKey })).status).toBe(401);
    await set('active');
    expect((await t.call('/session/list', { token: member.token })).status).toBe(200);
  });
});

describe('a member of one session', () => {
  it('manages no members, and makes keys for that session only', async () => {
    const owner = await t.tenant();
    const member = await makeMember(t.deps, owner.id, 'admin', { sessionId: 'own' });
    expect((await t.call('/workspace/invitations', { token: member.token })).status).toBe(403);
    const key = (sessionId?: string) =>
      send(post('/auth/api-keys', member.token, { name: 'k', scopes: ['read'], sessionId }));
    expect((await key('other')).status).toBe(404);
    expect((await key()).body.data).toMatchObject({ sessionId: 'own' });
    const status = await t.call('/session/status?session=other', { apiKey: member.apiKey });
    expect(status).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
  });
});

describe('the audit', () => {
  it('says who did what, when and from where, is searched, and exported', async () => {
    const owner = await t.tenant();
    const admin = await makeMember(t.deps, owner.id, 'admin');
    const { data } = await invite({ ...owner, ...admin }, 'viewer', 'looked-for@example.com');
    clock.advance(1);
    await t.call(`/workspace/invitations/${data.id}`, {
      method: 'DELETE',
      token: owner.token,
      address: '203.0.113.9',
      headers: { 'user-agent': 'a browser' },
    });
    const read = (query = '') => t.call(`/workspace/audit${query}`, { token: owner.token });
    const all = await read();
    expect(all.body.data).toMatchObject([
      {
        event: 'member.invitation_revoked',
        actor: { id: owner.id },
        ip: '203.0.113.9',
        userAgent: 'a browser',
        subject: data.id,
      },
      { event: 'member.invited', actor: { id: admin.id }, data: { email: 'looked-for@example.com' } },
    ]);
    const events = async (query: string) =>
      (Object((await read(query)).body).data as { event: string }[]).map(({ event }) => event);
    expect(await events('?search=LOOKED-FOR')).toHaveLength(2);
    expect(await events('?search=nothing-like-it')).toEqual([]);
    expect(await events(`?actorId=${admin.id}`)).toEqual(['member.invited']);
    expect(await events('?event=member.invitation_revoked')).toEqual(['member.invitation_revoked']);
    const first = await read('?limit=1');
    expect(await events(`?limit=1&cursor=${String(first.body.nextCursor)}`)).toEqual(['member.invited']);
    const csv = await t.call('/workspace/audit/export', { token: owner.token });
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text.split('\r\n')).toHaveLength(4);
    expect(csv.text).toContain('looked-for@example.com');
    const foreign = await t.tenant();
    expect((await t.call('/workspace/audit', { token: foreign.token })).body.data).toEqual([]);
  });

  it('tells of settings that all sessions share', async () => {
    const owner = await t.tenant();
    const put = (path: string, body: unknown) => t.call(path, { method: 'PUT', token: owner.token, body });
    expect((await put('/otp/settings', { allowedCountries: ['ID'] })).status).toBe(200);
    const rows = await t.call('/workspace/audit', { token: owner.token });
    expect(rows.body.data).toMatchObject([
      { event: 'settings.updated', subject: 'otp_countries', actor: { id: owner.id } },
    ]);
  });

  it('keeps messages out, and no secret in', async () => {
    const owner = await t.tenant();
    const { data } = await invite(owner);
    const rows = JSON.stringify(
      await t.deps.db.select().from(auditEntries).where(eq(auditEntries.userId, owner.id)),
    );
    expect(rows).not.toContain(data.token);
    expect(rows).not.toContain('message.');
  });
});
